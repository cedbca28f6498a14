"""Earlier versions of a treatment's page: kept, compared, and brought back.

A version holds the page with its lengths and prices, its questions and answers and its
contraindications, as django-reversion writes them. ``record`` is called by whoever has changed a
page; nothing is kept behind its back.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import reversion
from django.contrib.auth.models import AnonymousUser, User
from django.core import serializers
from django.db import models, transaction
from django.db.models import ProtectedError, QuerySet
from django.db.models.functions import RowNumber
from django.utils import timezone
from django.utils.translation import gettext as _
from reversion.models import Revision, Version

from services import photos
from services.models import Category, Contraindication, Faq, Service, ServiceOption, SpaProfile
from services.templatetags.menu import money
from services.word_diff import Piece, compare, plain_text

# A page keeps so many; older ones go, and photos that nothing shows any more go with them.
KEPT = 50
# A photo is stored a moment before its page is.
FRESH = timedelta(hours=1)

RICH = {"body", "preparation", "aftercare", "answer"}
# Neither belongs to the words: the order of the menu has its own page.
LEFT_OUT = {"position", "updated_at"}

reversion.register(ServiceOption)
reversion.register(Faq)
reversion.register(Service, follow=("options", "faqs"))

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PageVersion:
    """A page at one moment, as plain values: its fields, and its rows by primary key."""

    fields: Fields
    options: Mapping[int, Fields]
    faqs: Mapping[int, Fields]


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one thing of a page; ``note`` where words alone do not show it."""

    label: str
    pieces: list[Piece]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a page's history."""

    version: Version
    changes: list[Change]

    @property
    def by(self) -> str:
        """Who saved it."""
        user = self.version.revision.user
        return (user.get_full_name() or user.get_username()) if user else ""


def record(
    services: Iterable[Service], *, by: User | AnonymousUser | None = None, note: str = ""
) -> None:
    """Keep the pages of ``services`` as they are in the database now."""
    saved = Service.objects.filter(pk__in=[service.pk for service in services])
    with reversion.create_revision(manage_manually=True):
        reversion.set_user(by if by and by.is_authenticated else None)
        reversion.set_comment(note)
        for service in saved:
            reversion.add_to_revision(service)
    transaction.on_commit(forget_old)


def record_as_found(service: Service) -> None:
    """Keep a page that has no version yet, before it is changed for the first time."""
    if not versions_of(service).exists():
        record([service], note=_("As it was before the history began"))


def versions_of(service: Service) -> QuerySet[Version]:
    """Return the versions of a page, the latest first; each can be read without a query."""
    return (
        Version.objects.get_for_object(service)
        .select_related("revision__user")
        .prefetch_related("revision__version_set__content_type")
        .order_by("-pk")
    )


def history(service: Service, *, most: int = KEPT) -> list[Step]:
    """Return what each version changed, the latest first; a fixed number of queries."""
    versions = list(versions_of(service)[: most + 1])
    pages = [page_of(version) for version in versions]
    words = Words.read()
    steps = [
        Step(version, differences(before, after, words))
        for version, after, before in zip(versions, pages, pages[1:], strict=False)
    ]
    if versions and len(versions) <= most:
        steps.append(Step(versions[-1], []))
    return steps


def page_of(version: Version) -> PageVersion:
    """Return the page that ``version`` kept."""
    rows = (
        row
        for kept in version.revision.version_set.all()
        for row in json.loads(kept.serialized_data)
    )
    return _page(rows, int(version.object_id))


def page_now(service: Service) -> PageVersion:
    """Return the page as it is in the database."""
    saved = Service.objects.get(pk=service.pk)
    rows = [saved, *saved.options.all(), *saved.faqs.all()]
    return _page(json.loads(serializers.serialize("json", rows)), saved.pk)


def _page(rows: Iterable[dict[str, Any]], pk: int) -> PageVersion:
    fields: Fields = {}
    options: dict[int, Fields] = {}
    faqs: dict[int, Fields] = {}
    for row in rows:
        if row["model"] == "services.service" and int(row["pk"]) == pk:
            fields = row["fields"]
        elif row["fields"].get("service") == pk:
            (options if row["model"] == "services.serviceoption" else faqs)[row["pk"]] = row[
                "fields"
            ]
    return PageVersion(fields, options, faqs)


