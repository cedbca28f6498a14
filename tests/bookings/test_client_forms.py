"""The forms under any input at all."""

import pytest
from django.http import QueryDict
from hypothesis import HealthCheck as Health
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings.forms.details import DetailsForm
from bookings.forms.health import HealthForm
from bookings.forms.visit import CancelForm
from bookings.queries import questions_for, rules_for
from services.models import Contraindication, Service, SpaProfile
from services.screening import Outcome, Reply

pytestmark = pytest.mark.django_db

ANY_TEXT = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=60),
    st.sampled_from(["on", "yes", "no", "unsure", "", "\x00", "\u202e", "9" * 5000, "x" * 10_000]),
)
patient = settings(
    max_examples=150, deadline=None, suppress_health_check=[Health.function_scoped_fixture]
)


def query(data: dict[str, str]) -> QueryDict:
    sent = QueryDict(mutable=True)
    sent.update(data)
    return sent


@given(
    st.dictionaries(
        st.sampled_from(["name", "email", "phone", "note", "consent", "hold"]), ANY_TEXT
    )
)
@patient
def test_details_are_taken_or_explained(spa: SpaProfile, data: dict[str, str]) -> None:
    form = DetailsForm(query(data), spa=spa)
    if not form.is_valid():
        assert all(str(message) for messages in form.errors.values() for message in messages)
        return
    details = form.details
    assert 0 < len(details.name) <= 120
    assert len(details.note) <= 1000
    assert details.phone.startswith("+")
    assert not set("\r\n\x00") & set(details.name + details.email + details.phone)


@given(st.dictionaries(st.sampled_from(["reason", "sequence"]), ANY_TEXT))
@patient
def test_a_cancellation_is_taken_or_explained(data: dict[str, str]) -> None:
    form = CancelForm(query(data))
    if form.is_valid():
        assert len(form.cleaned_data["reason"]) <= 300
    assert isinstance(form.seen, int)


SLUGS = ["chest-pain", "fever", "heart-disease", "asthma", "over-60"]


@given(
    st.dictionaries(
        st.sampled_from(
            ["none_left", "consent", "none-red_flags", "none-body", "version"]
            + [f"{kind}-{slug}" for slug in SLUGS for kind in ("tick", "follow", "detail")]
        ),
        ANY_TEXT,
    ),
    st.booleans(),
)
@patient
def test_no_answers_make_the_check_milder_than_the_ticks(
    lymph: Service, data: dict[str, str], current: bool
) -> None:
    Contraindication.objects.filter(slug="heart-disease").update(
        follow_up="Worse?", follow_up_severity="urgent", detail="Which?"
    )
    spa = SpaProfile.load()
    rows = questions_for(lymph)
    form = HealthForm(query(data), questions=rows, rules=rules_for(lymph), spa=spa)
    if current:
        form = HealthForm(
            query({**data, "version": form.asked_version}),
            questions=rows,
            rules=rules_for(lymph),
            spa=spa,
        )
    valid, verdict = form.is_valid(), form.verdict
    ticked = {row.slug for row in rows if form.cleaned_data.get(f"tick-{row.slug}")}
    if not valid:
        assert form.problems
    if valid:
        assert verdict is not None
        assert form.cleaned_data["consent"] is True
        assert {
            slug for slug, answer in form.answers.items() if answer.reply is Reply.YES
        } == ticked
        assert set(form.answers) == set(SLUGS)
    if verdict is not None and ticked & {"chest-pain"} and valid:
        assert verdict.outcome is Outcome.URGENT
    if verdict is not None and ticked & {"fever"}:
        assert verdict.may_book is False
