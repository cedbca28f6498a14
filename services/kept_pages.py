"""Whole public pages that are kept as long as nothing that they show has changed."""

import secrets
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import get_language

from services.memory import is_of_use, remembered, saw_present_menu

# Nobody can write into a text what stands in a kept page for something else.
_PROCESS = secrets.token_hex(8)
# For the token of each visitor's own forms.
TOKEN = f"token-{_PROCESS}"
MOST_PAGES = 300


def kept_page(
    request: HttpRequest,
    template: str,
    context: Callable[[], dict[str, Any]],
    *,
    depends_on: Hashable = None,
    live: Mapping[str, Callable[[], str]] | None = None,
) -> HttpResponse:
    """Return ``template`` rendered with what ``context`` returns, or as it was rendered before.

    A page is kept by its address, language and day, by ``depends_on`` and until the menu changes;
    everything else that it shows must follow from these, but for the parts in ``live``: names in
    the context, and what renders each of them anew every time. Somebody who is signed in, or is to
    be told something, has the whole page rendered for herself.
    """
    live = live or {}
    if request.user.is_authenticated or len(get_messages(request)) or not is_of_use():
        parts = {name: render() for name, render in live.items()}
        return HttpResponse(render_to_string(template, {**context(), **parts}, request))
    page = _kept_or_rendered(request, template, context, depends_on, live)
    for name, render in live.items():
        page = page.replace(_marker(name), render())
    if TOKEN in page:
        # Asked for, it sets a cookie: only where there is a form.
        page = page.replace(TOKEN, get_token(request))
    return HttpResponse(page)


def _kept_or_rendered(
    request: HttpRequest,
    template: str,
    context: Callable[[], dict[str, Any]],
    depends_on: Hashable,
    live: Mapping[str, Callable[[], str]],
) -> str:
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
        markers = {name: mark_safe(_marker(name)) for name in live}  # noqa: S308
        page = render_to_string(template, {**context(), **markers, "csrf_token": TOKEN}, request)
        if saw_present_menu():
            _put(pages, key, page)
    return page


def _put(pages: dict[Hashable, str], key: Hashable, page: str) -> None:
    if len(pages) >= MOST_PAGES:
        pages.clear()
    pages[key] = page


def _marker(name: str) -> str:
    return f"<!--{name}-{_PROCESS}-->"
