"""The owners' own words for the messages: placeholders, versions, what letters make of them."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.contrib.auth.models import User

from bookings import actions, messages
from bookings.letters import Letter, built_in_words, write_letter
from bookings.models import Appointment, Message, Room, Therapist, Wording, Words
from bookings.placeholders import DESCRIPTIONS, fill, mistakes_in
from services.models import SpaProfile
from tests.bookings.conftest import at

Book = Callable[..., Appointment]

OWN = Words(
    subject="{spa}: {what} on {day} at {time}",
    preheader="With {therapist}.",
    heading="Until soon, {name}",
    greeting="Dear {name}!",
    text="Your reference is {reference}.\n\n{minutes} minutes of {treatment}\ncost {price}.",
    below="Call {phone} until {until}, write to {email}, or come to {place}: {when}.",
)


@pytest.fixture
def confirmation(book_again: Book, mia: Therapist, fern: Room) -> Message:
    return Message.objects.get(
        appointment=book_again(at(10, 15), therapist=mia), kind="confirmation"
    )


@pytest.fixture
def letter(confirmation: Message, spa: SpaProfile, now: datetime) -> Callable[[], Letter]:
    def _letter() -> Letter:
        words = Wording.own_words("confirmation")
        return write_letter(confirmation, spa=spa, visit_url="https://here/", now=now, words=words)

    return _letter


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("Hello {name}, {when}.", []),
        ("Hello {nmae}", ["There is no “{nmae}”. Did you mean {name}?"]),
        ("{Name} { when }", [
            "There is no “{Name}”. Did you mean {name}?",
            "There is no “{ when }”. Did you mean {when}?",
        ]),
        ("{address} {client.first_name}", [
            "There is no “{address}”. Did you mean {place}?",
            "There is no “{client.first_name}”. Did you mean {name}?",
        ]),
        ("Hello {name", ["“{name” has no “}” behind it. Did you mean {name}?"]),
        ("Hello name}", ["A “}” has no “{” before it."]),
        ("{{ name }}", ["“{{ name }}”: one brace on each side is enough. Did you mean {name}?"]),
        ("{% load i18n %}", ["There is no “{% load i18n %}”. You can use {name}, {when}."]),
        ("{name.__class__}", ["There is no “{name.__class__}”. Did you mean {name}?"]),
        ("{0!r:>9}", ["There is no “{0!r:>9}”. You can use {name}, {when}."]),
        ("{} {", [
            "There is no “{}”. You can use {name}, {when}.",
            "“{” has no “}” behind it. You can use {name}, {when}.",
        ]),
    ],
)  # fmt: skip
def test_each_wrong_brace_is_named_with_what_was_meant(text: str, mistakes: list[str]) -> None:
    known = ["name", "when"] if "You can use" in str(mistakes) else list(DESCRIPTIONS)
    assert list(mistakes_in(text, known)) == mistakes


def test_a_value_is_never_filled_again() -> None:
    assert (
        fill("{name}, {phone}, {what}", {"name": "{phone}", "phone": "1"}) == "{phone}, 1, {what}"
    )


@pytest.mark.django_db
def test_owners_words_take_the_place_of_the_built_in_ones(
    letter: Callable[[], Letter], olive: User, now: datetime
) -> None:
    actions.keep_wording(kind="confirmation", words=OWN, by=olive, after=0, now=now)
    said = letter()
    reference = Appointment.objects.get().reference
    assert (
        said.subject
        == "Qi Massage & Natural Healing Spa: Spa visit on Tuesday 24 November at 10:15"
    )
    assert (said.preheader, said.heading) == ("With Mia.", "Until soon, Cleo")
    assert said.greeting == "Dear Cleo!"
    assert said.opening == [
        f"Your reference is {reference}.",
        "60 minutes of Lymphatic drainage massage\ncost £75.",
    ]
    assert said.notes == [
        "Call +44 20 7946 0018 until Monday 23 November, 10:15, write to hello@qi-spa.example, "
        "or come to 1 Test Row, London: Tuesday 24 November, 10:15."
    ]


@pytest.mark.django_db
def test_owners_words_are_what_is_sent(
    confirmation: Message, spa: SpaProfile, now: datetime
) -> None:
    actions.keep_wording(kind="confirmation", words=OWN, by=None, after=0, now=now)
    mail = messages.compose(confirmation, spa=spa, now=now)
    assert mail.subject == f"{spa.name}: Spa visit on Tuesday 24 November at 10:15"
    html = str(mail.alternatives[0][0])
    for part in (str(mail.body), html):
        assert "Dear Cleo!" in part
        assert "write to hello@qi-spa.example" in part


@pytest.mark.django_db
def test_an_owner_may_choose_to_name_the_treatment_in_subjects(
    letter: Callable[[], Letter], spa: SpaProfile, now: datetime
) -> None:
    spa.name_treatment_in_subjects = True
    assert letter().subject == "Booked: Lymphatic drainage massage, Tuesday 24 November, 10:15"
    words = OWN._replace(subject="Your {treatment}")
    actions.keep_wording(kind="confirmation", words=words, by=None, after=0, now=now)
    assert letter().subject == "Your Lymphatic drainage massage"


@pytest.mark.django_db
def test_the_treatment_goes_by_its_discreet_name_where_others_may_read_along(
    letter: Callable[[], Letter], now: datetime
) -> None:
    words = OWN._replace(subject="{treatment}", preheader="Soon: {treatment}", text="{treatment}")
    actions.keep_wording(kind="confirmation", words=words, by=None, after=0, now=now)
    said = letter()
    assert (said.subject, said.preheader) == ("Spa visit", "Soon: Spa visit")
    assert said.opening == ["Lymphatic drainage massage"]


@pytest.mark.django_db
def test_what_is_true_of_one_visit_stays_whatever_owners_write(
    confirmation: Message, spa: SpaProfile, now: datetime
) -> None:
    actions.reschedule_appointment(
        appointment=confirmation.visit,
        starts_at=at(14),
        by=actions.CLIENT,
        spa=spa,
        now=now,
    )
    changed = Message.objects.get(kind="changed")
    said = write_letter(changed, spa=spa, visit_url="https://here/", now=now, words=OWN)
    assert said.opening[-1] == "The new time is confirmed."


@pytest.mark.django_db
def test_versions_are_kept_and_the_last_one_holds(
    letter: Callable[[], Letter], confirmation: Message, olive: User, now: datetime
) -> None:
    actions.keep_wording(kind="confirmation", words=OWN, by=olive, after=0, now=now)
    second = OWN._replace(subject="Come in")
    actions.keep_wording(kind="confirmation", words=second, by=olive, after=1, now=now)
    assert letter().subject == "Come in"
    actions.drop_wording(kind="confirmation", by=olive, after=2, now=now)
    assert letter().subject == "Booked: Spa visit, Tuesday 24 November, 10:15"
    rows = Wording.objects.values_list("number", "built_in", "subject", "saved_by__username")
    assert list(rows) == [
        (3, True, "", "olive"),
        (2, False, "Come in", "olive"),
        (1, False, OWN.subject, "olive"),
    ]
    assert built_in_words(confirmation).subject == "Booked: {what}, {when}"


@pytest.mark.django_db
def test_of_two_owners_the_later_is_told_and_overwrites_nothing(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions.keep_wording(kind="reminder", words=OWN, by=None, after=0, now=now)
    for late in (0, 2):
        with pytest.raises(actions.WordedMeanwhile):
            actions.keep_wording(kind="reminder", words=OWN, by=None, after=late, now=now)
    # Both have looked before either wrote.
    monkeypatch.setattr(Wording, "latest", lambda kind: None)
    with pytest.raises(actions.WordedMeanwhile):
        actions.keep_wording(kind="reminder", words=OWN, by=None, after=0, now=now)
    assert Wording.objects.count() == 1
