from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BookingsConfig(AppConfig):
    name = "bookings"
    verbose_name = _("The diary")

    def ready(self) -> None:
        """Listen to what happens to logins, and to what becomes of mail."""
        from allauth.mfa.signals import authenticator_added, authenticator_used
        from anymail.signals import tracking
        from django.contrib.auth.models import User
        from django.contrib.auth.signals import user_logged_in
        from django.db.models.signals import post_save

        from bookings import logins, mail_news

        post_save.connect(logins.on_user_saved, sender=User)
        user_logged_in.connect(logins.on_signed_in)
        authenticator_added.connect(logins.on_second_factor)
        authenticator_used.connect(logins.on_second_factor)
        tracking.connect(mail_news.on_news)
