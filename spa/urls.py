"""Every address of the site."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from spa import demo_mail
from spa.health import healthz, readyz

urlpatterns = [
    path("", include("services.urls")),
    path("", include("bookings.urls")),
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]

if settings.DEMO:
    urlpatterns += [
        path("demo/mail/", demo_mail.mailbox, name="demo-mailbox"),
        path("demo/mail/<str:name>/", demo_mail.letter, name="demo-letter"),
        path("demo/mail/<str:name>/html/", demo_mail.letter_html, name="demo-letter-html"),
        path(
            "demo/mail/<str:name>/files/<int:number>/",
            demo_mail.attachment,
            name="demo-attachment",
        ),
    ]
