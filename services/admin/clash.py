"""Two owners on one page: the second is told, and nothing that either wrote is lost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _
from reversion.models import Version

from services.merging import Merged, Row, Values, merge, merge_rows
from services.models import Faq, Service, ServiceOption
from services.versions import (
    Change,
    Fields,
    PageVersion,
    Words,
    differences,
    page_now,
    page_of,
    record,
    versions_of,
)

# The version of the page that the form was opened with.
SEEN = "seen"
# Set on a form that goes back to its writer.
CLASHES = "_clash"

OPTION = ("minutes", "price", "active")
FAQ = ("question", "answer", "position")
TEXT = (
    "name",
    "slug",
    "discreet_name",
    "category",
    "summary",
    "title",
    "description",
    "body",
    "preparation",
    "aftercare",
    "illustration",
    "photo_alt",
    "buffer_before_minutes",
    "buffer_after_minutes",
    "note_from_everyone",
    "contraindications",
)


@dataclass(frozen=True, slots=True)
class Clash:
    """What somebody else saved meanwhile, and the form to go on with."""

    version: Version
    by: str
    changes: Sequence[Change]
    both: Sequence[str]
    data: QueryDict


def latest_key(service: Service) -> str:
    """Return what a form remembers of the page that it was opened with."""
    return str(versions_of(service).values_list("pk", flat=True).first() or 0)


def find_clash(service: Service, request: HttpRequest) -> Clash | None:
    """Return what was saved since the form of ``request`` was opened; ``None`` where nothing was.

    The row of ``service`` is locked.
    """
    versions = list(versions_of(service))
    if not versions:
        return None
    words, now = Words.read(), page_now(service)
    if differences(page_of(versions[0]), now, words):
        record([service], note=_("Changed outside of this page"))
        versions = list(versions_of(service))
    seen = request.POST.get(SEEN, "")
    base = next((one for one in versions if str(one.pk) == seen), versions[-1])
    changes = differences(page_of(base), now, words)
    if not changes:
        return None
    user = versions[0].revision.user
    merged = _merged_fields(page_of(base), now, request.POST)
    return Clash(
        version=versions[0],
        by=(user.get_full_name() or user.get_username()) if user else "",
        changes=changes,
        both=[_label(name) for name in merged.both],
        data=_merged_form(page_of(base), now, request.POST, merged, str(versions[0].pk)),
    )


def _label(name: str) -> str:
    return str(Service._meta.get_field(name).verbose_name)  # type: ignore[union-attr]


def _merged_fields(base: PageVersion, now: PageVersion, data: QueryDict) -> Merged:
    mine = {name: _written(data, name, Service) for name in TEXT}
    return merge(
        base=_as_written(base.fields, TEXT), mine=mine, theirs=_as_written(now.fields, TEXT)
    )


def _merged_form(
    base: PageVersion, now: PageVersion, data: QueryDict, merged: Merged, seen: str
) -> QueryDict:
    form = data.copy()
    _write(form, "", merged.values)
    for prefix, model, names in (("options", ServiceOption, OPTION), ("faqs", Faq, FAQ)):
        rows = merge_rows(
            base=_rows(getattr(base, prefix), names),
            mine=_written_rows(data, prefix, model, names),
            theirs=_rows(getattr(now, prefix), names),
        )
        _write_rows(form, prefix, rows)
    form[SEEN], form[CLASHES] = seen, "1"
    return form


def _as_written(fields: Fields, names: Iterable[str]) -> Values:
    return {name: _strings(fields.get(name)) for name in names}


def _strings(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(map(str, value))
    if isinstance(value, bool):
        return ("on",) if value else ()
    return ("" if value is None else str(value),)


def _rows(rows: Mapping[int, Fields], names: Iterable[str]) -> dict[str, Values]:
    return {str(pk): _as_written(fields, names) for pk, fields in rows.items()}


def _written(data: QueryDict, key: str, model: type[Any]) -> tuple[str, ...]:
    field = model._meta.get_field(key.rpartition("-")[2])
    if field.get_internal_type() == "BooleanField":
        return ("on",) if key in data else ()
    if field.many_to_many:
        return tuple(data.getlist(key))
    return (data.get(key, ""),)


def _written_rows(
    data: QueryDict, prefix: str, model: type[Any], names: Iterable[str]
) -> list[Row]:
    rows = []
    for number in range(_count(data, prefix)):
        start = f"{prefix}-{number}-"
        values = {name: _written(data, start + name, model) for name in names}
        if data.get(f"{start}DELETE"):
            values["DELETE"] = ("on",)
        rows.append(Row(data.get(f"{start}id", ""), values))
    return rows


def _count(data: QueryDict, prefix: str) -> int:
    try:
        return min(int(data.get(f"{prefix}-TOTAL_FORMS", "0")), 200)
    except ValueError:
        return 0


def _write_rows(form: QueryDict, prefix: str, rows: Sequence[Row]) -> None:
    for key in [key for key in form if key.startswith(f"{prefix}-") and key[-1] != "S"]:
        del form[key]
    form[f"{prefix}-TOTAL_FORMS"] = str(len(rows))
    form[f"{prefix}-INITIAL_FORMS"] = str(sum(bool(row.key) for row in rows))
    for number, row in enumerate(rows):
        _write(form, f"{prefix}-{number}-", {"id": (row.key,), **row.values})


def _write(form: QueryDict, start: str, values: Values) -> None:
    for name, written in values.items():
        form.pop(start + name, None)
        if written:
            form.setlist(start + name, list(written))
