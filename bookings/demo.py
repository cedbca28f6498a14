"""The demo spa: six therapists, five rooms and four weeks of visits in every state.

The visits go through the same actions as real ones, told a moment in the past, so every rule of
the diary holds for them. All people are fictional: addresses under example.com, telephone numbers
from the ranges that Ofcom keeps for drama.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils.translation import gettext as _

from bookings import actions, demo_mail, demo_people
from bookings.models import (
    Appointment,
    Client,
    HealthCheck,
    Message,
    Room,
    Therapist,
    TimeOff,
    Wording,
    Words,
    WorkingHours,
)
from bookings.permissions import FRONT_DESK, OWNERS, THERAPISTS
from bookings.queries import offer, rules_for
from services.models import Service, ServiceOption, SpaProfile
from services.screening import Answer, Outcome, Reply, Rule, Severity, screen

Status = Appointment.Status

PASSWORD = "quiet-water"  # noqa: S105  For a trial on one's own machine; printed at its start.
DAYS_BACK, DAYS_AHEAD = 14, 14
WAITING_REQUESTS = 4
MOVED_VISITS = 6
# Until how long before a visit the demo's desk has decided its request.
VISITS_TO_MOVE_FROM = timedelta(days=5)
DECIDED_BY = timedelta(hours=26)
STEP = timedelta(minutes=15)


class NotEmpty(Exception):
    """There are appointments already: the demo never mixes with them."""


class NoContent(Exception):
    """There is nothing to book: the starting content is not loaded."""


@dataclass(frozen=True)
class Login:
    """One login of the demo."""

    name: str
    role: str
    username: str
    password: str = PASSWORD

    @property
    def email(self) -> str:
        """The address to sign in with."""
        return f"{self.username}@qi-spa.example"


@dataclass(frozen=True)
class Plan:
    """A visit that the demo wants to book."""

    therapist: Therapist
    option: ServiceOption
    starts_at: datetime
    booked_at: datetime


@dataclass
class Stage:
    """What the scenes of the demo share."""

    spa: SpaProfile
    now: datetime
    chance: Random
    desk: actions.Actor
    rules: dict[int, list[Rule]] = field(default_factory=dict)
    visits: dict[int, Appointment] = field(default_factory=dict)

    def keep(self, visit: Appointment) -> None:
        """Remember ``visit`` as it is now."""
        self.visits[visit.pk] = visit

    def with_status(self, status: str) -> list[Appointment]:
        """The visits that have ``status`` now."""
        return [visit for visit in self.visits.values() if visit.status == status]

    @property
    def today(self) -> date:
        """Today by the spa's clocks."""
        return self.now.astimezone(self.spa.zone).date()

    def moment(self, day: date, clock: time) -> datetime:
        """The instant at which the spa's clocks show ``clock`` on ``day``."""
        return datetime.combine(day, clock, tzinfo=self.spa.zone)

    def rules_of(self, service: Service) -> list[Rule]:
        """The questions of ``service``, read once."""
        if service.pk not in self.rules:
            self.rules[service.pk] = rules_for(service)
        return self.rules[service.pk]


def logins() -> list[Login]:
    """Return the logins that the demo makes."""
    return [
        Login("Dana", _("front desk"), "dana"),
        Login("Olive", _("owner"), "olive"),
        Login("Mia", _("therapist"), "mia"),
        Login("Noor", _("therapist"), "noor"),
    ]


@transaction.atomic
def fill_diary(*, now: datetime, seed: int = 7) -> int:
    """Make the demo's people, rooms and visits around ``now``; returns the number of visits.

    Raises ``NotEmpty`` where there are appointments, and ``NoContent`` without a menu.
    """
    spa = SpaProfile.objects.filter(pk=1).first()
    if spa is None or not Service.objects.published().exists():
        raise NoContent
    if Appointment.objects.exists():
        raise NotEmpty
    users = {login.username: _user(login) for login in logins()}
    # The same visits relative to the day, whoever looks; nothing here is secret.
    chance = Random(seed)  # noqa: S311
    stage = Stage(spa, now, chance, actions.staff(users["dana"]))
    _make_rooms()
    therapists = _make_therapists(stage, users)
    _make_time_off(stage)
    _word_a_message(stage, users["olive"])

    _book(stage, _plans(stage, therapists))
    demo_mail.deliver(until=now, kinds=[Message.Kind.CONFIRMATION, Message.Kind.REQUEST_RECEIVED])
    _decide_requests(stage)
    _move_some(stage)
    _cancel_some(stage)
    demo_mail.deliver(until=now, kinds=Message.Kind.values)
    _live_through(stage)
    demo_mail.thank_nobody_who_stayed_away()
    _note_treatments(stage)
    demo_mail.lose_some(now=now)
    demo_mail.leave_reminders_to_send(now=now)
    demo_mail.keep_copies(spa=spa)
    _hold_two_times(stage)
    _leave_visits_to_move(stage)
    _backdate_clients()
    _enter_one_client_twice(stage)
    return len(stage.visits)


