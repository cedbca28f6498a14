"""Whether the diary is sound: what must always hold, looked up in the rows themselves.

The database and the actions keep these rules. This finds what got past both: by hand, by a
restored backup, by a fault of ours. Nothing about health or the client is in what it says. The
number of queries does not grow with the diary.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.apps import apps
from django.db import connection, models
from django.db.models import Exists, OuterRef, Q, Subquery
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.actions import expire_holds, owing
from bookings.actions.events import ASIDE
from bookings.actions.health import UNUSED_CHECK_LASTS
from bookings.models import Appointment, Event, HealthCheck, Message
from bookings.models.appointments import BLOCKING, AppointmentQuerySet
from bookings.models.health import HEALTH_ANSWERS
from bookings.models.messages import TIMED
from services.models import SpaProfile

Status = Appointment.Status
OURS = ("bookings", "services")
# Sweeps come every minute and the purge every night; later than this they do not come.
HOLDS_SWEPT = timedelta(minutes=15)
CHECKS_PURGED = UNUSED_CHECK_LASTS + timedelta(days=2)
# Of these the client is always told: what she did herself, and what she waits for.
TELLING = {
    (Event.ActorKind.CLIENT, "moved"): (Message.Kind.CHANGED, gettext_lazy("it was moved")),
    (Event.ActorKind.CLIENT, "cancelled"): (
        Message.Kind.CANCELLED,
        gettext_lazy("it was cancelled"),
    ),
    (Event.ActorKind.STAFF, "granted"): (Message.Kind.GRANTED, gettext_lazy("it was granted")),
    (Event.ActorKind.STAFF, "declined"): (Message.Kind.DECLINED, gettext_lazy("it was declined")),
}
REMINDING = (Message.Kind.REMINDER, Message.Kind.PREPARATION)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that must not be: where it is, in words, and how to mend it."""

    words: str
    mend: str


def faults(*, now: datetime) -> list[Fault]:
    """Return everything that is wrong with the diary, the gravest first."""
    return [fault for find in FINDERS for fault in find(now)]


def mend(*, now: datetime) -> None:
    """Owe the messages that are missing, and end the holds that outlived their time."""
    expire_holds(now=now)
    for visit, (kind, _words) in _untold_changes(now):
        owing.owe(visit, kind, due_at=now)
    owing.catch_up([visit.pk for visit, _lack in _lacking(now)], now=now)


