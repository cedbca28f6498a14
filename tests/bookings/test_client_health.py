"""The health check on the way to a booking: no hold without a fresh, passing one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client as Browser

from bookings.forms.health import SHORT_NAMES
from bookings.models import Appointment, HealthCheck
from bookings.views.journey import KEY
from services.models import Contraindication, Service, SpaProfile
from tests.bookings.client_pages import (
    CLEO,
    DETAILS,
    HEALTH,
    TIMES,
    answers,
    choose,
    hold,
    pass_health,
    words,
)
from tests.bookings.conftest import at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "mia", "fern")]


@pytest.fixture
def heart(lymph: Service) -> Contraindication:
    """A question with a follow-up that is urgent, and with details."""
    row = Contraindication.objects.get(slug="heart-disease")
    row.follow_up, row.follow_up_severity, row.follow_up_care = "Is it worse?", "urgent", "same_day"
    row.detail = "Which one?"
    row.save()
    return row


def ticks(*slugs: str) -> dict[str, str]:
    return {f"tick-{slug}": "on" for slug in slugs}


def test_a_healthy_client_is_done_with_two_ticks(client: Browser, lymph: Service) -> None:
    choose(client, at(10))
    answer = pass_health(client, lymph)
    assert answer.url == DETAILS
    check, held = HealthCheck.objects.get(), Appointment.objects.get()
    assert (check.outcome, set(check.answers), check.findings) == (
        "clear",
        {"chest-pain", "fever", "heart-disease", "asthma", "over-60"},
        [],
    )
    assert (held.status, held.starts_at) == ("held", at(10))
    assert held.hold_expires_at == held.created_at + timedelta(minutes=10)


def test_without_a_chosen_time_a_pass_leads_to_the_times(client: Browser, lymph: Service) -> None:
    assert pass_health(client, lymph).url == TIMES
    assert "Thank you. Now choose a time" in words(client.get(TIMES))
    assert choose(client, at(10)).url == DETAILS


def test_groups_stand_in_order_and_end_with_none_of_these(client: Browser, lymph: Service) -> None:
    page = client.get(HEALTH)
    groups = [
        (group.key, [one.row.slug for one in group.questions])
        for group in page.context["form"].groups
    ]
    assert groups == [
        ("red_flags", ["chest-pain"]),
        ("body", ["asthma", "fever", "heart-disease", "over-60"]),
    ]
    text = words(page)
    assert text.count("None of these</span>") == 2
    assert text.count("<fieldset") == 2


def test_a_group_left_empty_is_asked_for_and_what_was_typed_stays(
    client: Browser, lymph: Service, heart: Contraindication
) -> None:
    said = {"none_left": "", "none-red_flags": "on", "consent": "on"}
    page = pass_health(client, lymph, said)
    problems = page.context["form"].problems
    assert [(one.anchor, one.message) for one in problems] == [
        ("id_none-body", "Breathing, belly, glands, kidneys, pregnancy: nothing ticked")
    ]
    text = words(page)
    error = (
        '<span class="field-error" id="error-body">Tick what applies, or “None of these”.</span>'
    )
    assert error in text
    assert "<title>Error: Your health check" in text
    assert (
        'name="none-red_flags" class="tick__box" data-none id="id_none-red_flags" checked' in text
    )
    assert not HealthCheck.objects.exists()


def test_several_groups_left_empty_can_be_put_right_by_one_tick(
    client: Browser, lymph: Service
) -> None:
    page = pass_health(client, lymph, {"none_left": "", "consent": ""})
    problems = page.context["form"].problems
    assert [(one.anchor, one.message) for one in problems] == [
        ("id_none-red_flags", "Right now: nothing ticked"),
        ("id_none-body", "Breathing, belly, glands, kidneys, pregnancy: nothing ticked"),
        ("id_none_left", "Or say once, at the end, that nothing else applies"),
        ("id_consent", "Please agree that we may keep your answers, or call us instead."),
    ]
    text = words(page)
    assert [text.count(f'id="{one.anchor}"') for one in problems] == [1, 1, 1, 1]


def test_every_group_has_a_short_name() -> None:
    assert set(SHORT_NAMES) == set(Contraindication.Group)


def test_the_check_says_first_that_one_tick_is_enough(client: Browser, lymph: Service) -> None:
    text = words(client.get(HEALTH))
    said = "Tick what applies. One tick at the end says that nothing else does."
    assert text.index(said) < text.index("<form method=")


def test_a_tick_beside_none_of_these_is_asked_about(client: Browser, lymph: Service) -> None:
    page = pass_health(client, lymph, {**ticks("asthma"), "none-body": "on"})
    [problem] = page.context["form"].problems
    assert (problem.anchor, problem.message) == (
        "id_none-body",
        "Breathing, belly, glands, kidneys, pregnancy: something ticked, and also “None of these”",
    )
    assert "You ticked something and also “None of these”. Which is right?" in words(page)
    assert not HealthCheck.objects.exists()


def test_a_follow_up_must_be_answered(
    client: Browser, lymph: Service, heart: Contraindication
) -> None:
    page = pass_health(client, lymph, {**ticks("heart-disease"), "detail-heart-disease": "Angina"})
    [problem] = page.context["form"].problems
    assert (problem.anchor, problem.message) == (
        "id_follow-heart-disease_0",
        "Please answer: Is it worse?",
    )
    assert 'value="Angina"' in words(page)
    assert not HealthCheck.objects.exists()


@pytest.mark.parametrize("reply", ["maybe", "\x00", "YES", "9" * 10_000])
def test_a_foolish_follow_up_is_no_answer(
    client: Browser, lymph: Service, heart: Contraindication, reply: str
) -> None:
    page = pass_health(client, lymph, {**ticks("heart-disease"), "follow-heart-disease": reply})
    assert [one.message for one in page.context["form"].problems] == ["Please answer: Is it worse?"]


def test_what_belongs_to_an_unticked_box_is_ignored(
    client: Browser, lymph: Service, heart: Contraindication
) -> None:
    said = {"follow-heart-disease": "yes", "detail-heart-disease": "x" * 10_000}
    assert pass_health(client, lymph, said).status_code == 302
    check = HealthCheck.objects.get()
    assert check.outcome == "clear"
    assert check.answers["heart-disease"] == {"reply": "no", "follow_up": None, "detail": ""}


def test_details_are_kept_and_bounded(
    client: Browser, lymph: Service, heart: Contraindication
) -> None:
    said = {**ticks("heart-disease"), "follow-heart-disease": "no"}
    too_long = pass_health(client, lymph, {**said, "detail-heart-disease": "x" * 301})
    assert [one.anchor for one in too_long.context["form"].problems] == ["id_detail-heart-disease"]
    pass_health(client, lymph, {**said, "detail-heart-disease": "Angina 🫀 ذبحة"})
    check = HealthCheck.objects.get()
    assert check.outcome == "clearance"
    assert check.answers["heart-disease"] == {
        "reply": "yes",
        "follow_up": "no",
        "detail": "Angina 🫀 ذبحة",
    }


def test_nothing_is_kept_without_consent(client: Browser, lymph: Service) -> None:
    choose(client, at(10))
    page = pass_health(client, lymph, {"consent": ""})
    assert [one.anchor for one in page.context["form"].problems] == ["id_consent"]
    assert not HealthCheck.objects.exists()
    assert not Appointment.objects.exists()


@pytest.mark.parametrize(
    "said", [ticks("fever"), ticks("chest-pain"), ticks("fever", "chest-pain")]
)
def test_stop_and_urgent_keep_nothing_and_hold_nothing(
    client: Browser, lymph: Service, said: dict[str, str]
) -> None:
    choose(client, at(10))
    page = pass_health(client, lymph, said)
    assert (page.status_code, page["Cache-Control"]) == (200, "private, no-store")
    assert not HealthCheck.objects.exists()
    assert not Appointment.objects.exists()
    assert "fever" not in str(client.session.items())
    assert "start" not in words(page)
    assert client.get(DETAILS)["Location"] == TIMES


def test_urgent_shows_the_emergency_number_and_no_booking(client: Browser, lymph: Service) -> None:
    page = pass_health(client, lymph, ticks("chest-pain"))
    text = words(page)
    assert 'href="tel:999"' in text
    assert "Call 999 now" in text
    assert 'Call <a href="tel:999">999</a> now.' in text
    assert f'href="{TIMES}"' not in text


def test_same_day_advice_names_the_number_for_it(
    client: Browser, lymph: Service, heart: Contraindication
) -> None:
    page = pass_health(client, lymph, {**ticks("heart-disease"), "follow-heart-disease": "unsure"})
    text = words(page)
    assert "Get medical advice today" in text
    assert 'call-button" href="tel:111"' in text
    assert 'Call <a href="tel:111">111</a> today.' in text


def test_same_day_advice_without_a_number_for_it_names_the_emergency_number(
    client: Browser, lymph: Service, heart: Contraindication
) -> None:
    SpaProfile.objects.update(urgent_advice_number="")
    page = pass_health(client, lymph, {**ticks("heart-disease"), "follow-heart-disease": "yes"})
    text = words(page)
    assert 'call-button" href="tel:999"' in text
    assert 'Call <a href="tel:999">999</a> today.' in text


def test_an_urgent_sign_is_answered_before_anything_else_is_asked(
    client: Browser, lymph: Service
) -> None:
    page = client.post(HEALTH, ticks("chest-pain"))
    assert "Call 999 now" in words(page)


def test_stop_needs_no_consent_and_says_what_to_do(client: Browser, lymph: Service) -> None:
    page = pass_health(client, lymph, {**ticks("fever"), "consent": ""})
    text = words(page)
    assert "Not this time, for your own good" in text
    assert ("Fever" in text, "Because." in text, "Ask us." in text) == (True, True, True)
    assert 'href="tel:+44-20-7946-0018"' in text


@pytest.mark.parametrize(
    ("urgent_advice_number", "for_advice"),
    [("111", ' For urgent advice call <a href="tel:111">111</a>.'), ("", "")],
)
def test_a_stop_names_the_numbers_for_help(
    client: Browser, lymph: Service, urgent_advice_number: str, for_advice: str
) -> None:
    SpaProfile.objects.update(urgent_advice_number=urgent_advice_number)
    text = words(pass_health(client, lymph, ticks("fever")))
    emergency = 'In an emergency call <a href="tel:999">999</a>.'
    assert f"<p> {emergency}{for_advice} </p>" in text


def test_a_stop_takes_back_an_earlier_pass_and_its_hold(client: Browser, lymph: Service) -> None:
    hold(client, lymph, at(10))
    pass_health(client, lymph, ticks("fever"))
    assert not HealthCheck.objects.exists()
    assert Appointment.objects.get().status == "expired"
    assert client.post(DETAILS, CLEO)["Location"] == TIMES
    assert choose(client, at(10)).url == HEALTH
    assert Appointment.objects.count() == 1


def test_a_stop_for_one_treatment_leaves_another_alone(
    client: Browser, lymph: Service, massage: Service
) -> None:
    hold(client, massage, at(10))
    pass_health(client, lymph, ticks("fever"))
    assert Appointment.objects.get().status == "held"


def test_an_urgent_sign_ends_every_journey(
    client: Browser, lymph: Service, massage: Service
) -> None:
    hold(client, massage, at(10))
    pass_health(client, lymph, ticks("chest-pain"))
    assert Appointment.objects.get().status == "expired"
    assert not HealthCheck.objects.exists()


def test_a_check_for_another_treatment_opens_nothing(
    client: Browser, lymph: Service, massage: Service
) -> None:
    pass_health(client, massage)
    assert choose(client, at(10)).url == HEALTH
    assert not Appointment.objects.exists()


def test_a_check_of_another_session_opens_nothing(client: Browser, lymph: Service) -> None:
    other = Browser()
    pass_health(other, lymph)
    check = HealthCheck.objects.get()
    answer = choose(client, at(10), check=check.pk, health_check=check.pk)
    assert answer.url == HEALTH
    assert client.post(DETAILS, {**CLEO, "check": check.pk})["Location"] == TIMES
    assert not Appointment.objects.exists()


def test_an_old_check_is_asked_again(client: Browser, lymph: Service) -> None:
    pass_health(client, lymph)
    HealthCheck.objects.update(given_at=at(5, 59, days=0))
    assert choose(client, at(10)).url == HEALTH
    assert not Appointment.objects.exists()


def test_a_check_on_other_questions_is_asked_again(client: Browser, lymph: Service) -> None:
    pass_health(client, lymph)
    Contraindication.objects.filter(slug="asthma").update(question="asthma, even mild")
    assert choose(client, at(10)).url == HEALTH
    assert not Appointment.objects.exists()


def test_a_check_on_another_consent_is_asked_again(client: Browser, lymph: Service) -> None:
    pass_health(client, lymph)
    SpaProfile.objects.update(health_consent_version="2026-12")
    assert choose(client, at(10)).url == HEALTH


@pytest.mark.parametrize("change", ["question", "consent"])
def test_questions_that_changed_while_she_answered_are_shown_again(
    client: Browser, lymph: Service, change: str
) -> None:
    sent = answers(lymph)
    if change == "question":
        row = Contraindication.objects.create(
            slug="new",
            name="New",
            group="body",
            severity="stop",
            question="something new",
            why="x",
            advice="y",
        )
        lymph.contraindications.add(row)
    else:
        SpaProfile.objects.update(health_consent_version="2026-12")
    page = client.post(HEALTH, sent)
    assert "The questions have just been changed." in words(page)
    assert not HealthCheck.objects.exists()
    # The page that explains it carries the new questions, and so can be sent.
    assert client.post(HEALTH, answers(lymph)).status_code == 302


def test_answering_anew_forgets_the_earlier_answers(client: Browser, lymph: Service) -> None:
    pass_health(client, lymph)
    pass_health(client, lymph, ticks("asthma"))
    assert HealthCheck.objects.get().outcome == "adapt"


def test_answers_never_stand_in_the_session(
    client: Browser, lymph: Service, heart: Contraindication
) -> None:
    choose(client, at(10))
    said = {
        **ticks("heart-disease"),
        "follow-heart-disease": "no",
        "detail-heart-disease": "Angina",
    }
    pass_health(client, lymph, said)
    [kept] = client.session[KEY].values()
    assert set(kept) == {
        "start",
        "option",
        "therapist",
        "check",
        "hold",
        "returning",
        "typed",
    }
    assert "ngina" not in str(Session.objects.get().get_decoded())


def test_a_lost_time_after_the_check_leads_to_the_nearest(
    client: Browser, lymph: Service, book: Callable[..., Appointment]
) -> None:
    choose(client, at(10))
    book(at(10))
    answer = pass_health(client, lymph)
    assert (
        answer.url
        == f"{TIMES}?date=2026-11-24&option={lymph.options.get().pk}&gone=2026-11-24T10%3A00Z"
    )
    assert [one.starts_at for one in client.get(answer.url).context["gone"].nearest] == [
        at(11, 15),
        at(11, 30),
        at(11, 45),
    ]
    # The check still stands: the next choice is held at once.
    assert choose(client, at(11, 15)).url == DETAILS


def test_the_health_pages_are_not_kept_by_browsers_or_found_by_search_engines(
    client: Browser, lymph: Service
) -> None:
    page = client.get(HEALTH)
    assert (page["Cache-Control"], page["X-Robots-Tag"]) == (
        "private, no-store",
        "noindex, nofollow",
    )


def test_the_health_page_costs_the_same_for_one_question_and_for_many(
    client: Browser, lymph: Service, django_assert_num_queries: Callable[[int], Any]
) -> None:
    # The spa, the treatment, its questions.
    with django_assert_num_queries(3):
        client.get(HEALTH)
    for number in range(20):
        row = Contraindication.objects.create(
            slug=f"q{number}",
            name="Q",
            group="you",
            severity="note",
            question="q",
            why="x",
            advice="y",
        )
        lymph.contraindications.add(row)
    with django_assert_num_queries(3):
        client.get(HEALTH)


def test_a_treatment_that_wants_a_note_from_everyone_is_only_ever_requested(
    client: Browser, lymph: Service
) -> None:
    Service.objects.filter(pk=lymph.pk).update(note_from_everyone=True)
    lymph.refresh_from_db()
    choose(client, at(10))
    assert pass_health(client, lymph).url == DETAILS
    check = HealthCheck.objects.get()
    assert check.outcome == "clearance"
    assert [one["name"] for one in check.findings] == ["A note from your midwife or doctor"]
    assert "note-from-everyone" not in check.answers


def test_a_pass_from_before_a_note_was_wanted_opens_nothing(
    client: Browser, lymph: Service
) -> None:
    pass_health(client, lymph)
    Service.objects.filter(pk=lymph.pk).update(note_from_everyone=True)
    assert choose(client, at(10)).url == HEALTH
