"""Writing help: what is warned about, what is not, and that browsers read the same rules."""

import re

import pytest
from django.test import Client

from services.admin.claims import claims_in
from services.claims import rules, warnings_in
from services.models import Contraindication, Service, SpaProfile
from services.word_diff import plain_text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A detox for your body.", ["detox"]),
        ("DETOXIFYING strokes flush out toxins.", ["DETOXIFYING", "toxins"]),
        ("It boosts your immune system.", ["boosts your immune"]),
        ("Boosting\nimmunity", ["Boosting immunity"]),
        ("So that lymph remains unobstructed.", ["unobstructed"]),
        ("It cures back pain and gives pain relief.", ["cures", "pain relief"]),
        ("Our massage treats migraine.", ["treats"]),
        ("Guaranteed and clinically proven.", ["Guaranteed", "clinically proven"]),
        ("Lose weight, melt away fat, fight cellulite.", ["Lose weight", "melt away fat"]),
        ("We do not promise to treat or cure anything.", []),
        ("It is no detox.", []),
        ("The therapist who treats you reads it.", []),
        ("Secure booking, procured oils, a curious mind, a threat, retreats.", []),
        ("Un détoxe à part", []),
        ("", []),
    ],
)
def test_words_that_promise_too_much_are_found(text: str, words: list[str]) -> None:
    found = [warning.words for warning in warnings_in(text)]
    assert [one for one in words if one not in found] == []
    assert bool(found) == bool(words)


def test_each_wording_is_named_once_with_its_reason_and_a_careful_one() -> None:
    [warning] = warnings_in("Detox here, detox there, DETOX everywhere.")
    assert (warning.words, warning.rule.name) == ("Detox", "detox")
    for rule in rules():
        assert rule.why.endswith((".", "!"))
        assert rule.instead
        assert warnings_in(rule.instead) == []


def test_long_hostile_text_is_read_in_no_time() -> None:
    assert warnings_in("boost your " * 20_000 + "flush " * 20_000) == []


def test_starting_content_raises_no_warning(content: SpaProfile) -> None:
    assert [claim for service in Service.objects.all() for claim in claims_in(service)] == []
    texts: list[str] = [
        content.story,
        content.tagline,
        content.getting_here,
        content.booking_policy,
    ]
    for row in Contraindication.objects.all():
        texts += [row.question, row.why, row.advice, row.name]
    assert [one.words for text in texts for one in warnings_in(plain_text(text))] == []


def test_patterns_hold_nothing_that_browsers_read_otherwise() -> None:
    for rule in rules():
        for source in (rule.pattern, rule.unless):
            assert not re.search(r"\(\?(?!:|!|<!)|\\[AZbBwWdDpP]", source)


def test_editor_is_given_the_rules_of_the_server(owner: Client, content: SpaProfile) -> None:
    service = Service.objects.get(slug="tui-na")
    page = owner.get(f"/admin/services/service/{service.pk}/change/")
    given = page.context["claim_rules"]
    assert [one["pattern"] for one in given] == [rule.pattern for rule in rules()]
    assert 'id="claim-rules" type="application/json"' in page.content.decode()