def _unkept_rules(now: datetime) -> Iterator[Fault]:
    """Constraints of the models that the database does not hold."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE convalidated"
            " UNION SELECT relname FROM pg_class JOIN pg_index ON oid = indexrelid"
            " WHERE indisunique AND indisvalid"
        )
        kept = {name for (name,) in cursor.fetchall()}
    for model in _our_models():
        for rule in model._meta.constraints:
            if rule.name not in kept:
                yield Fault(
                    _("The database does not keep the rule “%(name)s” of %(table)s.")
                    % {"name": rule.name, "table": model._meta.db_table},
                    _("Mend what is named below, then make the rule anew: manage.py sqlmigrate."),
                )


def _overlaps(now: datetime) -> Iterator[Fault]:
    for column, other in (("therapist_id", _("therapist")), ("room_id", _("room"))):
        for reference, earlier in _pairs(column):
            yield Fault(
                _("%(one)s and %(other)s overlap: they have the same %(what)s, buffers included.")
                % {"one": reference, "other": earlier, "what": other},
                _("Move or cancel one of the two at the desk."),
            )


def _pairs(column: str) -> list[tuple[str, str]]:
    """References of visits that take the same therapist or room at once, by one sorted walk."""
    with connection.cursor() as cursor:
        cursor.execute(
            # The column is one of the two names above.
            f"""
            WITH walk AS (
                SELECT id, reference, {column} AS place, busy_from, busy_until,
                       max(busy_until) OVER (
                           PARTITION BY {column} ORDER BY busy_from, id
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                       ) AS taken_until
                FROM bookings_appointment WHERE status = ANY(%s)
            )
            SELECT late.reference, early.reference
            FROM walk late JOIN walk early
              ON early.place = late.place AND early.busy_until > late.busy_from
             AND (early.busy_from, early.id) < (late.busy_from, late.id)
            WHERE late.taken_until > late.busy_from
            ORDER BY late.busy_from, late.id, early.id
            """,  # noqa: S608
            [list(BLOCKING)],
        )
        return list(cursor.fetchall())


def _dangling(now: datetime) -> Iterator[Fault]:
    """Rows that point to a row which is not there; one query over every key of ours.

    Also those that say which treatments somebody gives, a room suits and a question is about.
    """
    tables = [*_our_models(), *_tables_between()]
    parts = [_dangling_query(field) for model in tables for field in _keys_of(model)]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        found = [(where, count) for where, count in cursor.fetchall() if count]
    for where, count in sorted(found):
        yield Fault(
            _("%(count)d rows of %(where)s point to something that does not exist.")
            % {"count": count, "where": where},
            _("Restore what they point to from a backup, or remove them."),
        )


def _dangling_query(field: "models.ForeignKey[models.Model, models.Model]") -> str:
    quote = connection.ops.quote_name
    table, column = field.model._meta.db_table, field.column
    there, key = field.related_model._meta.db_table, field.target_field.column
    assert column is not None
    assert key is not None
    return (
        f"SELECT '{table}.{column}', count(*) FROM {quote(table)} one"  # noqa: S608
        f" WHERE one.{quote(column)} IS NOT NULL AND NOT EXISTS (SELECT FROM"
        f" {quote(there)} other WHERE other.{quote(key)} = one.{quote(column)})"
    )


def _halves(now: datetime) -> Iterator[Fault]:
    """Visits that were booked by half: nobody's, without a record, or of another treatment."""
    booked = Appointment.objects.booked().order_by("pk")
    for reference in booked.filter(client=None).values_list("reference", flat=True):
        yield Fault(
            _("%(reference)s is booked for nobody.") % {"reference": reference},
            _("Ask at the desk whose visit it is, and book it anew for that client."),
        )
    unrecorded = booked.filter(~Exists(Event.objects.filter(appointment=OuterRef("pk"))))
    for reference in unrecorded.values_list("reference", flat=True):
        yield Fault(
            _("%(reference)s has no record of who booked it.") % {"reference": reference},
            _("It was not written by the site. Look at it at the desk, and book it anew there."),
        )
    mixed = booked.exclude(option__service=models.F("service")).exclude(option=None)
    for reference in mixed.values_list("reference", flat=True):
        yield Fault(
            _("%(reference)s has the length and price of another treatment.")
            % {"reference": reference},
            _("Book it anew at the desk with a length of its own treatment."),
        )


def _shapeless(now: datetime) -> Iterator[Fault]:
    """Messages about nothing or to nobody."""
    rule = next(
        one
        for one in Message._meta.constraints
        if isinstance(one, models.CheckConstraint)
        and one.name == "message_goes_to_one_person_about_one_thing"
    )
    for pk in Message.objects.exclude(rule.condition).order_by("pk").values_list("pk", flat=True):
        yield Fault(
            _("Message %(pk)s lacks the visit, day or therapist that it is about.") % {"pk": pk},
            _("Nobody can be sent it: remove it, and look at that day's visits at the desk."),
        )


def _stale_holds(now: datetime) -> Iterator[Fault]:
    old = Appointment.objects.lapsed_holds(now - HOLDS_SWEPT).order_by("pk")
    for reference in old.values_list("reference", flat=True):
        yield Fault(
            _("%(reference)s is still held though its minutes have run out.")
            % {"reference": reference},
            _("See that the worker and beat run; check_diary --mend ends it at once."),
        )


def _loose_checks(now: datetime) -> Iterator[Fault]:
    loose = HealthCheck.objects.filter(appointments=None, given_at__lt=now - CHECKS_PURGED)
    if count := loose.count():
        yield Fault(
            _("%(count)d health checks belong to no visit and are kept too long.")
            % {"count": count},
            _("See that the worker and beat run: they forget such checks every night."),
        )


