from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BookingsConfig(AppConfig):
    name = "bookings"
    verbose_name = _("The diary")

    def ready(self) -> None:
        """Keep the addresses of logins in step with their users."""
        from django.contrib.auth.models import User
        from django.db.models.signals import post_save

        from bookings.logins import on_user_saved

        post_save.connect(on_user_saved, sender=User, dispatch_uid="keep-address")
