"""The order of the menu: by number, by buttons for up and down, or by drag."""

from collections.abc import Sequence
from itertools import groupby

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Max
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from services.models import Category, Service
from services.pages import GAP, put_in_order

Group = tuple[Category, list[Service]]


class MenuOrder(admin.ModelAdmin):
    """One page with the whole menu on it."""

    def order_urls(self) -> list[URLPattern]:
        """The address of the page."""
        view = self.admin_site.admin_view(self.order_view)
        return [path("order/", view, name="services_service_order")]

    def order_view(self, request: HttpRequest) -> HttpResponse:
        """Show the menu; on POST, move one row or take the numbers as they were sent."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        groups = menu_groups()
        if request.method == "POST":
            moved = _reorder(groups, request.POST)
            self.message_user(request, _("The order is saved."), messages.SUCCESS)
            address = reverse("admin:services_service_order")
            return HttpResponseRedirect(f"{address}#{moved}" if moved else address)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Order of the menu"),
            "groups": groups,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/services/service/order.html", context)


def last_position() -> int:
    """Return the position behind all treatments."""
    highest: int = Service.objects.aggregate(highest=Max("position"))["highest"] or 0
    return highest + GAP


def menu_groups() -> list[Group]:
    """Return every category that has treatments with them, in the order of the menu."""
    rows = Service.objects.select_related("category").order_by(
        "category__position", "category__name", "category", "position", "name"
    )
    return [(category, list(found)) for category, found in groupby(rows, lambda row: row.category)]


def _reorder(groups: Sequence[Group], data: QueryDict) -> str:
    """Write the order that was asked for; return the key of the row that a button moved."""
    moved, _dash, way = data.get("move", "").rpartition("-")
    categories = [category for category, _services in groups]
    put_in_order(rows=_sorted(categories, "category", data, moved, way))
    for _category, services in groups:
        put_in_order(rows=_sorted(services, "service", data, moved, way))
    return moved if way in ("up", "down") and moved.partition("-")[2].isdecimal() else ""


def _sorted(
    rows: Sequence[Service | Category], kind: str, data: QueryDict, moved: str, way: str
) -> list[Service | Category]:
    keys = [f"{kind}-{row.pk}" for row in rows]
    places = {key: float(place) for place, key in enumerate(keys, start=1)}
    if moved in places and way in ("up", "down"):
        # Half a place past its neighbour.
        places[moved] += -1.5 if way == "up" else 1.5
    elif not data.get("move"):
        places = {key: _number(data.get(key, ""), places[key]) for key in keys}
    return sorted(rows, key=lambda row: places[f"{kind}-{row.pk}"])


def _number(written: str, otherwise: float) -> float:
    plain = written.strip()
    return float(plain) if plain.isascii() and plain.isdecimal() and len(plain) < 7 else otherwise
