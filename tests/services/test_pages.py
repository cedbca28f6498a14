"""The public pages as clients and search engines get them."""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from services.models import Category, Contraindication, Faq, Service, ServiceOption, SpaProfile
from tests.services.markup import attribute_names

LEAD = "/services/lymphatic-drainage-massage/"
PAGES = ["/", "/services/", LEAD, "/about/", "/policies/"]
DATA_BLOCK = re.compile(r'<script type="application/ld\+json">(.*?)</script>', re.DOTALL)


@pytest.fixture(autouse=True)
def _site_url(settings: Settings) -> None:
    settings.SITE_URL = "https://spa.example"


@dataclass
class Page(HTMLParser):
    """The parts of a page that the tests look at."""

    text: str
    headings: list[tuple[int, str]] = field(default_factory=list)
    metas: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    title: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self.inside = self.heading = ""
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.inside = tag
        if "id" in given:
            self.ids.append(given["id"])
        if re.fullmatch("h[1-6]", tag):
            self.heading = tag
            self.headings.append((int(tag[1]), ""))
        if tag == "meta":
            self.metas[given.get("name") or given.get("property", "")] = given.get("content", "")
        if tag == "link":
            self.links[given["rel"]] = given["href"]

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""
        self.heading = "" if tag == self.heading else self.heading

    def handle_data(self, data: str) -> None:
        if self.inside == "title":
            self.title += data
        if self.heading:
            level, words = self.headings[-1]
            self.headings[-1] = (level, (words + data).strip())

    @property
    def data(self) -> list[dict[str, Any]]:
        """The page's structured data."""
        return [json.loads(block) for block in DATA_BLOCK.findall(self.text)]

    def described(self, kind: str) -> dict[str, Any]:
        """The one description of the schema.org type ``kind``."""
        [found] = [one for one in self.data if one["@type"] == kind]
        return found


def get(client: Client, path: str) -> Page:
    response = client.get(path)
    assert response.status_code == 200
    return Page(response.content.decode())


def treatment(slug: str = "rest", **fields: Any) -> Service:
    category, _ = Category.objects.get_or_create(slug="massage", defaults={"name": "Massage"})
    given = {"name": slug.title(), "summary": "Rest.", "status": "published", **fields}
    service = Service.objects.create(category=category, slug=slug, **given)
    ServiceOption.objects.create(service=service, minutes=60, price=Decimal("70.00"))
    return service


def reason(service: Service, slug: str, **fields: Any) -> Contraindication:
    given = {
        "name": slug.title(),
        "group": "acute",
        "severity": "stop",
        "question": "a fever",
        "why": "Why.",
        "advice": "Advice.",
        **fields,
    }
    contraindication = Contraindication.objects.create(slug=slug, **given)
    service.contraindications.add(contraindication)
    return contraindication


# What is shown


def test_home_leads_with_the_first_treatment_and_names_one_of_each_other_category(
    client: Client, content: SpaProfile
) -> None:
    page = get(client, "/")
    assert page.headings[:5] == [
        (1, "Quiet rooms, trained hands and time that is yours."),
        (2, "Lymphatic Drainage Massage"),
        (2, "Also on the menu"),
        (3, "Qi Balance Massage"),
        (3, "Reflexology"),
    ]
    assert "45, 60 or 90 minutes, from £62" in page.text


def test_menu_lists_published_treatments_under_their_categories(
    client: Client, content: SpaProfile
) -> None:
    Service.objects.filter(slug="tui-na").update(status="draft")
    headings = [words for level, words in get(client, "/services/").headings if level in (2, 3)]
    assert headings[:3] == [
        "Lymphatic care",
        "Lymphatic Drainage Massage",
        "A Talk Before Lymphatic Drainage",
    ]
    assert "Traditional & natural therapies" in headings
    assert "Tui Na" not in headings


def test_categories_at_the_same_position_do_not_mix(client: Client, content: SpaProfile) -> None:
    Category.objects.update(position=10)
    headings = [words for level, words in get(client, "/services/").headings if level == 2]
    assert headings.count("Massage") == 1


def test_menu_without_treatments_says_so(client: Client, content: SpaProfile) -> None:
    Service.objects.update(status="draft")
    assert "The menu is being written." in get(client, "/services/").text
    assert get(client, "/").headings[1] == (2, "We ask before we touch")


def test_treatment_shows_the_prices_that_are_offered(client: Client, content: SpaProfile) -> None:
    service = treatment()
    ServiceOption.objects.create(service=service, minutes=90, price=Decimal("98.50"))
    ServiceOption.objects.create(service=service, minutes=120, price=Decimal("131"), active=False)
    text = get(client, "/services/rest/").text
    assert ("£70</dd>" in text, "£98.50</dd>" in text, "£131" in text) == (True, True, False)


