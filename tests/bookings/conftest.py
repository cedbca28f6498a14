"""The small cast and the small spa of the diary's tests.

It is Monday 23 November 2026, 08:00 in London. Mia and Noor work every day from 09:00 to 17:00
without a break; both give both treatments; the Fern room suits both, the Moss room only massage.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.db import connection

from bookings import actions
from bookings.models import Appointment, Client, HealthCheck, Room, Therapist, WorkingHours
from services.models import Category, Contraindication, Service, ServiceOption, SpaProfile
from services.screening import Answer, Outcome, Reply, Verdict, questions_version
from tests.bookings.staff_pages import hand_over, login_for
from tests.kept_rows import OnceForAll

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def at(hour: int, minute: int = 0, *, days: int = 1) -> datetime:
    """A time of the spa's day, ``days`` after today; London keeps UTC in November."""
    return NOW.replace(hour=hour, minute=minute) + timedelta(days=days)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Let the wall clock of this process show the tests' Monday morning."""
    with time_machine.travel(NOW, tick=True) as traveller:
        yield traveller


def make_spa() -> SpaProfile:
    """The small spa of the tests, in London."""
    return SpaProfile.objects.create(
        name="Qi Massage & Natural Healing Spa",
        address="1 Test Row\nLondon",
        phone="+442079460018",
        email="hello@qi-spa.example",
        emergency_number="999",
        urgent_advice_number="111",
        country="GB",
        time_zone="Europe/London",
        currency="GBP",
        minimum_notice_hours=2,
        booking_horizon_days=60,
        cancellation_notice_hours=24,
        quiet_from=time(21),
        quiet_until=time(7),
        slot_step_minutes=15,
        hold_minutes=10,
        reminder_lead_hours=[48, 3],
        health_consent="We keep your answers encrypted.",
        booking_consent="I agree with the booking policy.",
    )


@pytest.fixture
def spa(db: None, once_for_all: OnceForAll) -> SpaProfile:
    return once_for_all(make_spa)


@pytest.fixture
def lymph(spa: SpaProfile, once_for_all: OnceForAll) -> Service:
    """The lead treatment: 60 minutes, 15 minutes of tidying, with one question of each severity."""
    return once_for_all(_lymph)


def _lymph() -> Service:
    care = Category.objects.create(slug="care", name="Care")
    service = Service.objects.create(
        category=care,
        slug="lymphatic-drainage-massage",
        name="Lymphatic drainage massage",
        discreet_name="Spa visit",
        summary="Slow and light.",
        status=Service.Status.PUBLISHED,
        buffer_before_minutes=0,
        buffer_after_minutes=15,
    )
    ServiceOption.objects.create(service=service, minutes=60, price=Decimal("75.00"))
    _ask(service, Contraindication.objects.bulk_create(_questions()))
    return service


def _questions() -> list[Contraindication]:
    severities = Contraindication.Severity
    return [
        Contraindication(
            slug=slug,
            name=slug.replace("-", " ").capitalize(),
            group="red_flags" if severity == "urgent" else "body",
            severity=severity,
            care=care_level,
            question=slug.replace("-", " "),
            why="Because.",
            advice="Ask us.",
            areas=areas,
        )
        for slug, severity, care_level, areas in [
            ("chest-pain", severities.URGENT, "emergency", []),
            ("fever", severities.STOP, "doctor", []),
            ("heart-disease", severities.CLEARANCE, "", []),
            ("asthma", severities.ADAPT, "", ["neck"]),
            ("over-60", severities.NOTE, "", []),
        ]
    ]


def _ask(service: Service, questions: Iterable[Contraindication]) -> None:
    """Let ``service`` ask these questions: it is new, so nothing has to be looked up first."""
    pairs = Service.contraindications.through
    pairs.objects.bulk_create(pairs(service=service, contraindication=one) for one in questions)


@pytest.fixture
def hour(lymph: Service) -> ServiceOption:
    return lymph.options.get()


@pytest.fixture
def massage(lymph: Service, once_for_all: OnceForAll) -> Service:
    return once_for_all(_massage, lymph)


def _massage(lymph: Service) -> Service:
    service = Service.objects.create(
        category=lymph.category,
        slug="qi-balance-massage",
        name="Qi balance massage",
        summary="Calm and steady.",
        status=Service.Status.PUBLISHED,
        buffer_after_minutes=15,
    )
    ServiceOption.objects.create(service=service, minutes=60, price=Decimal("65.00"))
    _ask(service, lymph.contraindications.all())
    return service


def _therapist(name: str, position: int, services: list[Service]) -> Therapist:
    therapist = Therapist.objects.create(name=name, position=position)
    given = Therapist.services.through
    given.objects.bulk_create(given(therapist=therapist, service=one) for one in services)
    WorkingHours.objects.bulk_create(
        WorkingHours(therapist=therapist, weekday=weekday, starts=time(9), ends=time(17))
        for weekday in range(7)
    )
    return therapist


@pytest.fixture
def mia(lymph: Service, massage: Service, once_for_all: OnceForAll) -> Therapist:
    return once_for_all(_therapist, "Mia", 1, [lymph, massage])


