"""How booking at the desk answers: into the drawer, or as a page of its own."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from bookings.views.panel import in_panel
from bookings.views.staff import bar


def answer_part(request: HttpRequest, part: str, context: dict[str, Any]) -> HttpResponse:
    """Render ``book_<part>.html`` alone into the drawer, else a page with it inside.

    ``level`` is the level of its heading and ``below`` that of its parts.
    """
    name = f"bookings/desk/book_{part}.html"
    if in_panel(request):
        return render(request, name, {**context, "in_panel": True, "level": "h2", "below": "h3"})
    page = {"part": name, "in_panel": False, "level": "h1", "below": "h2", **bar(request, "book")}
    return render(request, "bookings/desk/book.html", {**context, **page})
