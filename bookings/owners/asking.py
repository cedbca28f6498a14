"""Asking again after an edit of the owners', and saying so."""

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import ngettext

from bookings import actions
from bookings.actions import staff
from bookings.questions import versions
from bookings.views.staff import me


def ask_where_changed(request: HttpRequest, *, before: Mapping[int, str]) -> None:
    """Mark the coming visits whose treatment asks otherwise than ``before``; say how many."""
    changed = {pk: version for pk, version in versions().items() if before.get(pk) != version}
    count = actions.ask_again(versions=changed, by=staff(me(request)), now=timezone.now())
    if count:
        said = ngettext(
            "%d visit is marked for a new health check.",
            "%d visits are marked for a new health check.",
            count,
        )
        messages.warning(request, said % count)
