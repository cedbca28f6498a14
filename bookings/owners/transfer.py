"""Bringing clients and visits in from files, and taking everything out. For owners only."""

import tempfile
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bookings.actions.importing import keep_draft
from bookings.csv_files import lines_of
from bookings.forms.transfer import FileForm, VisitsFileForm
from bookings.models import ImportDraft
from bookings.permissions import is_owner
from bookings.reports.facts import room_to_count
from bookings.transfer.bringing import (
    MOST_COMING,
    MOST_ROWS,
    Unusable,
    bring_in,
    ignored_columns,
    readable,
)
from bookings.transfer.resources import KINDS
from bookings.transfer.taking_out import write_archive
from bookings.views.staff import me
from services.models import SpaProfile

View = Callable[..., HttpResponseBase]

FORMS: dict[str, type[FileForm]] = {
    ImportDraft.Kind.CLIENTS: FileForm,
    ImportDraft.Kind.VISITS: VisitsFileForm,
}
EXAMPLES = {
    ImportDraft.Kind.CLIENTS: {
        "name": "Cleo Example",
        "email": "cleo@example.com",
        "phone": "+44 20 7946 0001",
    },
    ImportDraft.Kind.VISITS: {
        "name": "Cleo Example",
        "email": "cleo@example.com",
        "date": "2026-12-24",
        "time": "10:15",
    },
}
MISTAKES_SHOWN = 100


def addresses(site: admin.AdminSite) -> list[URLPattern]:
    """The addresses of bringing in and taking out, below those of the admin."""
    return [
        path("transfer/", site.admin_view(overview), name="transfer"),
        path("transfer/everything.zip", site.admin_view(everything), name="transfer_everything"),
        path("transfer/<slug:kind>.csv", site.admin_view(example), name="transfer_example"),
        path("transfer/<slug:kind>/", site.admin_view(upload), name="transfer_upload"),
        path("transfer/check/<int:pk>/", site.admin_view(check), name="transfer_check"),
    ]


def owners_only(view: View) -> View:
    """Let owners of a spa that is set up in; other staff is refused."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not is_owner(request.user):
            raise PermissionDenied
        if not SpaProfile.objects.exists():
            return redirect("admin:index")
        return view(request, *args, **kwargs)

    return guarded


@owners_only
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Offer both ways."""
    return _page(request, "overview", _("Bring in and take out"))


@owners_only
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest, kind: str) -> HttpResponse:
    """Take a file, and go on to what it would do."""
    if kind not in FORMS:
        raise Http404
    form = FORMS[kind](request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            text = readable(kind, form.cleaned_data["file"])
        except Unusable as why:
            form.add_error("file", why.words)
        else:
            draft = keep_draft(
                kind=kind,
                name=form.file_name,
                text=text,
                send_mail=form.cleaned_data.get("send_mail", False),
                against_rules=form.cleaned_data.get("against_rules", False),
                by=me(request),
                now=timezone.now(),
            )
            return redirect("admin:transfer_check", draft.pk)
    title = _("Bring in clients") if kind == ImportDraft.Kind.CLIENTS else _("Bring in visits")
    rows = KINDS[kind]
    return _page(
        request,
        "upload",
        title,
        form=form,
        kind=kind,
        needed=rows.needed,
        may=rows.may,
        most=MOST_ROWS[ImportDraft.Kind(kind)],
        coming=MOST_COMING,
    )


@owners_only
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what a file would do, or let it do so: all of it or nothing."""
    draft = get_object_or_404(ImportDraft, pk=pk, by=me(request))
    really = request.method == "POST"
    outcome = bring_in(draft, by=me(request), now=timezone.now(), only_try=not really)
    if really and not outcome.mistakes:
        draft.delete()
        messages.success(request, _done(outcome.new, outcome.changed))
        return redirect("admin:transfer")
    return _page(
        request,
        "check",
        draft.name,
        draft=draft,
        outcome=outcome,
        mistakes=outcome.mistakes[:MISTAKES_SHOWN],
        more=len(outcome.mistakes) - MISTAKES_SHOWN,
        ignored=ignored_columns(draft),
        failed=really,
    )


@owners_only
@require_safe
def example(request: HttpRequest, kind: str) -> HttpResponse:
    """Send a file with the headings and one row to begin with."""
    if kind not in FORMS:
        raise Http404
    headings = [*KINDS[kind].needed, *KINDS[kind].may]
    values = EXAMPLES[ImportDraft.Kind(kind)]
    text = "".join(lines_of([headings, [values.get(one, "") for one in headings]]))
    answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{kind}.csv"'
    return answer


@owners_only
@require_POST
def everything(request: HttpRequest) -> HttpResponseBase:
    """Send all that the owner owns as one archive."""
    # Closed, and with that gone, when the answer has been sent.
    file = tempfile.TemporaryFile()  # noqa: SIM115
    with room_to_count():
        write_archive(file, spa=SpaProfile.load(), photos=Path(settings.MEDIA_ROOT))
    file.seek(0)
    name = f"spa-{timezone.localdate():%Y-%m-%d}.zip"
    return FileResponse(file, as_attachment=True, filename=name)


def _done(new: int, changed: int) -> str:
    words = [ngettext("%d row is new here.", "%d rows are new here.", new) % new]
    if changed:
        words.append(
            ngettext("%d record was filled in.", "%d records were filled in.", changed) % changed
        )
    return " ".join(words)


def _page(request: HttpRequest, name: str, title: str, **context: Any) -> HttpResponse:
    frame = admin.site.each_context(request)
    return TemplateResponse(
        request, f"admin/transfer/{name}.html", {**frame, "title": title, **context}
    )
