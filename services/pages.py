"""What is done to the pages of the menu as a whole, each kept as a version."""

from collections.abc import Iterable, Sequence

from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.utils.translation import gettext as _

from services.models import Category, Service
from services.versions import record, record_as_found

# Room between two rows, for one to be put there by number.
GAP = 10


def publish_pages(*, services: Iterable[Service], by: User | AnonymousUser) -> int:
    """Show treatments to clients; return how many were drafts before."""
    return _set_status(
        services, Service.Status.PUBLISHED, by=by, note=_("Published: clients see it from now on")
    )


def withdraw_pages(*, services: Iterable[Service], by: User | AnonymousUser) -> int:
    """Turn treatments into drafts, which only staff see; return how many were public before.

    Visits that are booked stay as they are.
    """
    return _set_status(
        services, Service.Status.DRAFT, by=by, note=_("Taken off the site: a draft from now on")
    )


@transaction.atomic
def _set_status(
    services: Iterable[Service], status: str, *, by: User | AnonymousUser, note: str
) -> int:
    keys = [service.pk for service in services]
    rows = Service.objects.select_for_update(no_key=True).filter(pk__in=keys).exclude(status=status)
    changed = list(rows.order_by("pk"))
    for service in changed:
        record_as_found(service)
        service.status = status
        service.save(update_fields=["status", "updated_at"])
    if changed:
        record(changed, by=by, note=note)
    return len(changed)


@transaction.atomic
def put_in_order(*, rows: Sequence[Service | Category]) -> None:
    """Number rows of the menu in the given order; the words and their history stay untouched."""
    for place, row in enumerate(rows, start=1):
        if row.position == place * GAP:
            continue
        row.position = place * GAP
        # The rows were read without a lock: what was saved meanwhile stays.
        row.save(update_fields=["position"])
