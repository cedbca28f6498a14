"""All prices in one list: typed, looked at once more as old and new, and saved."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from bookings.forms.prices import NewPrice, PricesForm
from bookings.models import Appointment
from bookings.models.appointments import UPCOMING
from bookings.views.common import spa_of
from services.models import ServiceOption
from services.versions import record, record_as_found


def addresses(site: admin.AdminSite) -> list[URLPattern]:
    """The address of the list, below those of the admin."""
    return [path("prices/", site.admin_view(prices), name="prices")]


@require_http_methods(["GET", "HEAD", "POST"])
def prices(request: HttpRequest) -> HttpResponse:
    """Show all prices; what was typed is shown as old and new before it is saved."""
    if not request.user.has_perm("services.change_serviceoption"):
        raise PermissionDenied
    if request.method == "POST" and "sure" in request.POST:
        return _save(request)
    form = _form(request)
    if request.method != "POST" or not form.is_valid():
        return _page(request, form)
    if not form.changes:
        messages.info(request, _("No price is different."))
        return redirect("admin:prices")
    context = {"changes": form.changes, "keeping": _keep_their_price(form.changes)}
    return _page(request, form, **context)


def _save(request: HttpRequest) -> HttpResponse:
    with transaction.atomic():
        form = _form(request, lock=True)
        # What was looked at may have been changed since by somebody else.
        if not form.is_valid():
            return _page(request, form)
        changes = form.changes
        pages = {one.option.service_id: one.option.service for one in changes}
        for page in pages.values():
            record_as_found(page)
        for one in changes:
            one.option.price = one.after
            one.option.save(update_fields=["price"])
        if pages:
            record(pages.values(), by=request.user, note=_("Changed in the list of prices"))
    said = ngettext("%d price is changed.", "%d prices are changed.", len(changes))
    messages.success(request, said % len(changes))
    return redirect("admin:prices")


def _form(request: HttpRequest, *, lock: bool = False) -> PricesForm:
    options = ServiceOption.objects.select_related("service__category").order_by(
        "service__category__position",
        "service__category",
        "service__position",
        "service__name",
        "service",
        "minutes",
    )
    if lock:
        options = options.select_for_update(of=("self",), no_key=True)
    sent = request.POST if request.method == "POST" else None
    return PricesForm(sent, options=list(options), currency=spa_of(request).currency)


def _keep_their_price(changes: Sequence[NewPrice]) -> int:
    """How many coming visits were booked at one of the prices that change."""
    ahead = Appointment.objects.filter(status__in=UPCOMING, starts_at__gt=timezone.now())
    found = ahead.filter(option__in=[one.option for one in changes]).aggregate(count=Count("pk"))
    return int(found["count"])


def _page(request: HttpRequest, form: PricesForm, **more: Any) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": _("Change prices"),
        "form": form,
        "currency": form.currency,
        **more,
    }
    return render(request, "admin/prices.html", context)
