"""The public holidays of the spa's country, from a library that is kept up to date."""

from dataclasses import dataclass
from datetime import date

import holidays


@dataclass(frozen=True, slots=True)
class PublicHoliday:
    """One day and what it is called."""

    day: date
    name: str


def public_holidays(country: str, *, part: str, year: int, language: str) -> list[PublicHoliday]:
    """Return the holidays of a year in order; none where the country is not known.

    ``part`` is a state or region of the country, or empty for what is kept everywhere. The names
    are in ``language`` (such as ``en-gb``) where there are any, else in that of the country.
    """
    if part and part not in dict(parts_of(country)):
        return []
    try:
        found = holidays.country_holidays(
            country, subdiv=part or None, years=year, language=_language(country, language)
        )
    except NotImplementedError:
        return []
    return [PublicHoliday(day, name) for day, name in sorted(found.items())]


def parts_of(country: str) -> list[tuple[str, str]]:
    """Return the parts of a country that keep holidays of their own: code and name, by name."""
    try:
        known = holidays.country_holidays(country)
    except NotImplementedError:
        return []
    names = known.get_subdivision_aliases()
    parts = [(code, max([*names.get(code, []), code], key=len)) for code in known.subdivisions]
    return sorted(parts, key=lambda pair: pair[1])


def _language(country: str, wanted: str) -> str | None:
    """The library's name of the language that comes closest, else of the country's own."""
    known = holidays.country_holidays(country)
    offered = known.supported_languages
    language, _dash, region = wanted.replace("_", "-").partition("-")
    exact = f"{language}_{region.upper()}"
    near = [one for one in offered if one.partition("_")[0] == language]
    if exact in offered:
        return exact
    return near[0] if near else known.default_language
