"""Say whether a worker or beat shows that it lives, for whoever restarts them."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.mail_health import delivery_health
from bookings.models import Heartbeat


class Command(BaseCommand):
    help = "End with 0 where a worker or beat has shown itself within the last minutes, else 1."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("of", choices=Heartbeat.Of.values)

    def handle(self, *args: Any, of: str, **options: Any) -> None:
        health = delivery_health(timezone.now())
        is_well = {
            Heartbeat.Of.WORKER.value: health.worker_is_well,
            Heartbeat.Of.BEAT.value: health.beat_is_well,
        }
        if not is_well[of]:
            raise CommandError(_("No sign of life for some minutes."))
