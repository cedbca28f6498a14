"""Who may open which page for the staff, and that looking changes nothing."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.urls import reverse

from bookings import actions
from bookings.models import (
    Appointment,
    Event,
    HealthReading,
    Message,
    Room,
    Therapist,
    VisitLink,
)
from services.models import SpaProfile
from tests.bookings.conftest import at
from tests.bookings.staff_pages import browser_of, desk_url, status_of

pytestmark = pytest.mark.django_db

LOGIN, BACK = "login", "redirect"
PAGES: list[tuple[str, dict[str, Any]]] = [
    (
        "/desk/",
        {"anonymous": LOGIN, "dana": 200, "mia": 403, "noor": 403, "olive": 200},
    ),
    (
        "/desk/?date=2026-11-24",
        {"anonymous": LOGIN, "dana": 200, "mia": 403, "noor": 403, "olive": 200},
    ),
    (
        "/desk/list/?date=2026-11-24",
        {"anonymous": LOGIN, "dana": 200, "mia": 403, "noor": 403, "olive": 200},
    ),
    (
        "/desk/sheet/",
        {"anonymous": LOGIN, "dana": 200, "mia": 403, "noor": 403, "olive": 200},
    ),
    (
        "/desk/strip/",
        {"anonymous": LOGIN, "dana": 200, "mia": 403, "noor": 403, "olive": 200},
    ),
    (
        "/desk/clearances/",
        {"anonymous": LOGIN, "dana": 200, "mia": 403, "noor": 403, "olive": 200},
    ),
    (
        "/desk/time-off/new/",
        {"anonymous": LOGIN, "dana": 200, "mia": 403, "noor": 403, "olive": 200},
    ),
    (
        "/desk/appointments/{reference}/",
        {"anonymous": LOGIN, "dana": 200, "mia": 403, "noor": 403, "olive": 200},
    ),
    (
        "/desk/book/",
        {"anonymous": LOGIN, "dana": 200, "mia": 403, "noor": 403, "olive": 200},
    ),
    (
        "/desk/book/client/?q=cle",
        {"anonymous": LOGIN, "dana": 200, "mia": 403, "noor": 403, "olive": 200},
    ),
    (
        "/desk/appointments/{reference}/repeat/",
        {"anonymous": LOGIN, "dana": 200, "mia": 403, "noor": 403, "olive": 200},
    ),
    (
        "/desk/appointments/{reference}/step/",
        {"anonymous": LOGIN, "dana": 405, "mia": 403, "noor": 403, "olive": 405},
    ),
    (
        "/desk/appointments/{reference}/move/",
        {"anonymous": LOGIN, "dana": 200, "mia": 403, "noor": 403, "olive": 200},
    ),
    (
        "/desk/appointments/{reference}/cancel/",
        {"anonymous": LOGIN, "dana": 200, "mia": 403, "noor": 403, "olive": 200},
    ),
    (
        "/desk/appointments/{reference}/decide/",
        {"anonymous": LOGIN, "dana": 200, "mia": 403, "noor": 403, "olive": 200},
    ),
    (
        "/desk/appointments/{reference}/revoke-links/",
        {"anonymous": LOGIN, "dana": 405, "mia": 403, "noor": 403, "olive": 405},
    ),
    (
        "/therapist/",
        {"anonymous": LOGIN, "dana": 403, "mia": 200, "noor": 200, "olive": BACK},
    ),
    (
        "/therapist/visits/{reference}/",
        {"anonymous": LOGIN, "dana": 403, "mia": 200, "noor": 403, "olive": 200},
    ),
    (
        "/therapist/visits/{reference}/step/",
        {"anonymous": LOGIN, "dana": 403, "mia": 405, "noor": 405, "olive": 405},
    ),
    (
        "/therapist/visits/{reference}/note/",
        {"anonymous": LOGIN, "dana": 403, "mia": 405, "noor": 405, "olive": 405},
    ),
    (
        "/therapist/ready/",
        {"anonymous": LOGIN, "dana": 403, "mia": 405, "noor": 405, "olive": 405},
    ),
    (
        "/therapist/calendar/",
        {"anonymous": LOGIN, "dana": 403, "mia": 200, "noor": 200, "olive": BACK},
    ),
    (
        "/therapist/calendar/nobody.ics",
        {"anonymous": 404, "dana": 404, "mia": 404, "noor": 404, "olive": 404},
    ),
]
CASES = [(url, who, expected) for url, answers in PAGES for who, expected in answers.items()]


@pytest.fixture
def people(dana: User, olive: User, mias_login: User, noors_login: User) -> dict[str, User | None]:
    """Mia is the therapist whom the visit concerns; Noor is another one."""
    return {
        "anonymous": None,
        "dana": dana,
        "olive": olive,
        "mia": mias_login,
        "noor": noors_login,
    }


@pytest.fixture
def request_for_mia(
    clock: time_machine.Traveller,
    book_again: Callable[..., Appointment],
    mia: Therapist,
    fern: Room,
) -> Appointment:
    """A request that waits, so that every page about a visit has something to show."""
    from services.screening import Outcome

    return book_again(at(10), therapist=mia, outcome=Outcome.CLEARANCE)


@pytest.mark.parametrize(("url", "who", "expected"), CASES)
def test_a_page_opens_for_those_who_may_and_looking_changes_nothing(
    url: str,
    who: str,
    expected: Any,
    people: dict[str, User | None],
    request_for_mia: Appointment,
) -> None:
    path = url.format(reference=request_for_mia.reference)
    before = [list(model.objects.values()) for model in (Appointment, Event, Message)]
    answer = browser_of(people[who]).get(path)
    if expected == LOGIN:
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/?next=/")
    elif expected == BACK:
        assert (answer.status_code, answer["Location"]) == (302, "/desk/")
    else:
        assert answer.status_code == expected
    assert [list(model.objects.values()) for model in (Appointment, Event, Message)] == before
    shows_answers = url.startswith("/therapist/visits/") and answer.status_code == 200
    assert HealthReading.objects.count() == int(shows_answers)


@pytest.mark.parametrize("name", ["step", "move", "cancel", "decide", "revoke_links"])
@pytest.mark.parametrize("who", ["anonymous", "mia", "noor"])
def test_nobody_but_the_desk_changes_a_visit(
    name: str, who: str, people: dict[str, User | None], request_for_mia: Appointment
) -> None:
    sent = {
        "step": "arrived",
        "decision": "grant",
        "start": "2026-11-25T10:00Z",
        "sequence": request_for_mia.sequence,
    }
    key = actions.issue_visit_link(request_for_mia)
    answer = browser_of(people[who]).post(desk_url(name, request_for_mia), sent)
    assert answer.status_code == (302 if who == "anonymous" else 403)
    if who == "anonymous":
        assert answer["Location"] == "/accounts/login/"
    latest = Appointment.objects.get(pk=request_for_mia.pk)
    assert (latest.status, latest.starts_at) == ("requested", at(10))
    assert VisitLink.objects.opened_by(key).exists()


@pytest.mark.parametrize("name", ["step", "move", "cancel", "decide", "revoke_links"])
def test_a_change_from_another_site_is_refused(
    name: str, dana: User, request_for_mia: Appointment
) -> None:
    browser = browser_of(dana, enforce_csrf_checks=True)
    sent = {"decision": "grant", "sequence": request_for_mia.sequence}
    key = actions.issue_visit_link(request_for_mia)
    assert browser.post(desk_url(name, request_for_mia), sent).status_code == 403
    assert status_of(request_for_mia) == "requested"
    assert VisitLink.objects.opened_by(key).exists()


@pytest.mark.parametrize(
    "reference",
    [
        "22222222",
        "k7qf2m9d",
        "..",
        "%00",
        "K7QF2M9%00",
        "' OR 1=1 --",
        "<script>",
        "A" * 9000,
        "",
        "%F0%9F%8C%BF",
    ],
)
@pytest.mark.parametrize("place", ["/desk/appointments/", "/therapist/visits/"])
def test_a_hostile_reference_is_not_found(
    reference: str, place: str, olive: User, spa: SpaProfile
) -> None:
    assert browser_of(olive).get(f"{place}{reference}/").status_code == 404


def test_a_hold_has_no_page(
    clock: time_machine.Traveller,
    book: Callable[..., Appointment],
    mia: Therapist,
    fern: Room,
    dana: User,
) -> None:
    visit = book(at(10))
    Appointment.objects.filter(pk=visit.pk).update(
        status="held", client=None, hold_expires_at=at(12)
    )
    assert browser_of(dana).get(desk_url("appointment", visit)).status_code == 404


def test_pages_for_the_staff_stay_out_of_caches_and_search(
    dana: User, spa: SpaProfile, clock: time_machine.Traveller
) -> None:
    answer = browser_of(dana).get(reverse("bookings:desk"))
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["X-Robots-Tag"] == "noindex, nofollow"


def test_somebody_without_a_group_sees_nothing(
    spa: SpaProfile, django_user_model: type[User]
) -> None:
    browser = browser_of(django_user_model.objects.create_user("otto", password="x"))
    assert browser.get("/desk/").status_code == 403
    assert browser.get("/therapist/").status_code == 403
