"""Everything that the owner owns, as files that any spreadsheet opens.

Left out: what clients and therapists say about health (it stays in the rooms that it was told
for), and whatever opens a door: passwords, keys and their hashes.
"""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from bookings.csv_files import Plain, lines_of
from bookings.models import (
    Appointment,
    Client,
    Event,
    Message,
    Room,
    Therapist,
    TimeOff,
    Wording,
    WorkingHours,
)
from services.models import (
    Category,
    Contraindication,
    Faq,
    Service,
    ServiceOption,
    SignOff,
    SpaProfile,
)

CHUNK = 2000


@dataclass(frozen=True)
class Sheet:
    """One file: its columns, and the rows that they come from."""

    name: str
    rows: Callable[[], QuerySet[Any]]
    columns: Sequence[tuple[str, str]]


def same(*names: str) -> list[tuple[str, str]]:
    """Columns that are called as they are kept."""
    return [(name, name) for name in names]


SHEETS = [
    # These two can be brought in again.
    Sheet("clients", Client.objects.current, same("name", "email", "phone", "note")),
    Sheet(
        "visits",
        lambda: Appointment.objects.booked().order_by("starts_at", "pk"),
        [
            ("reference", "reference"),
            ("name", "client__name"),
            ("email", "client__email"),
            ("phone", "client__phone"),
            ("treatment", "service__name"),
            ("minutes", "option__minutes"),
            ("therapist", "therapist__name"),
            ("room", "room__name"),
            ("date", "starts_at"),
            ("time", "starts_at"),
            ("price", "price"),
            ("status", "status"),
            ("source", "source"),
            ("booked", "created_at"),
        ],
    ),
    # Without reasons: what people say when they cancel may be about their health.
    Sheet(
        "changes of visits",
        lambda: Event.objects.order_by("at", "pk"),
        [
            ("reference", "appointment__reference"),
            ("at", "at"),
            ("by", "actor_kind"),
            ("person", "actor__username"),
            ("what", "kind"),
        ],
    ),
    Sheet(
        "messages",
        lambda: Message.objects.order_by("due_at", "pk"),
        [
            ("reference", "appointment__reference"),
            ("therapist", "therapist__name"),
            *same("kind", "lead_hours", "due_at", "state", "attempts", "sent_at"),
        ],
    ),
    Sheet(
        "treatments",
        Service.objects.all,
        [
            ("category", "category__name"),
            *same("slug", "name", "discreet_name", "status", "summary", "title", "description"),
            *same("body", "illustration"),
            *same("preparation", "aftercare", "buffer_before_minutes", "buffer_after_minutes"),
            *same("position", "note_from_everyone", "photo", "photo_alt"),
        ],
    ),
    Sheet("categories", Category.objects.all, same("slug", "name", "summary", "position")),
    Sheet(
        "prices",
        lambda: ServiceOption.objects.order_by("service__name", "minutes"),
        [("treatment", "service__name"), *same("minutes", "price", "active")],
    ),
    Sheet(
        "questions and answers",
        lambda: Faq.objects.order_by("service__name", "position", "pk"),
        [("treatment", "service__name"), *same("question", "answer", "position")],
    ),
    Sheet(
        "health questions",
        Contraindication.objects.all,
        same("slug", "name", "group", "position", "severity", "care", "question", "detail", "areas")
        + same("follow_up", "follow_up_severity", "follow_up_care", "why", "advice", "sources")
        + same("evidence", "active"),
    ),
    Sheet(
        "health questions of treatments",
        lambda: Service.contraindications.through.objects.order_by("pk"),
        [("treatment", "service__name"), ("question", "contraindication__slug")],
    ),
    Sheet(
        "sign-offs of the health questions",
        SignOff.objects.all,
        same("name", "profession", "signed_on", "note", "version", "recorded_at"),
    ),
    Sheet(
        "therapists",
        Therapist.objects.all,
        same("name", "introduction", "email", "colour", "active", "position"),
    ),
    Sheet(
        "treatments of therapists",
        lambda: Therapist.services.through.objects.order_by("pk"),
        [("therapist", "therapist__name"), ("treatment", "service__name")],
    ),
    Sheet("rooms", Room.objects.all, same("name", "active", "position")),
    Sheet(
        "treatments of rooms",
        lambda: Room.services.through.objects.order_by("pk"),
        [("room", "room__name"), ("treatment", "service__name")],
    ),
    Sheet(
        "hours",
        lambda: WorkingHours.objects.order_by("therapist__name", "weekday", "starts"),
        [
            ("therapist", "therapist__name"),
            *same("weekday", "starts", "ends", "break_starts", "break_ends"),
            *same("valid_from", "valid_until"),
        ],
    ),
    Sheet(
        "time off",
        lambda: TimeOff.objects.order_by("starts_at", "pk"),
        [("therapist", "therapist__name"), *same("starts_at", "ends_at", "reason")],
    ),
    Sheet(
        "people who sign in",
        lambda: User.objects.order_by("pk"),
        same("first_name", "last_name", "email", "is_active", "last_login"),
    ),
    Sheet("words of messages", Wording.objects.all, []),
    Sheet("the spa", SpaProfile.objects.all, []),
]


def write_archive(target: IO[bytes], *, spa: SpaProfile, photos: Path) -> None:
    """Write a zip archive of all sheets and photos; times are by the clocks of ``spa``."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", _explanation())
        for sheet in SHEETS:
            with archive.open(f"{sheet.name}.csv", "w", force_zip64=True) as file:
                for line in lines_of(_rows(sheet, spa.zone)):
                    file.write(line.encode())
        for photo in sorted(photos.rglob("*")) if photos.is_dir() else []:
            if photo.is_file():
                archive.write(photo, Path("photos") / photo.relative_to(photos))


def _rows(sheet: Sheet, zone: ZoneInfo) -> Iterator[list[Plain]]:
    rows = sheet.rows()
    columns = sheet.columns or same(*_plain_columns(rows.model))
    yield [heading for heading, _field in columns]
    fields = [field for _heading, field in columns]
    parts = [heading for heading, _field in columns]
    for values in rows.values_list(*dict.fromkeys(fields)).iterator(chunk_size=CHUNK):
        known = dict(zip(dict.fromkeys(fields), values, strict=True))
        yield [_plain(known[field], zone, part) for field, part in zip(fields, parts, strict=True)]


def _plain_columns(model: type[Model]) -> list[str]:
    return [one.attname for one in model._meta.concrete_fields if not one.primary_key]


def _plain(value: Any, zone: ZoneInfo, part: str) -> Plain:
    if value is None:
        return ""
    if isinstance(value, datetime):
        local = value.astimezone(zone)
        if part == "date":
            return f"{local:%Y-%m-%d}"
        return f"{local:%H:%M}" if part == "time" else local.isoformat(timespec="minutes")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return value if isinstance(value, int | Decimal) else str(value)


def _explanation() -> str:
    return "\n\n".join(
        [
            _("Everything that your spa keeps here, as tables (CSV, UTF-8) and photos."),
            _(
                "clients.csv and visits.csv can be brought in again, in parts where they are long. "
                "Times are by the clocks of the spa. A cell that a spreadsheet could take for a "
                "formula, or a part of one, has an apostrophe before it."
            ),
            _(
                "Not in here: answers to health questions, notes on treatments, and reasons that "
                "people gave; they are open to the treating therapist and the owners inside the "
                "programme, where each reading is kept. Nor are passwords and keys."
            ),
            "",
        ]
    )
