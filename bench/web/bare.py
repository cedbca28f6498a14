"""The bare view: Django, gunicorn and nothing else. What no page can be faster than."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

PAGE = b"<!doctype html><title>Bare</title><p>Nothing is asked, nothing is drawn."


def bare(request: HttpRequest) -> HttpResponse:
    """Answer at once."""
    return HttpResponse(PAGE)


urlpatterns = [path("", bare)]

settings.configure(
    SECRET_KEY="bare", ALLOWED_HOSTS=["*"], ROOT_URLCONF="bench.web.bare", MIDDLEWARE=[]
)
application = get_wsgi_application()
