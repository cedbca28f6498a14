"""What search engines read: schema.org descriptions of the pages, as plain values."""

from collections.abc import Sequence
from typing import Any

from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import strip_tags
from django.utils.translation import gettext as _

from services.addresses import absolute
from services.models import Service, SpaProfile

CONTEXT = "https://schema.org"


def business(spa: SpaProfile) -> dict[str, Any]:
    """Describe the spa itself."""
    home = absolute(reverse("services:home"))
    return {
        "@context": CONTEXT,
        "@type": "DaySpa",
        "@id": f"{home}#spa",
        "name": spa.name,
        "description": spa.tagline,
        "url": home,
        "telephone": spa.phone.as_e164,
        "email": spa.email,
        "address": {
            "@type": "PostalAddress",
            "streetAddress": ", ".join(spa.address.split("\n")),
            "addressCountry": spa.country,
        },
        "image": absolute(static("img/share.png")),
        "currenciesAccepted": spa.currency,
    }


def treatment(service: Service, spa: SpaProfile) -> dict[str, Any]:
    """Describe one treatment with an offer for each length."""
    address = absolute(service.get_absolute_url())
    picture = service.picture
    image = picture.shared_url or picture.url if picture else static("img/share.png")
    return {
        "@context": CONTEXT,
        "@type": "Service",
        "name": service.name,
        "description": service.description or service.summary,
        "serviceType": service.category.name,
        "url": address,
        "image": absolute(image),
        "provider": {"@type": "DaySpa", "@id": business(spa)["@id"], "name": spa.name},
        "offers": [
            {
                "@type": "Offer",
                "name": _("%(minutes)d minutes") % {"minutes": option.minutes},
                "price": str(option.price),
                "priceCurrency": spa.currency,
                "url": address,
            }
            for option in service.options.all()
        ],
    }


def questions(service: Service) -> dict[str, Any]:
    """Describe the questions and answers of a treatment; answers are sanitised HTML."""
    return {
        "@context": CONTEXT,
        "@type": "FAQPage",
        "mainEntity": [
            {
                "@type": "Question",
                "name": faq.question,
                "acceptedAnswer": {"@type": "Answer", "text": strip_tags(faq.answer)},
            }
            for faq in service.faqs.all()
        ],
    }


def breadcrumbs(steps: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Describe the way to a page as ``(name, path)`` steps, the page itself last."""
    return {
        "@context": CONTEXT,
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": place, "name": name, "item": absolute(path)}
            for place, (name, path) in enumerate(steps, start=1)
        ],
    }
