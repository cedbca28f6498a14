"""What a client may ask of the spa: a copy, no more health answers, or nothing kept."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from bookings import actions
from bookings.actions import ClientErased, MailOnItsWay, VisitsAhead
from bookings.clients import find_clients, recent_clients
from bookings.models import (
    Appointment,
    BadAddress,
    Client,
    ClientChange,
    HealthCheck,
    HealthReading,
    MailCopy,
    Message,
    Room,
    Therapist,
    TreatmentNote,
)
from services.models import Service, ServiceOption, SpaProfile
from services.screening import Answer, Outcome, Reply
from tests.bookings.conftest import CLEO, NOW, OTTO, at, make_check
from tests.bookings.staff_pages import browser_of, words

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
# What must be found nowhere once she is erased.
HERS = ("cleo", "79460001", "zinnia", "7700900123")
AFTER = at(12, days=3)


@pytest.fixture
def by_olive(olive: User) -> actions.Actor:
    return actions.staff(olive)


@pytest.fixture
def past(
    book: Book, lymph: Service, mia: Therapist, fern: Room, olive: User, now: Any
) -> Appointment:
    """Cleo's visit of Tuesday, completed, with all that can hang on a visit."""
    visit = book(at(10), therapist=mia)
    told = Answer(Reply.YES, detail="zinnia in the answers")
    check = make_check(lymph, NOW, Outcome.ADAPT, asthma=told)
    actions.renew_health_check(
        appointment=visit, check=check, by=actions.CLIENT, now=NOW + timedelta(minutes=1)
    )
    # Her first answers, which these have replaced, were read by nobody: they are gone in a day.
    actions.purge_health_checks(now=AFTER)
    HealthCheck.objects.filter(pk=check.pk).update(review_note="zinnia of the reviewer")
    Appointment.objects.filter(pk=visit.pk).update(
        status="completed", client_note="zinnia of hers", staff_note="zinnia of the desk"
    )
    TreatmentNote.objects.create(
        appointment=visit, text="zinnia of the therapist", author=olive, updated_at=at(12)
    )
    visit.events.create(at=at(9), actor_kind="client", kind="noted", reason="zinnia")
    sent = Message.objects.filter(appointment=visit, kind="confirmation")
    sent.update(
        state="bounced", sent_to=CLEO.email, last_error="cleo is unknown", answer="zinnia-1@relay"
    )
    MailCopy.objects.create(message=sent.get(), kept_at=NOW, content={"text": "Dear Cleo, zinnia"})
    BadAddress.objects.create(address=CLEO.email, trouble="bounced", since=NOW)
    HealthReading.objects.create(appointment=visit, health_check=check, user=olive, at=at(10))
    sheet = Message.objects.create(
        therapist=mia, day=at(10).date(), kind="therapist_sheet", due_at=NOW
    )
    Message.objects.filter(pk=sheet.pk).update(state="sent")
    MailCopy.objects.create(message=sheet, kept_at=NOW, content={"text": "10:00 Cleo"})
    return Appointment.objects.get(pk=visit.pk)


@pytest.fixture
def cleos(past: Appointment, dana: User) -> Client:
    """Her record, with an older one that was merged into it and changes of both."""
    client = past.client
    assert client is not None
    by = actions.staff(dana)
    old = actions.add_client(name="Cleo H.", phone="+447700900123", note="zinnia", by=by, now=NOW)
    twin = actions.add_client(name="Cleo Twin", by=by, now=NOW)
    actions.tell_apart(one=client, other=twin, by=by, now=NOW)
    Client.objects.filter(pk=twin.pk).update(name="Somebody else")
    twin.changes.all().delete()
    actions.merge_clients(kept=client, merged=old, by=by, now=NOW)
    return Client.objects.get(pk=client.pk)


def everything() -> str:
    """All that stands in the database of the diary, decrypted."""
    found = []
    for model in apps.get_app_config("bookings").get_models():
        columns = [field.attname for field in model._meta.concrete_fields]
        found += [repr(row) for row in model._default_manager.values(*columns)]
    return "\n".join(found).lower()


