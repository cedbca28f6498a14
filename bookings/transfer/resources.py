"""What a row of a file becomes. The library goes through the rows, in one transaction.

A row is read, compared with what is here, and written by the same actions as all else. What is
here already is left as it is, so bringing a file in twice changes nothing.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _
from import_export.instance_loaders import BaseInstanceLoader
from import_export.resources import Resource

from bookings import actions
from bookings.actions.clients import ClientEntry, entry_of
from bookings.actions.errors import BookingError, ReasonNeeded
from bookings.actions.importing import import_coming_visit, import_past_visit
from bookings.actions.placing import lock_diary
from bookings.models import Appointment, Client, ImportDraft, Room, Therapist
from bookings.transfer import columns
from bookings.transfer.columns import Row, refuse
from services.models import Service, ServiceOption, SpaProfile

Status = Appointment.Status
STATUSES = {
    "": None,
    "booked": Status.CONFIRMED,
    "confirmed": Status.CONFIRMED,
    "requested": Status.REQUESTED,
    "came": Status.COMPLETED,
    "completed": Status.COMPLETED,
    "arrived": Status.COMPLETED,
    "cancelled": Status.CANCELLED,
    "canceled": Status.CANCELLED,
    "declined": Status.DECLINED,
    "no show": Status.NO_SHOW,
    "no-show": Status.NO_SHOW,
    "no_show": Status.NO_SHOW,
}
CALLED_OFF = {Status.CANCELLED, Status.DECLINED}
AHEAD = {Status.CONFIRMED, Status.REQUESTED}


class People:
    """The clients of this spa by address, number and name; filled with those of one file."""

    def __init__(self) -> None:
        self.by: dict[str, dict[str, list[Client]]] = defaultdict(lambda: defaultdict(list))

    def load(self, entries: list[ClientEntry]) -> None:
        """Fetch those whom ``entries`` may mean; one query."""
        alike = (
            Q(email__in={one.email for one in entries if one.email})
            | Q(phone__in={one.phone for one in entries if one.phone})
            | Q(name__in={one.name for one in entries})
        )
        for client in Client.objects.current().filter(alike).order_by("pk"):
            self.add(client)

    def add(self, client: Client) -> None:
        """Know one more."""
        for column, value in (
            ("email", client.email.lower()),
            ("phone", str(client.phone or "")),
            ("name", client.name.casefold()),
        ):
            if value:
                self.by[column][value].append(client)

    def find(self, entry: ClientEntry) -> Client | None:
        """Return the one whom ``entry`` means: by name and address, name and number, or name.

        Families share addresses and numbers, so either is a sign only together with the name:
        visits and mails of one must never land with another.
        """
        name = entry.name.casefold()
        for column, value in (("email", entry.email), ("phone", entry.phone)):
            same = [one for one in self.by[column][value] if one.name.casefold() == name]
            if value and same:
                return same[0]
        if entry.email or entry.phone:
            return None
        return self._by_name(entry.name)

    def _by_name(self, name: str) -> Client | None:
        found = self.by["name"][name.casefold()]
        if len(found) > 1:
            words = _("%(count)d clients are called “%(name)s”: add her e-mail or her phone.")
            raise refuse("name", words % {"count": len(found), "name": name})
        return found[0] if found else None


class _Bringing(Resource):
    """What both kinds share."""

    class Meta:
        skip_diff = True
        use_transactions = True
        # Rows find what they mean by themselves: see People.
        import_id_fields = ()
        instance_loader_class = BaseInstanceLoader

    needed: tuple[str, ...]
    may: tuple[str, ...]

    def __init__(self, *, spa: SpaProfile, by: User, now: datetime, draft: ImportDraft) -> None:
        super().__init__()
        self.spa, self.by, self.now, self.draft = spa, actions.staff(by), now, draft
        self.people = People()

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        """Fetch the people of the file."""
        entries = []
        for row in dataset.dict:
            try:
                entries.append(self.person(row))
            except ValidationError:
                # Said at its row, in a moment.
                continue
        self.people.load(entries)

    def person(self, row: Row) -> ClientEntry:
        """Who a row speaks of."""
        return ClientEntry(
            name=columns.text(row, "name", most=120),
            email=columns.email(row, "email"),
            phone=columns.phone(row, "phone", country=self.spa.country),
        )

    def import_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        """Nothing: the row has been read as a whole."""

    def count_coming(self, dataset: Any) -> int:
        """How many rows take a place in the diary."""
        return 0

    def skip_row(
        self, instance: Any, original: Any, row: Any, import_validation_errors: Any = None
    ) -> bool:
        """Whether all that the row says is here already."""
        return bool(instance.is_here)


@dataclass
class ClientRow:
    """A client of the file, and the record that she has already."""

    entry: ClientEntry
    known: Client | None

    @property
    def whole(self) -> ClientEntry:
        """What the record says afterwards: what is there stays, what is missing is filled in."""
        if self.known is None:
            return self.entry
        here = entry_of(self.known)
        return replace(
            here,
            email=here.email or self.entry.email,
            phone=here.phone or self.entry.phone,
            note=here.note or self.entry.note,
        )

    @property
    def is_here(self) -> bool:
        """Whether nothing is missing."""
        return self.known is not None and self.whole == entry_of(self.known)


class ClientRows(_Bringing):
    """Clients with their ways to be reached."""

    needed = ("name",)
    may = ("email", "phone", "note")

    def get_or_init_instance(self, instance_loader: Any, row: Any) -> tuple[ClientRow, bool]:
        """The row as it was read, and whether she is new."""
        note = columns.text(row, "note", most=1000, needed=False)
        entry = replace(self.person(row), note=note)
        known = self.people.find(entry)
        return ClientRow(entry, known), known is None

    def save_instance(self, instance: ClientRow, is_create: bool, row: Any, **kwargs: Any) -> None:
        """Enter her, or fill in what her record lacks."""
        after = instance.whole
        words: dict[str, Any] = {
            "name": after.name,
            "email": after.email,
            "phone": after.phone,
            "note": after.note,
        }
        if instance.known is None:
            self.people.add(actions.add_client(**words, by=self.by, now=self.now))
            return
        actions.change_client(
            client=instance.known,
            seen=entry_of(instance.known),
            preferred_therapist=instance.known.preferred_therapist,
            **words,
            by=self.by,
            now=self.now,
        )
        instance.known.refresh_from_db()


@dataclass
class VisitRow:
    """A visit of the file."""

    entry: ClientEntry
    client: Client | None
    option: ServiceOption
    therapist: Therapist | None
    room: Room | None
    starts_at: datetime
    status: str
    price: Decimal
    is_here: bool


class VisitRows(_Bringing):
    """Visits, past and to come."""

    needed = ("name", "treatment", "date", "time")
    may = ("email", "phone", "minutes", "therapist", "room", "price", "status")

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        """Fetch the house, and lock all of it where places are taken.

        Each place takes locks of its own: without those of all before, in their order, two who
        take several places could wait for each other.
        """
        super().before_import(dataset, **kwargs)
        therapists, rooms = list(Therapist.objects.all()), list(Room.objects.all())
        if self.count_coming(dataset):
            lock_diary(therapists=[one.pk for one in therapists], rooms=[one.pk for one in rooms])
        self.therapists = {one.name.casefold(): one for one in therapists}
        self.rooms = {one.name.casefold(): one for one in rooms}
        services = Service.objects.prefetch_related("options", "rooms", "therapists")
        self.services = {one.name.casefold(): one for one in services}

    def count_coming(self, dataset: Any) -> int:
        """How many rows are about today or a later day."""
        return sum(self._is_coming(row) for row in dataset.dict)

    def _is_coming(self, row: Row) -> bool:
        try:
            on = columns.day(row, "date", country=self.spa.country)
        except ValidationError:
            return False
        return on >= self.now.astimezone(self.spa.zone).date()

    def get_or_init_instance(self, instance_loader: Any, row: Any) -> tuple[VisitRow, bool]:
        """The row as it was read, and that it is new: what is here is not changed."""
        entry = self.person(row)
        client = self.people.find(entry)
        service = columns.one_of(row, "treatment", self.services)
        option = self._option(row, service)
        on = columns.day(row, "date", country=self.spa.country)
        at = columns.clock(row, "time")
        starts_at = columns.moment(on, at, zone=self.spa.zone, column="time")
        price = columns.amount(row, "price")
        visit = VisitRow(
            entry,
            client,
            option,
            self._named(row, "therapist", self.therapists),
            self._named(row, "room", self.rooms),
            starts_at,
            self._status(row, starts_at),
            option.price if price is None else price,
            self._is_here(client, service, starts_at),
        )
        return visit, True

    def save_instance(self, instance: VisitRow, is_create: bool, row: Any, **kwargs: Any) -> None:
        """Write the visit down, with its client where she is new."""
        common: dict[str, Any] = {
            "client": instance.client or self._newcomer(instance.entry),
            "option": instance.option,
            "starts_at": instance.starts_at,
            "status": instance.status,
            "price": instance.price,
            "spa": self.spa,
            "by": self.by,
            "now": self.now,
        }
        if instance.status in AHEAD:
            self._place(instance, common)
            return
        therapist, room = self._who_and_where(instance)
        import_past_visit(therapist=therapist, room=room, **common)

    def _place(self, visit: VisitRow, common: dict[str, Any]) -> None:
        reason = _("Brought in from a file") if self.draft.against_rules else ""
        try:
            import_coming_visit(
                therapist=visit.therapist,
                room=visit.room,
                reason=reason,
                tell=self.draft.send_mail,
                **common,
            )
        except ReasonNeeded as needed:
            raise refuse("time", " ".join(needed.rules)) from needed
        except BookingError as refused:
            raise refuse("time", refused.message) from refused

    def _newcomer(self, entry: ClientEntry) -> Client:
        client = actions.add_client(
            name=entry.name, email=entry.email, phone=entry.phone, by=self.by, now=self.now
        )
        self.people.add(client)
        return client

    def _option(self, row: Row, service: Service) -> ServiceOption:
        minutes = columns.number(row, "minutes")
        found = {one.minutes: one for one in service.options.all()}
        if minutes is None and len(found) == 1:
            return next(iter(found.values()))
        if minutes in found:
            return found[minutes]
        words = _("“%(service)s” takes %(lengths)s minutes: say which.")
        names = {"service": service.name, "lengths": columns.lengths(sorted(found))}
        raise refuse("minutes", words % names)

    def _named(self, row: Row, column: str, choices: dict[str, Any]) -> Any:
        return columns.one_of(row, column, choices) if row.get(column, "").strip() else None

    def _status(self, row: Row, starts_at: datetime) -> str:
        said = columns.one_of({"status": row.get("status", "") or "-"}, "status", _statuses())
        is_over = starts_at <= self.now
        if said is None or (is_over and said in AHEAD):
            return Status.COMPLETED if is_over else Status.CONFIRMED
        if not is_over and said not in AHEAD | CALLED_OFF:
            raise refuse(
                "status", _("this visit is still to come: nobody has come or stayed away.")
            )
        return said

    def _is_here(self, client: Client | None, service: Service, starts_at: datetime) -> bool:
        if client is None:
            return False
        same = Appointment.objects.booked().filter(
            client=client, service=service, starts_at=starts_at
        )
        return same.exists()

    def _who_and_where(self, visit: VisitRow) -> tuple[Therapist, Room]:
        service = visit.option.service
        if visit.therapist is None:
            raise refuse("therapist", _("is empty: a past visit needs to say who gave it."))
        suited = [*service.rooms.all(), *self.rooms.values()]
        room = visit.room or next(iter(suited), None)
        if room is None:
            raise refuse("room", _("there is no room yet. Add one first."))
        return visit.therapist, room


def _statuses() -> dict[str, Any]:
    return {"-": None, **{name: status for name, status in STATUSES.items() if name}}


KINDS: dict[str, type[_Bringing]] = {
    ImportDraft.Kind.CLIENTS: ClientRows,
    ImportDraft.Kind.VISITS: VisitRows,
}
