"""How fast the pages answer by HTTP at each size, beside their limits and a peer on this machine.

Two workers of gunicorn with the settings of production; the visitors run in a process of their
own, one or eight at a time, each with an address of its own and within the limits that hold for it.
The limits are a bare Django view, a prepared ``SELECT 1`` and inserts under the same constraints;
the peer is django-appointment with as many staff and appointments, its mail going nowhere.
"""

import statistics
import sys
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.utils import timezone

from bench.data import SIZES, fill
from bench.harness import Figure, sizes
from bench.web import limits
from bench.web.confirming import confirms_per_second
from bench.web.peer import NoPeer, Peer, peer_of
from bench.web.serving import AS_DEPLOYED, collect_static, counting, served, visit
from bench.web.staff import signed_in
from bench.web.visitors import Measured, Plan
from bookings.actions import issue_visit_link
from bookings.models import Appointment, Therapist
from bookings.permissions import FRONT_DESK, OWNERS
from services.models import Service, SpaProfile

SITE_PORT, BARE_PORT, PEER_PORT = 8141, 8142, 8143
ONE, MANY = 1, 8
PAGE_SECONDS, BOOKING_SECONDS = 3.0, 5.0
LEAD = "lymphatic-drainage-massage"


@dataclass(frozen=True, slots=True)
class Page:
    """What is fetched, as whom, and its most queries, where that is promised."""

    name: str
    paths: list[str]
    cookies: dict[str, str] = field(default_factory=dict)
    most_queries: float | None = None
    within_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What the figures of a size are compared by."""

    times: float
    one_therapist: float
    bookings: float


def measure() -> list[Figure]:
    """Measure the limits, then each size."""
    collect_static()
    figures, bare = _limits()
    found = {}
    for name in sizes():
        print(f"{name} …", file=sys.stderr)
        more, found[name] = _size(name, bare)
        figures += more
    if {"S", "L"} <= set(found):
        growth = found["L"].times / found["S"].times
        figures.append(Figure("times page, L ÷ S", growth, "times", 1.3, "at most"))
    return figures


def _limits() -> tuple[list[Figure], float]:
    """The bare view and the database; returns the figures, and the milliseconds of a bare view."""
    with served("bench.web.bare:application", BARE_PORT):
        alone = visit(Plan(BARE_PORT, ONE, PAGE_SECONDS, ["/"]))
        together = visit(Plan(BARE_PORT, MANY, PAGE_SECONDS, ["/"]))
    figures = [*_answers("bare view", ONE, alone), *_answers("bare view", MANY, together)]
    for lines in (ONE, MANY):
        rate = limits.selects_per_second(lines)
        figures.append(Figure(f"SELECT 1, {_who(lines)}", rate, "per second"))
    return figures, statistics.median(alone.milliseconds)


def _size(name: str, bare: float) -> tuple[list[Figure], Found]:
    spa = fill(SIZES[name], now=timezone.now())
    service = Service.objects.get(slug=LEAD)
    pages = _pages(spa, service)
    figures = [Figure(f"{name}: appointments", Appointment.objects.count(), "rows")]
    with served("spa.wsgi", SITE_PORT, environment=counting(), options=AS_DEPLOYED):
        medians = {}
        for page in pages:
            more, medians[page.name] = _page(name, page)
            figures += more
        more, bookings = _bookings(name, _days(spa))
        figures += more
    ratio = medians["times page"] / bare
    figures.append(Figure(f"{name}: times page ÷ bare view", ratio, "times", 15, "at most"))
    figures += _confirming(name, service, spa)
    found = Found(medians["times page"], medians["one therapist's month"], bookings)
    return figures + _beside_the_peer(name, found), found


def _pages(spa: SpaProfile, service: Service) -> list[Page]:
    today = timezone.now().astimezone(spa.zone).date()
    times, days = f"/book/{LEAD}/", _days(spa)
    therapists = Therapist.objects.order_by("position").values_list("pk", flat=True)
    coming = Appointment.objects.filter(status="confirmed", service=service)[:20]
    desk, owner = signed_in("dana", FRONT_DESK), signed_in("olive", OWNERS)
    year = f"first={today - timedelta(days=365)}&last={today - timedelta(days=1)}"
    return [
        Page("home", ["/"]),
        Page("treatment page", [f"/services/{LEAD}/"]),
        Page("times page", [f"{times}?date={day}" for day in days], most_queries=10),
        Page("one therapist's month", [f"{times}?therapist={pk}" for pk in therapists]),
        Page("visit page", [f"/visit/{issue_visit_link(one)}/" for one in coming]),
        Page("desk day", [f"/desk/?date={day}" for day in days], desk),
        Page("desk day's feed", _feeds(days), desk, most_queries=8),
        Page(
            "desk week", [f"/desk/week/?date={day}&therapist={therapists[0]}" for day in days], desk
        ),
        Page("report of a year", [f"/admin/reports/?{year}"], owner, within_seconds=2),
    ]


def _days(spa: SpaProfile) -> list[date]:
    """Four weeks, from three days ahead."""
    today = timezone.now().astimezone(spa.zone).date()
    return [today + timedelta(days=n) for n in range(3, 31)]


def _feeds(days: list[date]) -> list[str]:
    return [f"/desk/feed/?date={day}" for day in days]


def _page(size: str, page: Page) -> tuple[list[Figure], float]:
    figures: list[Figure] = []
    medians = []
    for clients in (ONE, MANY):
        plan = Plan(SITE_PORT, clients, PAGE_SECONDS, page.paths, page.cookies)
        measured = visit(plan)
        figures += _answers(f"{size}: {page.name}", clients, measured)
        medians.append(statistics.median(measured.milliseconds))
        if clients == ONE:
            most = max(measured.queries)
            figures.append(
                Figure(f"{size}: {page.name}, SQL", most, "queries", page.most_queries, "at most")
            )
    if page.within_seconds:
        alone = medians[0] / 1000
        figures.append(Figure(f"{size}: {page.name}, alone", alone, "s", page.within_seconds))
    return figures, medians[0]


def _answers(name: str, clients: int, measured: Measured) -> list[Figure]:
    """How long answers took and how many there were in a second."""
    who, taken = _who(clients), sorted(measured.milliseconds)
    return [
        Figure(f"{name}, {who}, p50", statistics.median(taken), "ms"),
        Figure(f"{name}, {who}, p95", taken[int(len(taken) * 0.95)], "ms"),
        Figure(f"{name}, {who}", len(taken) / measured.seconds, "per second"),
        *_failures(f"{name}, {who}", measured),
    ]


def _bookings(size: str, days: list[date]) -> tuple[list[Figure], float]:
    """Whole bookings by all clients at once; returns also how many there were in a second."""
    given = {"slug": LEAD, "days": ",".join(map(str, days))}
    measured = visit(Plan(SITE_PORT, MANY, BOOKING_SECONDS, walk="book", given=given))
    figures = _answers(f"{size}: whole booking", MANY, measured)
    alone = visit(Plan(SITE_PORT, ONE, BOOKING_SECONDS / 2, walk="book", given=given))
    figures += _answers(f"{size}: whole booking", ONE, alone)
    for step, met in alone.steps.items():
        taken = [milliseconds for milliseconds, _queries in met]
        most = max(queries for _milliseconds, queries in met)
        figures.append(Figure(f"{size}: booking: {step}", statistics.median(taken), "ms"))
        figures.append(Figure(f"{size}: booking: {step}, SQL", most, "queries"))
    most = max(alone.queries)
    figures.append(Figure(f"{size}: whole booking, SQL", most, "queries", 45, "at most"))
    figures.append(Figure(f"{size}: whole booking, requests", max(alone.requests), "requests"))
    return figures, len(measured.milliseconds) / measured.seconds


def _confirming(size: str, service: Service, spa: SpaProfile) -> list[Figure]:
    confirms, inserts = confirms_per_second(service, spa), limits.inserts_per_second(ONE)
    return [
        Figure(f"{size}: confirm alone", confirms, "per second"),
        Figure(f"{size}: insert under constraints, 1 line", inserts, "per second"),
        Figure(
            f"{size}: insert under constraints, 8 lines",
            limits.inserts_per_second(MANY),
            "per second",
        ),
        Figure(f"{size}: confirm ÷ insert", confirms / inserts, "times", 0.1, "at least"),
    ]


def _beside_the_peer(size: str, found: Found) -> list[Figure]:
    try:
        with peer_of(SIZES[size], PEER_PORT) as peer:
            return _peer(size, found, peer)
    except NoPeer as why:
        print(f"The peer could not be installed: {why}", file=sys.stderr)
        return []


def _peer(size: str, found: Found, peer: Peer) -> list[Figure]:
    # All days of each therapist's month, one after the other, as its page asks for them.
    paths = [
        f"/ajax/available_slots/?staff_member={one}&selected_date={day}&service_id={peer.service}"
        for one in peer.staff[:3]
        for day in peer.days
    ]
    asked = {"X-Requested-With": "XMLHttpRequest"}
    days = visit(Plan(PEER_PORT, ONE, 3 * PAGE_SECONDS, paths, headers=asked))
    month = statistics.median(days.milliseconds) * len(peer.days)
    booked = visit(Plan(PEER_PORT, MANY, BOOKING_SECONDS, walk="book_at_peer", given=peer.given))
    rate = len(booked.milliseconds) / booked.seconds
    return [
        Figure(f"{size}: peer: appointments", peer.appointments, "rows"),
        Figure(f"{size}: peer: a day's slots, p50", statistics.median(days.milliseconds), "ms"),
        Figure(f"{size}: peer: a day's slots, SQL", max(days.queries), "queries"),
        *_answers(f"{size}: peer: whole booking", MANY, booked),
        Figure(f"{size}: peer: whole booking, SQL", max(booked.queries), "queries"),
        Figure(
            f"{size}: peer's month ÷ one therapist's month",
            month / found.one_therapist,
            "times",
            40,
            "at least",
        ),
        Figure(f"{size}: bookings ÷ the peer's", found.bookings / rate, "times", 8, "at least"),
    ]


def _failures(name: str, measured: Measured) -> list[Figure]:
    for why, count in measured.went_wrong.items():
        print(f"{name}: {count} times {why}", file=sys.stderr)
    wrong = sum(measured.went_wrong.values())
    return [Figure(f"{name}, went wrong", wrong, "times")] if wrong else []


def _who(clients: int) -> str:
    return "1 client" if clients == ONE else f"{clients} clients"
