"""Fill an empty diary with the demo spa."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings import demo


class Command(BaseCommand):
    help = "Fill an empty diary with six therapists and four weeks of visits, for a trial only."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError(
                _("This is the real spa (SECRET_KEY is set): the demo is for a trial only.")
            )
        try:
            count = demo.fill_diary(now=timezone.now())
        except demo.NotEmpty:
            raise CommandError(
                _("There are appointments already, so the demo was not loaded. Nothing changed.")
            ) from None
        except demo.NoContent:
            raise CommandError(
                _("There are no treatments yet: run “manage.py load_content” first.")
            ) from None
        words = _logins()
        _write_privately(settings.VAR_DIR / "demo-logins.txt", words)
        self.stdout.write(
            ngettext("Booked %(count)d visit.", "Booked %(count)d visits.", count)
            % {"count": count}
        )
        self.stdout.write(words)


def _logins() -> str:
    lines = [
        f"{login.name + ', ' + login.role:<20} {login.email:<21} {login.password}"
        for login in demo.logins()
    ]
    return "\n".join([_("Logins for the trial (e-mail and password):"), *lines, ""])


def _write_privately(path: Path, words: str) -> None:
    path.touch(mode=0o600)
    path.write_text(words)
