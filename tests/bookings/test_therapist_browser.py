"""The therapist's phone in a real browser: live, by touch, without scripts, and for everybody."""

import re
from collections.abc import Callable, Iterator

import pytest
import time_machine
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from bookings import actions
from bookings.models import Appointment, Room, Therapist
from tests.bookings.conftest import OTTO, at
from tests.bookings.looks import see_that_all_is_well
from tests.bookings.staff_pages import browser_of, login_of
from tests.bookings.therapist_pages import latest, own_url, with_asthma

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Asks at once instead of after some seconds, as when the phone is taken up again.
LOOK = "document.dispatchEvent(new Event('visibilitychange'))"

Open = Callable[..., Page]


@pytest.fixture
def visits(
    clock: time_machine.Traveller, book: Callable[..., Appointment], mia: Therapist, fern: Room
) -> list[Appointment]:
    """Tuesday, ten to ten: Cleo, who has asthma, comes to Mia at ten; Otto comes at twelve."""
    login_of(mia)
    visits = [
        with_asthma(book(at(10), therapist=mia)),
        book(at(12), therapist=mia, details=OTTO),
    ]
    book(at(11, days=2), therapist=mia)
    clock.move_to(at(9, 50))
    return visits


@pytest.fixture
def phone(
    browser: Browser, live_server: LiveServer, visits: list[Appointment], mia: Therapist
) -> Iterator[Open]:
    """Open a page of Mia's on her phone; what the browser complains about fails the test."""
    complaints: list[str] = []
    contexts: list[BrowserContext] = []
    session = browser_of(mia.user).cookies["sessionid"].value

    def _open(path: str, **options: object) -> Page:
        context = browser.new_context(
            base_url=live_server.url,
            locale="en-GB",
            **{"viewport": {"width": 390, "height": 844}, "has_touch": True, **options},  # type: ignore[arg-type]
        )
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text))
        page.goto(path)
        return page

    yield _open
    for context in contexts:
        context.close()
    # Of a lost connection both the browser and htmx complain, as they should.
    lost = ("ERR_INTERNET_DISCONNECTED", "htmx:afterRequest", "htmx:sendError")
    assert [one for one in complaints if not any(words in one for words in lost)] == []


def test_an_arrival_appears_and_is_announced_without_a_reload(
    phone: Open, visits: list[Appointment]
) -> None:
    page = phone("/therapist/")
    expect(page.locator(".present__lead")).to_have_text("In 10 minutes")
    page.locator("details.next-day").nth(1).locator("summary").click()
    page.evaluate("window.sameDocument = true")
    actions.mark_arrived(appointment=visits[0], by=actions.SYSTEM, now=at(9, 51))
    page.evaluate(LOOK)
    expect(page.locator(".present__lead")).to_have_text("Here since 09:51")
    expect(page.locator("#own-live")).to_have_text("Cleo is here.")
    # What was unfolded stays so.
    expect(page.locator("details.next-day").nth(1)).to_have_attribute("open", "")
    assert page.evaluate("window.sameDocument") is True


def test_nothing_is_swapped_where_nothing_has_changed(
    phone: Open, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(8, 5), tick=False)
    page = phone("/therapist/")
    page.evaluate("document.querySelector('.present').dataset.same = 'yes'")
    # Not the answer itself: what htmx does with it comes after.
    told = page.evaluate(f"""() => new Promise((tell) => {{
        const over = (event) => tell(event.detail.xhr.status);
        document.addEventListener("htmx:afterRequest", over, {{ once: true }});
        {LOOK};
    }})""")
    assert told == 304
    expect(page.locator(".present[data-same]")).to_have_count(1)


