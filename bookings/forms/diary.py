"""What the calendar sends."""

from django import forms

from bookings.forms.details import NameField

MINUTES_MOST = 480
KEY_MOST = 2**31 - 1


class PlaceForm(forms.Form):
    """Where a visit was put: start, length and column, and which version of it was looked at."""

    start = forms.CharField(max_length=20)
    minutes = forms.IntegerField(min_value=5, max_value=MINUTES_MOST, step_size=5, required=False)
    therapist = forms.IntegerField(min_value=1, max_value=KEY_MOST)
    room = forms.IntegerField(min_value=1, max_value=KEY_MOST, required=False)
    sequence = forms.IntegerField(min_value=0, max_value=KEY_MOST)
    reason = NameField(max_length=300, required=False)


class UndoForm(forms.Form):
    """The version of a visit whose latest change is taken back."""

    sequence = forms.IntegerField(min_value=0, max_value=KEY_MOST)


class KeepForm(forms.Form):
    """A visit that was left without a place and stays, and why."""

    reference = forms.CharField(max_length=12)
    sequence = forms.IntegerField(min_value=0, max_value=KEY_MOST)
    reason = NameField(max_length=300)
