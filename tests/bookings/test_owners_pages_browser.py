"""The owners' pages that no walk passes, each looked at once by axe on a phone."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from bookings.actions import invitations
from bookings.models import Appointment, Room, Therapist
from tests.bookings.conftest import NOW, at
from tests.bookings.looks import see_no_barrier
from tests.bookings.staff_pages import come_in, login_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("clock"),
]


def test_nobody_is_kept_out_of_people_texts_and_tables(
    page: Page,
    live_server: LiveServer,
    olive: User,
    dana: User,
    mia: Therapist,
    fern: Room,
    book: Callable[..., Appointment],
) -> None:
    book(at(10), therapist=mia)
    hers = login_of(mia)
    key = invitations.invite(user=dana, by=olive, now=NOW)
    size: Any = {"width": 390, "height": 844}
    page.set_viewport_size(size)
    page.emulate_media(reduced_motion="reduce")
    come_in(page, live_server, olive, "/admin/")
    for path in (
        "/admin/auth/user/",
        "/admin/auth/user/add/",
        f"/admin/auth/user/{dana.pk}/change/",
        f"/admin/auth/user/{hers.pk}/leave/",
        "/admin/services/spaprofile/1/change/",
        "/admin/services/spaprofile/1/history/",
        "/admin/services/category/",
        "/admin/bookings/room/",
        f"/admin/bookings/room/{fern.pk}/change/",
        f"/admin/bookings/therapist/{mia.pk}/change/",
        "/admin/bookings/timeoff/add/",
        "/admin/bookings/appointment/",
        f"/accounts/welcome/{key}/",
        "/accounts/welcome/nothing/",
    ):
        page.goto(live_server.url + path)
        if "spaprofile/1/change" in path:
            # The editors come with their scripts.
            page.wait_for_selector(".prose-menubar__button", state="attached")
        see_no_barrier(page, path)
