"""Old addresses of pages: they lead on for good, without chains and without circles."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from services.models import OldAddress, Service, SpaProfile


def rename(slug: str, to: str) -> Service:
    service = Service.objects.get(slug=slug)
    service.slug = to
    service.save()
    return service


def to(client: Client, path: str, method: str = "get", **kwargs: Any) -> tuple[int, str]:
    answer = getattr(client, method)(path, **kwargs)
    return answer.status_code, answer.headers.get("location", "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/services/tui-na/", "/services/tui/"),
        ("/services/tui-na/?from=mail&x=%C3%A9", "/services/tui/?from=mail&x=%C3%A9"),
        ("/book/tui-na/", "/book/tui/"),
        ("/book/tui-na/?option=3&date=2026-12-01", "/book/tui/?option=3&date=2026-12-01"),
        ("/book/tui-na/health/", "/book/tui/health/"),
        ("/book/tui-na/details/", "/book/tui/details/"),
    ],
)
def test_old_address_leads_to_the_same_page(
    old: str, new: str, client: Client, content: SpaProfile
) -> None:
    rename("tui-na", "tui")
    assert to(client, old) == (301, new)


def test_form_that_was_open_is_sent_again_to_the_new_address(
    client: Client, content: SpaProfile
) -> None:
    rename("tui-na", "tui")
    assert to(client, "/book/tui-na/", "post") == (308, "/book/tui/")


def test_each_address_leads_straight_to_the_last_one(client: Client, content: SpaProfile) -> None:
    rename("tui-na", "second")
    rename("second", "third")
    for old in ("tui-na", "second"):
        assert to(client, f"/services/{old}/") == (301, "/services/third/")


def test_return_to_an_old_address_makes_no_circle(client: Client, content: SpaProfile) -> None:
    rename("tui-na", "second")
    rename("second", "tui-na")
    assert client.get("/services/tui-na/").status_code == 200
    assert to(client, "/services/second/") == (301, "/services/tui-na/")
    assert list(OldAddress.objects.values_list("slug", flat=True)) == ["second"]


def test_browsers_ask_each_time_where_an_old_address_leads(
    client: Client, content: SpaProfile
) -> None:
    rename("tui-na", "second")
    moved = client.get("/services/tui-na/")
    assert (moved.status_code, moved.headers["cache-control"]) == (301, "private, no-cache")


def test_address_that_is_used_again_wins(client: Client, content: SpaProfile) -> None:
    rename("tui-na", "second")
    rename("reflexology", "tui-na")
    page = client.get("/services/tui-na/")
    assert (page.status_code, page.context["service"].name) == (200, "Reflexology")
    assert to(client, "/services/reflexology/") == (301, "/services/tui-na/")


def test_old_address_of_a_draft_is_for_staff_only(
    client: Client, content: SpaProfile, olive: User
) -> None:
    service = rename("tui-na", "second")
    service.status = "draft"
    service.save()
    assert client.get("/services/tui-na/").status_code == 404
    client.force_login(olive)
    assert to(client, "/services/tui-na/") == (301, "/services/second/")


@pytest.mark.parametrize(
    "path", ["/services/none/", "/services/%00/", f"/book/{'x' * 300}/", "/x/"]
)
def test_unknown_address_stays_unknown(path: str, client: Client, content: SpaProfile) -> None:
    rename("tui-na", "second")
    assert client.get(path).status_code == 404
