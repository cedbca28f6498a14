from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ServicesConfig(AppConfig):
    name = "services"
    verbose_name = _("The menu")

    def ready(self) -> None:
        """Say what belongs to a version of a page."""
        from services import versions as versions