# --- Erasing --------------------------------------------------------------------------------------


def test_nothing_is_left_that_tells_who_she_was(
    cleos: Client, past: Appointment, by_olive: actions.Actor
) -> None:
    assert all(mark in everything() for mark in HERS)
    actions.erase_client(client=cleos, by=by_olive, now=AFTER)
    left = everything()
    assert [mark for mark in HERS if mark in left] == []
    assert (HealthCheck.objects.count(), TreatmentNote.objects.count()) == (0, 0)


def test_the_visit_stays_for_the_reports(
    cleos: Client, past: Appointment, by_olive: actions.Actor
) -> None:
    erased = actions.erase_client(client=cleos, by=by_olive, now=AFTER)
    fresh = Appointment.objects.get(pk=past.pk)
    assert (fresh.status, fresh.price, fresh.starts_at) == ("completed", past.price, at(10))
    assert (fresh.client, erased.erased_at) == (erased, AFTER)
    assert [one.kind for one in erased.changes.all()] == ["erased"]
    # Who read her answers stays known.
    assert HealthReading.objects.filter(appointment=past).count() == 1


def test_nobody_is_erased_who_is_still_expected(
    cleos: Client, book: Book, by_olive: actions.Actor, spa: SpaProfile
) -> None:
    coming = book(at(10, days=4), details=CLEO)
    assert coming.client == cleos
    with pytest.raises(VisitsAhead):
        actions.erase_client(client=cleos, by=by_olive, now=AFTER)
    assert Client.objects.get(pk=cleos.pk).name == "Cleo"
    actions.cancel_appointment(appointment=coming, by=by_olive, spa=spa, now=AFTER, tell=False)
    actions.erase_client(client=cleos, by=by_olive, now=AFTER)
    assert not Message.objects.filter(appointment=coming, state="pending").exists()


@pytest.mark.parametrize("state", ["pending", "void"])
def test_a_mail_that_is_just_being_sent_is_waited_for(
    cleos: Client, past: Appointment, by_olive: actions.Actor, state: str
) -> None:
    Message.objects.filter(appointment=past, kind="confirmation").update(
        state=state, claimed_until=AFTER + timedelta(minutes=1)
    )
    with pytest.raises(MailOnItsWay):
        actions.erase_client(client=cleos, by=by_olive, now=AFTER)
    later = AFTER + timedelta(minutes=2)
    actions.erase_client(client=cleos, by=by_olive, now=later)
    assert not Message.objects.filter(state="pending").exists()


def test_an_address_of_somebody_else_stays_in_trouble(
    cleos: Client, by_olive: actions.Actor
) -> None:
    Client.objects.create(name="Otto", email=CLEO.email.upper())
    actions.erase_client(client=cleos, by=by_olive, now=AFTER)
    assert BadAddress.objects.count() == 1


def test_an_erased_client_is_found_by_nobody_and_comes_back_as_a_new_one(
    cleos: Client, by_olive: actions.Actor, book: Book
) -> None:
    actions.erase_client(client=cleos, by=by_olive, now=AFTER)
    assert find_clients("erased client") == []
    assert find_clients("cleo") == []
    assert recent_clients(now=AFTER) == []
    again = book(at(10, days=7), details=CLEO, when=AFTER)
    assert again.client != cleos
    assert again.client is not None
    assert again.client.name == "Cleo"


def test_nothing_more_can_be_done_with_an_erased_record(
    cleos: Client, by_olive: actions.Actor, past: Appointment
) -> None:
    actions.erase_client(client=cleos, by=by_olive, now=AFTER)
    other = Client.objects.create(name="Otto")
    with pytest.raises(ClientErased):
        actions.erase_client(client=cleos, by=by_olive, now=AFTER)
    with pytest.raises(ClientErased):
        actions.change_client(client=cleos, seen=None, name="Cleo", by=by_olive, now=AFTER)
    with pytest.raises(ClientErased):
        actions.withdraw_health_consent(client=cleos, by=by_olive, now=AFTER)
    with pytest.raises(actions.CannotMerge) as refused:
        actions.merge_clients(kept=other, merged=cleos, by=by_olive, now=AFTER)
    assert "has been erased" in refused.value.message


