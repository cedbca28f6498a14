"""Look through the whole diary for what must not be."""

from datetime import datetime
from itertools import groupby
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings import diary_check
from bookings.diary_check import Fault
from bookings.models import Appointment

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Look for overlaps, orphans, stale holds and missing messages, and say how to mend each. "
        "Ends with 1 where anything was found."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--mend",
            action="store_true",
            help="First owe the missing messages and end the stale holds.",
        )
        parser.add_argument(
            "--at",
            type=datetime.fromisoformat,
            help="As of this moment, for the diary of a backup.",
        )

    def handle(
        self, *args: Any, mend: bool = False, at: datetime | None = None, **options: Any
    ) -> None:
        now = at or timezone.now()
        if mend:
            diary_check.mend(now=now)
        found = diary_check.faults(now=now)
        for how, faults in groupby(found, key=lambda fault: fault.mend):
            self._tell(how, list(faults))
        if found:
            raise CommandError(
                ngettext("%(count)d fault found.", "%(count)d faults found.", len(found))
                % {"count": len(found)}
            )
        count = Appointment.objects.count()
        self.stdout.write(
            ngettext(
                "The diary is sound: %(count)d visit.",
                "The diary is sound: %(count)d visits.",
                count,
            )
            % {"count": count}
        )

    def _tell(self, how: str, faults: list[Fault]) -> None:
        for fault in faults[:SHOWN]:
            self.stdout.write(fault.words)
        if len(faults) > SHOWN:
            self.stdout.write(_("… and %(count)d more.") % {"count": len(faults) - SHOWN})
        self.stdout.write(_("  To mend it: %(how)s") % {"how": how})
