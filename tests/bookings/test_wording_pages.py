"""Where owners write the words of the messages."""

import re
from collections.abc import Callable
from datetime import datetime
from html import unescape

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from bookings import actions
from bookings.models import Appointment, Message, Room, Therapist, VisitLink, Wording, Words
from services.models import Service, SpaProfile
from tests.bookings.conftest import at
from tests.bookings.staff_pages import browser_of
from tests.conftest import MailServer

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
PAGE = "/admin/bookings/wording/confirmation/"
TYPED = {
    "subject": "See you {when}",
    "preheader": "",
    "heading": "Booked",
    "greeting": "Dear {name},",
    "text": "Thank you.\r\n\r\nCome to {place}.",
    "below": "",
    "after": "0",
}


@pytest.fixture
def owner(clock: time_machine.Traveller, spa: SpaProfile, olive: User, lymph: Service) -> Browser:
    return browser_of(olive)


def post(owner: Browser, button: str, **changed: str) -> str:
    answer = owner.post(PAGE, {**TYPED, button: "1", **changed}, follow=True)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def framed_letter(owner: Browser, page: str) -> str:
    found = re.search(r'<iframe[^>]* src="([^"]+)"', page)
    assert found is not None
    return unescape(owner.get(found[1]).content.decode())


def test_the_page_starts_from_the_built_in_words(owner: Browser) -> None:
    page = unescape(owner.get(PAGE).content.decode())
    assert 'value="Booked: {what}, {when}"' in page
    assert "The built-in words hold." in page
    assert "Back to the built-in words" not in page


def test_saved_words_hold_and_the_list_says_whose_they_are(owner: Browser, olive: User) -> None:
    page = post(owner, "_save")
    assert "Saved. The next message of this kind says it so." in page
    assert Wording.own_words("confirmation") == Words(
        subject="See you {when}",
        preheader="",
        heading="Booked",
        greeting="Dear {name},",
        text="Thank you.\n\nCome to {place}.",
        below="",
    )
    every = owner.get("/admin/bookings/wording/").content.decode()
    assert "See you Thursday 26 November, 10:15" in every
    assert "Reminder: Spa visit, Thursday 26 November, 10:15" in every
    assert "Your own words: olive, Monday 23 November, 08:00" in every


def test_the_number_of_words_that_nobody_saved_is_no_fault(owner: Browser) -> None:
    page = post(owner, "_save", after="7")
    assert "That was not saved. Please save it once more." in page
    assert re.search(r'name="after" value="0"', page)
    assert not Wording.objects.exists()


# A field, what is typed into it, and what is said there.
FAULTS = [
    ("subject", "", "A message needs a subject."),
    ("subject", "   ", "A message needs a subject."),
    ("subject", "Hello {nmae}", "There is no “{nmae}”. Did you mean {name}?"),
    ("subject", "Hello {name", "“{name” has no “}” behind it. Did you mean {name}?"),
    ("subject", "Hi\r\nBcc: otto@example.com", "This has to be one line"),
    ("heading", "Hi\u2028there", "This has to be one line"),
    ("subject", "Hi \u202egnp", "There is an invisible sign in it"),
    ("subject", "x" * 151, "at most 150 characters"),
    ("heading", "{{ name }}", "one brace on each side is enough. Did you mean {name}?"),
    ("text", "{% include 'x' %}", "There is no “{% include 'x' %}”. You can use {name}"),
    ("text", "a\0b", "Null characters are not allowed."),
    ("text", "a\x07b", "without invisible signs"),
    ("text", "x" * 4001, "at most 4000 characters"),
    ("below", "{place.__class__}", "There is no “{place.__class__}”. Did you mean {place}?"),
]


def test_a_fault_is_told_at_its_field_and_nothing_typed_is_lost(owner: Browser) -> None:
    for field, typed, said in FAULTS:
        answer = owner.post(
            PAGE, {**TYPED, "greeting": "My own {name}", field: typed, "_save": "1"}
        )
        page = unescape(answer.content.decode())
        assert answer.status_code == 200
        assert said in page, (field, typed)
        assert 'value="My own {name}"' in page
        assert f'id="id_{field}_error"' in page, (field, typed)
    assert not Wording.objects.exists()


def test_the_preview_shows_the_draft_as_letter_and_text_and_stores_nothing(owner: Browser) -> None:
    page = post(owner, "_preview", text="Dear <b>you</b> & {therapist}", visit="A2B3C4D5")
    assert "See you Thursday 26 November, 10:15" in page
    assert "Dear <b>you</b> & Mia" in page
    letter = framed_letter(owner, page)
    assert "Dear Cleo Sample," in letter
    assert "Dear <b>you</b> & Mia" in letter
    assert not Wording.objects.exists()


