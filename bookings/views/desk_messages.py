"""The desk's view of all mail: what was sent, what was not, and sending it again."""

from collections.abc import Callable
from typing import Any

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_POST

from bookings import actions
from bookings.actions import BookingError
from bookings.mailbox import SHOWN, Wish, look_through
from bookings.mails import Mail
from bookings.models import BadAddress, MailCopy, Message
from bookings.permissions import desk_only
from bookings.views.common import private
from bookings.views.desk_answers import answer, show_visit
from bookings.views.panel import in_panel, with_news
from bookings.views.staff import bar, booked_or_404, me

# Where a step that was taken there leads back to, by what is sent as "back".
LIST, VISIT = "messages", "visit"


@private
@desk_only
@require_GET
def mailbox(request: HttpRequest) -> HttpResponse:
    """Look through all messages: by state and kind, or by whom they are for."""
    found = look_through(Wish.of(request.GET), page=request.GET.get("page", ""), now=timezone.now())
    context = {"mailbox": found, "kinds": Message.Kind.choices, **bar(request, "messages")}
    return render(request, "bookings/desk/messages.html", context)


@private
@desk_only
@require_GET
def message(request: HttpRequest, pk: int) -> HttpResponse:
    """One message with its copy, as it was sent."""
    return _show(request, _message_or_404(pk))


@xframe_options_sameorigin
@csp(
    {
        "default-src": [NONE],
        "img-src": ["data:"],
        "style-src": [UNSAFE_INLINE],
        "frame-ancestors": [SELF],
        "sandbox": [],
    }
)
@private
@desk_only
@require_GET
def html(request: HttpRequest, pk: int) -> HttpResponse:
    """The HTML part for a frame that may do nothing: mails carry their styles, pages may not."""
    copy = MailCopy.objects.filter(message=pk).first()
    if copy is None:
        raise Http404
    return HttpResponse(copy.content["html"])


@private
@desk_only
@require_POST
def send(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a waiting message now, one that was given up once more, one that was sent again."""
    sent = _message_or_404(pk)
    how: dict[str, tuple[Callable[..., Message], str]] = {
        "hurry": (actions.hurry_message, _("%(what)s for %(name)s: it goes out now.")),
        "retry": (actions.retry_message, _("%(what)s for %(name)s: it is tried again now.")),
        "repeat": (actions.repeat_message, _("%(what)s for %(name)s: it is sent again now.")),
    }
    action, words = how.get(request.POST.get("how", ""), (None, ""))
    if action is None or sent.appointment is None or sent.therapist is not None:
        return _refused(request, sent, BookingError())
    now = timezone.now()
    try:
        action(message=sent, by=actions.staff(me(request)), now=now)
    except BookingError as error:
        return _refused(request, sent, error)
    name = sent.appointment.client
    return _done(request, sent, words % {"what": Mail(sent, now).what, "name": name})


@private
@desk_only
@require_POST
def trust(request: HttpRequest, pk: int) -> HttpResponse:
    """Write to the address again from which mail came back."""
    lost = _message_or_404(pk)
    if lost.appointment is None or not lost.address:
        return _refused(request, lost, BookingError())
    actions.trust_address(
        address=lost.address,
        appointment=lost.appointment,
        by=actions.staff(me(request)),
        now=timezone.now(),
    )
    words = _("Mail goes to %(address)s again.") % {"address": lost.address}
    return _done(request, lost, words)


def _message_or_404(pk: int) -> Message:
    rows = Message.objects.select_related(*SHOWN, "appointment__room", "copy")
    return get_object_or_404(rows, pk=pk)


def _show(request: HttpRequest, shown: Message, **more: Any) -> HttpResponse:
    copy = getattr(shown, "copy", None)
    bad = (
        BadAddress.objects.filter(address=shown.address.lower()).first() if shown.address else None
    )
    context = {
        "mail": Mail(shown, timezone.now()),
        "content": copy.content if copy else None,
        "bad_address": bad,
        **more,
    }
    return answer(request, "message", context, here="messages")


def _done(request: HttpRequest, shown: Message, words: str) -> HttpResponse:
    if in_panel(request) and shown.appointment is not None:
        visit = booked_or_404(shown.appointment.reference)
        return with_news(show_visit(request, visit), words, of=visit)
    messages.success(request, words)
    return _back(request, shown)


def _refused(request: HttpRequest, shown: Message, error: BookingError) -> HttpResponse:
    if in_panel(request) and shown.appointment is not None:
        visit = booked_or_404(shown.appointment.reference)
        return show_visit(request, visit, trouble=error.message)
    messages.error(request, error.message)
    return _back(request, shown)


def _back(request: HttpRequest, shown: Message) -> HttpResponse:
    place = request.POST.get("back")
    if place == VISIT and shown.appointment is not None:
        return redirect("bookings:desk_appointment", shown.appointment.reference)
    if place == LIST:
        return redirect("bookings:desk_messages")
    return redirect("bookings:desk_message", shown.pk)
