"""Answers for machines that watch the site."""

import logging

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from bookings.mail_health import delivery_health

logger = logging.getLogger(__name__)


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """Say that this process is alive; asks nobody else, so that nobody else can fail it."""
    return JsonResponse({"alive": True})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Say whether the database and Valkey answer: 200 if both do, 503 if not.

    ``degraded`` names what else is not well: worker, beat, mail. They never make it 503: the pages
    work without them, and a balancer that took the web tier away would make things worse.
    """
    answers = {"database": _database_answers(), "valkey": _valkey_answers()}
    degraded = delivery_health(timezone.now()).degraded if answers["database"] else []
    status = 200 if all(answers.values()) else 503
    return JsonResponse({**answers, "degraded": degraded}, status=status)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as reason:
        logger.warning("The database does not answer: %s", type(reason).__name__)
        return False
    return True


def _valkey_answers() -> bool:
    try:
        cache.get("readyz")
    except (RedisError, OSError) as reason:
        logger.warning("Valkey does not answer: %s", type(reason).__name__)
        return False
    return True
