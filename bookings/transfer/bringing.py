"""From a file to what it would do, and to having done it: all of it or nothing."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.translation import gettext as _
from import_export.results import Result
from tablib import Dataset

from bookings.csv_files import NotCsv, decoded, table_of
from bookings.models import ImportDraft
from bookings.transfer.resources import KINDS
from services.models import SpaProfile

MOST_BYTES = 5 * 1024 * 1024
# So many take some twenty seconds on one core, while somebody waits for the page.
MOST_ROWS = {ImportDraft.Kind.CLIENTS: 2000, ImportDraft.Kind.VISITS: 500}
# They hold up all other bookings for some seconds.
MOST_COMING = 150
ALSO_CALLED = {
    "e-mail": "email",
    "mail": "email",
    "e-mail address": "email",
    "email address": "email",
    "telephone": "phone",
    "tel": "phone",
    "mobile": "phone",
    "client": "name",
    "service": "treatment",
    "length": "minutes",
    "duration": "minutes",
    "start": "time",
    "day": "date",
}


class Unusable(Exception):
    """The file cannot be read as a whole; ``words`` say why and what to do."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong in one row of the file; ``column`` may be empty."""

    row: int
    column: str
    words: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a file does, by rows, or what keeps it from doing anything."""

    new: int
    changed: int
    here: int
    mistakes: list[Mistake]

    @property
    def does_something(self) -> bool:
        """Whether there is anything to bring in, and nothing in its way."""
        return not self.mistakes and bool(self.new or self.changed)


def readable(kind: str, content: bytes) -> str:
    """Return the text of a file that can be read as ``kind``; raises ``Unusable``."""
    try:
        text = decoded(content)
        _table(kind, text)
    except NotCsv:
        words = _("This is no CSV file. In your spreadsheet choose “Save as” and then CSV.")
        raise Unusable(words) from None
    return text


def ignored_columns(draft: ImportDraft) -> list[str]:
    """The headings of a file that mean nothing here."""
    headings, _rows = table_of(draft.text, most=1)
    known = {*KINDS[draft.kind].needed, *KINDS[draft.kind].may}
    return [one for one in headings if one and _called(one) not in known]


def bring_in(draft: ImportDraft, *, by: User, now: datetime, only_try: bool) -> Outcome:
    """Bring the rows of ``draft`` in, or find out what that would do; one transaction.

    Where a single row is wrong nothing is changed at all.
    """
    data, numbers = _table(draft.kind, draft.text)
    resource = KINDS[draft.kind](spa=SpaProfile.load(), by=by, now=now, draft=draft)
    if resource.count_coming(data) > MOST_COMING:
        words = _(
            "More than %(most)d of these visits are still to come. Please split the file: while it "
            "is looked at, nobody else can book."
        )
        return Outcome(0, 0, 0, [Mistake(0, "", words % {"most": MOST_COMING})])
    result = resource.import_data(data, dry_run=only_try, rollback_on_validation_errors=True)
    return Outcome(
        result.totals["new"],
        result.totals["update"],
        result.totals["skip"],
        _mistakes(result, numbers),
    )


def _table(kind: str, text: str) -> tuple[Dataset, list[int]]:
    headings, rows = table_of(text, most=MOST_ROWS[ImportDraft.Kind(kind)])
    named = [_called(one) for one in headings]
    missing = [one for one in KINDS[kind].needed if one not in named]
    if missing:
        words = _("The first row must name the columns. Missing: %(missing)s.")
        raise Unusable(words % {"missing": ", ".join(missing)})
    twice = sorted({one for one in named if one and named.count(one) > 1})
    if twice:
        words = _("These columns stand in the file twice: %(twice)s.")
        raise Unusable(words % {"twice": ", ".join(twice)})
    if not rows:
        raise Unusable(_("The file has headings and no rows."))
    most = MOST_ROWS[ImportDraft.Kind(kind)]
    if len(rows) > most:
        words = _("The file has more than %(most)d rows. Please split it and bring in each part.")
        raise Unusable(words % {"most": most})
    return Dataset(*(row for _number, row in rows), headers=named), [n for n, _row in rows]


def _called(heading: str) -> str:
    return ALSO_CALLED.get(heading, heading)


def _mistakes(result: Result, numbers: list[int]) -> list[Mistake]:
    found = [
        Mistake(numbers[row.number - 1], "" if column == NON_FIELD_ERRORS else column, str(words))
        for row in result.invalid_rows
        for column, said in row.error.message_dict.items()
        for words in said
    ]
    # What nobody foresaw: its own words may repeat what a client told us.
    whole = [Mistake(0, "", _("This file could not be brought in."))] if result.base_errors else []
    strange = [
        Mistake(numbers[row.number - 1], "", _("This row could not be brought in."))
        for row in result.error_rows
    ]
    return sorted([*whole, *found, *strange], key=lambda one: one.row)