@pytest.fixture
def noor(lymph: Service, massage: Service, once_for_all: OnceForAll) -> Therapist:
    return once_for_all(_therapist, "Noor", 2, [lymph, massage])


@pytest.fixture
def mias_login(mia: Therapist, once_for_all: OnceForAll) -> User:
    return hand_over(once_for_all(login_for, "Mia"), mia)


@pytest.fixture
def noors_login(noor: Therapist, once_for_all: OnceForAll) -> User:
    return hand_over(once_for_all(login_for, "Noor"), noor)


def _room(name: str, position: int, services: list[Service]) -> Room:
    room = Room.objects.create(name=name, position=position)
    suited = Room.services.through
    suited.objects.bulk_create(suited(room=room, service=one) for one in services)
    return room


@pytest.fixture
def fern(lymph: Service, massage: Service, once_for_all: OnceForAll) -> Room:
    return once_for_all(_room, "Fern", 1, [lymph, massage])


@pytest.fixture
def moss(massage: Service, once_for_all: OnceForAll) -> Room:
    return once_for_all(_room, "Moss", 2, [massage])


def make_check(
    service: Service, now: datetime, outcome: Outcome = Outcome.CLEAR, **answers: Answer
) -> HealthCheck:
    """A health check just given, through the action that keeps it."""
    rules = [row.rule() for row in service.contraindications.filter(active=True)]
    said = {rule.slug: Answer(Reply.NO) for rule in rules}
    check = actions.record_health_check(
        service=service,
        answers=said | answers,
        verdict=Verdict(outcome),
        rules=rules,
        spa=SpaProfile.load(),
        now=now,
    )
    assert check.questions_version == questions_version(rules)
    return check


@pytest.fixture
def check(lymph: Service, now: datetime) -> HealthCheck:
    return make_check(lymph, now)


CLEO = actions.Details(name="Cleo", email="cleo@example.com", phone="+442079460001")
OTTO = actions.Details(name="Otto", email="otto@example.com", phone="+442079460002")


@pytest.fixture
def book(
    spa: SpaProfile, lymph: Service, hour: ServiceOption, now: datetime
) -> Callable[..., Appointment]:
    """Book a visit the way a client does: check, hold, confirm."""

    def _book(
        starts_at: datetime,
        *,
        details: actions.Details = CLEO,
        outcome: Outcome = Outcome.CLEAR,
        option: ServiceOption = hour,
        when: datetime = now,
        **wish: Any,
    ) -> Appointment:
        health_check = make_check(option.service, when, outcome)
        hold = actions.hold_time(
            service=option.service,
            option=option,
            starts_at=starts_at,
            health_check=health_check,
            spa=spa,
            now=when,
            **wish,
        )
        return actions.confirm_appointment(
            hold=hold, details=details, health_check=health_check, spa=spa, now=when
        )

    return _book


@pytest.fixture
def book_again(
    book: Callable[..., Appointment], once_for_all: OnceForAll
) -> Callable[..., Appointment]:
    """Book as ``book`` does, for tests of other things.

    What an earlier test has booked among the very same rows is put back. Where tests commit, a
    worker is called too, so there it is booked.
    """

    def _again(starts_at: datetime, **how: Any) -> Appointment:
        if connection.in_atomic_block:
            return once_for_all.among_these(book, starts_at, **how)
        return book(starts_at, **how)

    return _again


def _user(name: str, group: str, is_staff: bool = False) -> User:
    user = User.objects.create_user(
        username=name.lower(),
        email=f"{name.lower()}@qi-spa.example",
        password="rivers-and-moss",
        is_staff=is_staff,
    )
    User.groups.through.objects.create(user=user, group=Group.objects.get(name=group))
    return user


@pytest.fixture
def dana(db: None, once_for_all: OnceForAll) -> User:
    return once_for_all(_user, "Dana", "Front desk")


@pytest.fixture
def olive(db: None, once_for_all: OnceForAll) -> User:
    return once_for_all(_user, "Olive", "Owners", True)


@pytest.fixture
def cleo(db: None) -> Client:
    return Client.objects.create(name=CLEO.name, email=CLEO.email, phone=CLEO.phone)


@pytest.fixture
def world(
    clock: time_machine.Traveller,
    book: Callable[..., Appointment],
    spa: SpaProfile,
    mia: Therapist,
    fern: Room,
    dana: User,
    olive: User,
    mias_login: User,
    noors_login: User,
    once_for_all: OnceForAll,
) -> Any:
    """A spa in which every address leads somewhere: an ``access_world.World``."""
    # It is made of what stands here.
    from tests.bookings.access_world import World

    def _world() -> World:
        visit = book(at(10), therapist=mia, outcome=Outcome.ADAPT)
        request = book(at(12), therapist=mia, outcome=Outcome.CLEARANCE)
        users = {"dana": dana, "olive": olive, "mia": mias_login, "noor": noors_login}
        return World(spa, visit, request, mia, users)

    return once_for_all.among_these(_world)
