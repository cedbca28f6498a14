"""What the diary adds to the pages of treatments: rooms that suit, and visits that are booked."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from bookings.actions.changes import CHANGEABLE
from bookings.actions.placing import lock_diary
from bookings.actions.stranding import stranded_by
from bookings.models import Appointment, Room, Therapist
from bookings.owners.asking import ask_where_changed
from bookings.questions import versions
from bookings.standing import House
from bookings.words import moment_in_words
from services.admin.page_form import ServiceForm
from services.admin.pages import ServiceAdmin
from services.admin.withdrawing import BookedVisits
from services.models import Service, SpaProfile

FIRST = 20


class ServiceInHouseForm(ServiceForm):
    """A page, with the rooms that suit the treatment."""

    # What was ticked when the form was opened comes back with it: only what changed is written.
    rooms = forms.ModelMultipleChoiceField(
        label=_("Rooms that suit"),
        queryset=Room.objects.all(),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        show_hidden_initial=True,
        help_text=_("Without a room that suits, no time is offered."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["rooms"] = list(self.instance.rooms.values_list("pk", flat=True))

    def clean_rooms(self) -> Any:
        """Refuse to take the treatment out of a room in which it is booked.

        The room's own page does that: it lists the visits first.
        """
        chosen = self.cleaned_data["rooms"]
        lost = self._opened_keys() - {room.pk for room in chosen}
        spa = SpaProfile.objects.first()
        if not lost or spa is None or self.instance.pk is None:
            return chosen
        service = frozenset({self.instance.pk})

        def without(house: House) -> House:
            for room in lost & set(house.suits):
                house = house.with_room(room, house.suits[room] - service)
            return house

        count = len(stranded_by(without, spa=spa, now=timezone.now()))
        if count:
            words = ngettext(
                "%(count)d visit is booked there. The page of the room lists it and takes the"
                " treatment out.",
                "%(count)d visits are booked there. The page of the room lists them and takes the"
                " treatment out.",
                count,
            )
            raise forms.ValidationError(words % {"count": count})
        return chosen

    def save_rooms(self) -> None:
        """Write the ticks that were set and taken away since the form was opened."""
        if "rooms" not in self.changed_data:
            return
        chosen = {room.pk for room in self.cleaned_data["rooms"]}
        opened = self._opened_keys()
        self.instance.rooms.add(*(chosen - opened))
        self.instance.rooms.remove(*(opened - chosen))

    def _opened_keys(self) -> set[int]:
        return {int(key) for key in self._opened_with() if key.isascii() and key.isdecimal()}

    def _opened_with(self) -> Iterable[str]:
        data: Any = self.data
        return [str(key)[:18] for key in data.getlist(self.add_initial_prefix("rooms"))]


class ServiceInHouseAdmin(ServiceAdmin):
    """The page of a treatment in a house with rooms and visits."""

    form = ServiceInHouseForm
    fieldsets = [
        *ServiceAdmin.fieldsets,
        (_("Rooms"), {"fields": ["rooms"]}),
    ]

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Hold the diary from the look at the visits until all is written.

        Before the row of the treatment: a booking takes them in this order, too.
        """
        with transaction.atomic():
            if request.method == "POST":
                lock_diary(
                    therapists=Therapist.objects.values_list("pk", flat=True),
                    rooms=Room.objects.values_list("pk", flat=True),
                )
            return super().changeform_view(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, service: Service, form: Any, change: bool) -> None:
        form.versions_before = versions()
        super().save_model(request, service, form, change)

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Iterable[Any], change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        form.save_rooms()
        ask_where_changed(request, before=form.versions_before)

    def booked_visits(self, services: Sequence[Service]) -> BookedVisits:
        """Return the visits ahead that stand for one of ``services``; two queries."""
        ahead = Appointment.objects.filter(
            service__in=services, status__in=CHANGEABLE, starts_at__gt=timezone.now()
        )
        today = timezone.localdate()
        first = ahead.select_related("client", "therapist", "service").order_by("starts_at")
        return BookedVisits(ahead.count(), [_visit(one, today) for one in first[:FIRST]])


def _visit(visit: Appointment, today: Any) -> tuple[str, str]:
    words = _now("%(when)s: %(client)s with %(therapist)s, %(service)s") % {
        "when": moment_in_words(timezone.localtime(visit.starts_at), today),
        "client": visit.client.name if visit.client else _now("a client"),
        "therapist": visit.therapist.name,
        "service": visit.service.name,
    }
    return words, reverse("bookings:desk_appointment", args=[visit.reference])


admin.site.unregister(Service)
admin.site.register(Service, ServiceInHouseAdmin)