@dataclass(frozen=True, slots=True)
class Words:
    """The names that stand behind the keys of a version, and the currency of its prices."""

    categories: Mapping[int, str]
    reasons: Mapping[int, str]
    currency: str

    @classmethod
    def read(cls) -> "Words":
        """Return them as they are now; three queries."""
        currency = SpaProfile.objects.values_list("currency", flat=True).first()
        return cls(
            dict(Category.objects.values_list("pk", "name")),
            dict(Contraindication.objects.values_list("pk", "name")),
            currency or "",
        )


def differences(before: PageVersion, after: PageVersion, words: Words) -> list[Change]:
    """Return what changed from one version to the other, in the order of the page."""
    return [
        *_changed_fields(before.fields, after.fields, words),
        *_changed_options(before.options, after.options, words),
        *_changed_faqs(before.faqs, after.faqs),
    ]


def _changed_fields(before: Fields, after: Fields, words: Words) -> Iterator[Change]:
    for field in [*Service._meta.fields, *Service._meta.many_to_many]:
        name = field.name
        if name in LEFT_OUT or before.get(name) == after.get(name):
            continue
        label = str(field.verbose_name)
        if name == "contraindications":
            yield _changed_reasons(label, before.get(name) or [], after.get(name) or [], words)
        elif name == "photo":
            yield Change(label, [], _("Another photo") if after.get(name) else _("Taken away"))
        else:
            yield _changed_words(label, before.get(name), after.get(name), field, words)


def _changed_words(
    label: str, before: Any, after: Any, field: models.Field, words: Words
) -> Change:
    old, new = _said(before, field, words), _said(after, field, words)
    if old == new:
        return Change(label, [], _("Only the form of the text or a link"))
    if field.name in RICH or (isinstance(field, models.CharField) and not field.choices):
        return Change(label, compare(old, new))
    return Change(label, _replaced(old, new))


def _said(value: Any, field: models.Field, words: Words) -> str:
    if value is None or value == "":
        return ""
    if field.name in RICH:
        return plain_text(value)
    if field.name == "category":
        return words.categories.get(value, _("a category that is gone"))
    if isinstance(field, models.BooleanField):
        return _("yes") if value else _("no")
    return str(dict(field.flatchoices).get(value, value))


def _changed_reasons(label: str, before: list[int], after: list[int], words: Words) -> Change:
    gone = [words.reasons.get(pk, _("one that is gone")) for pk in before if pk not in after]
    came = [words.reasons.get(pk, _("one that is gone")) for pk in after if pk not in before]
    return Change(label, _replaced(", ".join(gone), ", ".join(came)))


def _changed_options(
    before: Mapping[int, Fields], after: Mapping[int, Fields], words: Words
) -> Iterator[Change]:
    old = {row["minutes"]: row for row in before.values()}
    new = {row["minutes"]: row for row in after.values()}
    for minutes in sorted({*old, *new}):
        was, became = _offer(old.get(minutes), words), _offer(new.get(minutes), words)
        if was != became:
            yield Change(_("%d minutes") % minutes, _replaced(was, became))


def _offer(row: Fields | None, words: Words) -> str:
    if row is None:
        return ""
    price = money(models.DecimalField(decimal_places=2).to_python(row["price"]), words.currency)
    return price if row["active"] else _("%s, not offered") % price


def _changed_faqs(before: Mapping[int, Fields], after: Mapping[int, Fields]) -> Iterator[Change]:
    for pk in [*after, *(pk for pk in before if pk not in after)]:
        was, became = _asked(before.get(pk)), _asked(after.get(pk))
        if was != became:
            yield Change(_("Question and answer"), compare(was, became))
        elif before[pk]["answer"] != after[pk]["answer"]:
            yield Change(_("Question and answer"), [], _("Only the form of the text or a link"))
    if _in_order(before) != _in_order(after) and before.keys() == after.keys():
        yield Change(_("Questions and answers"), [], _("Another order"))


