"""The loaded contraindications against the facts that they were written from.

Each line stands for one row of the facts: key, answer to the follow-up (None: there is none),
expected outcome, how soon to seek help, and areas to avoid.
"""

from collections.abc import Mapping

import pytest

from services.models import Contraindication
from services.screening import Answer, Care, Outcome, Reply, Rule, Severity, screen

CLEAR, ADAPT, CLEARANCE = Outcome.CLEAR, Outcome.ADAPT, Outcome.CLEARANCE
STOP, URGENT = Outcome.STOP, Outcome.URGENT
YES, NO, UNSURE = Reply.YES, Reply.NO, Reply.UNSURE
NOW, TODAY, DOCTOR = Care.EMERGENCY, Care.SAME_DAY, Care.DOCTOR
NECK, BELLY, LIMB = ("neck",), ("abdomen",), ("affected_limb",)
SKIN, TREATED = ("affected_skin",), ("treated_area",)

RED_FLAGS = [
    ("chest-pain-or-collapse", NOW),
    ("hot-skin-and-unwell", NOW),
    ("swollen-face-or-throat", NOW),
    ("severe-asthma-attack", NOW),
    ("stroke-signs", NOW),
    ("aneurysm-with-pain", NOW),
    ("suspected-blood-clot", TODAY),
    ("skin-infection", TODAY),
    ("pregnancy-warning-signs", TODAY),
    ("heart-failure-getting-worse", TODAY),
    ("sudden-kidney-problem", TODAY),
]

CONDITIONS = [
    ("fever-or-infection", NO, STOP, DOCTOR, ()),
    ("fever-or-infection", YES, URGENT, NOW, ()),
    ("fever-or-infection", UNSURE, URGENT, NOW, ()),
    ("blood-clot-now", NO, STOP, DOCTOR, ()),
    ("blood-clot-now", YES, URGENT, TODAY, ()),
    ("earlier-blood-clot", None, CLEARANCE, None, ()),
    ("heart-condition", NO, CLEARANCE, None, ()),
    ("heart-condition", YES, URGENT, TODAY, ()),
    ("cancer-now", None, CLEARANCE, None, TREATED),
    ("past-cancer-or-lymph-nodes-removed", None, CLEARANCE, None, TREATED),
    ("unchecked-lump", None, STOP, DOCTOR, ()),
    ("worsening-lymphoedema", None, STOP, DOCTOR, ()),
    ("lymphoedema", None, CLEARANCE, None, LIMB),
    ("long-term-kidney-disease", None, CLEARANCE, None, ()),
    ("wheezing-or-recent-asthma-attack", NO, STOP, DOCTOR, ()),
    ("wheezing-or-recent-asthma-attack", YES, URGENT, NOW, ()),
    ("asthma", None, ADAPT, None, ()),
    ("thyroid-condition", NO, ADAPT, None, NECK),
    ("thyroid-condition", YES, CLEARANCE, None, NECK),
    ("sensitive-or-narrowed-neck-arteries", None, CLEARANCE, None, NECK),
    ("over-60", None, CLEAR, None, NECK),
    ("irregular-heartbeat-or-pacemaker", None, CLEARANCE, None, NECK),
    ("low-blood-pressure", None, ADAPT, None, ()),
    ("uncontrolled-high-blood-pressure", NO, CLEARANCE, None, ()),
    ("uncontrolled-high-blood-pressure", YES, URGENT, NOW, ()),
    ("pregnancy", None, CLEARANCE, None, BELLY),
    ("belly-operation", None, CLEARANCE, None, BELLY),
    ("aneurysm", None, CLEARANCE, None, BELLY),
    ("radiotherapy", None, CLEARANCE, None, TREATED),
    ("bowel-disease", NO, ADAPT, None, BELLY),
    ("bowel-disease", YES, CLEARANCE, None, BELLY),
    ("coil", None, CLEAR, None, BELLY),
    ("period", None, CLEAR, None, BELLY),
    ("unexplained-belly-pain-or-bleeding", NO, STOP, DOCTOR, ()),
    ("unexplained-belly-pain-or-bleeding", YES, URGENT, NOW, ()),
    ("recent-operation", None, CLEARANCE, None, TREATED),
    ("broken-skin", None, ADAPT, None, SKIN),
    ("allergic-reaction", NO, STOP, DOCTOR, ()),
    ("allergic-reaction", YES, URGENT, NOW, ()),
    ("product-allergy", None, CLEAR, None, ()),
    ("unexplained-swelling", NO, STOP, DOCTOR, ()),
    ("unexplained-swelling", YES, URGENT, TODAY, ()),
    ("blood-thinners", None, CLEARANCE, None, ()),
    ("chemotherapy", None, CLEARANCE, None, ()),
    ("tuberculosis", None, STOP, DOCTOR, ()),
    ("toxoplasmosis", None, STOP, DOCTOR, ()),
    ("diabetes", None, ADAPT, None, SKIN),
    ("other-medicines", None, ADAPT, None, ()),
]