def test_the_preview_can_be_about_a_visit_to_come(
    owner: Browser, book: Book, mia: Therapist, fern: Room
) -> None:
    visit = book(at(14), therapist=mia)
    links = VisitLink.objects.count()
    page = post(owner, "_preview", visit=visit.reference)
    assert "See you Tuesday 24 November, 14:00" in page
    assert f'<option value="{visit.reference}" selected>Tuesday 24 November, 14:00, Cleo' in page
    assert "Dear Cleo," in framed_letter(owner, page)
    # Looking opens no way into her visit page.
    assert VisitLink.objects.count() == links


def test_the_letter_in_the_frame_can_do_nothing(owner: Browser) -> None:
    answer = owner.get(f"{PAGE}letter/")
    policy = set(answer["Content-Security-Policy"].split("; "))
    assert {"default-src 'none'", "frame-ancestors 'self'", "sandbox"} <= policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert "no-store" in answer["Cache-Control"]


def test_strange_addresses_show_what_holds(owner: Browser) -> None:
    for query in (
        "draft=x",
        "draft=%00%ff",
        "visit=%F0%9F%8C%8A",
        "visit=%00",
        "visit=" + "x" * 999,
    ):
        assert "You are booked" in owner.get(f"{PAGE}letter/?{query}").content.decode()
    for version in ("-1", "x", "9" * 30, "\u00b2"):
        assert owner.get(PAGE, {"version": version}).status_code == 200
    for version in ("0", "1", "\u0663"):
        assert owner.get(PAGE, {"version": version}).status_code == 404


def test_a_draft_is_its_writers_alone(owner: Browser) -> None:
    page = post(owner, "_preview", heading="Secret plans")
    assert "Secret plans" in framed_letter(owner, page)
    other = User.objects.create_superuser("otto")
    assert "Secret plans" not in framed_letter(browser_of(other), page)


def test_back_to_the_built_in_words_in_one_click_and_to_earlier_ones_again(
    owner: Browser,
) -> None:
    post(owner, "_save")
    assert "The built-in words hold again." in post(owner, "_built_in")
    assert Wording.own_words("confirmation") is None
    earlier = unescape(owner.get(f"{PAGE}?version=1").content.decode())
    assert 'value="See you {when}"' in earlier
    assert "It holds again once you save it." in earlier
    page = post(owner, "_save", after="2")
    assert "Your own words hold, saved by olive, Monday 23 November, 08:00." in page
    page = post(owner, "_save", after="3", subject="Until {when}", text="Come in.")
    assert "Changed: Subject, Text" in page
    assert Wording.objects.filter(kind="confirmation").count() == 4


def test_words_that_hold_already_make_no_version(owner: Browser) -> None:
    post(owner, "_save")
    assert "Nothing has changed" in post(owner, "_save", after="1")
    assert Wording.objects.count() == 1


def test_the_second_of_two_owners_is_told_keeps_her_text_and_saves_knowingly(
    owner: Browser, olive: User, now: datetime
) -> None:
    words = Words("Theirs", "", "Theirs", "", "Theirs", "")
    actions.keep_wording(kind="confirmation", words=words, by=olive, after=0, now=now)
    page = post(owner, "_save")
    assert "olive has saved other words meanwhile" in page
    assert 'value="See you {when}"' in page
    assert 'name="after" value="1"' in page
    assert Wording.own_words("confirmation") == words
    assert "Saved." in post(owner, "_save", after="1")


@pytest.mark.parametrize(
    ("subject", "warning"),
    [
        ("Your {treatment}", "Subject: here {treatment} shows the discreet name"),
        (
            "Your lymphatic drainage massage",
            "Subject: it names “Lymphatic drainage massage”, which others may read",
        ),
        ("A word from your doctor", "Subject: “doctor” hints at health"),
    ],
)
def test_a_subject_that_tells_too_much_is_warned_of_and_saved(
    owner: Browser, subject: str, warning: str
) -> None:
    assert warning in post(owner, "_preview", subject=subject)
    page = post(owner, "_save", subject=subject)
    assert warning in page
    assert Wording.objects.get().subject == subject


def test_no_warning_where_the_spa_names_its_treatments(owner: Browser) -> None:
    SpaProfile.objects.update(name_treatment_in_subjects=True)
    page = post(owner, "_preview", subject="Your {treatment}")
    assert "shows the discreet name" not in page
    assert "<strong>Your Lymphatic drainage massage</strong>" in page


def test_a_spa_without_treatments_and_therapists_can_write_already(
    clock: time_machine.Traveller, spa: SpaProfile, olive: User
) -> None:
    for kind in Message.Kind:
        page = browser_of(olive).get(f"/admin/bookings/wording/{kind.value}/")
        assert page.status_code == 200


