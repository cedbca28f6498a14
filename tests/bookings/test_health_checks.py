"""Health answers: what is kept, how it stands in the database, and for how long."""

import hashlib
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.contrib.auth.models import User
from django.db import connection
from pytest_django import Settings

from bookings import actions
from bookings.models import Appointment, HealthCheck, HealthReading, Room, Therapist
from bookings.queries import rules_for
from services.models import Service, SpaProfile
from services.screening import Answer, Outcome, Reply, Verdict, screen
from tests.bookings.conftest import CLEO, NOW, at, make_check

pytestmark = pytest.mark.django_db

SECRET = "A clot in the left calf, 2019"


@pytest.fixture
def told(lymph: Service, spa: SpaProfile) -> HealthCheck:
    """A check in which Cleo told of her asthma."""
    rules = rules_for(lymph)
    answers = {rule.slug: Answer(Reply.NO) for rule in rules}
    answers["asthma"] = Answer(Reply.YES, detail=SECRET)
    return actions.record_health_check(
        service=lymph,
        answers=answers,
        verdict=screen(answers=answers, rules=rules),
        rules=rules,
        spa=spa,
        now=NOW,
    )


def columns(table: str) -> str:
    """Everything that stands in a table, as a thief of the disk would read it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT t::text FROM {table} t")
        return "\n".join(row[0] for row in cursor.fetchall())


def test_a_check_keeps_answers_verdict_and_versions(told: HealthCheck, lymph: Service) -> None:
    kept = HealthCheck.objects.get()
    assert kept.outcome == "adapt"
    assert kept.answers["asthma"] == {"reply": "yes", "follow_up": None, "detail": SECRET}
    assert kept.answers["fever"] == {"reply": "no", "follow_up": None, "detail": ""}
    assert [(one["slug"], one["severity"], one["areas"]) for one in kept.findings] == [
        ("asthma", "adapt", ["neck"])
    ]
    assert (kept.given_at, kept.affirmed_at) == (NOW, NOW)
    words = "We keep your answers encrypted."
    assert kept.consent_version == hashlib.sha256(words.encode()).hexdigest()[:16]
    assert (kept.service, kept.review) == (lymph, "")


@pytest.mark.parametrize("outcome", [Outcome.STOP, Outcome.URGENT])
def test_stop_and_urgent_are_never_stored(
    outcome: Outcome, lymph: Service, spa: SpaProfile
) -> None:
    with pytest.raises(actions.HealthCheckNeeded):
        actions.record_health_check(
            service=lymph,
            answers={"fever": Answer(Reply.YES)},
            verdict=Verdict(outcome),
            rules=rules_for(lymph),
            spa=spa,
            now=NOW,
        )
    assert HealthCheck.objects.count() == 0


def test_the_database_shows_nothing_of_what_was_told(
    told: HealthCheck,
    mia: Therapist,
    fern: Room,
    lymph: Service,
    spa: SpaProfile,
    dana: User,
) -> None:
    hold = actions.hold_time(
        service=lymph,
        option=lymph.options.get(),
        starts_at=at(10),
        health_check=told,
        spa=spa,
        now=NOW,
    )
    visit = actions.confirm_appointment(
        hold=hold,
        details=actions.Details(CLEO.name, CLEO.email, CLEO.phone, note="Bring my inhaler"),
        health_check=told,
        spa=spa,
        now=NOW,
    )
    request = Appointment.objects.get(pk=visit.pk)
    Appointment.objects.filter(pk=visit.pk).update(status="requested")
    request.refresh_from_db()
    actions.decide_request(
        appointment=request,
        granted=True,
        by=actions.staff(dana),
        spa=spa,
        now=NOW,
        note="Letter from the lung clinic",
    )
    stands = "".join(
        columns(f"bookings_{table}")
        for table in ("healthcheck", "appointment", "event", "message", "client")
    )
    assert "2026-11" in stands
    for secret in (SECRET, "clot", "asthma", "inhaler", "lung clinic", '"reply"', "neck"):
        assert secret not in stands
    kept = HealthCheck.objects.get()
    assert (kept.review_note, kept.answers["asthma"]["detail"]) == (
        "Letter from the lung clinic",
        SECRET,
    )
    assert Appointment.objects.get().client_note == "Bring my inhaler"


def test_the_same_words_stand_differently_each_time(lymph: Service) -> None:
    make_check(lymph, NOW)
    make_check(lymph, NOW)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT answers) FROM bookings_healthcheck")
        assert cursor.fetchone() == (2,)


def test_another_key_reads_nothing(told: HealthCheck, settings: Settings) -> None:
    settings.HEALTH_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(InvalidToken):
        HealthCheck.objects.get()


def test_an_altered_column_is_not_read(told: HealthCheck) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE bookings_healthcheck SET answers = '{}'")
    with pytest.raises(InvalidToken):
        HealthCheck.objects.get()


def test_a_new_first_key_encrypts_and_the_old_one_still_reads(
    told: HealthCheck, lymph: Service, settings: Settings
) -> None:
    new = Fernet.generate_key().decode()
    settings.HEALTH_KEYS = [new, *settings.HEALTH_KEYS]
    assert HealthCheck.objects.get().answers["asthma"]["detail"] == SECRET
    fresh = make_check(lymph, NOW)
    settings.HEALTH_KEYS = [new]
    assert HealthCheck.objects.get(pk=fresh.pk).answers["fever"]["reply"] == "no"


def test_each_reading_is_logged(
    book: Callable[..., Appointment], mia: Therapist, fern: Room, olive: User
) -> None:
    visit = book(at(10, days=4))
    check = visit.health_check
    assert check is not None
    assert actions.read_health_check(appointment=visit, user=olive, now=NOW) == check
    actions.read_health_check(appointment=visit, user=olive, now=NOW + timedelta(minutes=1))
    assert list(HealthReading.objects.values_list("health_check", "user", "at")) == [
        (check.pk, olive.pk, NOW + timedelta(minutes=1)),
        (check.pk, olive.pk, NOW),
    ]


def test_who_read_answers_is_known_after_they_are_given_anew_and_forgotten(
    book: Callable[..., Appointment], mia: Therapist, fern: Room, lymph: Service, olive: User
) -> None:
    visit = book(at(10, days=4))
    actions.read_health_check(appointment=visit, user=olive, now=NOW)
    later = NOW + timedelta(days=2)
    anew = make_check(lymph, later)
    actions.renew_health_check(appointment=visit, check=anew, by=actions.CLIENT, now=later)
    assert actions.purge_health_checks(now=later) == 1
    reading = visit.health_readings.get()
    assert (reading.user, reading.at, reading.health_check_id) == (olive, NOW, None)


def test_a_time_is_not_held_for_a_check_that_is_forgotten(
    told: HealthCheck, spa: SpaProfile, lymph: Service, mia: Therapist, fern: Room
) -> None:
    HealthCheck.objects.filter(pk=told.pk).delete()
    with pytest.raises(actions.HealthCheckNeeded):
        actions.hold_time(
            service=lymph,
            option=lymph.options.get(),
            starts_at=at(10),
            health_check=told,
            spa=spa,
            now=NOW,
        )
    assert not Appointment.objects.exists()


def test_a_check_that_no_booking_took_up_is_forgotten_after_a_day(
    told: HealthCheck,
    book: Callable[..., Appointment],
    mia: Therapist,
    fern: Room,
) -> None:
    visit = book(at(10, days=4))
    assert actions.purge_health_checks(now=NOW + timedelta(hours=24)) == 0
    assert actions.purge_health_checks(now=NOW + timedelta(hours=24, seconds=1)) == 1
    assert list(HealthCheck.objects.all()) == [visit.health_check]


def test_a_discarded_check_is_gone_and_one_in_use_is_kept(
    told: HealthCheck, book: Callable[..., Appointment], mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    assert visit.health_check is not None
    actions.discard_health_check(told)
    actions.discard_health_check(told)
    actions.discard_health_check(visit.health_check)
    assert list(HealthCheck.objects.all()) == [visit.health_check]


def test_a_visit_without_a_check_has_nothing_to_affirm(
    book: Callable[..., Appointment], mia: Therapist, fern: Room, lymph: Service
) -> None:
    visit = book(at(10, days=4))
    visit.health_check = None
    with pytest.raises(actions.HealthCheckNeeded):
        actions.affirm_health_check(
            appointment=visit, rules=rules_for(lymph), by=actions.CLIENT, now=NOW
        )
