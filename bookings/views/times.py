"""Free times, arranged for people: the soonest, four weeks at a glance, one day by its parts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from itertools import pairwise
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.formats import date_format, get_format
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from bookings.actions import TimeTaken
from bookings.availability import nearest, set_bits
from bookings.models import Appointment, Therapist
from bookings.queries import Offer, last_bookable_day, offer
from bookings.words import day_in_words, is_ambiguous
from services.models import Service, ServiceOption, SpaProfile

DAYS_SHOWN = 28
SOONEST = 4
FEW, SOME = 3, 8
NOON, EVENING = time(12), time(17)
VALUE_FORMAT = "%Y-%m-%dT%H:%MZ"
VALUE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ", re.ASCII)


@dataclass(frozen=True, slots=True)
class FreeTime:
    """A start that can be chosen; ``value`` is what its button sends."""

    starts_at: datetime
    day: str

    @property
    def value(self) -> str:
        """The instant in UTC, such as ``2026-11-24T10:15Z``."""
        return start_value(self.starts_at)

    @property
    def note(self) -> str:
        """The zone's short name, where the clock shows this time twice."""
        return (self.starts_at.tzname() or "") if is_ambiguous(self.starts_at) else ""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the day with its free times."""

    name: str
    times: list[FreeTime]


@dataclass(frozen=True, slots=True)
class Day:
    """One cell of the weeks at a glance; ``url`` is empty where nothing is free."""

    date: date
    url: str
    free: int
    chosen: bool
    first_of_month: bool

    @property
    def level(self) -> str:
        """How much is free: few, some or many."""
        if self.free <= FEW:
            return "few"
        return "some" if self.free <= SOME else "many"

    @property
    def weekday(self) -> str:
        """Monday."""
        return _named(self.date, "l", get_language())

    @property
    def month(self) -> str:
        """Nov, or its like."""
        return _named(self.date, "M", get_language())

    @property
    def free_in_words(self) -> str:
        """3 free times."""
        return _counted(self.free, get_language())


# A month is drawn anew after every change of the diary, and its names stay the same.
@lru_cache(maxsize=2048)
def _named(day: date, form: str, _language: str | None) -> str:
    return date_format(day, form)


@lru_cache(maxsize=512)
def _counted(free: int, _language: str | None) -> str:
    return ngettext("%(free)d free time", "%(free)d free times", free) % {"free": free}


@dataclass(frozen=True, slots=True)
class Choice:
    """A length or a therapist to choose, as a link."""

    key: str
    label: str
    url: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Link:
    """A way to another day."""

    label: str
    url: str


@dataclass(frozen=True)
class Wanted:
    """What the address of a times page asks for; ``None`` is the default of each.

    ``keys`` are the address's other parameters, such as the length.
    """

    path: str
    keys: dict[str, str] = field(default_factory=dict)
    therapist: Therapist | None = None
    day: date | None = None

    def url(self, **changes: str) -> str:
        """The address of this page with some parameters changed; empty ones are left out."""
        present = {
            "therapist": str(self.therapist.pk) if self.therapist else "",
            "date": self.day.isoformat() if self.day else "",
            **self.keys,
        }
        query = {name: value for name, value in {**present, **changes}.items() if value}
        return f"{self.path}?{urlencode(query)}" if query else self.path


@dataclass(frozen=True)
class Times:
    """Everything that a times page shows of one offer, but for the start that is left out."""

    offer: Offer
    wanted: Wanted
    today: date
    left_out: datetime | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The spa's zone."""
        return self.offer.grid.zone

    @cached_property
    def bits(self) -> int:
        """The possible starts with the wanted therapist, or with any."""
        bits = self.offer.bits(self.wanted.therapist)
        cell = self.offer.grid.cell_at(self.left_out) if self.left_out else None
        return bits if cell is None else bits & ~(1 << cell)

    @property
    def soonest(self) -> list[FreeTime]:
        """The next free times, one for each part of a day, the very first one leading."""
        found: dict[tuple[date, int], datetime] = {}
        for one in self._starts(self.bits):
            found.setdefault((one.date(), _part_of(one)), one)
            if len(found) == SOONEST:
                break
        return [self._free_time(one) for one in found.values()]

    @cached_property
    def day(self) -> date | None:
        """The day whose times are shown: the wanted one, else the first with free time."""
        if self.wanted.day is not None:
            return self.wanted.day
        first = next(self._starts(self.bits), None)
        return first.date() if first else None

    @property
    def day_words(self) -> str:
        """The shown day in words."""
        return day_in_words(self.day, self.today) if self.day else ""

    @property
    def parts(self) -> list[Part]:
        """The shown day's free times by morning, afternoon and evening; empty parts left out."""
        if self.day is None:
            return []
        times = [
            self._free_time(one)
            for one in self._starts(self.bits & self._within(self.day, self.day))
        ]
        names = [_("Morning"), _("Afternoon"), _("Evening")]
        parts = [
            Part(name, [one for one in times if _part_of(one.starts_at) == number])
            for number, name in enumerate(names)
        ]
        return [part for part in parts if part.times]

    @property
    def weekdays(self) -> list[str]:
        """Seven short names, the week's first day leading."""
        first = _first_weekday()
        return [str(WEEKDAYS_ABBR[(first + number) % 7]) for number in range(7)]

    @property
    def weeks(self) -> list[list[Day]]:
        """Four weeks around the shown day, full days too."""
        days = [self._cell(self._first_shown + timedelta(days=n)) for n in range(DAYS_SHOWN)]
        return [days[n : n + 7] for n in range(0, DAYS_SHOWN, 7)]

    @property
    def earlier(self) -> str:
        """The address of the four weeks before, or empty."""
        before = self._first_shown - timedelta(days=1)
        if before < self.today:
            return ""
        first = max(before - timedelta(days=DAYS_SHOWN - 1), self.today)
        return self._url(self._free_day_from(first, before) or first, "weeks")

    @property
    def later(self) -> str:
        """The address of the four weeks after, or empty beyond the booking horizon."""
        first = self._first_shown + timedelta(days=DAYS_SHOWN)
        if first > self.offer.grid.last_day:
            return ""
        last = min(first + timedelta(days=DAYS_SHOWN - 1), self.offer.grid.last_day)
        return self._url(self._free_day_from(first, last) or first, "weeks")

    @property
    def next_day(self) -> Link | None:
        """The next day with free time after the shown one."""
        if self.day is None or self.day >= self.offer.grid.last_day:
            return None
        day = self._free_day_from(self.day + timedelta(days=1), self.offer.grid.last_day)
        return Link(day_in_words(day, self.today), self._url(day, "day")) if day else None

    @property
    def zone_name(self) -> str:
        """The zone's short name on the shown day, such as GMT."""
        return datetime.combine(self.day or self.today, time(12), self.zone).tzname() or ""

    @property
    def clock_change(self) -> str:
        """The day on which the clocks change within the weeks shown, in words, or empty."""
        days = [self._first_shown + timedelta(days=n) for n in range(DAYS_SHOWN + 1)]
        for day, following in pairwise(days):
            midnight = _midnight(day, self.zone)
            if midnight.utcoffset() != _midnight(following, self.zone).utcoffset():
                return day_in_words(day, self.today)
        return ""

    def is_on_offer(self, starts_at: datetime) -> bool:
        """Whether a visit can start exactly then, with the wanted therapist or with any."""
        cell = self.offer.grid.cell_at(starts_at)
        return cell is not None and bool(self.bits >> cell & 1)

    def nearest(self, wanted: datetime) -> list[FreeTime]:
        """The three free times closest to ``wanted``."""
        found = nearest(list(self._starts(self.bits)), wanted)
        return [self._free_time(one) for one in found]

    @cached_property
    def _first_shown(self) -> date:
        start = self.today - timedelta(days=(self.today.weekday() - _first_weekday()) % 7)
        past = ((self.day or self.today) - start).days
        return start + timedelta(days=past // DAYS_SHOWN * DAYS_SHOWN)

    def _cell(self, day: date) -> Day:
        free = (self.bits & self._within(day, day)).bit_count()
        return Day(
            date=day,
            url=self._url(day, "day") if free else "",
            free=free,
            chosen=day == self.day,
            first_of_month=day.day == 1 or day == self._first_shown,
        )

    def _free_day_from(self, first: date, last: date) -> date | None:
        start = next(self._starts(self.bits & self._within(first, last)), None)
        return start.date() if start else None

    def _within(self, first: date, last: date) -> int:
        return self.offer.grid.between(
            _midnight(first, self.zone), _midnight(last + timedelta(days=1), self.zone)
        )

    def _starts(self, bits: int) -> Iterator[datetime]:
        grid = self.offer.grid
        return (grid.instant(cell).astimezone(grid.zone) for cell in set_bits(bits))

    def _free_time(self, starts_at: datetime) -> FreeTime:
        return FreeTime(starts_at, day_in_words(starts_at.date(), self.today))

    def _url(self, day: date, fragment: str) -> str:
        return f"{self.wanted.url(date=day.isoformat())}#{fragment}"


@dataclass(frozen=True, slots=True)
class Gone:
    """A time that somebody wanted and that is not free, with the nearest that are."""

    message: str
    nearest: list[FreeTime]


def read_times(
    given: Mapping[str, str],
    *,
    service: Service,
    option: ServiceOption,
    spa: SpaProfile,
    now: datetime,
    path: str,
    keys: dict[str, str],
    moving: Appointment | None = None,
    minutes: int | None = None,
) -> tuple[Times, list[str]]:
    """Read the free times that ``given`` (therapist, date) asks for, in a fixed number of queries.

    What cannot be is left out and explained by a notice. ``moving`` counts as free;
    ``minutes`` stands in for the option's length.
    """
    today = now.astimezone(spa.zone).date()
    last_day = last_bookable_day(spa, now)
    found = offer(
        service=service,
        option=option,
        first_day=today,
        last_day=last_day,
        now=now,
        spa=spa,
        minutes=minutes,
        ignoring=moving,
    )
    therapist, therapist_notice = _wanted_therapist(given.get("therapist", ""), found)
    day, day_notice = _wanted_day(given.get("date", ""), today, last_day)
    wanted = Wanted(path, keys, therapist, day)
    notices = [notice for notice in (therapist_notice, day_notice) if notice]
    return Times(found, wanted, today), notices


def gone(given: Mapping[str, str], shown: Times) -> Gone | None:
    """What to say where ``given`` names a start as gone, unless it is free after all."""
    start = read_start(given.get("gone", ""), last_day=shown.offer.grid.last_day)
    if start is None or shown.is_on_offer(start):
        return None
    found = shown.nearest(start)
    return Gone(TimeTaken([one.starts_at for one in found]).message, found)


def keeps_focus(request: HttpRequest) -> bool:
    """Whether htmx asks on behalf of a choice or of a pager, which keeps the keyboard's focus."""
    return request.headers.get("HX-Trigger", "").startswith(("choice-", "weeks-"))


def gone_url(wanted: Wanted, start: datetime, spa: SpaProfile) -> str:
    """The address of the times page that says that ``start`` is gone."""
    day = start.astimezone(spa.zone).date()
    return wanted.url(date=day.isoformat(), gone=start_value(start))


def people(shown: Times, therapists: Sequence[Therapist]) -> list[Choice]:
    """The choice between anyone and each of ``therapists``; none where only one gives it."""
    if len(shown.offer.therapists) < 2:
        return []
    chosen = shown.wanted.therapist
    anyone = Choice("choice-anyone", _("Anyone"), shown.wanted.url(therapist=""), chosen is None)
    each = [
        Choice(
            f"choice-therapist-{one.pk}",
            one.name,
            shown.wanted.url(therapist=str(one.pk)),
            one == chosen,
        )
        for one in therapists
    ]
    return [anyone, *each]


def read_start(value: str, *, last_day: date) -> datetime | None:
    """Parse what the button of a free time sends; ``None`` for anything else.

    Instants of another century cannot be told in every zone, so nothing beyond the day after
    ``last_day`` is one.
    """
    if not VALUE.fullmatch(value):
        return None
    try:
        instant = datetime.strptime(value, VALUE_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
    earliest = last_day.replace(year=last_day.year - 3, day=1)
    return instant if earliest <= instant.date() <= last_day + timedelta(days=1) else None


def start_value(starts_at: datetime) -> str:
    """Write an instant as the button of a free time sends it."""
    return starts_at.astimezone(UTC).strftime(VALUE_FORMAT)


def _wanted_therapist(text: str, found: Offer) -> tuple[Therapist | None, str]:
    if not text:
        return None, ""
    therapist = next((one for one in found.therapists if str(one.pk) == text), None)
    if therapist is not None:
        return therapist, ""
    return None, _("That therapist cannot be booked for this. These are everybody's times.")


def _wanted_day(text: str, first: date, last: date) -> tuple[date | None, str]:
    if not text:
        return None, ""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None, _("We could not read that day. Here are the next free times.")
    if first <= day <= last:
        return day, ""
    return None, _("That day cannot be booked online. Here are the next free times.")


def _part_of(at: datetime) -> int:
    return 0 if at.time() < NOON else 1 if at.time() < EVENING else 2


def _first_weekday() -> int:
    """0 for Monday, as the reader's language counts."""
    return (int(get_format("FIRST_DAY_OF_WEEK")) - 1) % 7


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone)
