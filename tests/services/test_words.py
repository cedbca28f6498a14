"""How the menu writes money, lengths, areas and owners' text."""

from decimal import Decimal

import pytest
from django.utils.translation import override

from services.models import ServiceOption
from services.prose import page_html
from services.templatetags.menu import area_names, lengths, money
from tests.services.markup import attribute_names


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        ("75.00", "GBP", "£75"),
        ("62.50", "GBP", "£62.50"),
        ("0", "GBP", "£0"),
        ("1250.00", "GBP", "£1,250"),
        ("75.00", "EUR", "€75"),
        ("7500", "JPY", "JP¥7,500"),
    ],
)
def test_money_is_written_in_the_locale(amount: str, currency: str, words: str) -> None:
    assert money(Decimal(amount), currency) == words


def test_money_follows_the_readers_language() -> None:
    with override("de"):
        assert money(Decimal("75.00"), "EUR") == "75\xa0€"
        assert money(Decimal("62.50"), "EUR") == "62,50\xa0€"


def test_no_amount_is_no_words() -> None:
    assert money(None, "GBP") == ""


@pytest.mark.parametrize(
    ("minutes", "words"),
    [([60], "60 minutes"), ([60, 90], "60 or 90 minutes"), ([], "")],
)
def test_lengths_are_listed(minutes: list[int], words: str) -> None:
    assert lengths([ServiceOption(minutes=one) for one in minutes]) == words


def test_areas_are_listed_in_plain_words() -> None:
    assert area_names(["neck"]) == "neck"
    assert area_names(["neck", "abdomen"]) == "neck and belly"
    assert area_names([]) == ""


def test_table_that_the_editor_wrote_gets_its_headings_back() -> None:
    written = (
        "<table><tbody><tr><th><p>Claim</p></th><th><p>How sure</p></th></tr>"
        '<tr><td colspan="1" rowspan="1"><p>Rest</p></td><td><p>Low</p></td></tr></tbody></table>'
    )
    assert page_html(written) == (
        '<table role="table"><thead><tr role="row"><th role="columnheader"><p>Claim</p></th>'
        '<th role="columnheader"><p>How sure</p></th></tr></thead><tbody>'
        '<tr role="row"><td role="rowheader"><p>Rest</p></td>'
        '<td role="cell" data-label="How sure"><p>Low</p></td></tr></tbody></table>'
    )


def test_label_is_escaped_once() -> None:
    written = "<table><tr><th>a</th><th>b &amp; c</th></tr><tr><td>1</td><td>2</td></tr></table>"
    assert 'data-label="b &amp; c"' in page_html(written)


def test_row_with_more_cells_than_headings_keeps_them_all() -> None:
    written = "<table><tr><th>a</th></tr><tr><td>1</td><td>2</td></tr></table>"
    assert '<td role="cell" data-label="">2</td>' in page_html(written)


@pytest.mark.parametrize(
    "written",
    [
        "<table><tbody><tr><td>1</td></tr><tr><td>2</td></tr></tbody></table>",
        '<table><tbody><tr><th colspan="2">a</th></tr><tr><td>1</td></tr></tbody></table>',
        "<table><tbody><tr><th>alone</th></tr></tbody></table>",
        "<table></table>",
    ],
    ids=["no headings", "merged cells", "one row", "empty"],
)
def test_other_tables_stay_as_they_are(written: str) -> None:
    assert page_html(written) == written


def test_headings_move_down_under_a_section() -> None:
    assert page_html("<h2>a</h2><h3>b</h3>", below=2) == "<h3>a</h3><h4>b</h4>"


def test_attribute_that_looks_like_a_cell_cannot_break_out() -> None:
    written = (
        '<table><tr><th>a</th><th>" onclick="alert(1)</th></tr>'
        '<tr><td>1</td><td><a title="<td>x</td>">2</a></td></tr></table>'
    )
    assert attribute_names(page_html(written)) == {"role", "data-label"}