def test_treatment_without_a_price_is_shown_without_prices(
    client: Client, content: SpaProfile
) -> None:
    treatment().options.all().delete()
    page = get(client, "/services/rest/")
    assert '<dl class="prices">' not in page.text
    assert page.described("Service")["offers"] == []


def test_reasons_not_to_come_stand_by_severity_strictest_first(
    client: Client, content: SpaProfile
) -> None:
    page = get(client, LEAD)
    titles = [words for level, words in page.headings if level == 3]
    assert titles == [
        "Get medical help instead",
        "Please wait until it has passed",
        "With your doctor’s written agreement",
        "Tell us, and we adapt the session",
        "Good to know",
    ]
    assert '<a href="tel:999">999</a>' in page.text


def test_reason_says_why_what_to_do_what_is_left_out_and_who_says_so(
    client: Client, content: SpaProfile
) -> None:
    service = treatment()
    reason(
        service,
        "thyroid",
        severity="adapt",
        why="The gland is sensitive.",
        advice="Tell your therapist.",
        areas=["neck", "abdomen"],
        follow_up="Is it out of control?",
        follow_up_severity="clearance",
        sources="A school",
    )
    text = get(client, "/services/rest/").text
    for words in [
        "The gland is sensitive.",
        "Tell your therapist.",
        "We leave out: neck and belly.",
        "Is it out of control?",
        "we need a note from your doctor before the visit",
        "Source: A school",
    ]:
        assert words in text


@pytest.mark.parametrize(
    ("care", "advice"),
    [("emergency", "call 999 now"), ("same_day", "get medical advice today")],
)
def test_reason_that_a_follow_up_makes_urgent_says_how_soon(
    client: Client, content: SpaProfile, care: str, advice: str
) -> None:
    urgent = {"follow_up": "Worse?", "follow_up_severity": "urgent", "follow_up_care": care}
    reason(treatment(), "fever", **urgent)
    assert f"If so, or if you are not sure, {advice}." in get(client, "/services/rest/").text


def test_retired_reason_is_not_shown(client: Client, content: SpaProfile) -> None:
    reason(treatment(), "retired-reason", active=False)
    page = get(client, "/services/rest/")
    assert "Retired-Reason" not in page.text
    assert "When not to come" not in page.text


def test_clients_read_that_the_list_is_a_summary_and_nothing_of_a_sign_off(
    client: Client, content: SpaProfile
) -> None:
    text = get(client, LEAD).text
    assert "This list is a careful summary, not medical advice." in text
    assert "sign this list off" not in text


def test_evidence_table_names_the_column_of_each_cell(client: Client, content: SpaProfile) -> None:
    text = get(client, LEAD).text
    assert '<td role="cell" data-label="How sure">Comfort, not medicine</td>' in text


def test_draft_is_there_for_staff_only(
    client: Client, content: SpaProfile, dana: User, django_user_model: type[User]
) -> None:
    treatment(status="draft")
    assert client.get("/services/rest/").status_code == 404
    client.force_login(django_user_model.objects.create_user("otto"))
    assert client.get("/services/rest/").status_code == 404
    client.force_login(dana)
    page = get(client, "/services/rest/")
    assert "Only staff can see this page." in page.text
    assert (page.metas["robots"], "canonical" in page.links) == ("noindex", False)


def test_unknown_treatment_is_not_found(client: Client, content: SpaProfile) -> None:
    assert client.get("/services/detox-wrap/").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/services/", "/about/", "/policies/"])
def test_before_the_content_is_loaded_each_page_leads_to_the_set_up(
    client: Client, path: str
) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/start/")


# Hostile text

HOSTILE = (
    '<p>Calm<script>alert("x")</script><img src=x onerror="alert(1)">'
    '<a href="javascript:alert(1)" onclick="alert(1)" style="color:red">link</a></p>'
    "<style>body{display:none}</style><iframe src=//evil.example></iframe>"
    '<table><tr><th>" onmouseover="alert(1)</th><th>b</th></tr><tr><td>c</td><td>d</td></tr>'
    '<tr><td><a title="<td>">e</a></td></tr></table>'
)
DANGERS = ["<script>alert", "onerror=", "javascript:", "onclick=", "style=", "<style", "<iframe"]


