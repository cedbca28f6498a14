"""A web node of the tests, without the manifest: to collect files takes longer than most tests."""

from django.conf import settings

from spa.wsgi import application

__all__ = ["application"]

# Read when the first page asks for a file.
settings.STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
