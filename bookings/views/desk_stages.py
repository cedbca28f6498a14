"""What each stage of a booking at the desk shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.actions import BookingError, HealthCheckNeeded, TimeTaken
from bookings.actions.errors import ReasonNeeded
from bookings.actions.house_rules import other_visits
from bookings.actions.placing import refusal
from bookings.actions.wishes import Wish
from bookings.clients import coming_visits, find_clients
from bookings.desk_offer import (
    FreeTimes,
    Usual,
    fitting,
    free_times,
    menu,
    rhythm,
    usual_treatments,
)
from bookings.forms.desk_booking import search_words
from bookings.models import Therapist
from bookings.views.desk_draft import WALK_IN, Draft, start_in_utc
from bookings.words import (
    clock_time,
    day_in_words,
    moment_in_a_sentence,
    moment_in_words,
    span_in_html,
)
from services.models import ServiceOption, SpaProfile

FOUND_MOST, NAMED_MOST = 7, 2


@dataclass(frozen=True, slots=True)
class TimeButton:
    """A start that can be picked; ``value`` is what its button sends."""

    value: str
    clock: str
    day: str
    who: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Buttons under one heading."""

    name: str
    buttons: list[TimeButton]

    @property
    def is_one_day(self) -> bool:
        """Whether one day in the heading is enough."""
        return len({button.day for button in self.buttons}) == 1


@dataclass(frozen=True)
class Clock:
    """Tells times by the spa's clock, as seen ``now``."""

    spa: SpaProfile
    now: datetime

    def button(
        self, at: datetime, *, therapist: Therapist | None, who: str = "", because: str = ""
    ) -> TimeButton:
        """The button that picks ``at`` with ``therapist``, or with anybody."""
        local = at.astimezone(self.spa.zone)
        # The parts have their places: a reason without a therapist leaves hers empty.
        parts = [start_in_utc(at), str(therapist.pk) if therapist else "", because]
        value = " ".join(parts).rstrip()
        return TimeButton(value, clock_time(local), day_in_words(local.date(), self.today), who)

    @property
    def today(self) -> date:
        """The local day."""
        return self.now.astimezone(self.spa.zone).date()


def stage_context(draft: Draft, clock: Clock) -> dict[str, Any]:
    """What the form shows at its present stage; a fixed number of queries for each."""
    shown = {
        "who": _who,
        "newcomer": _newcomer,
        "what": _what,
        "when": _when,
        "finish": _finish,
    }[draft.stage]
    return {
        "stage": draft.stage,
        "already": _already(draft, clock),
        "when": _when_in_words(draft, clock),
        "problems": _problems(draft),
        **shown(draft, clock),
    }


def _already(draft: Draft, clock: Clock) -> list[str]:
    """The next visits that the client has: today, 15:00 with Mia."""
    if draft.client is None:
        return []
    return [
        _("%(when)s with %(therapist)s")
        % {
            "when": moment_in_a_sentence(one.starts_at.astimezone(clock.spa.zone), clock.today),
            "therapist": one.therapist,
        }
        for one in coming_visits(draft.client, now=clock.now)
    ]


def refused_context(refused: BookingError, draft: Draft, clock: Clock) -> dict[str, Any]:
    """Why the booking was refused, with the nearest free times as buttons."""
    if isinstance(refused, ReasonNeeded):
        return {"rules": refused.rules, "reason_missing": draft.books}
    near = refused.nearest if isinstance(refused, TimeTaken) else []
    return {
        "refused": refused,
        "asks_health": isinstance(refused, HealthCheckNeeded),
        "nearest": [clock.button(at, therapist=draft.therapist) for at in near],
    }


def _who(draft: Draft, clock: Clock) -> dict[str, Any]:
    search = search_words(draft.search)
    found = find_clients(search, limit=FOUND_MOST) if search else []
    return {"search": search, "people": found}


def _newcomer(draft: Draft, clock: Clock) -> dict[str, Any]:
    return {"newcomer": draft.newcomer}


def _what(draft: Draft, clock: Clock) -> dict[str, Any]:
    usual = usual_treatments(draft.client) if draft.client else []
    whole = menu()
    every = [row for part in whole for row in part.services]
    wished = draft.minutes
    found = {one.pk: fitting(options, wished) for one, options in every} if wished else {}
    fits = {pk: option for pk, option in found.items() if option}
    context: dict[str, Any] = {
        "usual": _fitted(usual, fits),
        "fits": {option.pk for option in fits.values()},
        "menu": whole,
    }
    if draft.therapist is None:
        return context
    own = menu(therapist=draft.therapist)
    given = {service.pk for part in own for service, _options in part.services}
    others = [row for row in every if row[0].pk not in given]
    return {**context, "menu": own, "others": others}