@pytest.mark.parametrize("name", ["body", "preparation", "aftercare", "answer"])
@pytest.mark.parametrize("way", ["saved", "written past the model"])
def test_hostile_text_of_a_treatment_is_harmless(
    client: Client, content: SpaProfile, name: str, way: str
) -> None:
    service = treatment()
    faq = Faq.objects.create(service=service, question="Why?", answer="<p>So.</p>")
    row: Service | Faq = faq if name == "answer" else service
    if way == "saved":
        setattr(row, name, HOSTILE)
        row.save()
    else:
        type(row)._default_manager.filter(pk=row.pk).update(**{name: HOSTILE})
    page = get(client, "/services/rest/")
    main = DATA_BLOCK.sub("", page.text)
    assert "Calm" in main
    assert [danger for danger in DANGERS if danger in main] == []
    assert "onmouseover" not in attribute_names(main)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("story", "/about/"),
        ("getting_here", "/about/"),
        ("booking_policy", "/policies/"),
        ("privacy_policy", "/policies/"),
        ("accessibility_statement", "/policies/"),
    ],
)
@pytest.mark.parametrize("way", ["saved", "written past the model"])
def test_hostile_text_of_the_profile_is_harmless(
    client: Client, content: SpaProfile, name: str, path: str, way: str
) -> None:
    if way == "saved":
        setattr(content, name, HOSTILE)
        content.save()
    else:
        SpaProfile.objects.update(**{name: HOSTILE})
    main = DATA_BLOCK.sub("", get(client, path).text)
    assert "Calm" in main
    assert [danger for danger in DANGERS if danger in main] == []
    assert "onmouseover" not in attribute_names(main)


def test_plain_fields_are_escaped(client: Client, content: SpaProfile) -> None:
    evil = "<script>alert(1)</script>"
    service = treatment(name=evil, summary=evil, description=evil)
    reason(service, "fever", name=evil, why=evil, advice=evil, sources=evil)
    Faq.objects.create(service=service, question=evil, answer="<p>So.</p>")
    SpaProfile.objects.update(name=evil, tagline=evil, address=evil, opening_summary=evil)
    for path in ["/", "/services/", "/services/rest/", "/about/"]:
        assert "<script>alert" not in get(client, path).text


# Search engines


def test_business_is_described_on_the_home_page(client: Client, content: SpaProfile) -> None:
    assert get(client, "/").described("DaySpa") == {
        "@context": "https://schema.org",
        "@type": "DaySpa",
        "@id": "https://spa.example/#spa",
        "name": content.name,
        "description": content.tagline,
        "url": "https://spa.example/",
        "telephone": "+442079460018",
        "email": "hello@qi-spa.example",
        "address": {
            "@type": "PostalAddress",
            "streetAddress": "7 Willow Court Lane, London NW26 9QS",
            "addressCountry": "GB",
        },
        "image": "https://spa.example/static/img/share.png",
        "currenciesAccepted": "GBP",
    }


def test_treatment_is_described_with_its_offers(client: Client, content: SpaProfile) -> None:
    treatment(description="An hour of rest.")
    assert get(client, "/services/rest/").described("Service") == {
        "@context": "https://schema.org",
        "@type": "Service",
        "name": "Rest",
        "description": "An hour of rest.",
        "serviceType": "Massage",
        "url": "https://spa.example/services/rest/",
        "image": "https://spa.example/static/img/share.png",
        "provider": {
            "@type": "DaySpa",
            "@id": "https://spa.example/#spa",
            "name": content.name,
        },
        "offers": [
            {
                "@type": "Offer",
                "name": "60 minutes",
                "price": "70.00",
                "priceCurrency": "GBP",
                "url": "https://spa.example/services/rest/",
            }
        ],
    }


def test_breadcrumbs_lead_home(client: Client, content: SpaProfile) -> None:
    items = get(client, LEAD).described("BreadcrumbList")["itemListElement"]
    assert [(one["position"], one["name"], one["item"]) for one in items] == [
        (1, "Home", "https://spa.example/"),
        (2, "Treatments", "https://spa.example/services/"),
        (3, "Lymphatic Drainage Massage", f"https://spa.example{LEAD}"),
    ]


def test_answer_cannot_leave_the_data_block(client: Client, content: SpaProfile) -> None:
    service = treatment()
    question = 'Can I write </script><script>alert(1)</script> & "this"?'
    Faq.objects.create(service=service, question=question, answer="<p>a</p>")
    Faq.objects.update(answer="<p>Yes: 1 &lt; 2</p></script><script>alert(2)</script><!--")
    described = get(client, "/services/rest/").described("FAQPage")
    [entry] = described["mainEntity"]
    assert entry["name"] == question
    assert "</script>" not in get(client, "/services/rest/").text.split("ld+json")[1][:200]
    assert "1 &lt; 2" in entry["acceptedAnswer"]["text"]


def test_treatment_without_questions_describes_none(client: Client, content: SpaProfile) -> None:
    treatment()
    kinds = [one["@type"] for one in get(client, "/services/rest/").data]
    assert kinds == ["Service", "BreadcrumbList"]


