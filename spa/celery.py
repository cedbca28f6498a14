"""The Celery application: background work and its timetable."""

import os

from celery import Celery

from spa.request_ids import follow_tasks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "spa.settings")

app = Celery("spa")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
follow_tasks()
