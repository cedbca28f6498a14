"""The web application without what keeps two bookings apart: the control of a race."""

import django

django.setup()

from bookings.actions import booking, placing
from spa.wsgi import application

__all__ = ["application"]

NAMES = [(placing, "_take_locks"), (placing, "clear_way"), (booking, "clear_way")]
for module, name in NAMES:
    # What has another name by now must not go on being guarded.
    assert callable(getattr(module, name))
    setattr(module, name, lambda *_given, **_more: True)