def _user(login: Login) -> User:
    user, created = User.objects.get_or_create(
        username=login.username,
        defaults={"first_name": login.name, "email": login.email},
    )
    if created:
        group = {"dana": FRONT_DESK, "olive": OWNERS}.get(login.username, THERAPISTS)
        user.groups.add(Group.objects.get(name=group))
        user.is_staff = group == OWNERS
        user.set_password(login.password)
        user.save()
    return user


def _make_rooms() -> None:
    for position, (name, slugs) in enumerate(demo_people.ROOMS.items(), start=1):
        room, _created = Room.objects.get_or_create(name=name, defaults={"position": position})
        room.services.set(Service.objects.filter(slug__in=slugs))


def _make_therapists(stage: Stage, users: dict[str, User]) -> list[Therapist]:
    therapists = []
    for position, person in enumerate(demo_people.THERAPISTS, start=1):
        username = person.name.lower()
        therapist, _created = Therapist.objects.get_or_create(
            name=person.name,
            defaults={
                "user": users.get(username),
                "email": f"{username}@qi-spa.example",
                "wants_sheet": position == 1,
                "introduction": person.introduction,
                "colour": person.colour,
                "position": position,
            },
        )
        therapist.services.set(Service.objects.filter(slug__in=person.services))
        WorkingHours.objects.bulk_create(_hours(stage, therapist, person))
        therapists.append(therapist)
    return therapists


def _hours(
    stage: Stage, therapist: Therapist, person: demo_people.DemoTherapist
) -> list[WorkingHours]:
    rows = []
    for shift in person.shifts:
        for weekday in shift.weekdays:
            rows.append(
                WorkingHours(
                    therapist=therapist,
                    weekday=weekday,
                    starts=shift.starts,
                    ends=shift.ends,
                    break_starts=shift.pause[0] if shift.pause else None,
                    break_ends=shift.pause[1] if shift.pause else None,
                    valid_from=_day(stage, shift.from_day),
                    valid_until=_day(stage, shift.until_day),
                )
            )
    return rows


def _day(stage: Stage, days: int | None) -> date | None:
    return None if days is None else stage.today + timedelta(days=days)


def _make_time_off(stage: Stage) -> None:
    for off in demo_people.TIME_OFF:
        therapist = Therapist.objects.get(name=off.therapist) if off.therapist else None
        TimeOff.objects.create(
            therapist=therapist,
            starts_at=stage.moment(stage.today + timedelta(days=off.first_day), off.starts),
            ends_at=stage.moment(stage.today + timedelta(days=off.last_day), off.ends),
            reason=off.reason,
        )


def _word_a_message(stage: Stage, owner: User) -> None:
    """The owner has found her own words for the reminder, and keeps the rest."""
    words = Words(
        subject=_("Until {day}, {time}: {what}"),
        preheader=_("Where to find us, how to prepare, and what to do if you cannot come."),
        heading=_("Until soon, {name}"),
        greeting="",
        text=_(
            "{therapist} is expecting you on {day} at {time}.\n\nPlease come ten minutes early, so "
            "that you can arrive in peace. Ours is the green door between the bakery and the "
            "bookbinder."
        ),
        below=_(
            "If you feel unwell, or if anything about your health has changed, please call us on "
            "{phone} before you come."
        ),
    )
    if Wording.latest(Message.Kind.REMINDER) is None:
        actions.keep_wording(
            kind=Message.Kind.REMINDER, words=words, by=owner, after=0, now=stage.now
        )


def _plans(stage: Stage, therapists: list[Therapist]) -> list[Plan]:
    """Wishes for the whole time, day after day, as full as a good spa is."""
    plans: list[Plan] = []
    for therapist in therapists:
        options = list(
            ServiceOption.objects.filter(
                active=True, service__in=therapist.services.all(), service__status="published"
            ).select_related("service")
        )
        if not options:
            continue
        for days in range(-DAYS_BACK, DAYS_AHEAD + 1):
            day = stage.today + timedelta(days=days)
            for start, end in _working(stage, therapist, day):
                plans += _fill(stage, therapist, options, start, end, density=_density(days))
    return sorted(plans, key=lambda plan: plan.starts_at)


