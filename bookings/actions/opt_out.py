"""Letters that a client need not get: the one after a visit, and how she stops it.

The key in such a letter is signed, names one of her visits, and opens nothing else. It works
without a login, since mail programs follow it on her behalf (RFC 8058).
"""

from datetime import datetime

from django.core.signing import BadSignature, Signer
from django.db import transaction

from bookings.actions.clients import current_client
from bookings.actions.events import CLIENT, record
from bookings.models import Appointment, Client, Message

# SHA-256 over the reference: 256 bits that nobody can guess without the spa's secret key.
_SIGNER = Signer(salt="bookings.opt_out", algorithm="sha256", sep=".")


def stop_key(appointment: Appointment) -> str:
    """Return the key with which the client of ``appointment`` stops letters after visits."""
    return _SIGNER.sign(appointment.reference)


def visit_of_key(key: str) -> Appointment | None:
    """The visit whose letter held ``key``; none where the key is not ours."""
    try:
        reference = _SIGNER.unsign(key)
    except BadSignature:
        return None
    visits = Appointment.objects.select_related("client").exclude(client=None)
    return visits.filter(reference=reference).first()


@transaction.atomic
def stop_aftercare(*, appointment: Appointment, now: datetime) -> Client:
    """Send her no letters after visits any more, of whatever visit; asked twice, stops once."""
    client = _locked_client(appointment)
    if client.aftercare_stopped_at is None:
        client.aftercare_stopped_at = now
        client.save(update_fields=["aftercare_stopped_at"])
        record(appointment, "aftercare_stopped", by=CLIENT, now=now)
    waiting = Message.objects.pending().filter(kind=Message.Kind.AFTERCARE)
    waiting.filter(appointment__client=client).update(state=Message.State.VOID)
    return client


@transaction.atomic
def want_aftercare(*, appointment: Appointment, now: datetime) -> Client:
    """Send her letters after her next visits again."""
    client = _locked_client(appointment)
    if client.aftercare_stopped_at is not None:
        client.aftercare_stopped_at = None
        client.save(update_fields=["aftercare_stopped_at"])
        record(appointment, "aftercare_wanted", by=CLIENT, now=now)
    return client


def _locked_client(appointment: Appointment) -> Client:
    assert appointment.client is not None
    client = current_client(appointment.client)
    return Client.objects.select_for_update(no_key=True).get(pk=client.pk)
