"""The health questions as owners keep them: what a change does to visits is shown before it.

A change of what is asked, of how strict it is or of the treatments that ask it ends the verdicts
that rest on the former questions. The owner first sees how many visits that touches, and with her
consent they are marked for a new health check in the transaction of the change itself.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bookings.owners import signing, trial
from bookings.owners.asking import ask_where_changed
from bookings.owners.edits import changes_in, draft_of
from bookings.questions import Touched, touched_by, versions
from bookings.views.staff import me
from services.admin.contraindications import ContraindicationAdmin
from services.models import Contraindication, Service
from services.sign_off import Change, standing
from services.versions import record, record_as_found

CONFIRMED = "touches"


@admin.register(Contraindication)
class QuestionAdmin(ContraindicationAdmin):
    """The list by group with how it stands, and the form with the step before saving."""

    change_list_template = "admin/questions/list.html"
    change_form_template = "admin/questions/form.html"

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("try/", wrap(trial.try_answers), name="questions_try"),
            path("sign-off/", wrap(signing.sign_off), name="questions_sign_off"),
            path("outdated/", wrap(signing.outdated), name="questions_outdated"),
            path("outdated/mark/", wrap(signing.mark_outdated), name="questions_mark_outdated"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        context = {"list_title": _("Health questions"), "standing": standing()}
        return super().changelist_view(request, context | (extra_context or {}))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        with transaction.atomic():
            if request.method == "POST":
                self._lock(object_id)
                page = self._page_before_saving(request, object_id)
                if page is not None:
                    return page
            context = {"standing": standing()} | (extra_context or {})
            return super().changeform_view(request, object_id, form_url, context)

    def _lock(self, object_id: str | None) -> None:
        # Of two that save at once, the second sees what the first wrote.
        key = unquote(object_id or "")
        if key.isascii() and key.isdecimal() and len(key) < 19:
            Contraindication.objects.select_for_update(no_key=True).filter(pk=key).first()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        form.versions_before = versions()
        super().save_model(request, obj, form, change)

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        _set_treatments(form.instance, form.cleaned_data["services"], by=me(request))
        ask_where_changed(request, before=form.versions_before)

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        if add:
            return super().construct_change_message(request, form, formsets, add)
        return "\n".join(in_words(change) for change in changes_in(form))

    def _page_before_saving(
        self, request: HttpRequest, object_id: str | None
    ) -> HttpResponse | None:
        """The page that shows whom the change touches, or ``None`` where nothing stands between."""
        row = self.get_object(request, object_id) if object_id else None
        allowed = (
            self.has_change_permission(request, row) if row else self.has_add_permission(request)
        )
        if not allowed or (object_id and row is None):
            return None
        form = self.get_form(request, row, change=row is not None)(request.POST, instance=row)
        if not form.is_valid():
            return None
        touched = touched_by(draft_of(form), now=timezone.now())
        if not touched or request.POST.get(CONFIRMED) == fingerprint(touched):
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": _("Before you save"),
            "opts": self.opts,
            "row": form.instance,
            "changes": changes_in(form) if row else [],
            "touched": touched,
            "total": sum(one.count for one in touched),
            "fingerprint": fingerprint(touched),
            "looked_before": CONFIRMED in request.POST,
            "sent": sent_again(request, without={CONFIRMED}),
            "is_popup": IS_POPUP_VAR in request.POST,
        }
        return TemplateResponse(request, "admin/questions/before_saving.html", context)


def _set_treatments(row: Any, services: Iterable[Service], *, by: User) -> None:
    """Have exactly ``services`` ask about ``row``; their pages' histories tell what differs."""
    differing = {*row.services.all()} ^ {*services}
    for service in differing:
        record_as_found(service)
    row.services.set(services)
    if differing:
        record(differing, by=by, note=gettext("Changed with the health questions"))


def in_words(change: Change) -> str:
    """Severity: from Adapt to Stop."""
    parts = {"what": change.what, "before": change.before or "–", "after": change.after or "–"}
    return _("%(what)s: from “%(before)s” to “%(after)s”.") % parts


def fingerprint(touched: Sequence[Touched]) -> str:
    """A short name for what the owner was shown: she consents to that and nothing else."""
    plain = [(one.service.pk, one.count, one.first.isoformat()) for one in touched]
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:16]


def sent_again(request: HttpRequest, *, without: set[str]) -> list[tuple[str, str]]:
    """What was sent, for hidden fields."""
    kept = (name for name in request.POST if name not in {*without, "csrfmiddlewaretoken"})
    return [(name, value) for name in kept for value in request.POST.getlist(name)]
