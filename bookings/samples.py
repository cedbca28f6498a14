"""Messages to look at that nobody is owed: about a made-up visit, or about one to come.

Nothing here is saved, and no link is issued: the buttons of a sample lead nowhere.
"""

from copy import copy
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from bookings.actions.owing import TELLS_OF
from bookings.letters import CAN_BE_STOPPED, Letter, write_letter
from bookings.models import Appointment, Client, Message, Room, Therapist, Words
from bookings.models.appointments import AppointmentQuerySet
from bookings.models.messages import TO_THERAPISTS
from services.addresses import absolute
from services.models import Service, ServiceOption, SpaProfile

# In the letters that a reference may have.
MADE_UP = "A2B3C4D5"
NOBODYS_KEY = "example-visit-page-opens-nothing"
# No row has it: a letter may ask for what belongs to a made-up row, and finds nothing.
NOBODY = 0
DAYS_AHEAD = 3
SHOWN_VISITS = 8


def sample_letter(message: Message, *, spa: SpaProfile, now: datetime, words: Words) -> Letter:
    """Return ``message`` in ``words``, as its reader would get it."""
    with timezone.override(spa.zone), translation.override(settings.LANGUAGE_CODE):
        url = absolute(reverse("bookings:visit", args=[NOBODYS_KEY]))
        stop = absolute(reverse("bookings:opt_out", args=[NOBODYS_KEY]))
        return write_letter(
            message,
            spa=spa,
            visit_url=url,
            now=now,
            words=words,
            stop_url=stop if message.kind in CAN_BE_STOPPED else "",
        )


def sample_message(kind: str, visit: Appointment, *, spa: SpaProfile, now: datetime) -> Message:
    """Return an unsaved message of ``kind`` about ``visit``, in a state that it may tell of."""
    visit = copy(visit)
    therapist = visit.therapist if kind in TO_THERAPISTS else None
    if kind == Message.Kind.THERAPIST_SHEET:
        day = timezone.localtime(visit.starts_at, spa.zone).date()
        return Message(kind=kind, therapist=therapist, day=day, due_at=now)
    tells_of = TELLS_OF.get(kind, set())
    if tells_of and visit.status not in tells_of:
        visit.status = min(tells_of)
    return Message(
        kind=kind, appointment=visit, therapist=therapist, sequence=visit.sequence, due_at=now
    )


def sample_visit(*, spa: SpaProfile, now: datetime, reference: str = "") -> Appointment:
    """Return the visit ``reference`` where it is one to come, else a made-up, unsaved one."""
    found = visits_to_show(now=now).filter(reference=reference).first() if reference else None
    return found or _made_up_visit(spa, now)


def visits_to_show(*, now: datetime) -> AppointmentQuerySet:
    """The visits to come, with all that a letter names."""
    rows = Appointment.objects.booked().filter(starts_at__gt=now)
    return rows.select_related("client", "option", "service", "therapist").order_by("starts_at")


def _made_up_visit(spa: SpaProfile, now: datetime) -> Appointment:
    option = (
        ServiceOption.objects.filter(service__status=Service.Status.PUBLISHED, active=True)
        .select_related("service")
        .order_by("service__category__position", "service__position", "minutes")
        .first()
    ) or ServiceOption(
        pk=NOBODY,
        service=Service(pk=NOBODY, slug="massage", name=_("Massage")),
        minutes=60,
        price=Decimal(60),
    )
    therapist = Therapist.objects.active().order_by("position").first()
    day = timezone.localtime(now, spa.zone) + timedelta(days=DAYS_AHEAD)
    starts = day.replace(hour=10, minute=15, second=0, microsecond=0)
    ends = starts + timedelta(minutes=option.minutes)
    return Appointment(
        pk=NOBODY,
        reference=MADE_UP,
        client=Client(pk=NOBODY, name=_("Cleo Sample"), email="cleo@example.com"),
        service=option.service,
        option=option,
        therapist=therapist or Therapist(pk=NOBODY, name=_("Mia")),
        room=Room(pk=NOBODY, name=_("Fern")),
        starts_at=starts,
        ends_at=ends,
        busy_from=starts,
        busy_until=ends,
        status=Appointment.Status.CONFIRMED,
        price=option.price,
        created_at=now,
    )
