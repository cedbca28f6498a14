"""The figures that the README shows are those that were measured, and targets know their side."""

import json

import pytest

from bench import table
from bench.harness import Figure


def test_the_readme_shows_the_committed_figures() -> None:
    figures = json.loads((table.RESULTS / "pages.json").read_text())["figures"]
    readme = table.README.read_text()
    assert table.with_table(readme, figures) == readme


@pytest.mark.parametrize(
    ("holds", "met"),
    [
        ("below", [True, False, False]),
        ("at most", [True, True, False]),
        ("at least", [False, True, True]),
    ],
)
def test_a_target_is_met_on_its_own_side(holds: str, met: list[bool]) -> None:
    assert [Figure("x", value, "ms", 10, holds).met for value in (9, 10, 11)] == met  # type: ignore[arg-type]
