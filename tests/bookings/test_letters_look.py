"""Every kind of letter, both parts of it, as mail programs of all sorts show them."""

import colorsys
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from html import unescape

import pytest
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils.html import strip_tags
from playwright.sync_api import Page, ViewportSize

from bookings.letters import Letter, built_in_words
from bookings.models import Message, Therapist
from bookings.rendering import Parts, render_letter
from bookings.samples import sample_letter, sample_message, sample_visit
from services.models import Service, SpaProfile
from tests.bookings.looks import see_no_barrier
from tests.kept_rows import KeptRows

pytestmark = pytest.mark.django_db

KINDS = [kind.value for kind in Message.Kind]
CLIPPED_AT = 100_000
PHONE, WINDOW = ViewportSize(width=360, height=700), ViewportSize(width=600, height=700)
HINTS = re.compile(r"lymph|drainage|health|doctor|medic|pain|swollen|clearance|symptom", re.I)

FORBIDDEN = re.compile(
    r"<(img|link|script|iframe|form|input|object|svg)\b|url\(|@import|\bon\w+=|javascript:", re.I
)

# Each colour of words with the ground that it is read on.
COLOURS = """() => {
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const pairs = new Set();
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const element = words.currentNode.parentElement;
    if (!words.currentNode.data.trim() || element.closest(".hint")) continue;
    pairs.add(getComputedStyle(element).color + "|" + ground(element));
  }
  return [...pairs];
}"""

Colour = tuple[float, float, float]


@pytest.fixture
def spa(db: None, starting_list: KeptRows) -> SpaProfile:
    starting_list.put_back()
    mia = Therapist.objects.create(name="Mia", position=1)
    mia.services.set(Service.objects.all())
    return SpaProfile.load()


@pytest.fixture
def shown(spa: SpaProfile, now: datetime) -> Callable[[str], tuple[Letter, Parts]]:
    """The letter of one kind about the spa's own lead treatment, and its parts."""

    def _shown(kind: str) -> tuple[Letter, Parts]:
        message = sample_message(kind, sample_visit(spa=spa, now=now), spa=spa, now=now)
        letter = sample_letter(message, spa=spa, now=now, words=built_in_words(message))
        return letter, render_letter(letter, spa=spa)

    return _shown


def words_of(html: str) -> str:
    body = html.split("</head>")[1]
    return " ".join(unescape(strip_tags(body.replace("<", " <"))).split())


def test_both_parts_of_every_kind_say_the_same_and_reach_nobody_else(
    shown: Callable[[str], tuple[Letter, Parts]],
) -> None:
    for kind in KINDS:
        letter, parts = shown(kind)
        said = words_of(parts.html)
        for line in filter(None, parts.text.splitlines()):
            words = line.removeprefix("- ").strip().rstrip(":")
            if words != "--" and not words.startswith("http"):
                assert all(part in said for part in words.split(": ", 1)), (kind, line)
        links = re.findall(r'href="([^"]+)"', parts.html)
        assert [button.url for button in letter.buttons] == links[: len(letter.buttons)]
        for link in links:
            assert link.startswith((f"{settings.SITE_URL}/", "tel:+", "mailto:"))
            assert link in parts.text or not link.startswith("http")
        assert ("/mail/stop/" in parts.text) is (kind == "aftercare")
        assert not FORBIDDEN.search(parts.html), kind
        assert '<html lang="en-gb" dir="ltr">' in parts.html


def test_no_kind_tells_on_a_locked_phone_what_it_is_about(
    shown: Callable[[str], tuple[Letter, Parts]],
) -> None:
    for kind in KINDS:
        letter, parts = shown(kind)
        said = words_of(parts.html)
        assert said.startswith(letter.preheader)
        for seen in (letter.subject, letter.preheader, parts.text[:160], said[:300]):
            assert not HINTS.search(seen), (kind, seen)


def test_no_kind_is_clipped(shown: Callable[[str], tuple[Letter, Parts]]) -> None:
    for kind in KINDS:
        letter, parts = shown(kind)
        mail = EmailMultiAlternatives(letter.subject, parts.text, to=["cleo@example.com"])
        mail.attach_alternative(parts.html, "text/html")
        assert len(mail.message().as_bytes()) < CLIPPED_AT, kind


@pytest.mark.browser
def test_words_of_any_script_and_length_stay_in_the_letter(
    spa: SpaProfile, now: datetime, page: Page
) -> None:
    message = sample_message("confirmation", sample_visit(spa=spa, now=now), spa=spa, now=now)
    words = built_in_words(message)._replace(
        heading="W" * 100,
        greeting="שלום {name} " + "🌊" * 80,
        text="<script>x</script> " + "x" * 4000,
    )
    letter = sample_letter(message, spa=spa, now=now, words=words)
    html = render_letter(letter, spa=spa).html
    assert "<script" not in html
    page.set_viewport_size(PHONE)
    page.set_content(html)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


@pytest.mark.browser
def test_every_kind_is_legible_everywhere(
    shown: Callable[[str], tuple[Letter, Parts]], page: Page
) -> None:
    for number, kind in enumerate(KINDS):
        _letter, parts = shown(kind)
        page.set_content(parts.html)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            colours = [tuple(map(_colour, pair.split("|"))) for pair in page.evaluate(COLOURS)]
            assert len(colours) >= 4
            for look in (_as_it_is, _turned_over, _darkened):
                worst = min(_contrast(*look(ink, ground)) for ink, ground in colours)
                assert worst >= 4.5, f"{kind} {scheme} {look.__name__}: {worst:.2f}"
        page.set_viewport_size(WINDOW)
        assert page.evaluate("document.documentElement.scrollWidth") == WINDOW["width"]
        page.set_viewport_size(PHONE)
        for button in page.locator(".button").all():
            box = button.bounding_box()
            assert box is not None
            assert box["height"] >= 44
            assert box["width"] >= 280
        # Half of them in the light, half in the dark: the colours are one sheet.
        page.emulate_media(color_scheme="dark" if number % 2 else "light")
        # A part of the page: a mail needs no landmarks.
        see_no_barrier(page, kind, {"include": [[".sheet"]]})


def _colour(text: str) -> Colour:
    red, green, blue = (int(one) / 255 for one in re.findall(r"\d+", text)[:3])
    return red, green, blue


def _as_it_is(ink: Colour, ground: Colour) -> Iterator[Colour]:
    yield from (ink, ground)


def _turned_over(ink: Colour, ground: Colour) -> Iterator[Colour]:
    """As mail programs do that turn all lightness over, such as Gmail on an iPhone."""
    yield from (_inverted(ink), _inverted(ground))


def _darkened(ink: Colour, ground: Colour) -> Iterator[Colour]:
    """As mail programs do that turn light grounds and the dark words on them, such as Outlook."""
    if colorsys.rgb_to_hls(*ground)[1] > 0.5:
        yield from (_inverted(ink), _inverted(ground))
    else:
        yield from (ink, ground)


def _inverted(colour: Colour) -> Colour:
    hue, light, strength = colorsys.rgb_to_hls(*colour)
    return colorsys.hls_to_rgb(hue, 1 - light, strength)


def _contrast(ink: Colour, ground: Colour) -> float:
    brighter, darker = sorted((_luminance(ink), _luminance(ground)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
