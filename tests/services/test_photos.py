"""Photos of treatments: what is taken, what is made of them, and what is refused."""

import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image, ImageOps
from pytest_django import Settings
from reversion.models import Version

from services import photos
from services.models import Service, SpaProfile
from services.versions import forget_old
from tests.services.owners_forms import address_of, edit

ORIENTATION, GPS, MAKE = 0x0112, 0x8825, 0x010F


def photo(width: int = 1000, height: int = 700, name: str = "hands.jpg") -> SimpleUploadedFile:
    """Return a photo as a camera writes it: lying on its side, with its place in it."""
    image = Image.linear_gradient("L").resize((height, width)).convert("RGB")
    noted = Image.Exif()
    noted[ORIENTATION], noted[MAKE] = 6, "SecretCam"
    noted.get_ifd(GPS)[1] = "N"
    content = BytesIO()
    image.save(content, "JPEG", exif=noted)
    return SimpleUploadedFile(name, content.getvalue(), "image/jpeg")


def prepared(file: SimpleUploadedFile) -> photos.Prepared:
    return photos.prepare(file, size=file.size or 0)


def test_photo_is_turned_made_smaller_and_says_nothing_of_its_place() -> None:
    result = prepared(photo(2000, 1400))
    assert (result.width, result.height) == (1600, 1120)
    assert [width for width, _content in result.sizes] == [480, 800, 1200, 1600]
    for width, content in [*result.sizes, (1200, result.shared)]:
        image = Image.open(BytesIO(content))
        assert image.width == width
        assert (dict(image.getexif()), "icc_profile" in image.info) == ({}, False)
        assert b"SecretCam" not in content
    assert Image.open(BytesIO(result.shared)).size == (1200, 630)


@pytest.mark.parametrize("mode", ["LA", "P"])
def test_a_large_picture_in_a_small_file_is_copied_only_when_it_is_smaller(
    mode: str,
) -> None:
    content = BytesIO()
    noted = Image.Exif()
    noted[ORIENTATION] = 6
    Image.new(mode, (4000, 3300), 0).save(content, "PNG", exif=noted, compress_level=1)
    with patch.object(ImageOps, "exif_transpose", wraps=ImageOps.exif_transpose) as turning:
        result = prepared(SimpleUploadedFile("x.png", content.getvalue()))
    assert turning.call_args[0][0].size == (2000, 1650)
    assert (result.width, result.height) == (1600, 1939)
    shown = Image.open(BytesIO(result.sizes[0][1])).convert("RGB").getpixel((9, 9))
    assert shown == ((0, 0, 0) if mode == "P" else (255, 255, 255))


def test_small_photo_is_not_blown_up() -> None:
    result = prepared(photo(700, 500))
    assert [width for width, _content in result.sizes] == [480, 700]


def test_see_through_and_palette_pictures_stand_on_white() -> None:
    for mode in ("RGBA", "P", "LA", "L", "I;16"):
        content = BytesIO()
        Image.new(mode, (640, 480)).save(content, "PNG")
        assert prepared(SimpleUploadedFile("x.png", content.getvalue())).width == 640


def broken(kind: str) -> SimpleUploadedFile:
    # Only the one that is asked for is made: the bomb takes a second.
    contents: dict[str, Callable[[], bytes]] = {
        "empty name": lambda: b"x",
        "page": lambda: b"<html><script>alert(1)</script></html>",
        "drawing": lambda: b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "cut off": lambda: photo().read()[:3000],
        "animation": lambda: _saved("GIF"),
        "bitmap": lambda: _saved("BMP"),
        "bomb": _bomb,
    }
    return SimpleUploadedFile("photo.jpg", contents[kind](), "image/jpeg")


def _saved(kind: str) -> bytes:
    content = BytesIO()
    Image.new("RGB", (640, 480)).save(content, kind)
    return content.getvalue()


