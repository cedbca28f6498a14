"""Where the mail provider tells what became of our mail."""

import logging

from anymail.exceptions import AnymailWebhookValidationFailure
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.urls import resolve
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

log = logging.getLogger(__name__)


# The provider signs in by ANYMAIL_WEBHOOK_SECRET and, where it has one, its own signature.
@csrf_exempt
@never_cache
def news(request: HttpRequest, provider: str) -> HttpResponse:
    """Hand the news of the one provider that we use to django-anymail, which checks who speaks.

    Without a secret there is no such address: anybody could say that an address is dead.
    """
    if provider != settings.EMAIL_PROVIDER or not settings.ANYMAIL.get("WEBHOOK_SECRET"):
        raise Http404
    told = resolve(f"/{provider}/tracking/", urlconf="anymail.urls")
    try:
        return told.func(request)
    except AnymailWebhookValidationFailure:
        log.warning("Refused news of mail that %s has not signed.", provider)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        # Signed, and yet not what the provider sends: nothing of it is repeated here.
        log.warning("Did not understand news of mail from %s: %s.", provider, type(error).__name__)
    return HttpResponseBadRequest()
