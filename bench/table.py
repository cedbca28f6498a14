"""The figures that the README shows: ``python -m bench.table`` writes them anew.

They come from the committed results alone; a test holds README and results together.
"""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- figures: python -m bench.table -->\n", "<!-- end of figures -->"
PAGES = (
    "home",
    "treatment page",
    "times page",
    "one therapist's month",
    "visit page",
    "desk day's feed",
    "desk week",
    "report of a year",
    "whole booking",
)


def gather() -> Path:
    """Write the figures of every part into one file, each under the name of its part."""
    rows = [
        {**row, "name": f"{path.stem}: {row['name']}"}
        for path in sorted(RESULTS.glob("*.json"))
        if path.stem != "all"
        for row in _figures(path)
    ]
    everything = RESULTS / "all.json"
    everything.write_text(json.dumps({"figures": rows}, indent=2) + "\n")
    return everything


def table(figures: list[dict[str, Any]]) -> str:
    """Return what the pages took, and then every target with what became of it, in Markdown."""
    by_name = {row["name"]: row["value"] for row in figures}
    sizes = [size for size in ("S", "M", "L") if f"{size}: appointments" in by_name]
    lines = [
        "| p50, one client | " + " | ".join(sizes) + " | SQL |",
        "| --- |" + " --- |" * (len(sizes) + 1),
    ]
    for page in PAGES:
        taken = [_milliseconds(by_name.get(f"{size}: {page}, 1 client, p50")) for size in sizes]
        statements = by_name.get(f"{sizes[-1]}: {page}, SQL")
        lines.append(f"| {page} | {' | '.join(taken)} | {statements:g} |")
    lines += ["", "| Target | Measured | Wanted | |", "| --- | --- | --- | --- |"]
    lines += [_target(row) for row in figures if row["target"] is not None]
    return "\n".join(lines) + "\n"


def with_table(readme: str, figures: list[dict[str, Any]]) -> str:
    """Return the README with the table between its marks."""
    before, rest = readme.split(BEGIN)
    return before + BEGIN + table(figures) + END + rest.split(END)[1]


def _figures(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(path.read_text())["figures"]
    return rows


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"


def _target(row: dict[str, Any]) -> str:
    wanted = f"{row.get('holds', 'below')} {row['target']:g} {row['unit']}"
    return (
        f"| {row['name']} | {row['value']:,.3g} | {wanted} | {'met' if row['met'] else 'missed'} |"
    )


def main() -> None:
    """Write the README's figures anew."""
    README.write_text(with_table(README.read_text(), _figures(RESULTS / "pages.json")))


if __name__ == "__main__":
    main()
