"""One id for each request, in all its log lines, its answer and the tasks that it starts."""

import re
import uuid
from collections.abc import Callable
from typing import Any

from celery.signals import before_task_publish, task_postrun, task_prerun
from django.core.signals import request_finished
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

HEADER = "X-Request-ID"
# What proxies make: a UUID, or 32 hexadecimal digits. Anything else could be somebody's words.
VALID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
# Of the task's message; Celery makes it an attribute of the task's request.
CARRIED = "started_by_request"


def request_id(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    """Take the id that the proxy gave, or make one, and name it in the answer."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        name = given if VALID.fullmatch(given) else uuid.uuid4().hex
        clear_contextvars()
        bind_contextvars(request_id=name)
        response = get_response(request)
        response[HEADER] = name
        return response

    return middleware


@receiver(request_finished)
def _forget_request(**_request: object) -> None:
    # Not in the middleware: Django logs a bad answer after it.
    clear_contextvars()


def follow_tasks() -> None:
    """Let each task that a request starts carry its id; in the worker, and wherever it is sent."""
    before_task_publish.connect(_hand_on)
    task_prerun.connect(_take_over)
    task_postrun.connect(_forget_task)


def _hand_on(headers: dict[str, Any], **_task: object) -> None:
    if name := get_contextvars().get("request_id"):
        headers[CARRIED] = name


def _take_over(task_id: str, task: Any, **_run: object) -> None:
    clear_contextvars()
    bind_contextvars(task=task.name, task_id=task_id)
    if name := getattr(task.request, CARRIED, None):
        bind_contextvars(request_id=name)


def _forget_task(**_run: object) -> None:
    clear_contextvars()
