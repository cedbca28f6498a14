"""The words of one kind of message, checked before they are kept."""

import re
import unicodedata
from collections.abc import Collection
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.models import Words
from bookings.placeholders import mistakes_in, names_in

MULTILINE = ("text", "below")
# What others may read on a locked phone.
IN_SIGHT = ("subject", "preheader")
# The classes of signs that turn the direction of what follows them.
TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
HEALTH = re.compile(
    r"\b(health|illness|ill|pain|swell|swollen|swelling|lymph\w*|oedema|doctor|medical|medicine"
    r"|pregnan\w*|cancer|surgery|operation|treatment|symptom\w*|diagnos\w*)\b",
    re.IGNORECASE,
)


def _one_line(most: int, **options: Any) -> forms.CharField:
    return forms.CharField(max_length=most, **options)


def _paragraphs(rows: int, **options: Any) -> forms.CharField:
    return forms.CharField(max_length=4000, widget=forms.Textarea(attrs={"rows": rows}), **options)


class WordingForm(forms.Form):
    """Six texts with placeholders, the visit to show them for, and what they were written upon."""

    subject = _one_line(
        150,
        label=gettext_lazy("Subject"),
        error_messages={"required": gettext_lazy("A message needs a subject.")},
    )
    preheader = _one_line(
        150,
        label=gettext_lazy("Preview line"),
        required=False,
        help_text=gettext_lazy("Mailboxes show it behind the subject. About 90 letters fit."),
    )
    heading = _one_line(
        100,
        label=gettext_lazy("Heading"),
        error_messages={"required": gettext_lazy("A message needs a heading.")},
    )
    greeting = _one_line(100, label=gettext_lazy("Greeting"), required=False)
    text = _paragraphs(
        7,
        label=gettext_lazy("Text"),
        help_text=gettext_lazy("An empty line begins a new paragraph. The facts come below it."),
        error_messages={"required": gettext_lazy("A message needs a text.")},
    )
    below = _paragraphs(
        4,
        label=gettext_lazy("Further down"),
        required=False,
        help_text=gettext_lazy(
            "Stands between the facts and the buttons. Whatever hints at health belongs here."
        ),
    )
    visit = forms.CharField(required=False, max_length=12, widget=forms.HiddenInput)
    after = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, known: Collection[str], discreet: bool, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        self.known, self.discreet = known, discreet

    def clean_after(self) -> int:
        """The number of the version that was on the page; 0 for none, or where it is no number."""
        number = self.cleaned_data["after"]
        return int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else 0

    def clean(self) -> dict[str, Any]:
        """Normalise the lines, and say at each field what is wrong with it."""
        values = super().clean() or self.cleaned_data
        for name in Words._fields:
            if name not in values:
                continue
            values[name] = (
                "\n".join(values[name].splitlines()) if name in MULTILINE else values[name]
            )
            for mistake in self._mistakes(name, values[name]):
                self.add_error(name, mistake)
        return values

    def _mistakes(self, name: str, text: str) -> list[str]:
        signs = text.replace("\n", "").replace("\t", "") if name in MULTILINE else text
        found = list(mistakes_in(text, self.known))
        if any(unicodedata.category(sign) in ("Cc", "Zl", "Zp") for sign in signs):
            found.append(_("This has to be one line, without invisible signs."))
        elif any(unicodedata.bidirectional(sign) in TURNING for sign in signs):
            found.append(_("There is an invisible sign in it that turns the direction of words."))
        return found

    @property
    def typed(self) -> Words:
        """The words as they stand in the fields, right or wrong, for a preview."""
        texts = (str(self[name].value() or "") for name in Words._fields)
        return Words(*("\n".join(text.replace("\0", "").splitlines()) for text in texts))

    @property
    def words(self) -> Words:
        """The words of a valid form."""
        return Words(*(self.cleaned_data[name] for name in Words._fields))

    def warnings(self, treatments: Collection[str]) -> list[str]:
        """What may be meant, but is seen by others: gentle words that stop nobody.

        ``treatments`` are the names that the owner's discretion keeps out of sight.
        """
        found = []
        for name in IN_SIGHT:
            text, label = getattr(self.typed, name), self.fields[name].label
            for said in self._indiscretions(text, treatments):
                found.append(f"{label}: {said}")
        return found

    def _indiscretions(self, text: str, treatments: Collection[str]) -> list[str]:
        found = []
        named = [one for one in treatments if one.casefold() in text.casefold()]
        if self.discreet and "treatment" in names_in(text):
            found.append(
                _(
                    "here {treatment} shows the discreet name, as long as the spa’s profile keeps "
                    "treatments out of subjects."
                )
            )
        if self.discreet and named:
            found.append(
                _("it names “%(treatment)s”, which others may read on a locked phone.")
                % {"treatment": named[0]}
            )
        elif hint := HEALTH.search(text.replace("{treatment}", "")):
            found.append(
                _("“%(word)s” hints at health, and others may read it on a locked phone.")
                % {"word": hint[0]}
            )
        return found