def _density(days: int) -> float:
    """How much of a day is booked: these days well, later weeks less and less."""
    if days < -4:
        return 0.34
    if days in (0, 1):
        return 0.85
    return 0.7 if days < 0 else max(0.58 - 0.04 * days, 0.12)


def _working(stage: Stage, therapist: Therapist, day: date) -> Iterator[tuple[datetime, datetime]]:
    for hours in therapist.working_hours.all():
        begun = hours.valid_from is None or hours.valid_from <= day
        over = hours.valid_until is not None and hours.valid_until < day
        if hours.weekday != day.weekday() or not begun or over:
            continue
        starts, ends = stage.moment(day, hours.starts), stage.moment(day, hours.ends)
        if hours.break_starts is None or hours.break_ends is None:
            yield starts, ends
        else:
            yield starts, stage.moment(day, hours.break_starts)
            yield stage.moment(day, hours.break_ends), ends


def _fill(
    stage: Stage,
    therapist: Therapist,
    options: list[ServiceOption],
    start: datetime,
    end: datetime,
    *,
    density: float,
) -> Iterator[Plan]:
    chance = stage.chance
    free_from = start
    while free_from < end:
        option = chance.choice(options)
        service = option.service
        starts_at = _next_step(free_from + timedelta(minutes=service.buffer_before_minutes))
        minutes = option.minutes + service.buffer_after_minutes
        until = starts_at + timedelta(minutes=minutes)
        if until > end:
            return
        if chance.random() < density:
            yield Plan(therapist, option, starts_at, _booked_at(stage, starts_at))
            free_from = until
        else:
            free_from += STEP * chance.randint(2, 5)


def _next_step(instant: datetime) -> datetime:
    past = timedelta(minutes=instant.minute % 15)
    return instant if not past else instant + STEP - past


def _booked_at(stage: Stage, starts_at: datetime) -> datetime:
    before_visit = starts_at - timedelta(hours=stage.chance.uniform(20, 260))
    before_now = stage.now - timedelta(minutes=stage.chance.uniform(30, 6000))
    return min(before_visit, before_now)


def _book(stage: Stage, plans: Iterable[Plan]) -> None:
    seen: dict[date, set[str]] = {}
    for plan in plans:
        today = seen.setdefault(plan.starts_at.date(), set())
        expecting = plan.option.service.slug == demo_people.PREGNANCY
        pool = demo_people.EXPECTING if expecting else demo_people.CLIENTS
        names = [name for name in pool if name not in today]
        if not names:
            continue
        name = stage.chance.choice(names)
        visit = _book_one(stage, plan, name, _outcome(stage, plan))
        if visit is None:
            continue
        today.add(name)
        stage.keep(visit)


def _outcome(stage: Stage, plan: Plan) -> Outcome:
    ahead = plan.starts_at - stage.now > DECIDED_BY
    return stage.chance.choices(
        [Outcome.CLEAR, Outcome.ADAPT, Outcome.CLEARANCE], weights=[68, 24, 18 if ahead else 6]
    )[0]


def _book_one(stage: Stage, plan: Plan, name: str, outcome: Outcome) -> Appointment | None:
    service = plan.option.service
    check = _check(stage, service, outcome, given_at=plan.booked_at)
    details = _details(stage, name)
    if not details.email:
        return _book_by_phone(stage, plan, details, check)
    try:
        hold = actions.hold_time(
            service=service,
            option=plan.option,
            starts_at=plan.starts_at,
            health_check=check,
            spa=stage.spa,
            now=plan.booked_at,
            therapist=plan.therapist,
        )
    except actions.TimeTaken:
        # Time off, or no room left: as in life.
        actions.discard_health_check(check)
        return None
    return actions.confirm_appointment(
        hold=hold,
        details=details,
        health_check=check,
        spa=stage.spa,
        now=plan.booked_at + timedelta(minutes=3),
    )


def _book_by_phone(
    stage: Stage, plan: Plan, details: actions.Details, check: HealthCheck
) -> Appointment | None:
    """Book for somebody without an address: the desk does, for the client whom it knows."""
    known = Client.objects.filter(name=details.name, phone=details.phone).first()
    try:
        return actions.book_at_desk(
            client=known
            or actions.add_client(
                name=details.name, phone=details.phone, by=stage.desk, now=plan.booked_at
            ),
            service=plan.option.service,
            option=plan.option,
            starts_at=plan.starts_at,
            health_check=check,
            spa=stage.spa,
            by=stage.desk,
            now=plan.booked_at,
            therapist=plan.therapist,
        )
    except actions.BookingError:
        actions.discard_health_check(check)
        return None


