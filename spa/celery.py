"""The Celery application: background work and its timetable."""

import functools
import os
from typing import Any

from celery import Celery
from celery.contrib.django.task import DjangoTask
from django.db import transaction

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "spa.settings")


class NudgeTask(DjangoTask):
    """A task whose nudge after a commit may fail: beat sweeps up what was missed."""

    def delay_on_commit(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Queue the task after the commit; a broker that is down is logged, not raised."""
        transaction.on_commit(functools.partial(self.delay, *args, **kwargs), robust=True)


app = Celery("spa", task_cls=NudgeTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
