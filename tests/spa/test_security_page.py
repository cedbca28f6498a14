"""What SECURITY.md promises is tested by the tests that it names."""

import re

from tests.conftest import BASE_DIR


def test_every_protection_names_a_test_that_exists() -> None:
    table = (BASE_DIR / "SECURITY.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", table)
    threats = [line for line in table.splitlines() if line.startswith("| ")][2:]
    assert len(named) == len(threats) > 0
    missing = [
        name
        for path, name in named
        if not re.search(rf"^def {name}\(", (BASE_DIR / path).read_text(), re.M)
    ]
    assert missing == []