def _enter_one_client_twice(stage: Stage) -> None:
    """Leave the desk two records of one person to merge."""
    name = demo_people.CLIENTS[0]
    first, last = name.split()
    actions.add_client(
        name=f"{first} {last[0]}.",
        phone=demo_people.phone_of(name),
        note=_("Likes the room by the garden."),
        by=stage.desk,
        now=stage.now,
    )


def _details(stage: Stage, name: str) -> actions.Details:
    number = demo_people.CLIENTS.index(name)
    address = demo_people.address_of(name)
    return actions.Details(
        name=name,
        email="" if number in demo_people.WITHOUT_EMAIL else address,
        phone=demo_people.phone_of(name),
        note=stage.chance.choice(demo_people.NOTES) if stage.chance.random() < 0.15 else "",
    )


def _check(stage: Stage, service: Service, outcome: Outcome, *, given_at: datetime) -> HealthCheck:
    rules = stage.rules_of(service)
    answers = {rule.slug: Answer(Reply.NO) for rule in rules}
    for rule in _ticked(stage, rules, outcome):
        follow_up = Reply.NO if rule.follow_up else None
        answers[rule.slug] = Answer(Reply.YES, follow_up, demo_people.DETAILS.get(rule.slug, ""))
    verdict = screen(answers=answers, rules=rules)
    return actions.record_health_check(
        service=service,
        answers=answers,
        verdict=verdict,
        rules=rules,
        spa=stage.spa,
        now=given_at,
    )


def _ticked(stage: Stage, rules: list[Rule], outcome: Outcome) -> list[Rule]:
    """Questions to say yes to, so that the verdict is ``outcome`` where the treatment can."""
    notes = [rule for rule in rules if rule.severity is Severity.NOTE]
    adapts = [rule for rule in rules if rule.severity is Severity.ADAPT]
    clearances = [rule for rule in rules if rule.severity is Severity.CLEARANCE]
    ticked = [rule for rule in notes if stage.chance.random() < 0.12]
    if adapts and outcome is not Outcome.CLEAR:
        ticked += stage.chance.sample(adapts, min(len(adapts), stage.chance.randint(1, 2)))
    if clearances and outcome is Outcome.CLEARANCE:
        ticked.append(stage.chance.choice(clearances))
    return ticked


def _decide_requests(stage: Stage) -> None:
    """All but the last few requests have their answer by now."""
    requests = stage.with_status(Status.REQUESTED)
    ahead = [visit for visit in requests if visit.starts_at > stage.now + DECIDED_BY]
    waiting = ahead[:WAITING_REQUESTS]
    for number, visit in enumerate(one for one in requests if one not in waiting):
        stage.keep(
            actions.decide_request(
                appointment=visit,
                granted=number % 4 != 2,
                by=stage.desk,
                spa=stage.spa,
                now=_between(stage, visit.created_at, visit.starts_at),
                note=_("Note from the practice seen."),
            ),
        )


def _move_some(stage: Stage) -> None:
    ahead = [
        visit
        for visit in stage.with_status(Status.CONFIRMED)
        if visit.starts_at > stage.now + timedelta(days=2)
    ]
    for number, visit in enumerate(stage.chance.sample(ahead, min(MOVED_VISITS, len(ahead)))):
        moved_at = stage.now - timedelta(minutes=stage.chance.randint(5, 25))
        times = offer(
            service=visit.service,
            option=visit.option,
            first_day=stage.today + timedelta(days=1),
            last_day=stage.today + timedelta(days=DAYS_AHEAD),
            now=moved_at,
            spa=stage.spa,
            ignoring=visit,
        ).times()
        if not times:
            continue
        stage.keep(
            actions.reschedule_appointment(
                appointment=visit,
                starts_at=stage.chance.choice(times),
                by=stage.desk if number % 2 else actions.CLIENT,
                spa=stage.spa,
                now=moved_at,
            ),
        )