@pytest.mark.parametrize("path", PAGES)
def test_page_has_one_public_address(client: Client, content: SpaProfile, path: str) -> None:
    page = get(client, f"{path}?option=7&utm_source=mail")
    assert page.links["canonical"] == f"https://spa.example{path}"
    assert page.metas["og:url"] == f"https://spa.example{path}"


@pytest.mark.parametrize("path", PAGES)
def test_page_describes_itself_when_shared(client: Client, content: SpaProfile, path: str) -> None:
    metas = get(client, path).metas
    assert metas["og:site_name"] == content.name
    assert metas["og:image"] == "https://spa.example/static/img/share.png"
    assert all(metas[name] for name in ("og:title", "og:description", "og:type"))


@pytest.mark.parametrize("path", [*PAGES, "all treatments"])
def test_title_and_description_fit_a_result_page(
    client: Client, content: SpaProfile, path: str
) -> None:
    paths = [one.get_absolute_url() for one in Service.objects.all()]
    for page in (get(client, one) for one in (paths if path == "all treatments" else [path])):
        assert 0 < len(page.title.strip()) <= 60
        assert 0 < len(page.metas["description"].strip()) <= 160


@pytest.mark.parametrize("path", PAGES)
def test_headings_start_with_one_h1_and_skip_no_level(
    client: Client, content: SpaProfile, path: str
) -> None:
    levels = [level for level, _ in get(client, path).headings]
    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("path", PAGES)
def test_ids_are_unique(client: Client, content: SpaProfile, path: str) -> None:
    ids = get(client, path).ids
    assert sorted(ids) == sorted(set(ids))


@pytest.mark.parametrize("path", PAGES)
def test_page_has_nothing_inline_but_data(client: Client, content: SpaProfile, path: str) -> None:
    text = DATA_BLOCK.sub("", get(client, path).text)
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style| style=| on[a-z]+=", text) == []


def test_sitemap_names_the_public_pages_with_their_last_change(
    client: Client, content: SpaProfile
) -> None:
    Service.objects.exclude(slug="reflexology").update(status="draft")
    changed = datetime(2026, 11, 2, 9, tzinfo=UTC)
    Service.objects.filter(slug="reflexology").update(updated_at=changed)
    text = client.get("/sitemap.xml", headers={"host": "localhost"}).content.decode()
    entries = re.findall(r"<loc>(.*?)</loc>(?:<lastmod>(.*?)</lastmod>)?", text)
    assert sorted(entries) == [
        ("https://spa.example/", "2026-11-02"),
        ("https://spa.example/about/", ""),
        ("https://spa.example/policies/", ""),
        ("https://spa.example/services/", "2026-11-02"),
        ("https://spa.example/services/reflexology/", "2026-11-02"),
    ]


def test_robots_are_kept_from_private_addresses(client: Client, content: SpaProfile) -> None:
    response = client.get("/robots.txt")
    assert response.headers["content-type"] == "text/plain"
    assert response.content.decode().splitlines() == [
        "User-agent: *",
        "Disallow: /accounts/",
        "Disallow: /admin/",
        "Disallow: /book/*/health/",
        "Disallow: /demo/",
        "Disallow: /desk/",
        "Disallow: /therapist/",
        "Disallow: /visit/",
        "",
        "Sitemap: https://spa.example/sitemap.xml",
    ]


# Cost


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    ("path", "queries"), [("/", 6), ("/services/", 3), ("/about/", 1), ("/policies/", 1)]
)
def test_list_costs_the_same_with_one_and_three_treatments(
    client: Client,
    content: SpaProfile,
    django_assert_num_queries: DjangoAssertNumQueries,
    rows: int,
    path: str,
    queries: int,
) -> None:
    Service.objects.all().delete()
    for number in range(rows):
        service = treatment(f"rest-{number}")
        ServiceOption.objects.create(service=service, minutes=90, price=Decimal("98"))
    with django_assert_num_queries(queries):
        client.get(path)


@pytest.mark.parametrize("rows", [1, 3])
def test_treatment_costs_the_same_with_one_and_three_of_each(
    client: Client,
    content: SpaProfile,
    django_assert_num_queries: DjangoAssertNumQueries,
    rows: int,
) -> None:
    service = treatment()
    for number in range(rows):
        reason(service, f"reason-{number}")
        Faq.objects.create(service=service, question=f"{number}?", answer="<p>So.</p>")
        ServiceOption.objects.create(service=service, minutes=90 + 5 * number, price=Decimal("9"))
    with django_assert_num_queries(8):
        client.get("/services/rest/")
