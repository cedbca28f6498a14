"""Whether a treatment is safe to book: answers and rules in, a verdict out.

Pure: no Django, no clock, no database. The rules are the spa's contraindications; their
severities come from the starting list (its sources stand on each row) and from what the owner and
the signing clinician made of it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum


class Severity(Enum):
    """How strict one contraindication is."""

    URGENT = "urgent"
    STOP = "stop"
    CLEARANCE = "clearance"
    ADAPT = "adapt"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 (note) to 4 (urgent); a higher rank is stricter."""
        return _STRICTNESS.index(self)


_STRICTNESS = [
    Severity.NOTE,
    Severity.ADAPT,
    Severity.CLEARANCE,
    Severity.STOP,
    Severity.URGENT,
]


class Care(Enum):
    """How soon a person should seek medical help."""

    EMERGENCY = "emergency"
    SAME_DAY = "same_day"
    DOCTOR = "doctor"

    @property
    def rank(self) -> int:
        """0 (see a doctor before booking) to 2 (call now)."""
        return [Care.DOCTOR, Care.SAME_DAY, Care.EMERGENCY].index(self)


class Outcome(Enum):
    """What a whole health check comes to."""

    URGENT = "urgent"
    STOP = "stop"
    CLEARANCE = "clearance"
    ADAPT = "adapt"
    CLEAR = "clear"


class Reply(Enum):
    """An answer to a tick box or a follow-up question."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Rule:
    """One contraindication as a plain value.

    A rule ``for_everyone`` is not asked: it applies whatever the answers are.
    """

    slug: str
    name: str
    question: str
    severity: Severity
    care: Care | None = None
    follow_up: str = ""
    follow_up_severity: Severity | None = None
    follow_up_care: Care | None = None
    why: str = ""
    advice: str = ""
    areas: tuple[str, ...] = ()
    for_everyone: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said to one rule; ``follow_up`` is ``None`` where it was not answered."""

    reply: Reply
    follow_up: Reply | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that applies, at the severity that the answer gives it."""

    slug: str
    name: str
    severity: Severity
    care: Care | None
    why: str
    advice: str
    areas: tuple[str, ...]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome with its findings, strictest first."""

    outcome: Outcome
    findings: tuple[Finding, ...] = field(default=())

    @property
    def may_book(self) -> bool:
        """Whether a booking or a request may follow at all."""
        return self.outcome in {Outcome.CLEAR, Outcome.ADAPT, Outcome.CLEARANCE}

    @property
    def areas(self) -> tuple[str, ...]:
        """Areas to avoid, each once, in the order of their findings."""
        return tuple(dict.fromkeys(area for finding in self.findings for area in finding.areas))

    @property
    def care(self) -> Care | None:
        """The most pressing medical advice among the findings."""
        return max(
            (finding.care for finding in self.findings if finding.care),
            key=lambda care: care.rank,
            default=None,
        )


def screen(*, answers: Mapping[str, Answer], rules: Iterable[Rule]) -> Verdict:
    """Judge ``answers`` (by rule slug) against ``rules``.

    The strictest finding decides. A rule without an answer, or answered "not sure", is never
    clear: it counts as a stop where a yes would stop, and otherwise as needing clearance, so
    that a person decides. With no rules at all nothing was asked, and a person decides too.
    """
    rules = list(rules)
    if not rules:
        return Verdict(Outcome.CLEARANCE)
    found = [
        finding for rule in rules if (finding := _finding(rule, answers.get(rule.slug))) is not None
    ]
    found.sort(key=lambda finding: (-finding.severity.rank, -_care_rank(finding.care)))
    return Verdict(_outcome(found), tuple(found))


def questions_version(rules: Iterable[Rule]) -> str:
    """Return a short name for exactly these questions and their severities.

    It changes whenever a rule is added, removed, reworded or made stricter or milder, in any
    order of the rules.
    """
    plain = sorted(
        [
            rule.slug,
            rule.question,
            rule.severity.value,
            rule.follow_up,
            rule.follow_up_severity.value if rule.follow_up_severity else "",
            *rule.areas,
        ]
        for rule in rules
    )
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:16]


def _finding(rule: Rule, answer: Answer | None) -> Finding | None:
    severity, care = rule.severity, rule.care
    if rule.for_everyone:
        answer = Answer(Reply.YES)
    if answer is not None and answer.reply is Reply.NO:
        return None
    if answer is None or answer.reply is Reply.UNSURE:
        severity = _unknown_severity(rule)
    elif rule.follow_up_severity is not None and answer.follow_up is not Reply.NO:
        severity = rule.follow_up_severity
        care = rule.follow_up_care or care
    return Finding(
        slug=rule.slug,
        name=rule.name,
        severity=severity,
        care=care,
        why=rule.why,
        advice=rule.advice,
        areas=rule.areas,
        detail=answer.detail if answer else "",
    )


def _unknown_severity(rule: Rule) -> Severity:
    strictest = max(
        (rule.severity, rule.follow_up_severity or rule.severity), key=lambda one: one.rank
    )
    return Severity.STOP if strictest.rank >= Severity.STOP.rank else Severity.CLEARANCE


def _outcome(found: list[Finding]) -> Outcome:
    if not found or found[0].severity is Severity.NOTE:
        return Outcome.CLEAR
    return Outcome(found[0].severity.value)


def _care_rank(care: Care | None) -> int:
    return care.rank if care else -1