def test_a_whole_visit_by_touch(
    phone: Open, visits: list[Appointment], clock: time_machine.Traveller
) -> None:
    page = phone("/therapist/")
    page.get_by_role("button", name="Start the treatment Cleo").tap()
    expect(page.locator("#own-news")).to_contain_text("The treatment of Cleo has begun.")
    clock.move_to(at(11, 1))
    page.evaluate(LOOK)
    page.get_by_role("button", name="Finished, ready for the next one").tap()
    expect(page.locator("#own-days")).to_contain_text("The desk sees that you are ready")
    expect(page.locator(".present__name")).to_have_text("Otto")
    page.get_by_role("link", name="Write the note Cleo").tap()
    page.get_by_label("What you did").fill("Calm, light strokes.")
    page.get_by_role("button", name="Keep the note").tap()
    expect(page.get_by_text("Your note is kept.")).to_be_visible()
    done = latest(visits[0])
    assert done.status == "completed"
    assert done.treatment_note.text == "Calm, light strokes."


def test_the_whole_visit_without_scripts(phone: Open, visits: list[Appointment]) -> None:
    page = phone("/therapist/", java_script_enabled=False)
    page.get_by_role("button", name="Arrived Cleo").tap()
    expect(page.get_by_text("Cleo is here.").first).to_be_visible()
    page.get_by_role("button", name="Start the treatment Cleo").tap()
    expect(page.locator(".present__lead")).to_contain_text("In treatment since")
    page.get_by_role("button", name=re.compile("Take back .*Cleo")).tap()
    expect(page.locator(".present__lead")).to_contain_text("Here since")


def test_without_a_connection_the_page_says_so(phone: Open) -> None:
    page = phone("/therapist/")
    expect(page.locator("#own-offline")).to_be_hidden()
    page.context.set_offline(True)
    page.evaluate(LOOK)
    expect(page.locator("#own-offline")).to_be_visible()
    page.context.set_offline(False)
    page.evaluate(LOOK)
    expect(page.locator("#own-offline")).to_be_hidden()


def test_a_session_that_is_over_leads_to_the_login(phone: Open) -> None:
    page = phone("/therapist/")
    page.context.clear_cookies()
    page.evaluate(LOOK)
    page.wait_for_url("**/accounts/login/**")
    expect(page.get_by_label("Password").first).to_be_visible()


def test_the_calendar_address_is_copied_with_one_tap(phone: Open) -> None:
    page = phone("/therapist/calendar/", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Make my address").tap()
    address = page.get_by_role("textbox", name="Address").input_value()
    assert address.endswith(".ics")
    expect(page.get_by_role("link", name="Open in the calendar app")).to_have_attribute(
        "href", address.replace("http:", "webcal:")
    )
    page.get_by_role("button", name="Copy the address").tap()
    expect(page.get_by_text("Copied. Now paste it into your calendar.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == address


def test_every_page_of_hers_keeps_the_accessibility_rules(
    phone: Open, visits: list[Appointment], mia: Therapist
) -> None:
    assert mia.user is not None
    actions.start_treatment(appointment=visits[0], by=actions.SYSTEM, now=at(9, 51))
    actions.write_treatment_note(
        appointment=visits[0], text="Calm.", seen=None, by=actions.staff(mia.user), now=at(9, 55)
    )
    page = phone("/therapist/")
    for summary in page.locator("details.next-day summary").all():
        summary.click()
    see_that_all_is_well(page)
    for path in (own_url("visit", visits[0]), "/therapist/?date=2026-12-01"):
        page.goto(path)
        see_that_all_is_well(page)
    page.goto(own_url("visit", visits[0]))
    page.get_by_label("What you did").fill("x" * 5001)
    page.get_by_role("button", name="Keep the change").click()
    expect(page.get_by_role("alert")).to_be_focused()
    see_that_all_is_well(page)
    page.goto("/therapist/calendar/")
    page.get_by_role("button", name="Make my address").click()
    expect(page.get_by_role("heading", name="Your new address")).to_be_visible()
    see_that_all_is_well(page)


def test_every_target_is_large_enough_and_nothing_is_cut_off(
    phone: Open, visits: list[Appointment]
) -> None:
    small = """() => [...document.querySelectorAll("main :is(a, button, summary, input)")]
      .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 44)
      .map((one) => one.textContent.trim())"""
    for path in ("/therapist/", own_url("visit", visits[0]), "/therapist/calendar/"):
        page = phone(path, viewport={"width": 320, "height": 640})
        assert page.evaluate(small) == []
        assert page.evaluate("document.documentElement.scrollWidth") == 320
