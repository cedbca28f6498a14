"""The Celery application: background work and its timetable."""

import gc
import os

from celery import Celery
from celery.signals import worker_init

from spa.request_ids import follow_tasks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "spa.settings")

app = Celery("spa")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
follow_tasks()


@worker_init.connect
def _keep_what_is_loaded(**_worker: object) -> None:
    """Leave the modules out of each search for garbage, in this process and its children."""
    gc.collect()
    gc.freeze()
