"""Where owners write the words of the messages, and see how each will look."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path

from bookings.models import Wording
from bookings.permissions import is_owner
from bookings.views import wording


@admin.register(Wording)
class WordingAdmin(admin.ModelAdmin):
    """A page per kind of message instead of Django's page per row: rows are versions."""

    def get_urls(self) -> list[URLPattern]:
        guard = self.admin_site.admin_view
        return [
            path("", guard(wording.every_kind), name="bookings_wording_changelist"),
            path("<slug:kind>/", guard(wording.edit), name="bookings_wording_kind"),
            path("<slug:kind>/letter/", guard(wording.letter), name="bookings_wording_letter"),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_owner(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_owner(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_owner(request.user)
