"""The starting content: data files in, rows of the menu out, each piece exactly once.

A piece is the profile, a category, a contraindication or a service with its options and
questions. ``LoadedContent`` remembers every piece, so that what an owner edited or deleted is
neither overwritten nor brought back.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, models, transaction
from django.utils.translation import gettext as _

from services.models import (
    Category,
    Contraindication,
    Faq,
    LoadedContent,
    Service,
    ServiceOption,
    SpaProfile,
)
from services.versions import record, record_as_found

STARTING_CONTENT = Path(__file__).resolve().parent / "content"


class ContentError(Exception):
    """The data is not as it should be; the message names the file and the key."""


@dataclass
class Loading:
    """One run: where it reads, what it knew before, and what it did."""

    folder: Path
    known: set[str]
    loaded: list[str] = field(default_factory=list)
    changed: list[Service] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def is_due(self, key: str, *, exists: bool) -> bool:
        """Return whether the piece is loaded now, and remember it from now on.

        A row that the owner made under the same name first is hers: it counts as loaded.
        """
        if key in self.known:
            return False
        LoadedContent.objects.create(key=key)
        self.known.add(key)
        if not exists:
            self.loaded.append(key)
        return not exists


def load_content(folder: Path = STARTING_CONTENT) -> Loading:
    """Load every piece of ``folder`` that was never loaded before, all or nothing.

    Raises ``ContentError`` where a file is missing, unreadable or does not fit the models.
    """
    with transaction.atomic():
        _wait_for_other_loaders()
        loading = Loading(folder, set(LoadedContent.objects.values_list("key", flat=True)))
        _load_profile(loading)
        categories = _load_categories(loading)
        contraindications = _load_contraindications(loading)
        _load_services(loading, categories, contraindications)
        if loading.changed:
            record(loading.changed, note=_("Starting content"))
    return loading


def _wait_for_other_loaders() -> None:
    # Two web servers that start together would both find a piece missing.
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {LoadedContent._meta.db_table} IN EXCLUSIVE MODE")


def _load_profile(loading: Loading) -> None:
    path = loading.folder / "profile.toml"
    values = _read_toml(loading, path)
    if loading.is_due("profile", exists=SpaProfile.objects.exists()):
        _save(SpaProfile(pk=1), values, _where(loading, path))


def _load_categories(loading: Loading) -> set[str]:
    path = loading.folder / "categories.toml"
    tables = _tables(_read_toml(loading, path), "category", _where(loading, path))
    for table in tables:
        _load_slugged(loading, Category(), "category", table, path)
    return {table["slug"] for table in tables}


def _load_contraindications(loading: Loading) -> set[str]:
    path = loading.folder / "contraindications.toml"
    tables = _tables(_read_toml(loading, path), "contraindication", _where(loading, path))
    for table in tables:
        _load_slugged(loading, Contraindication(), "contraindication", table, path)
    return {table["slug"] for table in tables}


def _load_slugged(
    loading: Loading, row: models.Model, kind: str, table: dict[str, Any], path: Path
) -> None:
    slug = table["slug"]
    exists = type(row)._default_manager.filter(slug=slug).exists()
    if loading.is_due(f"{kind}:{slug}", exists=exists):
        _save(row, table, f"{_where(loading, path)}: {slug}")


def _load_services(loading: Loading, categories: set[str], contraindications: set[str]) -> None:
    paths = sorted((loading.folder / "services").glob("*.toml"))
    if not paths:
        raise ContentError(_("services/: there is no treatment to load."))
    for path in paths:
        _load_service(loading, path, categories, contraindications)


def _load_service(
    loading: Loading, path: Path, categories: set[str], contraindications: set[str]
) -> None:
    where = _where(loading, path)
    values = _read_toml(loading, path)
    slug = _require_slug(values, where)
    category = _category(values.pop("category", None), categories, where)
    reasons = _reasons(values.pop("contraindications", []), contraindications, where)
    if f"service:{slug}" in loading.known:
        _add_new_reasons(loading, slug, reasons)
    elif category is None:
        loading.left_out.append(f"service:{slug}")
    elif loading.is_due(f"service:{slug}", exists=Service.objects.filter(slug=slug).exists()):
        values["body"] = _read_text(loading, path.with_suffix(".html"))
        loading.changed.append(_create_service(values, category, reasons, where))


def _create_service(
    values: dict[str, Any], category: Category, reasons: set[str], where: str
) -> Service:
    options = _tables(values, "option", where, slugged=False)
    faqs = _tables(values, "faq", where, slugged=False, needed=False)
    service = Service(category=category, status=Service.Status.PUBLISHED)
    _save(service, values, where)
    for number, table in enumerate(options, start=1):
        _save(ServiceOption(service=service), table, f"{where}: option {number}")
    for number, table in enumerate(faqs, start=1):
        numbered = {"position": number * 10, **table}
        _save(Faq(service=service), numbered, f"{where}: faq {number}")
    service.contraindications.set(Contraindication.objects.filter(slug__in=reasons))
    return service


def _add_new_reasons(loading: Loading, slug: str, reasons: set[str]) -> None:
    # A reason for care that arrives with an update must not stay without effect on the
    # treatments that it was written for.
    fresh = {reason for reason in reasons if f"contraindication:{reason}" in loading.loaded}
    service = Service.objects.filter(slug=slug).first()
    if service and fresh:
        record_as_found(service)
        loading.changed.append(service)
        service.contraindications.add(*Contraindication.objects.filter(slug__in=fresh))


def _reasons(named: Any, known: set[str], where: str) -> set[str]:
    if named == "all":
        return known
    if not isinstance(named, list):
        raise ContentError(_('%s: contraindications: a list of keys, or "all".') % where)
    unknown = [str(slug) for slug in named if slug not in known]
    if unknown:
        raise ContentError(
            _("%(where)s: contraindications: %(slugs)s: not in contraindications.toml.")
            % {"where": where, "slugs": ", ".join(unknown)}
        )
    return set(named)


def _category(slug: Any, known: set[str], where: str) -> Category | None:
    if slug not in known:
        raise ContentError(
            _("%(where)s: category: %(slug)r is not in categories.toml.")
            % {"where": where, "slug": slug}
        )
    return Category.objects.filter(slug=slug).first()


def _save(row: models.Model, values: Mapping[str, Any], where: str) -> None:
    unknown = values.keys() - _settable(type(row))
    if unknown:
        raise ContentError(
            _("%(where)s: %(keys)s: there is no such key.")
            % {"where": where, "keys": ", ".join(sorted(unknown))}
        )
    for name, value in values.items():
        setattr(row, name, value.strip() if isinstance(value, str) else value)
    try:
        row.full_clean()
        row.save()
    except ValidationError as wrong:
        raise ContentError(f"{where}: {_in_words(wrong)}") from wrong
    except (TypeError, ValueError) as wrong:
        raise ContentError(f"{where}: {wrong}") from wrong


def _settable(model: type[models.Model]) -> set[str]:
    return {
        column.name
        for column in model._meta.concrete_fields
        if column.editable and not column.primary_key and not column.is_relation
    }


def _in_words(wrong: ValidationError) -> str:
    return "; ".join(
        f"{name}: {' '.join(messages)}" for name, messages in wrong.message_dict.items()
    )


def _tables(
    values: dict[str, Any], name: str, where: str, *, slugged: bool = True, needed: bool = True
) -> list[dict[str, Any]]:
    tables = values.pop(name, [])
    whole = isinstance(tables, list) and all(isinstance(table, dict) for table in tables)
    if not whole or (needed and not tables):
        raise ContentError(
            _("%(where)s: %(name)s: at least one [[%(name)s]] table is needed.")
            % {"where": where, "name": name}
        )
    if slugged:
        _require_distinct_slugs(tables, where)
    return tables


def _require_distinct_slugs(tables: list[dict[str, Any]], where: str) -> None:
    seen: set[str] = set()
    for table in tables:
        slug = _require_slug(table, where)
        if slug in seen:
            raise ContentError(
                _("%(where)s: %(slug)s: this key stands here twice.")
                % {"where": where, "slug": slug}
            )
        seen.add(slug)


def _require_slug(table: dict[str, Any], where: str) -> str:
    slug = table.get("slug")
    if not isinstance(slug, str) or not slug:
        raise ContentError(_("%s: slug: every piece needs one.") % where)
    return slug


def _read_toml(loading: Loading, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_read_text(loading, path))
    except tomllib.TOMLDecodeError as wrong:
        raise ContentError(f"{_where(loading, path)}: {wrong}") from wrong


def _read_text(loading: Loading, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as missing:
        raise ContentError(_("%s: this file is missing.") % _where(loading, path)) from missing
    except UnicodeDecodeError as wrong:
        raise ContentError(f"{_where(loading, path)}: {wrong}") from wrong


def _where(loading: Loading, path: Path) -> str:
    return path.relative_to(loading.folder).as_posix()
