"""The details, the booking itself, and everything that can come between."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import OperationalError
from django.test import Client as Browser

from bookings import actions
from bookings.models import Appointment, Client, HealthCheck, Message, Room, Therapist, VisitLink
from bookings.models.fields import ring
from bookings.views.journey import KEY
from services.models import Contraindication, Service, ServiceOption
from tests.bookings.client_pages import (
    CLEO,
    DETAILS,
    HEALTH,
    TIMES,
    choose,
    hold,
    pass_health,
    words,
)
from tests.bookings.conftest import NOW, OTTO, at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "mia", "fern")]


CHECK_THE_NUMBER = (
    "Please check the number. From another country, start with + and the country code."
)


def booked() -> Appointment:
    return Appointment.objects.booked().get()


def test_a_client_books_and_lands_on_her_visit(client: Browser, lymph: Service) -> None:
    reference = hold(client, lymph, at(10))
    answer = client.post(DETAILS, {**CLEO, "hold": reference, "note": "By train 🚆"})
    visit = booked()
    assert (visit.reference, visit.status, visit.client_note) == (
        reference,
        "confirmed",
        "By train 🚆",
    )
    person = Client.objects.get(appointments=visit)
    assert (person.name, person.email, str(person.phone)) == (
        "Cleo",
        "cleo@example.com",
        "+442079460001",
    )
    assert HealthCheck.objects.get(appointments=visit).outcome == "clear"
    assert sorted(visit.messages.values_list("kind", flat=True)) == ["confirmation", "reminder"]
    text = words(client.get(answer["Location"]))
    assert VisitLink.objects.opened_by(answer["Location"].split("/")[2]).get().appointment == visit
    assert 'Tuesday 24&nbsp;November, <span class="nowrap">10:00 – 11:00</span> with Mia' in text


def test_the_page_says_what_when_with_whom_and_until_when(client: Browser, lymph: Service) -> None:
    hold(client, lymph, at(10))
    text = words(client.get(DETAILS))
    for part in [
        'Tuesday 24&nbsp;November, <span class="nowrap">10:00 – 11:00</span>',
        "Lymphatic drainage massage, 60 minutes, £75",
        "Mia",
        "We keep this time for you until 08:10.",
        "Book Tuesday 24 November, 10:00",
        "You pay £75 at the spa.",
    ]:
        assert part in text
    assert "Fern" not in text


def test_a_clearance_asks_for_a_note_and_books_a_request(client: Browser, lymph: Service) -> None:
    Contraindication.objects.filter(slug="heart-disease").update(
        advice="Bring a note from your heart clinic."
    )
    choose(client, at(10))
    pass_health(client, lymph, {"tick-heart-disease": "on"})
    page = client.get(DETAILS)
    text = words(page)
    assert "You are asking for this time" in text
    assert "<dt>Heart disease</dt><dd>Bring a note from your heart clinic.</dd>" in text
    assert "Ask for Tuesday 24 November, 10:00" in text
    client.post(DETAILS, {**CLEO, "hold": page.context["hold"].reference})
    assert booked().status == "requested"


def test_an_adapted_session_names_what_is_left_out(client: Browser, lymph: Service) -> None:
    choose(client, at(10))
    pass_health(client, lymph, {"tick-asthma": "on"})
    assert "She or he leaves out: neck." in words(client.get(DETAILS))


def test_the_advice_on_all_that_adapts_or_needs_a_note_reaches_the_client(
    client: Browser, lymph: Service
) -> None:
    for slug, advice in [
        ("heart-disease", "Bring a note."),
        ("asthma", "Bring your inhaler."),
        ("over-60", "Nothing to do."),
    ]:
        Contraindication.objects.filter(slug=slug).update(advice=advice)
    choose(client, at(10))
    pass_health(
        client, lymph, {f"tick-{slug}": "on" for slug in ("heart-disease", "asthma", "over-60")}
    )
    page = client.get(DETAILS)
    text = words(page)
    shown = re.findall("<dt>([^<]+)</dt><dd>([^<]+)</dd>", text)
    assert shown == [("Heart disease", "Bring a note."), ("Asthma", "Bring your inhaler.")]
    answer = client.post(DETAILS, {**CLEO, "hold": page.context["hold"].reference})
    visit = words(client.get(answer["Location"]))
    assert ("Bring a note." in visit, "Bring your inhaler." in visit) == (False, False)


def test_a_clear_check_brings_no_advice(client: Browser, lymph: Service) -> None:
    choose(client, at(10))
    pass_health(client, lymph, {"tick-over-60": "on"})
    text = words(client.get(DETAILS))
    assert ("advice-list" in text, "adapts the session" in text) == (False, False)


def test_without_a_held_time_the_details_lead_to_the_times(client: Browser, lymph: Service) -> None:
    assert client.get(DETAILS)["Location"] == TIMES
    assert "Please choose a time first." in words(client.get(TIMES))
    pass_health(client, lymph)
    assert client.post(DETAILS, CLEO)["Location"] == TIMES
    assert not Appointment.objects.exists()


def test_no_browser_keeps_the_details(client: Browser, lymph: Service) -> None:
    hold(client, lymph, at(10))
    assert client.get(DETAILS)["Cache-Control"] == "private, no-store"


def test_a_second_tap_and_the_back_button_lead_to_the_visit(
    client: Browser, lymph: Service
) -> None:
    reference = hold(client, lymph, at(10))
    answers = [client.post(DETAILS, {**CLEO, "hold": reference}) for _tap in range(2)]
    answers.append(client.get(DETAILS))
    assert [client.get(answer["Location"]).context["visit"].reference for answer in answers] == [
        reference
    ] * 3
    assert Appointment.objects.count() == 1
    assert Message.objects.filter(kind="confirmation").count() == 1


def test_who_sends_again_what_was_booked_without_an_answer_lands_on_her_visit(
    client: Browser, lymph: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away when the visit is booked, and she has no key to it yet."""

    def away(_visit: Appointment) -> str:
        raise OperationalError

    reference = hold(client, lymph, at(10))
    client.raise_request_exception = False
    with monkeypatch.context() as fault:
        fault.setattr("bookings.views.client.issue_visit_link", away)
        assert client.post(DETAILS, {**CLEO, "hold": reference}).status_code == 503
    again = client.post(DETAILS, {**CLEO, "hold": reference})
    assert client.get(again["Location"]).context["visit"] == booked()
    assert client.get(DETAILS)["Location"] == again["Location"]
    assert Message.objects.filter(kind="confirmation").count() == 1


