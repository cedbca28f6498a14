"""The reports as pages and as files. For owners only; nobody's name is in them."""

import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from bookings.csv_files import Plain, lines_of
from bookings.forms.period import PRESETS, Chosen, PeriodForm
from bookings.permissions import is_owner
from bookings.reports.cells import Table
from bookings.reports.facts import Facts, room_to_count
from bookings.reports.figures import figures
from bookings.reports.periods import Period
from bookings.reports.tables import TABLES, tables
from bookings.words import full_day
from services.models import SpaProfile

View = Callable[..., HttpResponseBase]


def addresses(site: admin.AdminSite) -> list[URLPattern]:
    """The addresses of the reports, below those of the admin."""
    return [
        path("reports/", site.admin_view(report_page), name="reports"),
        path("reports/reports.zip", site.admin_view(all_as_zip), name="reports_zip"),
        path("reports/<str:name>.csv", site.admin_view(one_as_csv), name="reports_csv"),
    ]


def owners_only(view: View) -> View:
    """Let owners of a spa that is set up in; other staff is refused."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not is_owner(request.user):
            raise PermissionDenied
        if _spa(request) is None:
            return redirect("admin:index")
        with room_to_count():
            return view(request, *args, **kwargs)

    return guarded


@owners_only
@require_safe
def report_page(request: HttpRequest) -> HttpResponse:
    """Show the figures of the period that was asked for, or of this month."""
    form = _form(request)
    chosen = form.chosen()
    facts = _facts(request, chosen)
    today = form.today
    context = {
        **admin.site.each_context(request),
        "title": _("Reports"),
        "form": form,
        "chosen": chosen,
        "days": _days(chosen.period, today),
        "before_days": _days(chosen.before, today),
        "is_running": chosen.period.last >= today,
        "presets": [(name, words, name == chosen.preset) for name, words in PRESETS.items()],
        "query": _query(chosen),
        "figures": figures(facts),
        "tables": [table for table in tables(facts) if table.slug != "overview"],
        "is_empty": not (facts.total.booked or facts.total.called_off),
    }
    return TemplateResponse(request, "admin/reports/report.html", context)


@owners_only
@require_safe
def one_as_csv(request: HttpRequest, name: str) -> HttpResponseBase:
    """Send one table, line by line."""
    make = TABLES.get(name)
    if make is None:
        raise Http404
    form = _form(request)
    if not form.is_valid():
        return redirect("admin:reports")
    chosen = form.chosen()
    answer = StreamingHttpResponse(
        lines(make(_facts(request, chosen))), content_type="text/csv; charset=utf-8"
    )
    answer["Content-Disposition"] = f'attachment; filename="{_file(name, chosen)}.csv"'
    return answer


@owners_only
@require_safe
def all_as_zip(request: HttpRequest) -> HttpResponseBase:
    """Send every table, each as a file in one archive."""
    form = _form(request)
    if not form.is_valid():
        return redirect("admin:reports")
    chosen = form.chosen()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for table in tables(_facts(request, chosen)):
            archive.writestr(f"{_file(table.slug, chosen)}.csv", "".join(lines(table)))
    answer = HttpResponse(packed.getvalue(), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="{_file("reports", chosen)}.zip"'
    return answer


def lines(table: Table) -> Iterator[str]:
    """Yield the lines of a CSV file: headings first, figures without units, no line of sums."""
    rows: list[list[Plain]] = [[*table.headings]]
    return lines_of([*rows, *([cell.plain for cell in cells] for cells in table.rows)])


def _form(request: HttpRequest) -> PeriodForm:
    spa = _spa(request)
    assert spa is not None
    today = timezone.now().astimezone(spa.zone).date()
    return PeriodForm(request.GET, today=today)


def _facts(request: HttpRequest, chosen: Chosen) -> Facts:
    spa = _spa(request)
    assert spa is not None
    return Facts(chosen.period, chosen.before, spa)


def _spa(request: HttpRequest) -> SpaProfile | None:
    found: SpaProfile | None = request.spa  # type: ignore[attr-defined]
    return found


def _query(chosen: Chosen) -> str:
    if chosen.preset:
        return f"period={chosen.preset}"
    return f"first={chosen.period.first}&last={chosen.period.last}"


def _file(name: str, chosen: Chosen) -> str:
    return f"{name}-{chosen.period.first}-{chosen.period.last}"


def _days(period: Period, today: date) -> str:
    first, last = period.first, period.last
    if first == last:
        return full_day(first, today)
    return _("%(first)s – %(last)s") % {
        "first": full_day(first, today),
        "last": full_day(last, today),
    }
