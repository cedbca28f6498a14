"""No cell of any file that leaves the spa is a formula, whatever people wrote into their rows."""

import contextlib
import csv
import io
import re
import zipfile
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.urls import get_resolver

from bookings.csv_files import FORMULA_STARTS, lines_of, table_of
from bookings.models.fields import EncryptedTextField
from bookings.reports.tables import TABLES
from tests.attack import surface
from tests.attack.surface import Answer, Target
from tests.bookings.access_table import routes
from tests.bookings.access_world import World

pytestmark = pytest.mark.django_db
FORMULAS = ("=1+", "+1+", "-1+", "@SUM(1)+", "\t=1+", "\r=1+")
NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?%?")
# What other rows or the code refer to by its text; everything else is written by people.
MEANT = {"time_zone", "currency", "country", "reference", "version", "questions_version", "holder"}


def formulas_in_every_row() -> int:
    """Write a formula into every text of every row; returns how many columns that were."""
    count = 0
    for model in apps.get_models():
        if model._meta.app_label not in ("bookings", "services"):
            continue
        for field in model._meta.concrete_fields:
            if not _is_written(field):
                continue
            count += 1
            for number, row in enumerate(model._default_manager.order_by("pk")):
                text = f"{FORMULAS[(number + count) % len(FORMULAS)]}{row.pk}"
                _write(row, field, text[: field.max_length or len(text)])
    return count


def _write(row: models.Model, field: models.Field, text: str) -> None:
    # A few columns cannot hold just anything: then nobody can write a formula there either.
    with contextlib.suppress(IntegrityError), transaction.atomic():
        type(row)._default_manager.filter(pk=row.pk).update(**{field.name: text})


def _is_written(field: models.Field) -> bool:
    written = type(field) in (models.CharField, models.TextField, EncryptedTextField)
    is_code = bool(field.choices) or field.name in MEANT or field.name.endswith("_hash")
    return written and not is_code and not field.primary_key


def tables_in(answer: Answer) -> Iterator[str]:
    """The CSV texts of an answer, be it one or an archive of them."""
    kind = answer.headers.get("Content-Type", "")
    if "csv" in kind:
        yield answer.content.decode("utf-8-sig")
    elif "zip" in kind:
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            for name in archive.namelist():
                if name.endswith(".csv"):
                    yield archive.read(name).decode("utf-8-sig")


def test_no_cell_of_any_file_is_a_formula(world: World) -> None:
    assert formulas_in_every_row() > 20
    cookies = {name: one.value for name, one in world.browser("olive").cookies.items()}
    files, harmless = [], 0
    for route in [one for one in routes(get_resolver()) if re.search(r"\.(csv|zip|xlsx)$", one)]:
        for address in _addresses(route):
            target = Target(route, address, cookies)
            answers = [surface.ask(target.browser(), how, address) for how in ("GET", "POST")]
            found = [table for answer in answers for table in tables_in(answer)]
            files += [address] * len(found)
            cells = [cell for one in found for row in csv.reader(io.StringIO(one)) for cell in row]
            assert [cell for cell in cells if _is_formula(cell)] == [], address
            harmless += sum(cell.startswith("'") for cell in cells)
    assert len(set(files)) == len(TABLES) + 4
    assert harmless > 10


@pytest.mark.parametrize(
    "words",
    [
        "Cleo;=1+1",
        'Cleo; "=1+1',
        "Cleo\t@SUM(1)",
        "Cleo\n-1+1",
        "Cleo\r\n+1;＝1",
        "＝1+1",
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_separator_of_another_country_begins_a_formula(words: str, separator: str) -> None:
    text = "".join(lines_of([["Name", "Note"], [words, "x"]]))
    seen = [cell for row in csv.reader(io.StringIO(text), delimiter=separator) for cell in row]
    assert [cell for cell in seen if cell.startswith(FORMULA_STARTS)] == []
    # Read by us it is what it was.
    [(_number, [name, _note])] = table_of(text, most=1)[1]
    assert name == words


def _is_formula(cell: str) -> bool:
    return cell.startswith(FORMULA_STARTS) and not NUMBER.fullmatch(cell)


def _addresses(route: str) -> list[str]:
    if "<str:name>" in route:
        return [f"/{route.replace('<str:name>', name)}" for name in TABLES]
    if "<slug:kind>" in route:
        return [f"/{route.replace('<slug:kind>', kind)}" for kind in ("clients", "visits")]
    return [f"/{route}"]
