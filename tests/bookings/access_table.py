"""The table of all addresses, read; see test_access.py."""

from collections.abc import Iterator
from pathlib import Path

from django.urls import URLPattern, URLResolver

# The home page has an empty route.
HOME = "(home)"
TABLE = Path(__file__).with_name("access_table.txt")
ROLES = ("nobody", "cleo", "otto", "dana", "mia", "noor", "olive")


def routes(resolver: URLResolver, before: str = "") -> Iterator[str]:
    """Every address of the site as it is written in the URL modules."""
    for one in resolver.url_patterns:
        route = before + str(one.pattern)
        if isinstance(one, URLPattern):
            yield route
        else:
            yield from routes(one, route)


def rows() -> dict[str, list[str]]:
    """The table: by address, the cells in the order of ``ROLES``."""
    found: dict[str, list[str]] = {}
    for line in TABLE.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        route, *cells = line.split()
        found["" if route == HOME else route] = cells
    return found


def part_of(route: str) -> str:
    first, *others = route.split("/")
    return f"{first}/{others[0]}" if first in ("admin", "desk") else first
