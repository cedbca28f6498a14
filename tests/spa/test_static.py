"""Every static file that a page names is there: in production a missing one breaks the page."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from tests.spa.commands import BASE_DIR

NAMED = re.compile(r"""{%\s*static\s+["']([^"']+)["']""")


def named_files() -> list[tuple[str, str]]:
    """Return each template with each static file that it names."""
    folders = [BASE_DIR / "templates", BASE_DIR / "services", BASE_DIR / "bookings"]
    templates = [path for folder in folders for path in sorted(folder.rglob("*.html"))]
    return [
        (str(path.relative_to(BASE_DIR)), name)
        for path in templates
        for name in NAMED.findall(Path(path).read_text())
    ]


@pytest.mark.parametrize(("template", "name"), named_files())
def test_static_file_that_a_template_names_exists(template: str, name: str) -> None:
    assert finders.find(name), f"{template} names {name}"
