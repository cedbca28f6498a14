"""Encrypt what is told in confidence anew, after a new key was put first in HEALTH_KEYS."""

from typing import Any

from cryptography.fernet import InvalidToken
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.actions.keys import rotate_keys


class Command(BaseCommand):
    help = (
        "Encrypt all health answers and notes with the first key of HEALTH_KEYS. "
        "When it has ended, the other keys can be removed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", type=int, default=500, help="Rows read at a time.")

    def handle(self, *args: Any, batch: int, **options: Any) -> None:
        try:
            counts = rotate_keys(batch=batch)
        except InvalidToken:
            raise CommandError(
                _(
                    "There are values that none of HEALTH_KEYS can read. Put the key back that "
                    "wrote them, behind the new one, and run this again; nothing is lost."
                )
            ) from None
        for column, count in counts.items():
            self.stdout.write(
                ngettext("%(column)s: %(count)d value", "%(column)s: %(count)d values", count)
                % {"column": column, "count": count}
            )
        self.stdout.write(_("All of them stand under the first key now."))
