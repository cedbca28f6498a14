"""Whole public pages that are kept as long as nothing that they show has changed."""

from collections.abc import Callable, Hashable
from typing import Any

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import get_language

from services.memory import is_of_use, remembered

# Stands in a kept page for the token of each visitor's own forms.
TOKEN = "token-of-the-visitor"  # noqa: S105
MOST_PAGES = 300


def kept_page(
    request: HttpRequest,
    template: str,
    context: Callable[[], dict[str, Any]],
    *,
    depends_on: Hashable,
) -> HttpResponse:
    """Return ``template`` rendered with what ``context`` returns, or as it was rendered before.

    A page is kept by its address, language and day, by ``depends_on`` and until the menu changes;
    everything else that it shows must follow from these. Somebody who is signed in, or is to be
    told something, has hers rendered for herself.
    """
    if request.user.is_authenticated or len(get_messages(request)) or not is_of_use():
        return HttpResponse(render_to_string(template, context(), request))
    pages: dict[Hashable, str] = remembered("pages", dict)
    key = (
        template,
        request.get_host(),
        request.get_full_path(),
        get_language(),
        timezone.localdate(),
        depends_on,
    )
    page = pages.get(key)
    if page is None:
        page = render_to_string(template, {**context(), "csrf_token": TOKEN}, request)
        if len(pages) >= MOST_PAGES:
            pages.clear()
        pages[key] = page
    return HttpResponse(page.replace(TOKEN, get_token(request)))
