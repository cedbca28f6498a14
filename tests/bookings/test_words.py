"""What is looked up once is looked up once in each language."""

from datetime import UTC, datetime
from decimal import Decimal

from django.utils import translation

from bookings.words import moment_in_words
from services.templatetags.menu import money


def test_words_follow_the_language() -> None:
    moment, price = datetime(2026, 11, 24, 10, 15, tzinfo=UTC), Decimal("62.50")
    said = []
    for language in ("en-gb", "de", "en-gb"):
        with translation.override(language):
            said.append((moment_in_words(moment, moment.date()), money(price, "GBP")))
    english, german, again = said
    assert english == again == ("Tuesday 24 November, 10:15", "£62.50")
    assert german == ("Dienstag 24 November, 10:15", "62,50\N{NO-BREAK SPACE}£")
