"""What clients may ask of us: to delete their health answers, or all that tells who they are."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.actions.answers import locked_visits, open_checks
from bookings.actions.clients import current_client
from bookings.actions.errors import BookingError
from bookings.actions.events import Actor, staff
from bookings.models import (
    Appointment,
    BadAddress,
    Client,
    ClientChange,
    ClientMerge,
    Event,
    HealthCheck,
    HealthReading,
    MailCopy,
    Message,
    NotTheSame,
    TreatmentNote,
    VisitLink,
)


class VisitsAhead(BookingError):
    """Visits are still to come, ``count`` of them: whoever is promised one must be reachable."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    @property
    def message(self) -> str:
        words = ngettext(
            "One visit is still to come or not finished. Please cancel or complete it first.",
            "%(n)d visits are still to come or not finished. Please cancel or complete them first.",
            self.count,
        )
        return words % {"n": self.count}


class MailOnItsWay(BookingError):
    """A mail to the client is being sent at this moment."""

    @property
    def message(self) -> str:
        return _("A mail to this client is just being sent. Please try again in a minute.")


@transaction.atomic
def note_copy(*, client: Client, user: User, now: datetime) -> None:
    """Remember that ``user`` read all that is kept of ``client``, to hand it to her.

    That is a reading of each health check and treatment note. Raises ``ClientErased``.
    """
    kept = current_client(client)
    told = Q(health_check__isnull=False) | Q(treatment_note__isnull=False)
    visits = Appointment.objects.filter(told, client=kept).values_list("pk", "health_check")
    HealthReading.objects.bulk_create(
        HealthReading(appointment_id=visit, health_check_id=check, user=user, at=now)
        for visit, check in visits
    )
    _note(kept, ClientChange.Kind.COPIED, by=staff(user), now=now)


@transaction.atomic
def withdraw_health_consent(*, client: Client, by: Actor, now: datetime) -> int:
    """Delete all health answers of ``client``, who no longer agrees that they are kept.

    Visits still to come stand, but are open: somebody has to talk to her. Who read the answers,
    and when, stays known. Returns how many checks were deleted; raises ``ClientErased``.
    """
    ahead = locked_visits(client, now=now)
    kept = current_client(client)
    hers = Appointment.objects.filter(client=kept)
    checks = _checks_of(hers)
    open_checks(ahead, "health_consent_withdrawn", by=by, now=now)
    deleted = _delete_checks(hers, checks)
    if deleted:
        _note(kept, ClientChange.Kind.FORGOT, by=by, now=now)
    return deleted


@transaction.atomic
def erase_client(*, client: Client, by: Actor, now: datetime) -> Client:
    """Delete all that tells who ``client`` is; it cannot be undone.

    Her visits stay without a name, so that the reports count as before. Records that were merged
    into hers are erased with it. Raises ``VisitsAhead``, ``MailOnItsWay`` or ``ClientErased``.
    """
    kept = current_client(client)
    visits = Appointment.objects.filter(client=kept)
    # First of all: what is just being done to one of them is waited for, and then looked at.
    _lock(visits.order_by("pk"))
    unfinished = visits.blocking(now).count()
    if unfinished:
        raise VisitsAhead(unfinished)
    # A worker may still write where it has sent what is no longer needed; none begins from here on.
    begun = Message.objects.filter(state__in=[Message.State.PENDING, Message.State.VOID])
    begun = begun.filter(appointment__in=visits)
    _lock(begun.order_by("pk"))
    if begun.filter(claimed_until__gt=now).exists():
        raise MailOnItsWay
    _delete_checks(visits, _checks_of(visits))
    # A new sequence: whoever waits to change one of them is told that it is another one by now.
    visits.update(client_note="", staff_note="", sequence=F("sequence") + 1)
    TreatmentNote.objects.filter(appointment__in=visits).delete()
    VisitLink.objects.filter(appointment__in=visits).delete()
    Event.objects.filter(appointment__in=visits).exclude(reason="").update(reason="")
    _blank_messages(visits)
    _blank_records(kept, by=by, now=now)
    return Client.objects.get(pk=kept.pk)


def _lock(rows: QuerySet[Any]) -> None:
    list(rows.select_for_update(of=("self",), no_key=True).values_list("pk"))


def _checks_of(visits: QuerySet[Appointment]) -> list[int]:
    """The checks of ``visits``, and former ones that somebody has read there."""
    read = Q(readings__appointment__in=visits)
    checks = HealthCheck.objects.filter(Q(appointments__in=visits) | read)
    return list(checks.values_list("pk", flat=True).distinct())


def _delete_checks(visits: QuerySet[Appointment], checks: list[int]) -> int:
    visits.exclude(health_check=None).update(health_check=None)
    deleted = HealthCheck.objects.filter(pk__in=checks).delete()[1]
    return deleted.get(HealthCheck._meta.label, 0)


def _blank_messages(visits: QuerySet[Appointment]) -> None:
    """What was sent stays known, but for where to and what it said; what waits is not sent."""
    of_hers = Message.objects.filter(appointment__in=visits)
    of_hers.pending().update(state=Message.State.VOID)
    of_hers.update(sent_to="", last_error="", answer="")
    MailCopy.objects.filter(message__in=of_hers).delete()
    # The day sheets of her therapists name her.
    days = {
        timezone.localtime(start).date() for start in visits.values_list("starts_at", flat=True)
    }
    MailCopy.objects.filter(message__appointment=None, message__day__in=days).delete()


def _blank_records(kept: Client, *, by: Actor, now: datetime) -> None:
    records = Client.objects.filter(Q(pk=kept.pk) | Q(merged_into=kept))
    keys = list(records.values_list("pk", flat=True))
    _forget_addresses(keys)
    ClientChange.objects.filter(client__in=keys).delete()
    ClientMerge.objects.filter(Q(kept__in=keys) | Q(merged__in=keys)).delete()
    NotTheSame.objects.filter(Q(one__in=keys) | Q(other__in=keys)).delete()
    records.update(
        name=_("Erased client"),
        email="",
        phone="",
        note="",
        preferred_therapist=None,
        erased_at=now,
    )
    _note(kept, ClientChange.Kind.ERASED, by=by, now=now)


def _forget_addresses(keys: list[int]) -> None:
    """Forget that mail to her addresses came back, unless somebody else has one of them too."""
    addresses = Client.objects.annotate(address=Lower("email")).exclude(email="")
    hers = set(addresses.filter(pk__in=keys).values_list("address", flat=True))
    others = addresses.exclude(pk__in=keys).filter(address__in=hers)
    alone = hers - set(others.values_list("address", flat=True))
    BadAddress.objects.filter(address__in=alone).delete()


def _note(client: Client, kind: ClientChange.Kind, *, by: Actor, now: datetime) -> None:
    ClientChange.objects.create(client=client, kind=kind, at=now, by=by.user)