def test_what_was_typed_is_forgotten_once_it_is_booked(client: Browser, lymph: Service) -> None:
    reference = hold(client, lymph, at(10))
    client.post(DETAILS, {**CLEO, "email": "cleo@", "hold": reference})
    client.post(DETAILS, {**CLEO, "hold": reference})
    [kept] = client.session[KEY].values()
    sealed = kept.pop("typed")
    assert kept == {
        "start": "",
        "option": 0,
        "therapist": 0,
        "check": 0,
        "hold": booked().pk,
        "returning": 0,
    }
    assert list(json.loads(ring().decrypt(sealed.encode()))) == ["visit"]


def test_coming_back_makes_no_new_keys_and_a_revoked_key_stays_revoked(
    client: Browser, lymph: Service
) -> None:
    reference = hold(client, lymph, at(10))
    first = client.post(DETAILS, {**CLEO, "hold": reference})["Location"]
    assert client.get(DETAILS)["Location"] == first
    assert VisitLink.objects.count() == 1
    actions.revoke_visit_links(appointment=booked(), by=actions.SYSTEM, now=NOW)
    assert client.get(client.get(DETAILS)["Location"]).status_code == 404
    assert client.session.get_expiry_age() <= 30 * 60


def test_what_was_typed_stands_in_the_session_encrypted(client: Browser, lymph: Service) -> None:
    reference = hold(client, lymph, at(10))
    client.post(DETAILS, {**CLEO, "note": "Angina", "email": "cleo@", "hold": reference})
    assert "Cleo" not in str(client.session.items())
    assert "Angina" not in str(client.session.items())
    assert client.get(DETAILS).context["form"].initial["note"] == "Angina"


def test_a_second_booking_asks_for_a_new_check(client: Browser, lymph: Service) -> None:
    reference = hold(client, lymph, at(10))
    client.post(DETAILS, {**CLEO, "hold": reference})
    assert choose(client, at(14)).url == HEALTH
    assert pass_health(client, lymph).url == DETAILS
    second = client.get(DETAILS).context["hold"]
    client.post(DETAILS, {**CLEO, "hold": second.reference})
    assert [one.starts_at for one in Appointment.objects.booked()] == [at(10), at(14)]