def _bomb() -> bytes:
    content = BytesIO()
    Image.new("1", (20000, 20000)).save(content, "PNG")
    return content.getvalue()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("empty name", "cannot be read as a photo"),
        ("page", "cannot be read as a photo"),
        ("drawing", "cannot be read as a photo"),
        ("cut off", "cannot be read as a photo"),
        ("animation", "cannot be read as a photo"),
        ("bitmap", "cannot be read as a photo"),
        ("bomb", "The photo has more than 50 megapixels."),
    ],
)
def test_file_that_is_no_good_photo_is_refused_in_words(kind: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        prepared(broken(kind))


def test_photo_that_is_too_heavy_or_too_small_is_refused_in_words() -> None:
    with pytest.raises(ValidationError, match="The photo has 16 MB, and 15 MB are the most"):
        photos.prepare(photo(), size=15 * 1024 * 1024 + 1)
    with pytest.raises(ValidationError, match="too small to look good"):
        prepared(photo(400, 200))


def test_photo_that_is_too_long_for_the_web_is_refused_in_words() -> None:
    content = BytesIO()
    Image.new("1", (600, 20000)).save(content, "PNG")
    with pytest.raises(ValidationError, match="The photo is longer than 16383 pixels"):
        prepared(SimpleUploadedFile("tower.png", content.getvalue()))


def test_bad_file_is_explained_at_its_field_and_nothing_typed_is_lost(
    owner: Client, content: SpaProfile
) -> None:
    service = Service.objects.get(slug="tui-na")
    answer = edit(owner, address_of(service), photo=broken("page"), summary="Typed for long.")
    form = answer.context["adminform"].form
    assert list(form.errors) == ["photo"]
    assert "cannot be read as a photo" in form.errors["photo"][0]
    assert 'value="Typed for long."' in answer.content.decode()
    assert not default_storage.exists("services")


def test_page_offers_each_size_and_keeps_the_place_free(owner: Client, content: SpaProfile) -> None:
    service = Service.objects.get(slug="tui-na")
    edit(owner, address_of(service), photo=photo(1000, 700), photo_alt="Two hands")
    service.refresh_from_db()
    name = service.photo.name or ""
    assert photos.NAME.fullmatch(name)
    page = owner.get("/services/tui-na/").content.decode()
    base = f"/media/{name.removesuffix('.webp')}"
    sizes = f'srcset="{base}-480w.webp 480w, {base}-800w.webp 800w, {base}.webp 1000w"'
    assert f"{sizes} sizes=" in page
    assert 'width="1000" height="700" alt="Two hands"' in page
    assert (
        f'<meta property="og:image" content="http://testserver.example{base}-shared.jpg">' in page
        or (f"{base}-shared.jpg" in page)
    )
    served = owner.get(f"{base}-480w.webp")
    assert (served.status_code, served.headers["cache-control"]) == (
        200,
        "public, max-age=31536000, immutable",
    )
    served.close()


def test_photo_goes_once_no_page_and_no_version_shows_it(
    owner: Client, content: SpaProfile, settings: Settings, django_capture_on_commit_callbacks: Any
) -> None:
    service = Service.objects.get(slug="tui-na")
    edit(owner, address_of(service), photo=photo(), photo_alt="Two hands")
    edit(owner, address_of(service), photo=photo(), photo_alt="Two hands")
    assert len(photos.stored()) == 2
    later = timezone.now() + timedelta(hours=2)
    # A version still shows the first one: the owner can return to it.
    forget_old(later)
    assert len(photos.stored()) == 2
    Version.objects.get_for_object(service).order_by("-pk")[1].revision.delete()
    forget_old(timezone.now())
    assert len(photos.stored()) == 2
    forget_old(later)
    service.refresh_from_db()
    assert photos.stored() == {service.photo.name}
    folder = settings.MEDIA_ROOT / "services"
    assert len(list(folder.iterdir())) == 4


@pytest.fixture
def tiny_disk(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 KB for the photos."""
    disk = tmp_path / "tiny"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        # Without the right to mount: a folder in which nobody can write anything.
        (disk / "services").symlink_to("/dev/full")
    settings.MEDIA_ROOT = disk
    yield disk
    subprocess.run(["umount", str(disk)], check=False, capture_output=True)


@pytest.mark.django_db
def test_a_full_disk_is_told_at_the_field_and_loses_nothing(owner: Client, tiny_disk: Path) -> None:
    service = Service.objects.get(slug="tui-na")
    noise = Image.effect_noise((1600, 1000), 200).convert("RGB")
    content = BytesIO()
    noise.save(content, "JPEG")
    large = SimpleUploadedFile("hands.jpg", content.getvalue(), "image/jpeg")
    typed = {"summary": "Typed with care.", "photo_alt": "Two hands"}
    answer = edit(owner, address_of(service), photo=large, **typed)
    assert answer.status_code == 200
    [error] = answer.context["adminform"].form.errors["photo"]
    assert error.startswith("The website has no room left for the photo, so nothing was saved yet.")
    assert "Typed with care." in answer.content.decode()
    service.refresh_from_db()
    assert (service.summary != "Typed with care.", service.photo.name) == (True, "")
    assert list(tiny_disk.rglob("*.*")) == []
    saved = edit(owner, address_of(service), **typed)
    service.refresh_from_db()
    assert (saved.status_code, service.summary) == (302, "Typed with care.")
