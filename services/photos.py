"""Photos of treatments: checked by what is in them, made smaller, without what cameras note.

A stored photo is named by its own size, such as ``services/3fa9-1600x1067.webp``; its smaller
sizes stand beside it and are found by name alone. A name is never used twice, so browsers may keep
the file for good.
"""

import logging
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import IO

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

logger = logging.getLogger(__name__)

FOLDER = "services"
# In pixels, the smallest first; the widest is the photo itself.
WIDTHS = (480, 800, 1200, 1600)
SHARED = (1200, 630)
FORMATS = ("JPEG", "PNG", "WEBP")
ACCEPT = "image/jpeg,image/png,image/webp"

MOST_MEGABYTES = 15
MOST_MEGAPIXELS = 50
LEAST_WIDTH, LEAST_HEIGHT = 600, 300
SEE_THROUGH = {"P", "LA", "PA", "RGBA"}
# WebP has no longer sides.
MOST_PIXELS = 16383

NAME = re.compile(rf"{FOLDER}/[0-9a-f]{{16}}-(\d+)x(\d+)\.webp")
NAME_IN_TEXT = re.compile(rf"{FOLDER}/[0-9a-f]{{16}}-\d+x\d+\.webp")


class NotStored(Exception):
    """The photo could not be written, for want of room or of the right to; none of it is left."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo as a page shows it; addresses as paths, sizes in pixels."""

    url: str
    srcset: str = ""
    width: int | None = None
    height: int | None = None
    shared_url: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A photo that is ready to be stored: WebP by width, the widest last, and a JPEG to share."""

    sizes: Sequence[tuple[int, bytes]]
    width: int
    height: int
    shared: bytes


def prepare(file: IO[bytes], *, size: int) -> Prepared:
    """Return the sizes of an uploaded photo of ``size`` bytes.

    Raises ``ValidationError`` with the reason and what to do where it is too large, too small or
    no photo at all.
    """
    if size > MOST_MEGABYTES * 1024 * 1024:
        raise ValidationError(
            _("The photo has %(size)d MB, and %(most)d MB are the most. Choose a smaller one.")
            % {"size": -(-size // (1024 * 1024)), "most": MOST_MEGABYTES},
            code="too_heavy",
        )
    file.seek(0)
    photo = _read(file)
    width, height = _scaled(photo, min(photo.width, WIDTHS[-1]))
    widths = [one for one in WIDTHS if one < width] + [width]
    sizes = [(one, _webp(photo, one)) for one in widths]
    return Prepared(sizes, width, height, _shared(photo))


def store(prepared: Prepared) -> str:
    """Write a photo with its smaller sizes; return its name. Raises ``NotStored``."""
    key = secrets.token_hex(8)
    name = f"{FOLDER}/{key}-{prepared.width}x{prepared.height}.webp"
    try:
        for width, content in prepared.sizes:
            size_name = name if width == prepared.width else _smaller(name, width)
            default_storage.save(size_name, ContentFile(content))
        default_storage.save(_shared_name(name), ContentFile(prepared.shared))
    except OSError as reason:
        logger.error("A photo could not be stored: %s", reason.strerror)  # noqa: TRY400
        with suppress(OSError):
            remove(name)
        raise NotStored from reason
    return name


def picture_of(name: str) -> Picture:
    """Return the photo ``name`` in all its sizes, without looking at the files."""
    found = NAME.fullmatch(name)
    if not found:
        return Picture(default_storage.url(name))
    width, height = int(found[1]), int(found[2])
    sizes = [(one, _smaller(name, one)) for one in WIDTHS if one < width]
    return Picture(
        url=default_storage.url(name),
        srcset=", ".join(
            f"{default_storage.url(size)} {one}w" for one, size in [*sizes, (width, name)]
        ),
        width=width,
        height=height,
        shared_url=default_storage.url(_shared_name(name)),
    )


def remove(name: str) -> None:
    """Delete a photo and all its sizes."""
    found = NAME.fullmatch(name)
    names = [name]
    if found:
        width = int(found[1])
        names += [_smaller(name, one) for one in WIDTHS if one < width] + [_shared_name(name)]
    for one in names:
        default_storage.delete(one)


def stored() -> set[str]:
    """Return the names of all photos that lie in the folder, without their smaller sizes."""
    try:
        files = default_storage.listdir(FOLDER)[1]
    except FileNotFoundError:
        return set()
    return {name for file in files if NAME.fullmatch(name := f"{FOLDER}/{file}")}


def is_older(name: str, *, than: datetime) -> bool:
    """Whether a stored photo was written before ``than``."""
    try:
        return default_storage.get_modified_time(name) < than
    except FileNotFoundError:
        return False


def _read(file: IO[bytes]) -> Image.Image:
    try:
        photo = Image.open(file, formats=FORMATS)
        _check_size(photo)
        # A JPEG is read at the size that is needed: a large one costs no more memory.
        photo.draft("RGB", (2 * WIDTHS[-1], 2 * WIDTHS[-1]))
        photo.load()
        turned = ImageOps.exif_transpose(_reduced(photo))
        return _plain(turned)
    except Image.DecompressionBombError as wrong:
        raise _too_many_pixels() from wrong
    except UnidentifiedImageError as wrong:
        raise _no_photo() from wrong
    # Pillow's readers meet broken files with many kinds of errors.
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, TypeError) as wrong:
        raise _no_photo() from wrong


def _no_photo() -> ValidationError:
    return ValidationError(
        _(
            "This file cannot be read as a photo. Choose a JPEG, PNG or WebP; a photo in another "
            "format has to be saved as one of them first."
        ),
        code="no_photo",
    )


def _too_many_pixels() -> ValidationError:
    return ValidationError(
        _("The photo has more than %d megapixels. Make it smaller, then choose it again.")
        % MOST_MEGAPIXELS,
        code="too_many_pixels",
    )


def _check_size(photo: Image.Image) -> None:
    # Read from the file's head, before anything is unpacked.
    if photo.width * photo.height > MOST_MEGAPIXELS * 1_000_000:
        raise _too_many_pixels()
    if max(photo.size) > MOST_PIXELS:
        raise ValidationError(
            _("The photo is longer than %d pixels. Cut it or make it smaller, then try again.")
            % MOST_PIXELS,
            code="too_long",
        )
    if max(photo.size) < LEAST_WIDTH or min(photo.size) < LEAST_HEIGHT:
        raise ValidationError(
            _(
                "The photo is %(width)d × %(height)d pixels, too small to look good. "
                "It should have %(least)d × %(low)d at least."
            )
            % {
                "width": photo.width,
                "height": photo.height,
                "least": LEAST_WIDTH,
                "low": LEAST_HEIGHT,
            },
            code="too_small",
        )


def _reduced(photo: Image.Image) -> Image.Image:
    """A smaller picture, still larger than any that is shown: what follows copies it several times.

    A few hundred kilobytes of a PNG may hold 50 megapixels, four bytes each.
    """
    factor = min(photo.size) // WIDTHS[-1]
    if factor < 2:
        return photo
    if photo.mode in SEE_THROUGH:
        # Multiplied by how much one sees of them, no colours bleed into those beside them.
        return photo.convert("RGBA").convert("RGBa").reduce(factor).convert("RGBA")
    return photo.reduce(factor) if photo.mode in {"L", "RGB", "CMYK"} else photo


def _plain(photo: Image.Image) -> Image.Image:
    """Colours as the web knows them, on white where it was transparent, and nothing else."""
    profile = photo.info.get("icc_profile")
    if photo.mode in SEE_THROUGH:
        layered = photo.convert("RGBA")
        ground = Image.new("RGBA", layered.size, "white")
        photo = Image.alpha_composite(ground, layered)
    photo = photo.convert("RGB") if photo.mode != "CMYK" or not profile else photo
    if profile:
        photo = _in_srgb(photo, profile)
    photo = photo.convert("RGB")
    plain = Image.new("RGB", photo.size)
    plain.paste(photo)
    return plain


def _in_srgb(photo: Image.Image, profile: bytes) -> Image.Image:
    try:
        changed = ImageCms.profileToProfile(
            photo, BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except ImageCms.PyCMSError:
        return photo
    return changed or photo


def _scaled(photo: Image.Image, width: int) -> tuple[int, int]:
    return width, max(1, round(photo.height * width / photo.width))


def _webp(photo: Image.Image, width: int) -> bytes:
    content = BytesIO()
    photo.resize(_scaled(photo, width), Image.Resampling.LANCZOS, reducing_gap=3).save(
        content, "WEBP", quality=80
    )
    return content.getvalue()


def _shared(photo: Image.Image) -> bytes:
    content = BytesIO()
    ImageOps.fit(photo, SHARED, Image.Resampling.LANCZOS).save(content, "JPEG", quality=82)
    return content.getvalue()


def _smaller(name: str, width: int) -> str:
    return name.removesuffix(".webp") + f"-{width}w.webp"


def _shared_name(name: str) -> str:
    return name.removesuffix(".webp") + "-shared.jpg"