def test_a_lapsed_hold_whose_time_is_free_is_still_booked(client: Browser, lymph: Service) -> None:
    reference = hold(client, lymph, at(10))
    with time_machine.travel(NOW + timedelta(minutes=40)):
        actions.expire_holds(now=NOW + timedelta(minutes=40))
        assert "We no longer keep this time for you" in words(client.get(DETAILS))
        client.post(DETAILS, {**CLEO, "hold": reference})
    assert (booked().reference, booked().status) == (reference, "confirmed")


def test_a_lapsed_hold_that_somebody_else_took_shows_the_nearest_and_keeps_what_was_typed(
    client: Browser, lymph: Service, book: Callable[..., Appointment]
) -> None:
    reference = hold(client, lymph, at(10))
    with time_machine.travel(NOW + timedelta(minutes=11)):
        book(at(10), details=OTTO, when=NOW + timedelta(minutes=11))
        answer = client.post(DETAILS, {**CLEO, "note": "By train", "hold": reference})
        page = client.get(answer["Location"])
        assert "That time has just been taken. These are the nearest free times." in words(page)
        nearest = [one.starts_at for one in page.context["gone"].nearest]
        assert nearest == [at(11, 15), at(11, 30), at(11, 45)]
        assert choose(client, nearest[0]).url == DETAILS
        form = client.get(DETAILS).context["form"]
    assert [form.initial[name] for name in ("name", "email", "phone", "note")] == [
        "Cleo",
        "cleo@example.com",
        "020 7946 0001",
        "By train",
    ]
    assert Client.objects.get(appointments=booked()).name == "Otto"


def test_a_check_that_grew_old_while_she_typed_is_asked_again_and_nothing_is_lost(
    client: Browser, lymph: Service
) -> None:
    reference = hold(client, lymph, at(10))
    HealthCheck.objects.update(given_at=at(5, 59, days=0))
    assert client.post(DETAILS, {**CLEO, "hold": reference})["Location"] == HEALTH
    assert not Appointment.objects.booked().exists()
    assert pass_health(client, lymph).url == DETAILS
    page = client.get(DETAILS)
    assert page.context["form"].initial["name"] == "Cleo"
    client.post(DETAILS, {**CLEO, "hold": page.context["hold"].reference})
    assert booked().starts_at == at(10)


def test_a_stop_after_a_pass_cannot_be_booked_with_the_old_hold(
    client: Browser, lymph: Service
) -> None:
    reference = hold(client, lymph, at(10))
    pass_health(client, lymph, {"tick-fever": "on"})
    assert client.post(DETAILS, {**CLEO, "hold": reference})["Location"] == TIMES
    assert not Appointment.objects.booked().exists()


def test_two_tabs_cannot_book_the_wrong_time(client: Browser, lymph: Service) -> None:
    first = hold(client, lymph, at(10))
    choose(client, at(14))
    answer = client.post(DETAILS, {**CLEO, "hold": first}, follow=True)
    assert "You have chosen another time in the meantime." in words(answer)
    assert answer.context["hold"].starts_at == at(14)
    assert answer.context["form"].initial["name"] == "Cleo"
    assert not Appointment.objects.booked().exists()
    assert Appointment.objects.get(reference=first).status == "expired"


def test_her_own_hold_is_not_in_her_way(client: Browser, lymph: Service) -> None:
    first = hold(client, lymph, at(10))
    page = client.get(TIMES, {"date": "2026-11-24"})
    shown = [one.starts_at for part in page.context["times"].parts for one in part.times]
    assert shown[3:6] == [at(9, 45), at(10), at(10, 15)]
    assert choose(client, at(10, 15)).url == DETAILS
    assert Appointment.objects.get(reference=first).status == "expired"
    others = Browser().get(TIMES, {"date": "2026-11-24"})
    shown = [one.starts_at for part in others.context["times"].parts for one in part.times]
    assert shown[:2] == [at(9), at(11, 30)]


def test_two_tabs_with_two_treatments_do_not_meet(
    client: Browser, lymph: Service, massage: Service, moss: Room, noor: Therapist
) -> None:
    first = hold(client, lymph, at(10))
    second = hold(client, massage, at(14))
    client.post(DETAILS, {**CLEO, "hold": first})
    client.post(f"/book/{massage.slug}/details/", {**CLEO, "hold": second})
    assert [one.service for one in Appointment.objects.booked()] == [lymph, massage]


