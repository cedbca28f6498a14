"""Nobody empties the calendar, machines are slowed down, and people behind one address book."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test import RequestFactory
from pytest_django import Settings

from bookings import actions, limits
from bookings.models import Appointment, HealthCheck, Message, Room, Therapist
from bookings.views.guard import address_of, holder_of
from services.models import Service, ServiceOption, SpaProfile
from tests.bookings.client_pages import CLEO, DETAILS, HEALTH, TIMES, choose, hold, pass_health
from tests.bookings.conftest import NOW, at, make_check

HERE, THERE = "203.0.113.7", "198.51.100.9"
NO_VALKEY = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": "redis://127.0.0.1:1/0",
    }
}


@pytest.fixture(autouse=True)
def _the_public(settings: Settings) -> None:
    """Let everybody come by way of one proxy, as in production."""
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1


@pytest.fixture
def diary(
    clock: time_machine.Traveller, mia: Therapist, noor: Therapist, fern: Room, spa: SpaProfile
) -> SpaProfile:
    return spa


def come(address: str = HERE) -> Browser:
    """A fresh browser behind ``address``."""
    return Browser(headers={"X-Forwarded-For": f"6.6.6.6, {address}"})


def empty_the_calendar(spa: SpaProfile, option: ServiceOption, *, holder: str) -> list[Appointment]:
    """Hold every time of the next ten days that is still to be had, each as a new visitor."""
    check = make_check(option.service, NOW)
    got = []
    for day in range(1, 11):
        for hour in range(9, 17):
            try:
                got.append(
                    actions.hold_time(
                        service=option.service,
                        option=option,
                        starts_at=at(hour, days=day),
                        health_check=check,
                        spa=spa,
                        now=NOW,
                        holder=holder,
                    )
                )
            except (actions.TimeTaken, actions.TooManyHolds):
                pass
    return got


@pytest.mark.django_db
def test_one_address_cannot_empty_the_calendar(diary: SpaProfile, hour: ServiceOption) -> None:
    held = empty_the_calendar(diary, hour, holder="one address")
    assert len(held) == limits.HELD_BY_ADDRESS == 12
    of_a_day: dict[object, int] = {}
    for one in held:
        day = (one.therapist_id, one.starts_at.date())
        of_a_day[day] = of_a_day.get(day, 0) + 1
    assert max(of_a_day.values()) <= limits.HELD_OF_ONE_DAY == 3
    # The control: all these times were there to be taken.
    assert len(empty_the_calendar(diary, hour, holder="")) == 40 - 12


@pytest.mark.django_db
def test_what_is_booked_or_lapsed_no_longer_counts(diary: SpaProfile, hour: ServiceOption) -> None:
    held = empty_the_calendar(diary, hour, holder="one address")
    check = make_check(hour.service, NOW)
    details = actions.Details(name="Cleo", email="cleo@example.com", phone="+442079460001")
    booked = actions.confirm_appointment(
        hold=held[0], details=details, health_check=check, spa=diary, now=NOW
    )
    assert booked.held_by == ""
    wish: dict[str, Any] = {
        "service": hour.service,
        "option": hour,
        "spa": diary,
        "holder": "one address",
    }
    actions.hold_time(**wish, starts_at=at(9, days=11), health_check=check, now=NOW)
    with pytest.raises(actions.TooManyHolds) as refused:
        actions.hold_time(**wish, starts_at=at(9, days=12), health_check=check, now=NOW)
    assert refused.value.free_again == NOW + timedelta(minutes=10)
    later = NOW + timedelta(minutes=10)
    actions.expire_holds(now=later)
    assert set(Appointment.objects.values_list("held_by", flat=True)) == {""}
    actions.hold_time(**wish, starts_at=at(9, days=12), health_check=check, now=later)


@pytest.mark.django_db
def test_made_up_addresses_help_nobody_and_neighbours_still_book(
    diary: SpaProfile, lymph: Service, mia: Therapist
) -> None:
    for number, start in enumerate((9, 11, 13)):
        attacker = Browser(headers={"X-Forwarded-For": f"10.0.0.{number}, {HERE}"})
        hold(attacker, lymph, at(start), therapist=mia.pk)
    another = come()
    choose(another, at(15), therapist=mia.pk)
    answer = pass_health(another, lymph)
    assert answer.status_code == 429
    assert 590 <= int(answer["Retry-After"]) <= 600
    page = answer.content.decode()
    assert "In 10 minutes you can go on. Nothing is lost" in " ".join(page.split())
    assert "+44 20 7946 0018" in page
    assert re.search(r'<input type="hidden" name="none_left" value="on">', page)
    hold(come(), lymph, at(9, days=2), therapist=mia.pk)
    hold(come(THERE), lymph, at(15), therapist=mia.pk)


@pytest.mark.django_db
def test_one_visitor_holds_two_treatments_at_most(
    diary: SpaProfile, lymph: Service, massage: Service, moss: Room
) -> None:
    third = Service.objects.create(
        category=lymph.category, slug="third", name="Third", summary="Calm.", status="published"
    )
    ServiceOption.objects.create(service=third, minutes=60, price=60)
    third.therapists.set(Therapist.objects.all())
    third.rooms.set(Room.objects.all())
    visitor = come()
    first, second, last = (
        hold(visitor, service, at(start))
        for service, start in ((lymph, 9), (massage, 11), (third, 13))
    )
    states = dict(Appointment.objects.values_list("reference", "status"))
    assert states == {first: "expired", second: "held", last: "held"}


@pytest.mark.django_db(transaction=True)
def test_holds_at_once_are_counted_one_after_another(
    diary: SpaProfile, hour: ServiceOption, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HELD_BY_ADDRESS", 2)
    check = make_check(hour.service, NOW)

    def take(day: int) -> bool:
        try:
            actions.hold_time(
                service=hour.service,
                option=hour,
                starts_at=at(9, days=day),
                health_check=check,
                spa=diary,
                now=NOW,
                holder="one address",
            )
        except actions.TooManyHolds:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as together:
        taken = list(together.map(take, range(1, 7)))
    assert sum(taken) == Appointment.objects.filter(status="held").count() == 2


@pytest.mark.django_db
def test_a_visitor_who_tries_too_often_waits_and_others_do_not(diary: SpaProfile) -> None:
    visitor = come()
    # The health page gives her a session; the first posting is not counted for her alone.
    choose(visitor, at(9))
    answers = [visitor.post(TIMES, {"start": "now"}).status_code for _again in range(31)]
    assert answers == [302] * 30 + [429]
    assert come().post(TIMES, {"start": "now"}).status_code == 302


@pytest.mark.django_db
def test_an_address_that_tries_too_often_waits_and_others_do_not(diary: SpaProfile) -> None:
    assert {limits.seconds_to_wait(limits.HOLDS.by_address, of=HERE) for _again in range(150)} == {
        0
    }
    answer = come().post(TIMES, {"start": "now"})
    assert answer.status_code == 429
    assert 590 <= int(answer["Retry-After"]) <= 600
    assert come(THERE).post(TIMES, {"start": "now"}).status_code == 302
    assert come().get(TIMES).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("door", ["/visit/", "/mail/stop/", "/accounts/welcome/", "feed"])
def test_who_guesses_links_waits_and_who_has_one_does_not(
    door: str, diary: SpaProfile, book: Callable[..., Appointment]
) -> None:
    def guess(number: int, address: str = HERE) -> int:
        wrong = f"/therapist/calendar/{number}.ics" if door == "feed" else f"{door}wrong-{number}/"
        return come(address).get(wrong).status_code

    closed = 410 if door == "/accounts/welcome/" else 404
    wrong = [guess(number) for number in range(21)]
    assert wrong == [closed] * 20 + [429]
    assert guess(0, THERE) == closed
    key = actions.issue_visit_link(book(at(10)))
    assert come().get(f"/visit/{key}/").status_code == 200


@pytest.mark.django_db
def test_nobody_floods_a_stranger_with_confirmations(diary: SpaProfile, lymph: Service) -> None:
    for _again in range(limits.BOOKINGS_FOR_ADDRESS.most):
        assert limits.seconds_to_wait(limits.BOOKINGS_FOR_ADDRESS, of=CLEO["email"]) == 0
    visitor = come()
    reference = hold(visitor, lymph, at(10))
    answer = visitor.post(DETAILS, {**CLEO, "email": "CLEO@example.com", "hold": reference})
    assert answer.status_code == 429
    assert '<input type="hidden" name="phone" value="020 7946 0001">' in answer.content.decode()
    assert Message.objects.count() == 0
    mine = {**CLEO, "email": "otto@example.com", "hold": reference}
    assert visitor.post(DETAILS, mine).status_code == 302
    assert Appointment.objects.get().status == "confirmed"


@pytest.mark.django_db
def test_without_valkey_booking_goes_on_and_nobody_signs_in(
    diary: SpaProfile, lymph: Service, dana: User, settings: Settings
) -> None:
    settings.CACHES = NO_VALKEY
    visitor = come()
    reference = hold(visitor, lymph, at(10))
    assert visitor.post(DETAILS, {**CLEO, "hold": reference}).status_code == 302
    assert Appointment.objects.get().status == "confirmed"
    staff = Browser(raise_request_exception=False)
    known = {"login": dana.email, "password": "rivers-and-moss"}
    for path, sent in (("", known), ("code/", {"email": dana.email})):
        answer = staff.post(f"/accounts/login/{path}", sent)
        assert answer.status_code == 503
        assert "+44 20 7946 0018" in answer.content.decode()
    assert "_auth_user_id" not in staff.session


@pytest.mark.django_db
@pytest.mark.parametrize("path", [HEALTH, DETAILS])
def test_what_machines_fill_in_writes_nothing(path: str, diary: SpaProfile, lymph: Service) -> None:
    visitor = come()
    reference = hold(visitor, lymph, at(10))
    before = HealthCheck.objects.count()
    shown = visitor.get(path).content.decode()
    assert re.search(r'aria-hidden="true">\s*<label.*?name="extra".*?tabindex="-1"', shown, re.S)
    if path == HEALTH:
        answer = pass_health(visitor, lymph, {"extra": "http://buy.example"})
        assert answer["Location"] == DETAILS
    else:
        sent = {**CLEO, "hold": reference, "extra": "http://buy.example"}
        answer = visitor.post(DETAILS, sent)
        assert re.fullmatch(r"/visit/[\w-]{32}/", answer["Location"])
    assert HealthCheck.objects.count() == before
    assert Appointment.objects.get().status == "held"
    assert Message.objects.count() == 0


@pytest.mark.parametrize(
    ("forwarded", "counted"),
    [
        ("6.6.6.6, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:1ff:aaaa::1", "2001:db8:1:100::/56"),
        ("no address at all", "10.1.2.3"),
        ("", "10.1.2.3"),
    ],
)
def test_whom_the_limits_count(forwarded: str, counted: str, settings: Settings) -> None:
    given = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = RequestFactory(REMOTE_ADDR="10.1.2.3").get("/", headers=given)
    assert address_of(request) == counted
    assert counted not in holder_of(request)
    settings.UNLIMITED_ADDRESSES = ["203.0.113.0/24", "2001:db8::/32", "10.0.0.0/8"]
    assert (address_of(request), holder_of(request)) in [("", ""), ("10.1.2.3", holder_of(request))]
