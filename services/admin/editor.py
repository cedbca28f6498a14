"""A form with rich text, shared by the profile and the pages of treatments."""

from typing import Any

import js_asset
from csp.constants import NONCE, SELF
from csp.decorators import csp_replace
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator


class EditorAdmin(admin.ModelAdmin):
    """A form with rich text, under the site's strict Content-Security-Policy."""

    change_form_template = "admin/services/editor_form.html"

    # The editor's import map is the site's one inline script, and only these pages allow it.
    @method_decorator(csp_replace({"script-src": [SELF, NONCE], "style-src": [SELF, NONCE]}))
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().changeform_view(request, *args, **kwargs)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        nonce = str(request.csp_nonce)  # type: ignore[attr-defined]
        context["media"] = js_asset.Media.from_media(context["media"], nonce=nonce)
        return super().render_change_form(request, context, *args, **kwargs)