def test_answers_that_were_replaced_go_too_where_somebody_has_read_them(
    cleos: Client, past: Appointment, by_olive: actions.Actor, olive: User, lymph: Service
) -> None:
    former = make_check(lymph, AFTER)
    HealthReading.objects.create(appointment=past, health_check=former, user=olive, at=AFTER)
    actions.withdraw_health_consent(client=cleos, by=by_olive, now=AFTER)
    assert HealthCheck.objects.count() == 0


def test_the_desk_is_told_that_the_record_was_just_erased(
    cleos: Client, past: Appointment, by_olive: actions.Actor, mia: Therapist, fern: Room,
    hour: ServiceOption, lymph: Service, spa: SpaProfile,
) -> None:  # fmt: skip
    actions.erase_client(client=cleos, by=by_olive, now=AFTER)
    with pytest.raises(ClientErased):
        actions.book_at_desk(
            client=cleos,
            service=lymph,
            option=hour,
            starts_at=at(10, days=7),
            therapist=mia,
            health_check=make_check(lymph, AFTER),
            by=by_olive,
            spa=spa,
            now=AFTER,
        )


def test_no_visit_of_an_erased_client_comes_back(
    cleos: Client, book: Book, by_olive: actions.Actor, spa: SpaProfile
) -> None:
    coming = book(at(10, days=4), details=CLEO)
    off = actions.cancel_appointment(
        appointment=coming, by=by_olive, spa=spa, now=AFTER, tell=False
    )
    assert actions.can_undo(off)
    actions.erase_client(client=cleos, by=by_olive, now=AFTER)
    with pytest.raises(actions.ChangedMeanwhile):
        actions.undo_change(appointment=off, by=by_olive, spa=spa, now=AFTER)
    fresh = Appointment.objects.get(pk=coming.pk)
    assert not actions.can_undo(fresh)
    with pytest.raises(actions.NoLongerPossible):
        actions.undo_change(appointment=fresh, by=by_olive, spa=spa, now=AFTER)
    assert Appointment.objects.get(pk=coming.pk).status == "cancelled"


def test_nothing_more_is_written_to_a_visit_of_an_erased_client(
    cleos: Client, past: Appointment, mia: Therapist, by_olive: actions.Actor, spa: SpaProfile
) -> None:
    erased = actions.erase_client(client=cleos, by=by_olive, now=AFTER)
    fresh = Appointment.objects.get(pk=past.pk)
    Therapist.objects.filter(pk=mia.pk).update(user=by_olive.user)
    with pytest.raises(ClientErased):
        actions.write_treatment_note(
            appointment=fresh, text="Cleo", seen=None, by=by_olive, now=AFTER
        )
    with pytest.raises(ClientErased):
        actions.note_on_appointment(appointment=fresh, note="Cleo", by=by_olive, now=AFTER)
    with pytest.raises(ClientErased):
        actions.mark_expected(appointment=fresh, by=by_olive, spa=spa, now=AFTER)
    assert "cleo" not in everything()
    assert erased.erased_at == AFTER


# --- No more health answers -----------------------------------------------------------------------


def test_all_her_answers_are_deleted_and_coming_visits_are_open(
    cleos: Client, past: Appointment, book: Book, by_olive: actions.Actor
) -> None:
    coming = book(at(10, days=4), details=CLEO)
    stranger = book(at(14, days=4), details=OTTO)
    deleted = actions.withdraw_health_consent(client=cleos, by=by_olive, now=AFTER)
    assert deleted == 2
    fresh = Appointment.objects.get(pk=coming.pk)
    assert (fresh.health_check, fresh.status) == (None, "confirmed")
    assert fresh.sequence == coming.sequence + 1
    assert fresh.events.latest("pk").kind == "health_consent_withdrawn"
    assert Appointment.objects.get(pk=past.pk).health_check is None
    assert "zinnia in the answers" not in everything()
    assert list(HealthCheck.objects.values_list("appointments", flat=True)) == [stranger.pk]
    assert cleos.changes.latest("pk").kind == "forgot"
    # The notes of the therapist are hers to keep.
    assert TreatmentNote.objects.count() == 1