def _silent_visits(now: datetime) -> Iterator[Fault]:
    untold = [
        (visit, _("the news that %(what)s") % {"what": words})
        for visit, (_kind, words) in _untold_changes(now)
    ]
    for visit, lack in _lacking(now) + untold:
        yield Fault(
            _("%(reference)s lacks %(what)s.") % {"reference": visit.reference, "what": lack},
            _("check_diary --mend writes what is missing; the worker sends it."),
        )


def _untold_changes(now: datetime) -> list[tuple[Appointment, Any]]:
    """Coming visits whose client was not told of the last change, with what ``TELLING`` has of it.

    Only of those booked on the site: these had an address from the start.
    """
    last = Event.objects.filter(appointment=OuterRef("pk")).exclude(kind__in=ASIDE).order_by("-pk")
    news = Message.objects.news().filter(appointment=OuterRef("pk"), sequence=OuterRef("sequence"))
    by_whom = [Q(doer=doer, did=did) for doer, did in TELLING]
    rows = Appointment.objects.filter(starts_at__gt=now, source=Appointment.Source.WEB)
    untold: Any = (
        rows.exclude(Q(client=None) | Q(client__email=""))
        .annotate(
            doer=Subquery(last.values("actor_kind")[:1]), did=Subquery(last.values("kind")[:1])
        )
        .filter(reduce(or_, by_whom), ~Exists(news))
        .select_related("client")
        .defer("client_note", "staff_note")
        .order_by("starts_at", "pk")
    )
    return [(visit, TELLING[visit.doer, visit.did]) for visit in untold]


def _lacking(now: datetime) -> list[tuple[Appointment, str]]:
    """Coming visits that miss their news, or every reminder that is still owed; with which."""
    spa = SpaProfile.objects.first()
    if spa is None:
        return []
    messages = Message.objects.to_client().filter(appointment=OuterRef("pk"))
    news = messages.exclude(kind__in=TIMED)
    reminders = messages.filter(kind__in=REMINDING, sequence=OuterRef("sequence"))
    # Staff may book without a word; whoever books on the site is always told.
    untold = _told_by_mail(now).filter(~Exists(news), source=Appointment.Source.WEB)
    unreminded = list(_told_by_mail(now).filter(~Exists(reminders)))
    owed = {
        message.appointment_id
        for message in owing.timed(unreminded, spa, now)
        if message.kind in REMINDING
    }
    return [(one, _("the news that it is booked")) for one in untold] + [
        (one, _("every reminder")) for one in unreminded if one.pk in owed
    ]


def _told_by_mail(now: datetime) -> AppointmentQuerySet:
    """Coming visits of clients with an address."""
    rows = Appointment.objects.filter(starts_at__gt=now, status__in=owing.FIRST_NEWS)
    return (
        rows.exclude(Q(client=None) | Q(client__email=""))
        .select_related("client", "service", "health_check")
        .defer(*HEALTH_ANSWERS, "client_note", "staff_note")
        .order_by("starts_at", "pk")
    )


def _our_models() -> list[type[models.Model]]:
    return [model for label in OURS for model in apps.get_app_config(label).get_models()]


def _tables_between() -> "list[type[models.Model]]":
    """The tables that only tie two of ours together."""
    fields = [field for model in _our_models() for field in model._meta.local_many_to_many]
    return [field.remote_field.through for field in fields if field.remote_field.through]


def _keys_of(model: type[models.Model]) -> "Iterable[models.ForeignKey]":
    return [field for field in model._meta.concrete_fields if isinstance(field, models.ForeignKey)]


Finder = Callable[[datetime], Iterator[Fault]]
FINDERS: tuple[Finder, ...] = (
    _unkept_rules,
    _overlaps,
    _dangling,
    _halves,
    _shapeless,
    _stale_holds,
    _loose_checks,
    _silent_visits,
)
