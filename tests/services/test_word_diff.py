"""Differences in words, and forms that two people wrote into."""

from services.merging import Row, merge, merge_rows
from services.word_diff import Piece, compare, plain_text


def test_difference_names_the_words_that_went_and_came() -> None:
    assert compare("Slow hands, warm room.", "Slow hands, warm stones.") == [
        Piece("same", "Slow hands, warm "),
        Piece("removed", "room"),
        Piece("added", "stones"),
        Piece("same", "."),
    ]


def test_text_that_has_little_in_common_is_shown_as_a_whole() -> None:
    before, after = "You lie on a table, and we begin.", "Bring a towel."
    assert compare(before, after) == [Piece("removed", before), Piece("added", after)]


def test_long_stretches_that_stayed_are_shortened() -> None:
    words = " ".join(f"w{number}" for number in range(60))
    [start, added] = compare(words, f"{words} end")
    assert (start.text.startswith("… w52"), added.text) == (True, " end")


def test_rich_text_is_read_line_by_line() -> None:
    html = "<h2>What</h2><ul><li><p>One &amp; two</p></li></ul><table><tr><td>a</td><td>b</td></tr>"
    assert plain_text(html) == "What\nOne & two\na · b"


def test_huge_texts_are_compared_in_no_time() -> None:
    before, after = "a b c d " * 20_000, "a x c y " * 20_000
    assert compare(before, after) == [Piece("removed", before), Piece("added", after)]


def test_each_field_is_taken_from_the_one_who_changed_it() -> None:
    merged = merge(
        base={"name": ("A",), "body": ("<p>x</p>",), "both": ("1",), "on": ()},
        mine={"name": ("A",), "body": ("<p>y</p>",), "both": ("2",), "on": ("on",)},
        theirs={"name": ("B",), "body": ("<p>x</p>",), "both": ("3",), "on": ()},
    )
    assert merged.values == {"name": ("B",), "body": ("<p>y</p>",), "both": ("2",), "on": ("on",)}
    assert merged.both == ["both"]


def test_what_the_editor_only_writes_otherwise_is_no_change() -> None:
    base, written = "<ul>\n <li>One</li></ul>", "<ul><li><p>One</p></li></ul>"
    merged = merge(base={"b": (base,)}, mine={"b": (written,)}, theirs={"b": ("<p>New</p>",)})
    assert (merged.values, merged.both) == ({"b": ("<p>New</p>",)}, [])


def test_rows_of_both_stay_and_a_deleted_one_that_was_written_into_comes_back() -> None:
    base = {"1": {"q": ("a",)}, "2": {"q": ("b",)}, "3": {"q": ("c",)}}
    mine = [Row("1", {"q": ("a",)}), Row("2", {"q": ("b!",)}), Row("3", {"q": ("c",)})]
    theirs = {"1": {"q": ("a!",)}, "4": {"q": ("d",)}}
    rows = merge_rows(base=base, mine=[*mine, Row("", {"q": ("e",)})], theirs=theirs)
    assert rows == [
        Row("1", {"q": ("a!",)}),
        Row("4", {"q": ("d",)}),
        Row("", {"q": ("b!",)}),
        Row("", {"q": ("e",)}),
    ]
