"""Titles and descriptions of the pages that are no treatments: built in, or the owner's."""

import pytest
from django.test import Client

from services.models import SpaProfile
from services.page_words import PAGES
from tests.services.owners_forms import edit
from tests.services.test_pages import get

PROFILE = "/admin/services/spaprofile/1/change/"
PHONE = {"phone_0": "GB", "phone": "+442079460018"}
WHERE = {"home": "/", "menu": "/services/", "about": "/about/", "policies": "/policies/"}


@pytest.mark.parametrize("page", PAGES)
def test_an_owners_words_stand_in_the_page_and_on_its_card(page: str, owner: Client) -> None:
    built_in = get(owner, WHERE[page])
    words = {f"{page}_title": "Hands & <quiet>", f"{page}_description": "Come & rest."}
    assert edit(owner, PROFILE, **PHONE, **words).status_code == 302
    now = get(owner, WHERE[page])
    assert now.title.startswith("Hands & <quiet>")
    assert built_in.title != now.title
    assert (now.metas["description"], now.metas["og:title"], now.metas["og:description"]) == (
        "Come & rest.",
        "Hands & <quiet>",
        "Come & rest.",
    )
    # The others keep theirs.
    other = "about" if page != "about" else "menu"
    assert "Come & rest." not in get(owner, WHERE[other]).metas["description"]


def test_the_owner_sees_how_each_page_would_be_found(owner: Client, content: SpaProfile) -> None:
    page = owner.get(PROFILE).content.decode()
    assert page.count('class="found__result"') == len(PAGES)
    assert 'data-title="Treatments and prices"' in page
    assert f'data-title="{content.name.replace("&", "&amp;")}"' in page


def test_a_title_that_no_result_shows_whole_is_refused(owner: Client) -> None:
    answer = edit(owner, PROFILE, **PHONE, home_title="x" * 61)
    assert "at most 60 characters" in answer.content.decode()
