"""The client has what she was sent about her visit sent again."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from bookings import limits
from bookings.actions import CLIENT, MailRefused, send_news_again
from bookings.models import Appointment
from bookings.told import masked
from bookings.views.common import private, spa_of
from bookings.views.visit import opened


@require_POST
@private
@opened
def send_again(request: HttpRequest, appointment: Appointment, token: str) -> HttpResponse:
    """Send the news of the visit once more, a few times an hour for each visit and address."""
    phone = {"phone": spa_of(request).phone.as_international}
    try:
        wait = _seconds_to_wait(appointment)
    except limits.NotCounted:
        words = _("We cannot send it just now. Please try again in a while, or call us: %(phone)s.")
        messages.info(request, words % phone)
        return redirect("bookings:visit", token)
    if wait:
        words = _(
            "We have sent it several times within the hour. Please look among unwanted mail too, "
            "or call us: %(phone)s."
        )
        messages.info(request, words % phone)
        return redirect("bookings:visit", token)
    try:
        sent = send_news_again(appointment=appointment, by=CLIENT, now=timezone.now())
    except MailRefused:
        words = _("We cannot send it to your address. Please call us: %(phone)s.")
        messages.warning(request, words % phone)
    else:
        words = _("It is on its way to %(address)s again.") % {"address": masked(sent.address)}
        messages.success(request, words)
    return redirect("bookings:visit", token)


def _seconds_to_wait(appointment: Appointment) -> int:
    # Both are counted each time: somebody with many visits still gets few mails.
    of_visit = limits.seconds_to_wait(limits.MAIL_OF_VISIT, of=appointment.reference)
    address = appointment.client.email if appointment.client else ""
    return max(of_visit, limits.seconds_to_wait(limits.MAIL_TO_ADDRESS, of=address))
