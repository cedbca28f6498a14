"""What a browser sends to the clients' pages, and what it gets."""

from typing import Any

from django.test import Client as Browser

from bookings.models import Client

PANEL: Any = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "panel-body"}


def page(answer: Any) -> str:
    """The page that was answered."""
    assert answer.status_code == 200, answer
    return answer.content.decode()


def url(client: Client, name: str = "") -> str:
    """The address of a page about ``client``."""
    return f"/desk/clients/{client.pk}/{name}"


def form(client: Client, desk: Browser, **typed: str) -> dict[str, Any]:
    """What the form of ``client`` sends, with some fields typed anew."""
    shown = desk.get(url(client, "edit/")).context["form"]
    return {name: str(shown[name].value() or "") for name in shown.fields} | typed
