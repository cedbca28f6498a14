"""From the treatment page to a booked visit, as people do it."""

import gzip
import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, Response, expect

from bookings.models import Appointment, HealthCheck, Therapist
from bookings.views.times import start_value
from services.models import Service
from tests.bookings.looks import see_that_all_is_well
from tests.browser.conftest import LEAD

pytestmark = pytest.mark.browser

TREATMENT, TIMES, HEALTH = f"/services/{LEAD}/", f"/book/{LEAD}/", f"/book/{LEAD}/health/"
Open = Callable[..., Page]


def soon(page: Page) -> Locator:
    return page.locator("button.next-time").nth(2)


def pass_health(page: Page, *ticks: str) -> None:
    for slug in ticks:
        page.locator(f"#id_tick-{slug}").check()
    page.get_by_label("None of these in any group that I left empty.").check()
    page.locator("#id_consent").check()
    page.get_by_role("button", name="Continue").click()


def fill_details(page: Page) -> None:
    page.get_by_label("Your name").fill("Cleo Adeyemi")
    page.get_by_label("E-mail").fill("cleo@example.com")
    page.locator("#id_phone").fill("020 7946 0001")
    page.locator("#id_consent").check()


def book(page: Page, *ticks: str) -> str:
    """Book the third of the next times; returns the address of the visit."""
    page.goto(TIMES)
    soon(page).click()
    pass_health(page, *ticks)
    fill_details(page)
    page.get_by_role("button", name=re.compile("^(Book|Ask for) ")).click()
    expect(page).to_have_url(re.compile("/visit/[^/]+/$"))
    return page.url


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_visit_is_booked_moved_and_cancelled_on_a_phone(open_page: Open, scripts: bool) -> None:
    page = open_page(TREATMENT, java_script_enabled=scripts)
    page.locator("button.next-time").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("How are you?")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing you entered is lost.")
    page.get_by_label("asthma", exact=True).check()
    pass_health(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Who is coming?")
    expect(page.locator("[data-hold]")).to_contain_text("We keep this time for you until")
    fill_details(page)
    page.get_by_role("button", name="Book ").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("with ")
    visit = Appointment.objects.booked().get()
    expect(page.locator("main")).to_contain_text(visit.reference)

    page.get_by_role("link", name="Move").click()
    page.locator("button.time").last.click()
    page.get_by_role("button", name="Move the visit").click()
    expect(page.locator("main")).to_contain_text("Your visit is moved.")
    page.get_by_role("link", name="Cancel the visit").click()
    page.get_by_role("button", name="Cancel the visit").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("is cancelled")
    before = visit.starts_at
    visit.refresh_from_db()
    assert (visit.status, visit.starts_at == before) == ("cancelled", False)


def test_six_taps_lead_from_the_treatment_to_the_visit(open_page: Open) -> None:
    page = open_page(TREATMENT, has_touch=True)
    taps = 0

    def tap(target: Locator) -> None:
        nonlocal taps
        target.tap()
        taps += 1

    tap(page.locator("button.next-time").first)
    tap(page.get_by_label("None of these in any group that I left empty."))
    tap(page.locator("#id_consent"))
    tap(page.get_by_role("button", name="Continue"))
    page.get_by_label("Your name").fill("Cleo")
    page.get_by_label("E-mail").fill("cleo@example.com")
    page.locator("#id_phone").fill("020 7946 0001")
    tap(page.locator("#id_consent"))
    tap(page.get_by_role("button", name="Book "))
    expect(page).to_have_url(re.compile("/visit/"))
    assert taps == 6


def reach(page: Page, target: Locator) -> None:
    """Press Tab until ``target`` has the focus."""
    element = target.element_handle()
    for _press in range(150):
        page.keyboard.press("Tab")
        if element.evaluate("element => element === document.activeElement"):
            return
    pytest.fail(f"{target} cannot be reached with the keyboard")


def test_everything_can_be_done_with_the_keyboard(open_page: Open) -> None:
    page = open_page(TIMES)
    reach(page, page.get_by_role("link", name="Skip to the page"))
    page.keyboard.press("Enter")
    reach(page, soon(page))
    page.keyboard.press("Enter")
    reach(page, page.get_by_label("None of these in any group that I left empty."))
    page.keyboard.press("Space")
    reach(page, page.locator("#id_consent"))
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    for name, typed in [("name", "Cleo"), ("email", "cleo@example.com"), ("phone", "02079460001")]:
        reach(page, page.locator(f"#id_{name}"))
        page.keyboard.type(typed)
    reach(page, page.locator("#id_consent"))
    page.keyboard.press("Space")
    reach(page, page.get_by_role("button", name="Book "))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/visit/"))
    reach(page, page.get_by_role("link", name="Cancel the visit"))
    page.keyboard.press("Enter")
    reach(page, page.get_by_role("button", name="Cancel the visit"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("is cancelled")


def test_a_day_is_swapped_in_and_takes_the_focus(open_page: Open) -> None:
    page = open_page(TIMES)
    page.evaluate("window.stayed = true")
    page.locator("a.day--free").nth(9).click()
    heading = page.locator("#day-title")
    expect(heading).to_be_focused()
    expect(heading).to_be_in_viewport()
    expect(page).to_have_url(re.compile(r"date=\d{4}-\d\d-\d\d"))
    assert page.evaluate("window.stayed") is True
    chosen = heading.inner_text()
    page.locator("#next-day").click()
    expect(heading).not_to_have_text(chosen)
    page.go_back()
    expect(heading).to_have_text(chosen)


def test_a_therapist_is_swapped_in_and_keeps_the_focus(open_page: Open, lead: Service) -> None:
    mia = Therapist.objects.get(name="Mia")
    page = open_page(TIMES)
    pill = page.locator(f"#choice-therapist-{mia.pk}")
    pill.click()
    expect(pill).to_have_attribute("aria-current", "true")
    expect(pill).to_be_focused()
    page.locator("button.time").last.click()
    pass_health(page)
    expect(page.locator(".summary")).to_contain_text("Mia")


def test_none_of_these_and_a_tick_exclude_each_other(open_page: Open) -> None:
    page = open_page(HEALTH)
    none, fever = page.locator("#id_none-acute"), page.locator("#id_tick-fever-or-infection")
    follow_up = page.locator("#id_follow-fever-or-infection_0")
    expect(follow_up).to_be_hidden()
    fever.check()
    expect(follow_up).to_be_visible()
    none.check()
    expect(fever).not_to_be_checked()
    fever.check()
    expect(none).not_to_be_checked()


def test_the_error_summary_has_the_focus_and_leads_to_its_fields(open_page: Open) -> None:
    page = open_page(HEALTH)
    page.get_by_label("a thyroid condition").check()
    page.get_by_label("None of these in any group that I left empty.").check()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_be_focused()
    page.get_by_role("link", name="Please answer: Is it untreated, or not under control?").click()
    expect(page.locator("#id_follow-thyroid-condition_0")).to_be_focused()
    expect(page.get_by_label("a thyroid condition")).to_be_checked()


def test_the_hold_counts_down_in_sight(open_page: Open) -> None:
    page = open_page(TIMES)
    soon(page).click()
    pass_health(page)
    clock = page.locator("[data-hold-clock]")
    expect(clock).to_have_text(re.compile(r"^(10:00|9:\d\d)$"))
    first = clock.inner_text()
    expect(clock).not_to_have_text(first)


def test_going_back_from_the_visit_books_nothing_twice(open_page: Open) -> None:
    page = open_page(TIMES)
    visit = book(page)
    back = page.go_back()
    # The form behind the visit is not shown again: it leads to the visit.
    assert back is not None
    assert back.request.redirected_from is not None
    assert page.url == visit
    assert Appointment.objects.booked().count() == 1


def _shown(page: Page, heading: str, name: str) -> str:
    """Wait until the page with ``heading`` is there, and return its name."""
    expect(page.get_by_role("heading", level=1)).to_contain_text(heading)
    page.wait_for_load_state()
    return name


def _client_pages(page: Page) -> Iterator[str]:
    """Walk through every page that a client can see, and name each."""
    yield from _pages_without_a_visit(page)
    # Another visitor: the check of the one before opens nothing to her.
    page.context.clear_cookies()
    visit = book(page, "blood-thinners")
    yield _shown(page, "We are keeping", "visit, requested")
    page.get_by_role("link", name="Cancel the request").click()
    yield _shown(page, "Cancel this request?", "cancel")
    HealthCheck.objects.update(affirmed_at=timezone.now() - timedelta(days=400))
    page.goto(visit)
    page.get_by_role("link", name="Move").click()
    yield _shown(page, "When suits you better?", "move: times")
    page.locator("button.time").last.click()
    yield _shown(page, "Has anything about your health changed", "move: health")
    page.get_by_role("button", name="No, nothing has changed").click()
    yield _shown(page, "Move your visit?", "move: both times")
    page.goto(f"{visit}health/")
    yield _shown(page, "How are you now?", "visit: health check")
    page.goto(f"{visit}cancel/")
    page.get_by_role("button", name="Cancel the request").click()
    yield _shown(page, "is cancelled", "visit, cancelled")
    visit = book(page)
    yield _shown(page, "with ", "visit, confirmed")
    booked = Appointment.objects.filter(status="confirmed")
    key = booked.get().pk
    booked.update(health_check=None)
    page.goto(visit)
    expect(page.get_by_text("Please call us before you come")).to_be_visible()
    yield _shown(page, "with ", "visit, health check open")
    for status, heading in [
        ("arrived", "will be with you in a moment"),
        ("completed", "Your visit on"),
        ("no_show", "We missed you"),
        ("declined", "We could not confirm"),
    ]:
        Appointment.objects.filter(pk=key).update(status=status)
        page.goto(visit)
        yield _shown(page, heading, f"visit, {status}")
    page.goto("/visit/unknown/")
    yield _shown(page, "This link does not open a visit", "visit, unknown")


def _pages_without_a_visit(page: Page) -> Iterator[str]:
    yield _shown(page, "When would you like to come?", "times")
    page.goto(f"{TIMES}?date=9999-12-31&therapist=0&option=0")
    yield _shown(page, "When would you like to come?", "times with notices")
    page.goto(f"{TIMES}?gone={start_value(timezone.now() - timedelta(days=1))}")
    expect(page.get_by_text("That time has just been taken.")).to_be_focused()
    yield _shown(page, "When would you like to come?", "times with a lost one")
    page.goto(TIMES)
    soon(page).click()
    yield _shown(page, "How are you?", "health check")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_be_visible()
    yield _shown(page, "How are you?", "health check with errors")
    for slug, heading in [
        ("unchecked-lump", "Not this time"),
        ("skin-infection", "Please do not wait"),
        ("stroke-signs", "Please do not wait"),
    ]:
        page.goto(HEALTH)
        pass_health(page, slug)
        yield _shown(page, heading, slug)
    page.goto(TIMES)
    soon(page).click()
    pass_health(page, "asthma")
    yield _shown(page, "Who is coming?", "details")
    page.get_by_role("button", name="Book ").click()
    expect(page.get_by_role("alert")).to_be_visible()
    yield _shown(page, "Who is coming?", "details with errors")


def test_every_client_page_keeps_the_rules_and_fits_a_narrow_screen(open_page: Open) -> None:
    page = open_page(TIMES, reduced_motion="reduce")
    for name in _client_pages(page):
        see_that_all_is_well(page, name)
        # The walk goes on as on the smallest phone.
        page.set_viewport_size({"width": 320, "height": 640})
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, name


@pytest.mark.parametrize("address", ["/", "/services/", TREATMENT, TIMES, HEALTH])
def test_a_first_visit_loads_less_than_100_kilobytes(open_page: Open, address: str) -> None:
    page = open_page("/robots.txt")
    sizes: dict[str, int] = {}

    def weigh(response: Response) -> None:
        body = response.body()
        compressed = len(gzip.compress(body)) if not response.url.endswith("woff2") else len(body)
        sizes[response.url] = compressed

    page.on("response", weigh)
    page.goto(address)
    page.wait_for_load_state("networkidle")
    assert any(url.endswith("woff2") for url in sizes)
    assert sum(sizes.values()) < 100_000, sizes
