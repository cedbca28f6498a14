"""The health check: what is asked, and whether what came back can be judged."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.forms.details import NameField
from services.models import Contraindication, SpaProfile
from services.screening import Answer, Outcome, Reply, Rule, Verdict, questions_version, screen

DETAIL_MOST = 300
REPLIES = [
    (Reply.YES.value, gettext_lazy("Yes")),
    (Reply.NO.value, gettext_lazy("No")),
    (Reply.UNSURE.value, gettext_lazy("Not sure")),
]

SHORT_NAMES = {
    Contraindication.Group.RED_FLAGS: gettext_lazy("Right now"),
    Contraindication.Group.ACUTE: gettext_lazy("At the moment"),
    Contraindication.Group.HEART: gettext_lazy("Heart, blood and circulation"),
    Contraindication.Group.HISTORY: gettext_lazy("Cancer, operations and lymph nodes"),
    Contraindication.Group.BODY: gettext_lazy("Breathing, belly, glands, kidneys, pregnancy"),
    Contraindication.Group.YOU: gettext_lazy("Skin, allergies, medicines and you"),
}
# What an error at a group is called in the summary, by its code.
IN_SHORT = {
    "nothing": gettext_lazy("%(group)s: nothing ticked"),
    "both": gettext_lazy("%(group)s: something ticked, and also “None of these”"),
}


@dataclass(frozen=True, slots=True)
class Question:
    """One tick box with what it reveals."""

    row: Contraindication
    tick: BoundField
    follow_up: BoundField | None
    detail: BoundField | None


@dataclass(frozen=True, slots=True)
class Group:
    """A fieldset of questions that ends in "None of these"."""

    key: str
    legend: str
    questions: list[Question]
    none: BoundField


@dataclass(frozen=True, slots=True)
class Problem:
    """An error with the id of the element to put right."""

    anchor: str
    message: str


class HealthForm(forms.Form):
    """Tick boxes in groups, their follow-ups and details, a closing declaration and the consent.

    What belongs to a box that is not ticked is ignored. ``verdict`` is there as soon as the
    answers are whole, and at once where something urgent was ticked.
    """

    use_required_attribute = False

    none_left = forms.BooleanField(
        required=False,
        label=gettext_lazy("None of these in any group that I left empty."),
        widget=forms.CheckboxInput(attrs={"class": "tick__box", "data-none-left": True}),
    )
    version = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        *args: Any,
        questions: Sequence[Contraindication],
        rules: list[Rule],
        spa: SpaProfile,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.questions = questions
        self.rules = rules
        self.asked_version = f"{questions_version(self.rules)} {spa.health_consent_version}"
        self.initial["version"] = self.asked_version
        self.fields["consent"] = forms.BooleanField(
            label=spa.health_consent,
            error_messages={
                "required": _("Please agree that we may keep your answers, or call us instead.")
            },
            widget=forms.CheckboxInput(attrs={"class": "tick__box"}),
        )
        for row in questions:
            self._add_question(row)
        for group in {row.group for row in questions}:
            self.fields[_none(group)] = forms.BooleanField(
                required=False,
                label=_("None of these"),
                widget=forms.CheckboxInput(attrs={"class": "tick__box", "data-none": True}),
            )

    @property
    def groups(self) -> Iterator[Group]:
        """The groups in the order in which they are asked."""
        for key, rows in groupby(self.questions, key=lambda row: row.group):
            legend = str(Contraindication.Group(key).label)
            yield Group(key, legend, [self._question(row) for row in rows], self[_none(key)])

    @property
    def problems(self) -> list[Problem]:
        """Every error in the order of the page, with one way out of several empty groups."""
        found = [problem for group in self.groups for problem in self._problems_of(group)]
        empty = [group for group in self.groups if self.has_error(group.none.name, "nothing")]
        if len(empty) > 1:
            words = _("Or say once, at the end, that nothing else applies")
            found.append(Problem(self["none_left"].auto_id, words))
        return [*found, *_problems(self["none_left"]), *_problems(self["consent"])]

    @property
    def verdict(self) -> Verdict | None:
        """What the answers come to, or ``None`` while they cannot be judged.

        Nobody with an urgent sign is asked to fill in the rest first, or to agree to anything.
        """
        answers = self._ticked_answers()
        ticked = [rule for rule in self.rules if rule.slug in answers]
        so_far = screen(answers=answers, rules=ticked) if ticked else None
        if so_far is not None and so_far.outcome is Outcome.URGENT:
            return so_far
        if set(self.errors) - {"consent"}:
            return None
        return screen(answers=self.answers, rules=self.rules)

    @property
    def answers(self) -> dict[str, Answer]:
        """The answer to every question; meant for a form without problems."""
        no = {rule.slug: Answer(Reply.NO) for rule in self.rules if not rule.for_everyone}
        return no | self._ticked_answers()

    def clean(self) -> dict[str, Any]:
        for row in self.questions:
            self._clean_question(row)
        for group in dict.fromkeys(row.group for row in self.questions):
            self._clean_group(group)
        if self.cleaned_data.get("version") != self.asked_version:
            self.add_error(
                "none_left",
                _("The questions have just been changed. Please look through them once more."),
            )
        return self.cleaned_data

    def _problems_of(self, group: Group) -> Iterator[Problem]:
        """A group's own error first: it is about the group as a whole."""
        for code, words in IN_SHORT.items():
            if self.has_error(group.none.name, code):
                short = SHORT_NAMES[Contraindication.Group(group.key)]
                yield Problem(group.none.auto_id, words % {"group": short})
        for question in group.questions:
            for bound in (question.follow_up, question.detail):
                yield from _problems(bound) if bound is not None else ()

    def _clean_question(self, row: Contraindication) -> None:
        if not self.cleaned_data.get(_tick(row)):
            for name in (_follow_up(row), _detail(row)):
                self.errors.pop(name, None)
            return
        if row.follow_up and not self.cleaned_data.get(_follow_up(row)):
            self.errors.pop(_follow_up(row), None)
            self.add_error(
                _follow_up(row),
                _("Please answer: %(question)s") % {"question": row.follow_up},
            )

    def _clean_group(self, group: str) -> None:
        ticked = any(
            self.cleaned_data.get(_tick(row)) for row in self.questions if row.group == group
        )
        if ticked and self.cleaned_data.get(_none(group)):
            words = _("You ticked something and also “None of these”. Which is right?")
            self.add_error(_none(group), forms.ValidationError(words, code="both"))
        nothing_said = not ticked and not self.cleaned_data.get(_none(group))
        if nothing_said and not self.cleaned_data.get("none_left"):
            words = _("Tick what applies, or “None of these”.")
            self.add_error(_none(group), forms.ValidationError(words, code="nothing"))

    def _ticked_answers(self) -> dict[str, Answer]:
        """The answers to ticked boxes that are whole and contradict nothing."""
        return {
            row.slug: self._answer(row)
            for row in self.questions
            if self.cleaned_data.get(_tick(row))
            and not self.cleaned_data.get(_none(row.group))
            and (not row.follow_up or self.cleaned_data.get(_follow_up(row)))
        }

    def _answer(self, row: Contraindication) -> Answer:
        follow_up = self.cleaned_data.get(_follow_up(row))
        return Answer(
            Reply.YES,
            follow_up=Reply(follow_up) if row.follow_up and follow_up else None,
            detail=self.cleaned_data.get(_detail(row), "") if row.detail else "",
        )

    def _add_question(self, row: Contraindication) -> None:
        self.fields[_tick(row)] = forms.BooleanField(
            required=False,
            label=row.question,
            widget=forms.CheckboxInput(attrs={"class": "tick__box", "data-tick": True}),
        )
        if row.follow_up:
            self.fields[_follow_up(row)] = forms.ChoiceField(
                required=False,
                label=row.follow_up,
                choices=REPLIES,
                widget=forms.RadioSelect(attrs={"class": "tick__box"}),
            )
        if row.detail:
            self.fields[_detail(row)] = NameField(
                required=False,
                label=row.detail,
                max_length=DETAIL_MOST,
                widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
            )

    def _question(self, row: Contraindication) -> Question:
        return Question(
            row,
            self[_tick(row)],
            self[_follow_up(row)] if row.follow_up else None,
            self[_detail(row)] if row.detail else None,
        )


def _tick(row: Contraindication) -> str:
    return f"tick-{row.slug}"


def _follow_up(row: Contraindication) -> str:
    return f"follow-{row.slug}"


def _detail(row: Contraindication) -> str:
    return f"detail-{row.slug}"


def _none(group: str) -> str:
    return f"none-{group}"


def _problems(bound: BoundField) -> list[Problem]:
    return [Problem(_anchor(bound), str(message)) for message in bound.errors]


def _anchor(bound: BoundField) -> str:
    # A set of radio buttons has no element of its own; its first button stands for it.
    if isinstance(bound.field, forms.ChoiceField):
        return f"{bound.auto_id}_0"
    return bound.auto_id
