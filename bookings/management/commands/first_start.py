"""Show the address at which a new spa is set up."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from django.utils.translation import gettext as _

from bookings.first_start import SetUpOver, renew_key
from services.addresses import absolute


class Command(BaseCommand):
    help = "Show the address at which a new spa is set up in the browser, with a fresh key."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            key = renew_key()
        except SetUpOver as over:
            raise CommandError(over.message) from over
        self.stdout.write(_("Open this address in your browser to set up the spa:"))
        self.stdout.write(f"\n    {absolute(reverse('bookings:start_key', args=[key]))}\n\n")
        self.stdout.write(
            _("It opens until the spa has its first owner. Ask again, and an earlier one is void.")
        )
