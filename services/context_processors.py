"""What every template may use."""

from typing import Any

from django.http import HttpRequest


def spa(request: HttpRequest) -> dict[str, Any]:
    """The spa's profile under the name ``spa``."""
    return {"spa": getattr(request, "spa", None)}
