"""Writing help for a page that is saved."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.claims import Rule, warnings_in
from services.models import Service
from services.word_diff import plain_text

PLAIN = ("name", "summary", "title", "description", "photo_alt")
RICH = ("body", "preparation", "aftercare")


@dataclass(frozen=True, slots=True)
class Claim:
    """Words that promise too much, and the field in which they stand."""

    words: str
    where: str
    rule: Rule


def claims_in(service: Service | None) -> list[Claim]:
    """Return what the page promises too much; one query."""
    if service is None:
        return []
    return [
        Claim(warning.words, where, warning.rule)
        for where, text in _texts(service)
        for warning in warnings_in(text)
    ]


def _texts(service: Service) -> Iterator[tuple[str, str]]:
    for name in (*PLAIN, *RICH):
        label = str(Service._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
        text = getattr(service, name)
        yield label, plain_text(text) if name in RICH else text
    for faq in service.faqs.all():
        yield faq.question, f"{faq.question}\n{plain_text(faq.answer)}"