def only(slug: str, follow_up: Reply | None, rules: Mapping[str, Rule]) -> dict[str, Answer]:
    """Answer yes to one question and no to all others."""
    return {
        **dict.fromkeys(rules, Answer(Reply.NO)),
        slug: Answer(Reply.YES, follow_up),
    }


@pytest.mark.parametrize(("slug", "care"), RED_FLAGS)
def test_red_flag_alone_is_urgent(slug: str, care: Care, lead_rules: Mapping[str, Rule]) -> None:
    verdict = screen(answers=only(slug, None, lead_rules), rules=lead_rules.values())
    assert (verdict.outcome, verdict.care) == (URGENT, care)


@pytest.mark.parametrize(("slug", "follow_up", "outcome", "care", "areas"), CONDITIONS)
def test_condition_alone(
    slug: str,
    follow_up: Reply | None,
    outcome: Outcome,
    care: Care | None,
    areas: tuple[str, ...],
    lead_rules: Mapping[str, Rule],
) -> None:
    verdict = screen(answers=only(slug, follow_up, lead_rules), rules=lead_rules.values())
    assert (verdict.outcome, verdict.care, verdict.areas) == (outcome, care, areas)
    assert bool(lead_rules[slug].follow_up) is (follow_up is not None)


def test_lead_treatment_asks_exactly_these_questions(lead_rules: Mapping[str, Rule]) -> None:
    expected = {slug for slug, *_ in RED_FLAGS} | {slug for slug, *_ in CONDITIONS}
    assert set(lead_rules) == expected


def test_red_flags_stand_in_the_first_group(content: object) -> None:
    first = Contraindication.objects.filter(group=Contraindication.Group.RED_FLAGS)
    assert {one.slug for one in first} == {slug for slug, _ in RED_FLAGS}


def test_every_reason_says_why_and_what_to_do_and_where_it_comes_from(content: object) -> None:
    for one in Contraindication.objects.all():
        assert (one.slug, bool(one.why), bool(one.advice), bool(one.sources)) == (
            one.slug,
            True,
            True,
            True,
        )


def test_whoever_must_not_come_is_told_how_soon_to_seek_help(
    lead_rules: Mapping[str, Rule],
) -> None:
    silent = [
        one.slug
        for one in lead_rules.values()
        if one.severity.rank >= Severity.STOP.rank and one.care is None
    ]
    assert silent == []


def test_nothing_ticked_is_clear(lead_rules: Mapping[str, Rule]) -> None:
    answers = dict.fromkeys(lead_rules, Answer(Reply.NO))
    assert screen(answers=answers, rules=lead_rules.values()).outcome is CLEAR


def test_nothing_answered_is_a_stop(lead_rules: Mapping[str, Rule]) -> None:
    assert screen(answers={}, rules=lead_rules.values()).outcome is STOP
