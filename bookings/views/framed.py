"""Pages for a frame: mails carry their styles inside, which the site's own pages may not."""

from typing import Any

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.http import HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin

# No script runs, no link leads anywhere and nothing is loaded.
POLICY = {
    "default-src": [NONE],
    "img-src": ["data:"],
    "style-src": [UNSAFE_INLINE],
    "frame-ancestors": [SELF],
    "sandbox": True,
}


def for_a_frame(view: Any) -> Any:
    """Let the answer of ``view``, a mail, be shown inside one of our own pages."""
    return never_cache(xframe_options_sameorigin(csp(POLICY)(view)))


def framed(html: str) -> HttpResponse:
    """Answer with the HTML part of a mail; its links open nothing, not even in the frame."""
    return HttpResponse(html.replace("<head>", '<head><base target="_blank">', 1))