@pytest.mark.parametrize("reference", ["", "XXXXXXXX", "\x00", "9" * 10_000])
def test_a_foreign_hold_is_never_booked(client: Browser, lymph: Service, reference: str) -> None:
    foreign = hold(Browser(), lymph, at(14))
    hold(client, lymph, at(10))
    for sent in (reference, foreign):
        assert client.post(DETAILS, {**CLEO, "hold": sent})["Location"] == DETAILS
    assert not Appointment.objects.booked().exists()


def test_a_deactivated_therapist_is_not_booked(
    client: Browser, lymph: Service, mia: Therapist, noor: Therapist
) -> None:
    reference = hold(client, lymph, at(10), therapist=mia.pk)
    Therapist.objects.filter(pk=mia.pk).update(active=False)
    answer = client.post(DETAILS, {**CLEO, "hold": reference}, follow=True)
    assert "That therapist cannot be booked for this." in words(answer)
    assert not Appointment.objects.booked().exists()
    assert choose(client, at(10)).url == DETAILS
    assert client.get(DETAILS).context["hold"].therapist == noor


def test_a_treatment_taken_off_the_menu_is_not_booked(client: Browser, lymph: Service) -> None:
    reference = hold(client, lymph, at(10))
    Service.objects.update(status=Service.Status.DRAFT)
    assert client.post(DETAILS, {**CLEO, "hold": reference}).status_code == 404
    assert not Appointment.objects.booked().exists()


def test_a_length_no_longer_offered_is_not_booked(
    client: Browser, lymph: Service, hour: ServiceOption
) -> None:
    reference = hold(client, lymph, at(10))
    ServiceOption.objects.create(service=lymph, minutes=90, price=100)
    ServiceOption.objects.filter(pk=hour.pk).update(active=False)
    answer = client.post(DETAILS, {**CLEO, "hold": reference}, follow=True)
    assert "That length is not on offer." in words(answer)
    assert not Appointment.objects.booked().exists()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("name", "", "Please tell us your name."),
        ("name", " \n\t\x00 ", "Please tell us your name."),
        ("name", "x" * 10_000, "That name is longer than we can keep."),
        ("email", "", "Please tell us your e-mail address."),
        ("email", "cleo@", "That e-mail address is not complete."),
        (
            "email",
            "cleo@example.com\nBcc: otto@example.com",
            "That e-mail address is not complete.",
        ),
        ("email", "cleo\x00@example.com", "That e-mail address is not complete."),
        ("email", f"{'x' * 10_000}@example.com", "That e-mail address is"),
        ("phone", "", "Please tell us a phone number."),
        ("phone", "12", CHECK_THE_NUMBER),
        ("phone", "7946 0001", CHECK_THE_NUMBER),
        ("phone", "07700 900 1234", CHECK_THE_NUMBER),
        ("phone", "07700 90012", CHECK_THE_NUMBER),
        ("phone", "07700 900", CHECK_THE_NUMBER),
        ("phone", "020 7946 000", CHECK_THE_NUMBER),
        ("phone", "020 call me", CHECK_THE_NUMBER),
        ("phone", "0800 FLOWERS", CHECK_THE_NUMBER),
        ("phone", "+999 20 7946 0001", CHECK_THE_NUMBER),
        ("phone", "0" * 10_000, CHECK_THE_NUMBER),
        ("phone", "☎️", CHECK_THE_NUMBER),
        ("phone", "\x00", CHECK_THE_NUMBER),
        ("note", "x" * 1001, "Please keep the note under 1000 characters."),
        ("consent", "", "Please agree with the booking policy."),
    ],
)
def test_what_cannot_be_is_explained_at_its_field(
    client: Browser, lymph: Service, name: str, value: str, message: str
) -> None:
    reference = hold(client, lymph, at(10))
    sent = {key: text for key, text in {**CLEO, name: value, "hold": reference}.items() if text}
    page = client.post(DETAILS, sent)
    [shown] = page.context["form"].errors[name]
    assert shown.startswith(message)
    text = words(page)
    assert "<title>Error: Your details" in text
    assert f'href="#id_{name}"' in text
    assert not Appointment.objects.booked().exists()


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Cleo   Adeyemi ", "Cleo Adeyemi"),
        ("Cleo\r\nBcc: otto@example.com", "Cleo Bcc: otto@example.com"),
        ("كليو الأديمي", "كليو الأديمي"),
        ("קלאו\u202e<script>", "קלאו <script>"),
        ("Cleo 🌿", "Cleo 🌿"),
        ("Cle\x00o", "Cle o"),
    ],
)
def test_every_name_is_kept_on_one_line(
    client: Browser, lymph: Service, typed: str, kept: str
) -> None:
    reference = hold(client, lymph, at(10))
    answer = client.post(DETAILS, {**CLEO, "name": typed, "hold": reference})
    assert Client.objects.get().name == kept
    assert (
        "<script>" not in words(client.get(answer["Location"])).split("<main")[1].split("</main")[0]
    )


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("020 7946 0001", "+442079460001"),
        ("+1 212-555-2368", "+12125552368"),
        ("0049 30 901820", "+4930901820"),
        ("07700 900123", "+447700900123"),
        ("+44 (0)7700 900123", "+447700900123"),
        ("+1 (555) 555-0123", "+15555550123"),
    ],
)
def test_phones_of_any_country_are_understood(
    client: Browser, lymph: Service, typed: str, kept: str
) -> None:
    reference = hold(client, lymph, at(10))
    client.post(DETAILS, {**CLEO, "phone": typed, "hold": reference})
    person = Client.objects.get()
    person.full_clean()
    assert str(person.phone) == kept


