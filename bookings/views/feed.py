"""A therapist's private calendar address: the page that makes and closes it, and the file."""

import hashlib

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from bookings import actions
from bookings.calendar import therapist_calendar
from bookings.models import CalendarFeed, Therapist
from bookings.permissions import therapists_only
from bookings.views.common import private, spa_of
from bookings.views.guard import too_many_keys
from bookings.views.staff import bar
from bookings.views.therapist import own_page
from services.addresses import absolute


@private
@therapists_only
@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def settings_page(request: HttpRequest, therapist: Therapist) -> HttpResponse:
    """Make, renew or close the address; a new one stands in the answer to its making alone."""
    if request.method != "POST":
        return _page(request, therapist)
    wish, now = request.POST.get("wish"), timezone.now()
    if wish == "renew":
        return _page(request, therapist, token=actions.renew_feed(therapist=therapist, now=now))
    if wish != "revoke":
        messages.error(request, _("That did not work. Nothing was changed. Please try again."))
    elif actions.revoke_feed(therapist=therapist, now=now):
        messages.success(
            request, _("The address is closed. Calendars that use it get no more news.")
        )
    return redirect("bookings:therapist_feed_settings")


@sensitive_variables("token")
@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """Hand out the calendar file; whoever has the address needs no login.

    Answers 304 where the calendar has the file already, be it by its ETag or by its date.
    """
    found = _open_feed(token)
    if found is None:
        if too_many := too_many_keys(request):
            return too_many
        raise Http404
    spa, now = spa_of(request), timezone.now()
    actions.note_feed_read(feed=found, now=now)
    content = therapist_calendar(found.therapist, spa=spa, known_since=found.created_at, now=now)
    version = hashlib.sha256(content).hexdigest()[:32]
    changed_at = actions.note_feed_version(feed=found, version=version, now=now)
    since = int(changed_at.timestamp())
    whole = HttpResponse(
        content,
        content_type="text/calendar; charset=utf-8",
        headers={
            "ETag": f'"{version}"',
            "Last-Modified": http_date(since),
            "Content-Disposition": 'inline; filename="visits.ics"',
        },
    )
    same = get_conditional_response(request, whole["ETag"], since, whole)
    answer = same or whole
    # Kept by the calendar, and asked for anew each time.
    answer["Cache-Control"] = "private, no-cache"
    answer["X-Robots-Tag"] = "noindex, nofollow"
    return answer


def _open_feed(token: str) -> CalendarFeed | None:
    """The feed that ``token`` opens, with its therapist; any other token gets one same answer."""
    return (
        CalendarFeed.objects.opened_by(token)
        .filter(therapist__active=True, therapist__user__is_active=True)
        .select_related("therapist")
        .first()
    )


def _page(request: HttpRequest, therapist: Therapist, token: str = "") -> HttpResponse:
    address = absolute(reverse("bookings:therapist_feed", args=[token])) if token else ""
    return render(
        request,
        "bookings/therapist/feed.html",
        {
            "feed": therapist.feeds.filter(revoked_at=None).first(),
            "address": address,
            "subscribe": f"webcal:{address.partition(':')[2]}" if address else "",
            **bar(request, "own"),
        },
    )
