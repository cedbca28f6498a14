"""What the owners' home shows: what needs them, and today in numbers. Reads only."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal

from django.db.models import Count, Sum
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.clearances import waiting_terms
from bookings.day import Day, desk_day
from bookings.mailbox import lost_ahead
from bookings.models import Appointment
from bookings.questions import outdated_visits
from bookings.stranded import how_many_stranded
from services.models import Service, SpaProfile
from services.sign_off import standing
from services.templatetags.menu import money


@dataclass(frozen=True, slots=True)
class Matter:
    """Something that waits for the owner: how much of it, in one sentence, and where to go."""

    count: int
    words: str
    url: str
    link: str
    is_pressing: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of today; ``more`` is a second, smaller one in words."""

    name: str
    value: str
    more: str = ""


def matters(*, spa: SpaProfile, now: datetime) -> list[Matter]:
    """Return what waits, the pressing things first; a fixed number of queries."""
    found = [one for look in LOOKS if (one := look(spa, now)) is not None]
    return sorted(found, key=lambda one: not one.is_pressing)


def requests_waiting(spa: SpaProfile, now: datetime) -> Matter | None:
    """Requests that nobody has decided; one query."""
    queue = waiting_terms(spa=spa, now=now)
    if not len(queue):
        return None
    words = ngettext("request waits for an answer.", "requests wait for an answer.", len(queue))
    if queue.overdue:
        late = ngettext("%d is overdue.", "%d are overdue.", queue.overdue) % queue.overdue
        words = f"{words} {late}"
    link, url = _("Decide at the desk"), reverse("bookings:desk_clearances")
    return Matter(len(queue), words, url, link, is_pressing=bool(queue.overdue))


def mails_given_up(spa: SpaProfile, now: datetime) -> Matter | None:
    """Mails about visits to come that could not be delivered; one query."""
    count = lost_ahead(now)
    if not count:
        return None
    words = ngettext(
        "mail about a coming visit did not arrive. Better call.",
        "mails about coming visits did not arrive. Better call.",
        count,
    )
    url = reverse("bookings:desk_messages") + "?state=call"
    return Matter(count, words, url, _("See which"), is_pressing=True)


def visits_in_the_way(spa: SpaProfile, now: datetime) -> Matter | None:
    """Visits that stand where they cannot be given; at most eight queries."""
    count = how_many_stranded(spa=spa, now=now)
    if not count:
        return None
    words = ngettext(
        "visit does not fit where it stands and has to be moved.",
        "visits do not fit where they stand and have to be moved.",
        count,
    )
    return Matter(count, words, reverse("bookings:desk_to_move"), _("Move them"), is_pressing=True)


def drafts(spa: SpaProfile, now: datetime) -> Matter | None:
    """Treatments that clients cannot see; one query."""
    count = Service.objects.filter(status=Service.Status.DRAFT).count()
    if not count:
        return None
    words = ngettext(
        "treatment is a draft: clients do not see it yet.",
        "treatments are drafts: clients do not see them yet.",
        count,
    )
    url = reverse("admin:services_service_changelist") + "?status__exact=draft"
    return Matter(count, words, url, _("Finish or leave"))


def outdated_answers(spa: SpaProfile, now: datetime) -> Matter | None:
    """Visits with answers to earlier questions that nobody has marked; three queries at most."""
    count = sum(one.count for one in outdated_visits(now=now))
    if not count:
        return None
    words = ngettext(
        "coming visit stands on answers to earlier health questions.",
        "coming visits stand on answers to earlier health questions.",
        count,
    )
    url, link = reverse("admin:questions_outdated"), _("Look and ask again")
    return Matter(count, words, url, link, is_pressing=True)


def list_not_signed(spa: SpaProfile, now: datetime) -> Matter | None:
    """The list of health questions without a sign-off that holds; four queries at most."""
    found = standing()
    if found.holds:
        return None
    words = _("list of health questions has not been signed off by a clinician.")
    if found.sign_off is not None:
        words = _("sign-off of the health questions has lapsed, since the list was changed.")
    return Matter(1, words, reverse("admin:questions_sign_off"), _("Have it signed"))


# What is looked at, in the order in which equally pressing things are shown.
LOOKS: list[Callable[[SpaProfile, datetime], Matter | None]] = [
    requests_waiting,
    mails_given_up,
    visits_in_the_way,
    outdated_answers,
    list_not_signed,
    drafts,
]


def today_in_numbers(*, spa: SpaProfile, now: datetime) -> list[Figure]:
    """Return the figures of the present day; eight queries, whatever the number of visits."""
    today = now.astimezone(spa.zone).date()
    day = desk_day(today, spa=spa, now=now)
    midnight = datetime.combine(today, time.min, tzinfo=spa.zone)
    booked = Appointment.objects.booked().filter(created_at__gte=midnight)
    booked = booked.exclude(source=Appointment.Source.IMPORTED)
    new = booked.aggregate(count=Count("pk"), worth=Sum("price"))
    return [
        Figure(_("Visits"), str(day.visits), _("%d done") % day.done if day.done else ""),
        Figure(_("In the house"), str(day.here)),
        Figure(_("Free hours left"), _hours(_free_minutes(day))),
        Figure(_("Today’s visits are worth"), money(_worth(day), spa.currency)),
        Figure(
            _("Booked today"),
            str(new["count"]),
            money(new["worth"], spa.currency) if new["worth"] else "",
        ),
    ]


def _free_minutes(day: Day) -> int:
    return sum(gap.minutes for column in day.columns for gap in column.gaps)


def _hours(minutes: int) -> str:
    """Whole and half hours: 6½."""
    whole, half = divmod(round(minutes / 30), 2)
    return (str(whole) if whole or not half else "") + ("½" if half else "")


def _worth(day: Day) -> Decimal:
    gone = (Appointment.Status.HELD, Appointment.Status.NO_SHOW)
    standing = (card.appointment for card in day.cards if card.stands)
    return sum((one.price for one in standing if one.status not in gone), Decimal(0))
