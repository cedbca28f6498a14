"""What search engines and shared links show of the pages that are no treatments."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from services.models import SpaProfile


@dataclass(frozen=True, slots=True)
class PageWords:
    """A page's title and description: the owner's, or else the built-in ones."""

    page: str
    address: str
    own_title: str
    own_description: str
    built_in_title: str
    built_in_description: str

    @property
    def title(self) -> str:
        """The title that is shown."""
        return self.own_title or self.built_in_title

    @property
    def description(self) -> str:
        """The description that is shown."""
        return self.own_description or self.built_in_description


# By page: the name of its address, its built-in title, its built-in description.
PAGES: dict[str, tuple[str, Any, Any]] = {
    "home": (
        "services:home",
        "%(name)s",
        gettext_lazy(
            "%(name)s: lymphatic drainage, massage and natural therapies, given slowly and with "
            "care. See prices and free times."
        ),
    ),
    "menu": (
        "services:menu",
        gettext_lazy("Treatments and prices"),
        gettext_lazy(
            "Every treatment of %(name)s with its lengths and prices, from lymphatic drainage to "
            "quiet time."
        ),
    ),
    "about": (
        "services:about",
        gettext_lazy("About us"),
        gettext_lazy(
            "Who we are at %(name)s, how we work, what we do not promise, and how to find us."
        ),
    ),
    "policies": (
        "services:policies",
        gettext_lazy("Policies"),
        gettext_lazy(
            "How booking, moving and cancelling work at %(name)s, what happens to your data, and "
            "accessibility."
        ),
    ),
}


def words_of(page: str, spa: SpaProfile) -> PageWords:
    """Return the words of one of ``PAGES``; no query."""
    address, title, description = PAGES[page]
    name = {"name": spa.name}
    return PageWords(
        page,
        address,
        getattr(spa, f"{page}_title"),
        getattr(spa, f"{page}_description"),
        str(title) % name,
        str(description) % name,
    )


def name_of(page: str) -> str:
    """What owners call the page."""
    return _("Home") if page == "home" else str(PAGES[page][1])