# --- The pages of owners --------------------------------------------------------------------------


@pytest.fixture
def owner(olive: User, clock: time_machine.Traveller) -> Browser:
    clock.move_to(AFTER)
    return browser_of(olive)


def url(name: str, client: Client) -> str:
    return reverse(f"bookings:desk_client_{name}", args=[client.pk])


def test_the_record_leads_owners_there_and_nobody_else(
    owner: Browser, dana: User, cleos: Client
) -> None:
    record = reverse("bookings:desk_client", args=[cleos.pk])
    assert url("rights", cleos) in owner.get(record).content.decode()
    desk = browser_of(dana)
    assert url("rights", cleos) not in desk.get(record).content.decode()
    for name in ("copy", "forget", "erase"):
        assert desk.post(url(name, cleos), {"typed": "Cleo"}).status_code == 403
    assert Client.objects.get(pk=cleos.pk).erased_at is None


def test_the_copy_holds_all_and_says_who_has_seen_it(
    owner: Browser, cleos: Client, past: Appointment, olive: User
) -> None:
    page = words(owner.post(url("copy", cleos)))
    for told in (
        "cleo@example.com",
        "zinnia in the answers",
        "zinnia of hers",
        "zinnia of the desk",
        "zinnia of the therapist",
        "zinnia of the reviewer",
        "Cleo H.",
        past.reference,
    ):
        assert told in page
    assert HealthReading.objects.filter(user=olive, at__gte=AFTER).count() == 1
    assert cleos.changes.latest("pk").kind == "copied"
    # It tells of this reading too.
    assert "Copied for the client" in page


def test_the_copy_takes_as_many_queries_for_many_visits(
    owner: Browser, cleos: Client, book: Book, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(23):
        owner.post(url("copy", cleos))
    for day in (7, 8, 9):
        book(at(10, days=day), details=CLEO)
    with django_assert_num_queries(23):
        owner.post(url("copy", cleos))


def test_the_name_has_to_be_typed(owner: Browser, cleos: Client) -> None:
    for typed in ("", "Otto", "\x00", "C" * 300, "<b>Cleo</b>"):
        page = owner.post(url("erase", cleos), {"typed": typed})
        assert page.status_code == 200
        assert page.context["form"].errors["typed"]
    assert Client.objects.get(pk=cleos.pk).name == "Cleo"
    answer = owner.post(url("erase", cleos), {"typed": "  cleo "}, follow=True)
    assert "The client is erased." in words(answer)
    assert "nothing tells whose they are" in words(answer)
    assert url("rights", cleos) not in answer.content.decode()
    for name in ("rights", "edit", "merge"):
        assert owner.get(url(name, cleos), follow=True).status_code == 200
    for name in ("copy", "forget", "erase"):
        assert owner.post(url(name, cleos), {"typed": "x"}, follow=True).status_code == 200
    assert ClientChange.objects.filter(client=cleos).count() == 1


def test_visits_to_come_are_named_and_nothing_is_lost(
    owner: Browser, cleos: Client, book: Book
) -> None:
    book(at(10, days=4), details=CLEO)
    page = words(owner.post(url("erase", cleos), {"typed": "Cleo"}))
    assert "One visit is still to come or not finished." in page
    assert Client.objects.get(pk=cleos.pk).name == "Cleo"


def test_health_answers_are_deleted_on_the_page(owner: Browser, cleos: Client) -> None:
    assert "Delete the health answers" in words(owner.get(url("rights", cleos)))
    answer = owner.post(url("forget", cleos), follow=True)
    assert "Cleo: one health check is deleted." in words(answer)
    assert "No health answers are kept." in words(owner.get(url("rights", cleos)))
    answer = owner.post(url("forget", cleos), follow=True)
    assert "Cleo: no health answers are kept." in words(answer)
