"""Structured data that validates: what each type requires is there, and nothing unknown."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from services.addresses import absolute
from services.models import Service, SpaProfile
from tests.services.owners_forms import address_of, edit
from tests.services.test_photos import photo

# By type: what must be there, and what may be there, from schema.org's vocabulary.
KNOWN: dict[str, tuple[set[str], set[str]]] = {
    "DaySpa": (
        {"name"},
        {
            "@id",
            "description",
            "url",
            "telephone",
            "email",
            "address",
            "currenciesAccepted",
            "image",
        },
    ),
    "PostalAddress": ({"streetAddress", "addressCountry"}, set()),
    "Service": (
        {"name", "provider", "serviceType", "url", "description", "offers"},
        {"image"},
    ),
    "Offer": ({"price", "priceCurrency"}, {"name", "url"}),
    "FAQPage": ({"mainEntity"}, set()),
    "Question": ({"name", "acceptedAnswer"}, set()),
    "Answer": ({"text"}, set()),
    "BreadcrumbList": ({"itemListElement"}, set()),
    "ListItem": ({"position", "name", "item"}, set()),
}


def described(client: Client, path: str) -> list[dict[str, Any]]:
    text = client.get(path).content.decode()
    blocks = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text)
    return [json.loads(block) for block in blocks]


def faults(value: Any, where: str = "") -> list[str]:
    """Return what is missing, empty or unknown in structured data, with its place."""
    if isinstance(value, list):
        return [one for at, item in enumerate(value) for one in faults(item, f"{where}[{at}]")]
    if not isinstance(value, dict):
        return [] if value not in ("", None) else [f"{where} is empty"]
    kind = value.get("@type", "?")
    if kind not in KNOWN:
        return [f"{where}: unknown type {kind}"]
    needed, possible = KNOWN[kind]
    given = set(value) - {"@type", "@context"}
    wrong = [f"{where}{kind} lacks {name}" for name in sorted(needed - given)]
    wrong += [f"{where}{kind} has {name}" for name in sorted(given - needed - possible)]
    return wrong + [
        one for name in sorted(given) for one in faults(value[name], f"{where}{kind}.{name} ")
    ]


@pytest.mark.parametrize("path", ["/", "/services/", "/about/"])
def test_pages_of_the_spa_describe_themselves_validly(
    path: str, client: Client, content: SpaProfile
) -> None:
    blocks = described(client, path)
    assert blocks
    assert [(one["@context"], faults(one)) for one in blocks] == [
        ("https://schema.org", []) for _one in blocks
    ]


def test_each_treatment_describes_itself_validly(client: Client, content: SpaProfile) -> None:
    for service in Service.objects.all():
        for block in described(client, service.get_absolute_url()):
            assert faults(block) == [], service.slug
            if block["@type"] == "BreadcrumbList":
                places = [one["position"] for one in block["itemListElement"]]
                assert places == [1, 2, 3]
            for offer in block.get("offers", []):
                assert re.fullmatch(r"\d+\.\d\d", offer["price"])
                assert offer["priceCurrency"] == "GBP"


def test_validity_is_really_looked_at() -> None:
    assert faults({"@type": "Question", "name": ""}) == [
        "Question lacks acceptedAnswer",
        "Question.name  is empty",
    ]


def test_title_description_and_photo_stand_in_results_and_shares(
    owner: Client, content: SpaProfile
) -> None:
    service = Service.objects.get(slug="tui-na")
    edit(
        owner,
        address_of(service),
        title="Tui Na in London",
        description="Firm & lively.",
        photo=photo(),
        photo_alt="Two hands",
    )
    service.refresh_from_db()
    page = owner.get("/services/tui-na/").content.decode()
    assert re.search(r"<title>Tui Na in London – [^<]+</title>", page)
    assert '<meta property="og:title" content="Tui Na in London">' in page
    assert '<meta name="description" content="Firm &amp; lively.">' in page
    assert '<meta property="og:description" content="Firm &amp; lively.">' in page
    shared = absolute(service.picture.shared_url) if service.picture else ""
    assert f'<meta property="og:image" content="{shared}">' in page
    [described_as] = [
        one for one in described(owner, "/services/tui-na/") if one["@type"] == "Service"
    ]
    assert described_as["image"] == shared
    form = owner.get(address_of(service)).content.decode()
    assert 'data-found="title"' in form
    assert f'src="{service.picture.shared_url if service.picture else ""}"' in form
