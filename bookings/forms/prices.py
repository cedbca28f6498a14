"""All prices in one list."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _

from services.models import Service, ServiceOption
from services.templatetags.menu import money


@dataclass(frozen=True, slots=True)
class Row:
    """One length with its present price and the field for the new one."""

    option: ServiceOption
    field: BoundField
    was: BoundField


@dataclass(frozen=True, slots=True)
class NewPrice:
    """A price that is to change."""

    option: ServiceOption
    before: Decimal
    after: Decimal


class PricesForm(forms.Form):
    """A field for each length of each treatment.

    Each carries the price that was shown: one that somebody else has changed meanwhile is shown
    anew, at its field, instead of being overwritten.
    """

    use_required_attribute = False

    def __init__(
        self, *args: Any, options: Sequence[ServiceOption], currency: str, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.options, self.currency = options, currency
        for option in options:
            price = ServiceOption._meta.get_field("price").formfield(
                label=str(option),
                initial=option.price,
                min_value=0,
                widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
            )
            assert price is not None
            self.fields[_price(option)] = price
            self.fields[_was(option)] = forms.DecimalField(
                initial=option.price, widget=forms.HiddenInput, required=False
            )

    @property
    def services(self) -> Iterator[tuple[Service, list[Row]]]:
        """The treatments with their lengths, in the order of the menu."""
        for service, options in groupby(self.options, key=lambda option: option.service):
            yield service, [Row(one, self[_price(one)], self[_was(one)]) for one in options]

    @property
    def changes(self) -> list[NewPrice]:
        """What a valid form would change."""
        found = []
        for option in self.options:
            shown, wanted = (self.cleaned_data[key] for key in (_was(option), _price(option)))
            # What stands as it was shown is nobody's wish, even where the price has moved since.
            if wanted not in (shown, option.price):
                found.append(NewPrice(option, option.price, wanted))
        return found

    def clean(self) -> dict[str, Any]:
        for option in self.options:
            if self.errors.pop(_was(option), None):
                self.add_error(_price(option), _("Please type this price once more."))
            shown, wanted = (self.cleaned_data.get(key) for key in (_was(option), _price(option)))
            if shown in (None, option.price) or wanted in (None, shown, option.price):
                continue
            words = _("Meanwhile somebody has made it %(price)s.")
            self.add_error(_price(option), words % {"price": money(option.price, self.currency)})
        return self.cleaned_data


def _price(option: ServiceOption) -> str:
    return f"price-{option.pk}"


def _was(option: ServiceOption) -> str:
    return f"was-{option.pk}"
