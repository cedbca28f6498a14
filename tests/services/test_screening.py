"""Screening as a pure function: the strictest answer wins, and the unknown is never clear."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.screening import (
    Answer,
    Care,
    Outcome,
    Reply,
    Rule,
    Severity,
    Verdict,
    questions_version,
    screen,
)

YES, NO, UNSURE = Answer(Reply.YES), Answer(Reply.NO), Answer(Reply.UNSURE)
MILD_TO_STRICT = [
    Outcome.CLEAR,
    Outcome.ADAPT,
    Outcome.CLEARANCE,
    Outcome.STOP,
    Outcome.URGENT,
]


def rule(slug: str, severity: Severity, **others: object) -> Rule:
    return Rule(slug=slug, name=slug, question=f"{slug}?", severity=severity, **others)  # type: ignore[arg-type]


ASTHMA = rule("asthma", Severity.ADAPT)
CLOT = rule("clot", Severity.URGENT, care=Care.SAME_DAY)
COIL = rule("coil", Severity.NOTE, areas=("abdomen",))
FEVER = rule(
    "fever",
    Severity.STOP,
    care=Care.DOCTOR,
    follow_up="Also faint?",
    follow_up_severity=Severity.URGENT,
    follow_up_care=Care.EMERGENCY,
)
PACEMAKER = rule("pacemaker", Severity.CLEARANCE, areas=("neck",))
THYROID = rule(
    "thyroid",
    Severity.ADAPT,
    areas=("neck",),
    follow_up="Not under control?",
    follow_up_severity=Severity.CLEARANCE,
)


def test_no_to_everything_is_clear_without_findings() -> None:
    assert screen(answers={"asthma": NO, "clot": NO}, rules=[ASTHMA, CLOT]) == Verdict(
        Outcome.CLEAR
    )


@pytest.mark.parametrize(
    ("asked", "outcome"),
    [
        (COIL, Outcome.CLEAR),
        (ASTHMA, Outcome.ADAPT),
        (PACEMAKER, Outcome.CLEARANCE),
        (FEVER, Outcome.URGENT),
        (CLOT, Outcome.URGENT),
    ],
    ids=lambda value: getattr(value, "slug", None),
)
def test_yes_counts_as_its_severity(asked: Rule, outcome: Outcome) -> None:
    verdict = screen(answers={asked.slug: YES}, rules=[asked])
    assert verdict.outcome is outcome
    assert [finding.slug for finding in verdict.findings] == [asked.slug]


def test_strictest_finding_decides_and_stands_first() -> None:
    answers = {"asthma": YES, "clot": YES, "pacemaker": YES}
    verdict = screen(answers=answers, rules=[ASTHMA, PACEMAKER, CLOT])
    assert verdict.outcome is Outcome.URGENT
    assert [finding.slug for finding in verdict.findings] == ["clot", "pacemaker", "asthma"]


def test_of_two_urgent_findings_the_more_pressing_stands_first() -> None:
    chest_pain = rule("chest-pain", Severity.URGENT, care=Care.EMERGENCY)
    verdict = screen(answers={"clot": YES, "chest-pain": YES}, rules=[CLOT, chest_pain])
    assert [finding.slug for finding in verdict.findings] == ["chest-pain", "clot"]
    assert verdict.care is Care.EMERGENCY


@pytest.mark.parametrize(
    ("follow_up", "outcome", "care"),
    [
        (Reply.NO, Outcome.STOP, Care.DOCTOR),
        (Reply.YES, Outcome.URGENT, Care.EMERGENCY),
        (Reply.UNSURE, Outcome.URGENT, Care.EMERGENCY),
        (None, Outcome.URGENT, Care.EMERGENCY),
    ],
)
def test_follow_up_stays_milder_only_after_a_plain_no(
    follow_up: Reply | None, outcome: Outcome, care: Care
) -> None:
    verdict = screen(answers={"fever": Answer(Reply.YES, follow_up)}, rules=[FEVER])
    assert (verdict.outcome, verdict.care) == (outcome, care)


@pytest.mark.parametrize(
    ("asked", "outcome"),
    [
        (COIL, Outcome.CLEARANCE),
        (ASTHMA, Outcome.CLEARANCE),
        (THYROID, Outcome.CLEARANCE),
        (PACEMAKER, Outcome.CLEARANCE),
        (FEVER, Outcome.STOP),
        (CLOT, Outcome.STOP),
    ],
    ids=lambda value: getattr(value, "slug", None),
)
@pytest.mark.parametrize("answers", [{}, {"*": UNSURE}], ids=["missing", "not sure"])
def test_unknown_answer_leaves_the_decision_to_a_person(
    asked: Rule, outcome: Outcome, answers: dict[str, Answer]
) -> None:
    given_answers = {asked.slug: answers["*"]} if answers else {}
    assert screen(answers=given_answers, rules=[asked]).outcome is outcome


def test_unknown_red_flag_still_says_how_soon_to_seek_help() -> None:
    assert screen(answers={"clot": UNSURE}, rules=[CLOT]).care is Care.SAME_DAY


def test_without_any_rule_nothing_was_asked_and_a_person_decides() -> None:
    assert screen(answers={}, rules=[]) == Verdict(Outcome.CLEARANCE)


def test_answer_to_a_question_that_is_not_asked_changes_nothing() -> None:
    assert screen(answers={"asthma": NO, "clot": YES}, rules=[ASTHMA]) == Verdict(Outcome.CLEAR)


def test_areas_to_avoid_are_named_once() -> None:
    verdict = screen(
        answers={"pacemaker": YES, "thyroid": Answer(Reply.YES, Reply.NO), "coil": YES},
        rules=[COIL, THYROID, PACEMAKER],
    )
    assert verdict.outcome is Outcome.CLEARANCE
    assert verdict.areas == ("neck", "abdomen")


def test_detail_reaches_the_finding() -> None:
    answers = {"asthma": Answer(Reply.YES, detail="Since childhood")}
    assert screen(answers=answers, rules=[ASTHMA]).findings[0].detail == "Since childhood"


@pytest.mark.parametrize(
    ("outcome", "may_book"),
    [
        (Outcome.CLEAR, True),
        (Outcome.ADAPT, True),
        (Outcome.CLEARANCE, True),
        (Outcome.STOP, False),
        (Outcome.URGENT, False),
    ],
)
def test_only_stop_and_urgent_end_the_way_to_a_booking(outcome: Outcome, may_book: bool) -> None:
    assert Verdict(outcome).may_book is may_book


@pytest.mark.parametrize(
    "changed",
    [
        {"question": "Something else?"},
        {"severity": Severity.CLEARANCE},
        {"slug": "wheeze"},
        {"follow_up": "Bad?", "follow_up_severity": Severity.STOP},
        {"areas": ("chest",)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_version_changes_with(changed: dict[str, object]) -> None:
    before = questions_version([ASTHMA, CLOT])
    assert questions_version([replace(ASTHMA, **changed), CLOT]) != before  # type: ignore[arg-type]


def test_version_changes_with_a_milder_follow_up() -> None:
    milder = replace(FEVER, follow_up_severity=Severity.STOP)
    assert questions_version([milder]) != questions_version([FEVER])


def test_version_changes_when_a_rule_comes_or_goes() -> None:
    versions = {questions_version(rules) for rules in ([], [ASTHMA], [CLOT], [ASTHMA, CLOT])}
    assert len(versions) == 4


def test_version_stays_when_only_the_reason_is_reworded() -> None:
    reworded = replace(ASTHMA, why="Airways can narrow.", advice="Bring your inhaler.")
    assert questions_version([reworded]) == questions_version([ASTHMA])


# Properties

severities = st.sampled_from(Severity)
cares = st.one_of(st.none(), st.sampled_from(Care))
replies = st.sampled_from(Reply)
answers_given = st.builds(Answer, reply=replies, follow_up=st.one_of(st.none(), replies))


@st.composite
def rules_asked(draw: st.DrawFn) -> list[Rule]:
    slugs = draw(st.lists(st.text("abc", min_size=1, max_size=3), unique=True, max_size=8))
    return [draw(one_rule(slug)) for slug in slugs]


@st.composite
def one_rule(draw: st.DrawFn, slug: str) -> Rule:
    severity = draw(severities)
    stricter = [one for one in Severity if one.rank > severity.rank]
    follow_up = draw(st.one_of(st.none(), st.sampled_from(stricter))) if stricter else None
    return Rule(
        slug=slug,
        name=slug,
        question=draw(st.text("xyz", max_size=3)),
        severity=severity,
        care=draw(cares),
        follow_up="And then?" if follow_up else "",
        follow_up_severity=follow_up,
        follow_up_care=draw(cares) if follow_up else None,
    )


@st.composite
def checks(draw: st.DrawFn) -> tuple[list[Rule], dict[str, Answer]]:
    """Rules with answers to any of them, in any words."""
    rules = draw(rules_asked())
    answers = {one.slug: draw(answers_given) for one in rules if draw(st.booleans())}
    return rules, answers


def strictness(verdict: Verdict) -> int:
    return MILD_TO_STRICT.index(verdict.outcome)


@given(checks())
def test_outcome_is_the_strictest_of_each_rule_alone(
    check: tuple[list[Rule], dict[str, Answer]],
) -> None:
    rules, answers = check
    alone = [strictness(screen(answers=answers, rules=[one])) for one in rules]
    expected = max(alone, default=MILD_TO_STRICT.index(Outcome.CLEARANCE))
    assert strictness(screen(answers=answers, rules=rules)) == expected


@given(checks(), st.data())
def test_a_no_that_becomes_a_yes_never_makes_it_milder(
    check: tuple[list[Rule], dict[str, Answer]], data: st.DataObject
) -> None:
    rules, answers = check
    if not rules:
        return
    changed = data.draw(st.sampled_from(rules)).slug
    follow_up = data.draw(st.one_of(st.none(), replies))
    without = screen(answers={**answers, changed: NO}, rules=rules)
    with_yes = screen(answers={**answers, changed: Answer(Reply.YES, follow_up)}, rules=rules)
    assert strictness(with_yes) >= strictness(without)


@given(checks(), st.data(), st.sampled_from([None, UNSURE]))
def test_a_missing_or_unsure_answer_is_never_clear_nor_adapt(
    check: tuple[list[Rule], dict[str, Answer]], data: st.DataObject, unknown: Answer | None
) -> None:
    rules, answers = check
    if not rules:
        return
    slug = data.draw(st.sampled_from(rules)).slug
    answers.pop(slug, None)
    if unknown:
        answers[slug] = unknown
    verdict = screen(answers=answers, rules=rules)
    assert strictness(verdict) >= MILD_TO_STRICT.index(Outcome.CLEARANCE)


@given(checks(), st.data())
def test_order_of_the_rules_changes_neither_outcome_nor_version(
    check: tuple[list[Rule], dict[str, Answer]], data: st.DataObject
) -> None:
    rules, answers = check
    shuffled = data.draw(st.permutations(rules))
    one, other = (screen(answers=answers, rules=order) for order in (rules, shuffled))
    assert (one.outcome, one.care) == (other.outcome, other.care)
    assert set(one.findings) == set(other.findings)
    assert questions_version(rules) == questions_version(shuffled)


@given(rules_asked(), rules_asked())
def test_version_is_shared_only_by_the_same_questions(some: list[Rule], others: list[Rule]) -> None:
    def asked(rules: list[Rule]) -> set[tuple[object, ...]]:
        return {
            (one.slug, one.question, one.severity, one.follow_up, one.follow_up_severity)
            for one in rules
        }

    same = asked(some) == asked(others)
    assert (questions_version(some) == questions_version(others)) is same
