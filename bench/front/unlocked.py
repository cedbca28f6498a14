"""The web application without what keeps two bookings apart: the control of a race."""

import django

django.setup()

from bookings.actions import booking, placing
from spa.wsgi import application

__all__ = ["application"]

for module in (placing, booking):
    module.lock_diary = lambda **_keys: None  # type: ignore[attr-defined]
    module.is_free = lambda _wish, _place: True  # type: ignore[attr-defined]
