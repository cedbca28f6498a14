"""What is in the way of a time and no reason can waive, by name and time."""

from collections.abc import Callable
from dataclasses import replace

from django.db.models import Q
from django.utils.translation import gettext as _

from bookings.actions.errors import Blocker, InTheWay
from bookings.actions.wishes import Wish
from bookings.models import Appointment, Room, Therapist
from bookings.queries import last_diary_day
from bookings.words import clock_time, full_day
from services.cells import CELL_MINUTES

LENGTHS = range(CELL_MINUTES, 8 * 60 + 1, CELL_MINUTES)


def refuse_unfit_length(minutes: int | None) -> None:
    """Raise ``InTheWay`` where no visit can be so long; ``None`` means a length that it has."""
    if minutes is not None and minutes not in LENGTHS:
        words = _("A visit lasts from 5 minutes to 8 hours, in steps of five minutes")
        raise InTheWay([Blocker(words)])


def obstacles(wish: Wish) -> list[Blocker]:
    """Return who and what stands in the way of ``wish``: the wanted therapist's visits, or rooms.

    Where any therapist and any room will do, there is nobody to name. Rooms are named only where
    they alone are the reason: the therapist has time, and every room is taken.
    """
    unfit = [*_unfit_time(wish), *_unfit_therapist(wish), *_unfit_room(wish)]
    if unfit:
        return [Blocker(words) for words in unfit]
    if wish.therapist is None and wish.room is None:
        return []
    rooms = _rooms(wish)
    found = _visits_in_the_way(wish, rooms)
    own = [one for one in found if one.therapist == wish.therapist]
    if own:
        return [_blocker(wish, one, one.therapist.name, _with_words) for one in own]
    if {one.room_id for one in found}.issuperset(rooms):
        return [_blocker(wish, one, one.room.name, _in_words) for one in found]
    return []


# --- What cannot be at any time ---------------------------------------------------------------


def _unfit_time(wish: Wish) -> list[str]:
    last_day = last_diary_day(wish.spa, wish.now)
    if wish.starts_at < wish.first_moment or _far(wish).day > last_day:
        day = full_day(last_day, wish.today)
        return [_("Visits can be placed from today until %(day)s") % {"day": day}]
    if _far(wish).grid.cell_at(wish.starts_at) is None:
        return [_("Visits begin at full five minutes, such as 10:05")]
    return []


def _unfit_therapist(wish: Wish) -> list[str]:
    if wish.therapist is None:
        return []
    words = {"name": wish.therapist.name, "treatment": wish.service.name}
    therapist = Therapist.objects.filter(pk=wish.therapist.pk)
    if not therapist.active().exists():
        return [_("%(name)s takes no appointments at present") % words]
    if not therapist.giving(wish.service).exists():
        return [_("%(name)s does not give “%(treatment)s”") % words]
    return []


def _unfit_room(wish: Wish) -> list[str]:
    if _rooms(wish):
        return []
    if wish.room is None:
        return [_("No room suits “%(treatment)s” at present") % {"treatment": wish.service.name}]
    words = {"room": wish.room.name, "treatment": wish.service.name}
    if not Room.objects.filter(pk=wish.room.pk, active=True).exists():
        return [_("%(room)s is not in use") % words]
    return [_("%(room)s does not suit “%(treatment)s”") % words]


def _far(wish: Wish) -> Wish:
    """The same wish as it looks beyond the horizon."""
    return replace(wish, anytime=True)


# --- Who is in the way ------------------------------------------------------------------------


def _rooms(wish: Wish) -> set[int]:
    rooms = Room.objects.filter(active=True, services=wish.service)
    rooms = rooms if wish.room is None else rooms.filter(pk=wish.room.pk)
    return set(rooms.values_list("pk", flat=True))


def _visits_in_the_way(wish: Wish, rooms: set[int]) -> list[Appointment]:
    # Whole cells, as the offer counts them.
    grid = _far(wish).grid
    cell = grid.cell_at(wish.starts_at)
    assert cell is not None
    first = cell - wish.length.lead_cells
    found = (
        Appointment.objects.blocking(wish.now)
        .busy_between(grid.instant(first), grid.instant(first + wish.length.cells))
        .filter(Q(therapist=wish.therapist) | Q(room__in=rooms))
        .select_related("client", "therapist", "room")
        .order_by("starts_at", "pk")
    )
    return list(found if wish.moving is None else found.exclude(pk=wish.moving.pk))


def _blocker(wish: Wish, visit: Appointment, who: str, words: Callable[[str], str]) -> Blocker:
    sentence = words(_case(wish, visit)) % {
        "who": who,
        "client": visit.client,
        "starts": clock_time(wish.local(visit.starts_at)),
        "ends": clock_time(wish.local(visit.ends_at)),
    }
    return Blocker(sentence, visit.reference, visit.starts_at, visit.ends_at)


def _case(wish: Wish, visit: Appointment) -> str:
    """How ``visit`` is in the way: by itself, or by the time around it."""
    if visit.status == Appointment.Status.HELD:
        return "held"
    if visit.ends_at <= wish.starts_at:
        return "just before"
    if visit.starts_at >= wish.times["ends_at"]:
        return "just after"
    return "begun" if visit.starts_at <= wish.starts_at else "begins"


def _with_words(case: str) -> str:
    return {
        "held": _("Somebody is just booking %(starts)s – %(ends)s with %(who)s"),
        "begun": _("%(who)s is with %(client)s until %(ends)s"),
        "begins": _("%(who)s is with %(client)s from %(starts)s"),
        "just before": _(
            "%(who)s is with %(client)s until %(ends)s: too little time to tidy up and prepare"
        ),
        "just after": _(
            "%(who)s is with %(client)s from %(starts)s: too little time to tidy up and prepare"
        ),
    }[case]


def _in_words(case: str) -> str:
    return {
        "held": _("Somebody is just booking %(starts)s – %(ends)s in the room %(who)s"),
        "begun": _("The room %(who)s is taken by %(client)s until %(ends)s"),
        "begins": _("The room %(who)s is taken by %(client)s from %(starts)s"),
        "just before": _(
            "The room %(who)s is taken by %(client)s until %(ends)s: "
            "too little time to tidy up and prepare"
        ),
        "just after": _(
            "The room %(who)s is taken by %(client)s from %(starts)s: "
            "too little time to tidy up and prepare"
        ),
    }[case]