def _cancel_some(stage: Stage) -> None:
    for visit in stage.with_status(Status.CONFIRMED):
        if stage.chance.random() > 0.06:
            continue
        online = stage.chance.random() < 0.5
        latest = visit.starts_at - timedelta(hours=25 if online else 2)
        cancelled_at = _between(stage, visit.created_at, latest)
        if online and cancelled_at > latest:
            continue
        stage.keep(
            actions.cancel_appointment(
                appointment=visit,
                by=actions.CLIENT if online else stage.desk,
                spa=stage.spa,
                now=cancelled_at,
                reason="" if online else stage.chance.choice(demo_people.REASONS),
            ),
        )


def _between(stage: Stage, first: datetime, last: datetime) -> datetime:
    """A moment after ``first``, before ``last`` and not in the future."""
    last = min(last, stage.now)
    return first + (last - first) * stage.chance.uniform(0.1, 0.9)


def _live_through(stage: Stage) -> None:
    """The visits up to now took place, or did not; who comes next is here, be it early."""
    visits = sorted(stage.with_status(Status.CONFIRMED), key=lambda visit: visit.starts_at)
    for visit in visits:
        if visit.ends_at <= stage.now:
            stage.keep(_ended(stage, visit))
        elif visit.starts_at <= stage.now + timedelta(minutes=10):
            _arrive(stage, visit)
    soon = [one for one in visits if one.starts_at > stage.now + timedelta(minutes=10)]
    if soon and soon[0].starts_at < stage.now + timedelta(hours=2):
        _arrive(stage, soon[0])


def _note_treatments(stage: Stage) -> None:
    """Therapists with a login have noted what they did, but for the latest visits."""
    done = sorted(stage.with_status(Status.COMPLETED), key=lambda visit: visit.starts_at)
    for visit in done:
        user, written_at = visit.therapist.user, visit.ends_at + timedelta(minutes=8)
        if user is None or written_at > stage.now or stage.chance.random() < 0.2:
            continue
        actions.write_treatment_note(
            appointment=visit,
            text=stage.chance.choice(demo_people.TREATMENT_NOTES),
            seen=None,
            by=actions.staff(user),
            now=written_at,
        )


def _arrive(stage: Stage, visit: Appointment) -> None:
    came = min(visit.starts_at - timedelta(minutes=6), stage.now)
    stage.keep(actions.mark_arrived(appointment=visit, by=stage.desk, now=came))


def _ended(stage: Stage, visit: Appointment) -> Appointment:
    if stage.chance.random() < 0.05:
        waited = visit.starts_at + timedelta(minutes=20)
        return actions.mark_no_show(appointment=visit, by=stage.desk, now=min(waited, stage.now))
    if visit.starts_at > stage.now - timedelta(days=3):
        came = visit.starts_at - timedelta(minutes=stage.chance.randint(2, 12))
        visit = actions.mark_arrived(appointment=visit, by=stage.desk, now=came)
    return actions.mark_completed(appointment=visit, by=stage.desk, now=visit.ends_at)


def _hold_two_times(stage: Stage) -> None:
    """One visitor is booking at this very moment, another one has just given up."""
    booked = next(iter(stage.visits.values()))
    for given_up in (True, False):
        hold = _hold(stage, booked.option)
        if hold is not None and given_up:
            actions.release_hold(hold=hold, now=stage.now)


def _hold(stage: Stage, option: ServiceOption) -> Appointment | None:
    times = offer(
        service=option.service,
        option=option,
        first_day=stage.today,
        last_day=stage.today + timedelta(days=2),
        now=stage.now,
        spa=stage.spa,
    ).times()
    if not times:
        return None
    return actions.hold_time(
        service=option.service,
        option=option,
        starts_at=times[0],
        health_check=_check(stage, option.service, Outcome.CLEAR, given_at=stage.now),
        spa=stage.spa,
        now=stage.now,
    )


def _leave_visits_to_move(stage: Stage) -> None:
    """Somebody has to be away while visits are booked with her, some days from now."""
    coming = Appointment.objects.filter(
        status=Appointment.Status.CONFIRMED, starts_at__gt=stage.now + VISITS_TO_MOVE_FROM
    )
    first = coming.select_related("therapist").earliest("starts_at", "pk")
    actions.block_time(
        therapist=first.therapist,
        starts_at=first.starts_at,
        ends_at=first.ends_at + timedelta(hours=1),
        reason="Training",
        by=stage.desk,
        now=stage.now,
    )


def _backdate_clients() -> None:
    """A client is known since her first booking, not since the demo was loaded."""
    for client in Client.objects.prefetch_related("appointments"):
        first = min((visit.created_at for visit in client.appointments.all()), default=None)
        Client.objects.filter(pk=client.pk).update(created_at=first or client.created_at)
