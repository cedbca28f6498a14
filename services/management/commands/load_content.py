"""Load the starting content of the menu."""

from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from services.loader import STARTING_CONTENT, ContentError, load_content


class Command(BaseCommand):
    help = (
        "Load the starting content of the menu. Each piece is loaded once: what was edited or "
        "deleted since stays as it is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--folder",
            type=Path,
            default=STARTING_CONTENT,
            help="Where the data files are (default: those of the project).",
        )

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            loading = load_content(folder)
        except ContentError as wrong:
            raise CommandError(_("The starting content was not loaded. %s") % wrong) from wrong
        for key in loading.left_out:
            self.stdout.write(
                _("Left out %s: its category was deleted. Add it in the admin.") % key
            )
        self.stdout.write(_summary(loading.loaded))


def _summary(loaded: list[str]) -> str:
    if not loaded:
        return _("Nothing to load: every piece of the starting content was loaded before.")
    kinds = Counter(key.partition(":")[0] for key in loaded)
    return ngettext(
        "Loaded %(count)d piece of starting content (%(kinds)s).",
        "Loaded %(count)d pieces of starting content (%(kinds)s).",
        len(loaded),
    ) % {
        "count": len(loaded),
        "kinds": ", ".join(f"{kind}: {number}" for kind, number in kinds.items()),
    }
