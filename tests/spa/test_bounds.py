"""Nothing that anybody sends is read without an end."""

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser

from tests.bookings.conftest import make_spa

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"


@pytest.fixture(autouse=True)
def spa(db: None, client: Browser) -> None:
    make_spa()
    client.get("/")


def said(response: object) -> str:
    return response.content.decode()  # type: ignore[attr-defined]


@pytest.mark.parametrize("address", [LOGIN, "/", "/nothing-is-here/"])
def test_a_body_larger_than_any_form_is_refused_unread(client: Browser, address: str) -> None:
    length = str(settings.MOST_BODY + 1)
    # From nobody, not even from an owner; strangers are refused much less.
    client.force_login(User.objects.create_superuser("olive"))
    page = client.post(address, {"login": "x"}, CONTENT_LENGTH=length)
    assert page.status_code == 413
    assert "That is more than we can take at once" in said(page)
    assert "20 7946 0018" in said(page).replace("\xa0", " ")


@pytest.mark.parametrize("address", [LOGIN, "/admin/", "/mail/news/postmark/"])
def test_a_stranger_sends_no_file_and_what_it_says_to_be_is_not_waited_for(
    client: Browser, address: str
) -> None:
    page = client.post(address, b"x", "text/plain", CONTENT_LENGTH=str(settings.MOST_TEXT + 1))
    assert page.status_code == 413
    client.force_login(User.objects.create_superuser("olive"))
    page = client.post(address, b"x", "text/plain", CONTENT_LENGTH=str(settings.MOST_TEXT + 1))
    assert page.status_code != 413


@pytest.mark.parametrize("length", ["-1", "many", "9" * 400, "٣"])
def test_a_length_that_is_none_breaks_nothing(client: Browser, length: str) -> None:
    assert client.get("/", CONTENT_LENGTH=length).status_code in (200, 400, 413)


def test_texts_fields_and_files_have_bounds(client: Browser) -> None:
    assert client.post(LOGIN, {"login": "x" * (2 * 1024**2 + 1)}).status_code == 400
    fields = "&".join(f"f{n}=1" for n in range(1001))
    form = "application/x-www-form-urlencoded"
    page = client.post(LOGIN, fields, content_type=form)
    assert page.status_code == 400
    assert "That is more than we can take at once" in said(page)
    files = {f"f{n}": SimpleUploadedFile(f"{n}.txt", b"x") for n in range(11)}
    assert client.post(LOGIN, files).status_code == 400
