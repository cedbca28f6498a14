"""Take a backup of the diary and the photos while the site runs."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from spa import backups

KEPT = 14


class Command(BaseCommand):
    help = (
        "Write a backup of the database and the photos into a folder. HEALTH_KEYS are not in it: "
        "keep them in another place, or the health answers are lost."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, nargs="?", default=settings.BACKUP_DIR)
        parser.add_argument("--keep", type=int, default=KEPT, help="How many stay; 14 if not told.")

    def handle(self, *args: Any, folder: Path | None, keep: int, **options: Any) -> None:
        if folder is None:
            raise CommandError(_("Name a folder, or set BACKUP_DIR."))
        if keep < 1:
            raise CommandError(_("At least one backup has to stay."))
        try:
            backup = backups.take(folder, keep=keep, now=timezone.now())
        except backups.BackupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(_("Backup written: %s") % backup)