def test_a_client_is_known_again_by_a_number_newer_than_the_lists(
    client: Browser, lymph: Service
) -> None:
    for hour, typed in [(10, "07700 900123"), (14, "+44 7700 900123")]:
        reference = hold(client, lymph, at(hour))
        client.post(DETAILS, {**CLEO, "phone": typed, "hold": reference})
    assert Client.objects.get().appointments.count() == 2


@pytest.mark.parametrize("typed", ["020 call me", "07700 900", "+44 20 7946 000"])
def test_a_refused_number_stays_as_it_was_typed(
    client: Browser, lymph: Service, typed: str
) -> None:
    reference = hold(client, lymph, at(10))
    page = client.post(DETAILS, {**CLEO, "phone": typed, "hold": reference})
    assert f'name="phone" value="{typed}"' in words(page)


@pytest.mark.parametrize("number", ["12", "7946 0001", "nobody"])
def test_no_client_is_kept_with_a_number_that_cannot_be_dialled(number: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Client(name="Cleo", phone=number).full_clean()
    assert refused.value.message_dict == {"phone": ["Please check the number."]}


def test_a_note_of_a_thousand_characters_fits_with_its_line_breaks(
    client: Browser, lymph: Service
) -> None:
    reference = hold(client, lymph, at(10))
    note = "line\r\n" * 200
    client.post(DETAILS, {**CLEO, "note": note, "hold": reference})
    assert booked().client_note == ("line\n" * 200).strip()


def test_a_token_is_needed_to_post(lymph: Service) -> None:
    strict = Browser(enforce_csrf_checks=True)
    assert strict.post(TIMES, {"start": "2026-11-24T10:00Z"}).status_code == 403
    assert not Appointment.objects.exists()


@pytest.mark.parametrize("address", [TIMES, HEALTH, DETAILS])
def test_other_methods_are_refused(client: Browser, lymph: Service, address: str) -> None:
    assert [client.put(address).status_code, client.delete(address).status_code] == [405, 405]


def test_reading_pages_books_and_holds_nothing(client: Browser, lymph: Service) -> None:
    choose(client, at(10))
    for address in (
        TIMES,
        f"{TIMES}?start=2026-11-24T10:00Z",
        HEALTH,
        f"{HEALTH}?none_left=on&consent=on",
        DETAILS,
    ):
        client.get(address)
    assert not Appointment.objects.exists()
    assert not HealthCheck.objects.exists()


def test_the_details_page_costs_a_fixed_number_of_queries(
    client: Browser,
    lymph: Service,
    book: Callable[..., Appointment],
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    hold(client, lymph, at(10))
    # The session, the spa, the treatment, the hold, the check and its questions.
    with django_assert_num_queries(6):
        client.get(DETAILS)
    for days in range(2, 9):
        book(at(10, days=days), details=OTTO)
    with django_assert_num_queries(6):
        client.get(DETAILS)