def _asked(row: Fields | None) -> str:
    return f"{row['question']}\n{plain_text(row['answer'])}" if row else ""


def _in_order(faqs: Mapping[int, Fields]) -> list[int]:
    return sorted(faqs, key=lambda pk: (faqs[pk]["position"], pk))


def _replaced(before: str, after: str) -> list[Piece]:
    return [
        *([Piece("removed", before)] if before else []),
        *([Piece("added", after)] if after else []),
    ]


def bring_back(service: Service, *, version: Version, by: User | AnonymousUser, when: str) -> None:
    """Make the page as ``version`` kept it, and keep that as a new version.

    What clients see changes at once where the page is public; whether it is public stays as it
    is. An address that another page has by now, a category or a photo that is gone: the
    present one stays. A length that visits were booked in is only offered no more. What the health
    check asks stays as it is: a question that was added since must not vanish with the words.
    """
    with transaction.atomic():
        locked = Service.objects.select_for_update(no_key=True).get(pk=service.pk)
        record_as_found(locked)
        page = page_of(version)
        _bring_fields(locked, page.fields)
        _bring_options(locked, page.options)
        _bring_faqs(locked, page.faqs)
        record([locked], by=by, note=_("Back to the version of %s") % when)


def _bring_fields(service: Service, fields: Fields) -> None:
    kept = {"status", "note_from_everyone", *LEFT_OUT}
    for field in Service._meta.concrete_fields:
        if field.primary_key or field.name in kept or field.name not in fields:
            continue
        if _still_there(service, field.name, fields[field.name]):
            setattr(service, field.attname, field.to_python(fields[field.name]))
    service.save()


def _still_there(service: Service, name: str, value: Any) -> bool:
    if name == "slug":
        return not Service.objects.filter(slug=value).exclude(pk=service.pk).exists()
    if name == "category":
        return Category.objects.filter(pk=value).exists()
    return name != "photo" or not value or value in photos.stored() or value == service.photo.name


def _bring_options(service: Service, options: Mapping[int, Fields]) -> None:
    wanted = {row["minutes"]: row for row in options.values()}
    for option in service.options.exclude(minutes__in=wanted):
        _withdraw_option(option)
    for minutes, row in wanted.items():
        service.options.update_or_create(
            minutes=minutes, defaults={"price": row["price"], "active": row["active"]}
        )


def _withdraw_option(option: ServiceOption) -> None:
    try:
        with transaction.atomic():
            option.delete()
    except ProtectedError:
        option.active = False
        option.save()


def _bring_faqs(service: Service, faqs: Mapping[int, Fields]) -> None:
    service.faqs.exclude(pk__in=faqs).delete()
    for pk, row in faqs.items():
        words = {name: row[name] for name in ("question", "answer", "position")}
        Faq.objects.update_or_create(pk=pk, defaults={**words, "service": service})


def forget_old(now: datetime | None = None) -> None:
    """Delete versions beyond the ``KEPT`` latest of each page, and photos that nothing shows."""
    ranked = Version.objects.get_for_model(Service).annotate(
        place=models.Window(
            RowNumber(),
            partition_by=[models.F("object_id")],
            order_by=models.F("pk").desc(),
        )
    )
    old = set(ranked.filter(place__gt=KEPT).values_list("revision_id", flat=True))
    if old:
        latest = set(ranked.filter(place__lte=KEPT).values_list("revision_id", flat=True))
        Revision.objects.filter(pk__in=old - latest).delete()
    _forget_photos(now or timezone.now())


def _forget_photos(now: datetime) -> None:
    names = photos.stored()
    if not names:
        return
    shown = set(Service.objects.exclude(photo="").values_list("photo", flat=True))
    for text in Version.objects.get_for_model(Service).values_list("serialized_data", flat=True):
        shown.update(photos.NAME_IN_TEXT.findall(text))
    for name in names - shown:
        if photos.is_older(name, than=now - FRESH):
            photos.remove(name)