def _fitted(usual: list[Usual], fits: Mapping[int, ServiceOption]) -> list[Usual]:
    """What she had before, as long as is wished now; what differed in its length alone, once."""
    found: dict[str, Usual] = {}
    for one in usual:
        fitted = replace(one, option=fits.get(one.visit.service_id, one.option))
        found.setdefault(fitted.value, fitted)
    return list(found.values())


def _when(draft: Draft, clock: Clock) -> dict[str, Any]:
    assert draft.option is not None
    free = free_times(
        draft.option,
        spa=clock.spa,
        now=clock.now,
        therapist=draft.therapist,
        minutes=draft.minutes,
    )
    day = draft.wish.cleaned_data.get("date")
    return {
        "usual_time": _usual_time(draft, free, clock),
        "walk_in": _buttons(free, free.walk_in, clock, because=WALK_IN),
        "soonest": _buttons(free, free.soonest, clock),
        "each": [
            Row(one.name, [clock.button(at, therapist=one) for at in times])
            for one, times in free.each
            if draft.therapist is None
        ],
        "day": day,
        "on_day": _buttons(free, free.on(day), clock) if day else [],
        "twice": [clock.button(at, therapist=draft.therapist) for at in draft.wish.twice],
        "day_words": day_in_words(day, clock.today) if day else "",
    }


def _finish(draft: Draft, clock: Clock) -> dict[str, Any]:
    """Whether the time can be had at all is said before anybody is asked about her health."""
    wish = _wish(draft, clock)
    found = wish.offer_on_its_day()
    free = found.therapists_at(wish.starts_at)
    context: dict[str, Any] = {"finish": draft.finish, "who_is_free": _names(free)}
    if free and found.rooms_at(wish.starts_at) and not other_visits(wish):
        return context
    refused = refusal(wish)
    return context | (refused_context(refused, draft, clock) if refused else {})


def _wish(draft: Draft, clock: Clock) -> Wish:
    assert draft.option is not None
    assert draft.start is not None
    return Wish(
        service=draft.option.service,
        option=draft.option,
        starts_at=draft.start,
        spa=clock.spa,
        now=clock.now,
        therapist=draft.therapist,
        room=draft.room,
        minutes=draft.minutes,
        by_staff=True,
        client=draft.client,
    )


def _usual_time(draft: Draft, free: FreeTimes, clock: Clock) -> Row | None:
    """The free times nearest to when this client would come by her own habit."""
    assert draft.option is not None
    if draft.client is None:
        return None
    habit = rhythm(draft.client, draft.option.service, spa=clock.spa, now=clock.now)
    near = free.near(habit.next) if habit else []
    if habit is None or not near:
        return None
    words = ngettext(
        "Every week: next %(when)s", "Every %(weeks)d weeks: next %(when)s", habit.weeks
    )
    when = moment_in_words(habit.next.astimezone(clock.spa.zone), clock.today)
    return Row(words % {"weeks": habit.weeks, "when": when}, _buttons(free, near, clock))


def _buttons(
    free: FreeTimes, times: Sequence[datetime], clock: Clock, *, because: str = ""
) -> list[TimeButton]:
    return [
        clock.button(
            at,
            therapist=free.therapist,
            who="" if free.therapist else _names(free.who(at)),
            because=because,
        )
        for at in times
    ]


def _names(therapists: Sequence[Therapist]) -> str:
    """Mia, Noor or, where there are many, Mia, Noor +3."""
    names = ", ".join(one.name for one in therapists[:NAMED_MOST])
    more = len(therapists) - NAMED_MOST
    return f"{names} +{more}" if more > 0 else names


def _when_in_words(draft: Draft, clock: Clock) -> SafeString | str:
    if draft.start is None:
        return ""
    zone = clock.spa.zone
    starts_at = draft.start.astimezone(zone)
    if draft.length is None:
        return moment_in_words(starts_at, clock.today)
    ends_at = (draft.start + timedelta(minutes=draft.length)).astimezone(zone)
    return span_in_html(starts_at, ends_at, clock.today)


def _problems(draft: Draft) -> list[str]:
    """What was wished and cannot be, in words; the fields that are shown say it themselves."""
    shown = {"therapist", "room", "date", "clock"} if draft.stage == "when" else set()
    return [
        str(message)
        for name, found in draft.wish.errors.items()
        if name not in shown
        for message in found
    ]