def test_a_test_mail_goes_to_the_owner_alone_and_says_what_it_is(
    owner: Browser, smtp: MailServer, book: Book, mia: Therapist, fern: Room
) -> None:
    visit = book(at(14), therapist=mia)
    page = post(owner, "_test", visit=visit.reference)
    assert "The mail server has taken the test mail. Look into the mailbox of olive@" in page
    (mail,) = smtp.wait_for(1)
    assert (mail["To"], mail["Subject"]) == (
        "olive@qi-spa.example",
        "[Test] See you Tuesday 24 November, 14:00",
    )
    for part in ("plain", "html"):
        body = mail.get_body((part,))
        assert body is not None
        assert "This is a test. It is about no real booking" in body.get_content()
    assert not Wording.objects.exists()
    assert not Message.objects.filter(state="sent").exists()


def test_a_test_mail_that_is_not_taken_says_so(owner: Browser, smtp: MailServer) -> None:
    smtp.refuse = True
    page = post(owner, "_test")
    assert "The mail server did not take the test mail. The message was refused (451)." in page
    assert 'value="See you {when}"' in page


def test_a_wrong_text_sends_no_test(owner: Browser, smtp: MailServer) -> None:
    assert "There is no “{nmae}”." in post(owner, "_test", text="{nmae}")
    assert smtp.messages == []


def test_nothing_typed_is_lost_while_redis_is_away(
    owner: Browser, smtp: MailServer, settings: Settings
) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    page = post(owner, "_test")
    assert "No test can be sent at the moment. What you wrote is still here." in page
    assert 'value="See you {when}"' in page
    assert "You are booked" in framed_letter(owner, page)
    assert "Saved." in post(owner, "_save")


def test_test_mails_are_limited(owner: Browser, smtp: MailServer) -> None:
    pages = [post(owner, "_test") for _unused in range(6)]
    assert "has taken the test mail" in pages[4]
    assert "Please wait a little" in pages[5]
    assert len(smtp.messages) == 5


def test_every_kind_can_be_written_and_saved_as_it_is_built_in(owner: Browser) -> None:
    for kind in Message.Kind:
        page = f"/admin/bookings/wording/{kind.value}/"
        form = owner.get(page).context["form"]
        typed = {name: str(form[name].value() or "") for name in form.fields}
        answer = owner.post(page, {**typed, "_save": "1"}, follow=True)
        assert "Nothing has changed" in answer.content.decode(), kind
        assert owner.post(page, {**typed, "heading": "Ours", "_save": "1"}).status_code == 302
        assert "<bdi>Ours</bdi>" in owner.get(f"{page}letter/").content.decode()


def test_a_strange_version_is_taken_for_none(owner: Browser, olive: User, now: datetime) -> None:
    words = Words("Theirs", "", "Theirs", "", "Theirs", "")
    actions.keep_wording(kind="confirmation", words=words, by=olive, after=0, now=now)
    for after in ("", "no", "-1", "9" * 40, "\u0663", "\0"):
        post(owner, "_save", after=after)
    assert Wording.own_words("confirmation") == words


def test_no_kind_of_another_name(owner: Browser) -> None:
    for kind in ("birthday", "confirmation_", "CONFIRMATION"):
        assert owner.get(f"/admin/bookings/wording/{kind}/").status_code == 404


def test_the_pages_ask_as_much_for_many_versions_as_for_one(
    owner: Browser, olive: User, now: datetime
) -> None:
    def asked() -> list[int]:
        counts = []
        for address in ("/admin/bookings/wording/", PAGE):
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert owner.get(address).status_code == 200
            counts.append(len(queries))
        return counts

    words = Words("Hello", "", "Hello", "", "Hello", "")
    actions.keep_wording(kind="confirmation", words=words, by=olive, after=0, now=now)
    one = asked()
    for number in range(1, 4):
        actions.keep_wording(kind="confirmation", words=words, by=olive, after=number, now=now)
        actions.keep_wording(kind="reminder", words=words, by=olive, after=number - 1, now=now)
    assert asked() == one


def test_only_owners_write_them(
    spa: SpaProfile, lymph: Service, dana: User, clock: time_machine.Traveller
) -> None:
    dana.is_staff = True
    dana.save()
    for address in ("/admin/bookings/wording/", PAGE, f"{PAGE}letter/"):
        assert browser_of(dana).get(address).status_code == 403
        assert Browser().get(address).status_code == 302
    assert browser_of(dana).post(PAGE, {**TYPED, "_save": "1"}).status_code == 403
