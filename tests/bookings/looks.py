"""What every page must be for everybody: on a phone in the dark, and on a screen in the light."""

from typing import Any, Literal

from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import DEFAULT_OPTIONS, Axe
from playwright.sync_api import Page, ViewportSize

AXE = Axe()
PHONE = ViewportSize(width=390, height=844)
SCREEN = ViewportSize(width=1280, height=800)
LOOKS: tuple[tuple[ViewportSize, Literal["dark", "light"]], ...] = (
    (PHONE, "dark"),
    (SCREEN, "light"),
)


def unfold(page: Page, within: str = "body") -> None:
    """Open every fold and menu, so that what is in them is looked at too."""
    for fold in page.locator(f"{within} details").all():
        fold.evaluate("fold => { fold.open = true }")


def see_that_all_is_well(page: Page, what: str = "", context: Any = None) -> None:
    """Fail where the page, as it is now, breaks a rule or is too wide, in either look.

    ``what`` names its state; ``context`` is the part that axe looks at. The page is left as a
    screen in the light.
    """
    for size, scheme in LOOKS:
        page.set_viewport_size(size)
        # A colour that is still on its way to the other scheme would break the rule of contrast.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        see_no_barrier(page, f"{page.url} {what} ({scheme})", context)


def see_no_barrier(page: Page, what: str, context: Any = None) -> None:
    """Fail where the page, in its present size and colours, breaks a rule or is too wide."""
    found = _axe(page, context)
    assert found.violations_count == 0, f"{what}\n{found.generate_report()}"
    size = page.viewport_size
    assert size is not None
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= size["width"], f"{what} is {width} wide"


def _axe(page: Page, context: Any) -> AxeResults:
    """Run axe as its own package does, and load its half a megabyte once into each document."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.axe_script)
    arguments = AXE._format_script_args(context=context, options=DEFAULT_OPTIONS)
    return AxeResults(page.evaluate(f"axe.run({arguments})"))
