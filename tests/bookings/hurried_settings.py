"""The project's settings with a timetable that sweeps every second, for tests of beat."""

from datetime import timedelta

from spa.settings import *  # noqa: F403
from spa.settings import CELERY_BEAT_SCHEDULE

CELERY_BEAT_SCHEDULE = {
    "deliver-due-messages": {
        **CELERY_BEAT_SCHEDULE["deliver-due-messages"],
        "schedule": timedelta(seconds=1),
    }
}
