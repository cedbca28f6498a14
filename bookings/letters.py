"""The words of each message: one letter, which the HTML part and the text part both show.

Subject and preheader can be read on a locked phone: they name neither the treatment nor anything
about health. The letter itself names the treatment, and nothing of the health check.

The built-in words have the same placeholders as the owners' own (see ``bookings.placeholders``).
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape

from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.safestring import SafeString

from bookings.actions import client_changes_until, may_client_change
from bookings.models import Appointment, Event, Message, Words
from bookings.models.messages import TO_THERAPISTS
from bookings.placeholders import DESCRIPTIONS, fill
from bookings.said import said as _
from bookings.sheets import change_facts, day_facts, moment_for_her, news_in_a_word
from bookings.timing import decision_due
from bookings.words import (
    clock_time,
    dialled_from_anywhere,
    full_day,
    moment_in_words,
    span_in_words,
)
from services.addresses import absolute
from services.models import SpaProfile
from services.prose import page_html
from services.templatetags.menu import money

Kind = Message.Kind

# Marks that turn the direction of the words after them.
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Button:
    """The one thing to do next."""

    label: str
    url: str

    @property
    def is_call(self) -> bool:
        """Whether it dials a number, which plain text has in the label already."""
        return self.url.startswith("tel:")


@dataclass(frozen=True, slots=True)
class Letter:
    """What one message says. ``facts`` are pairs of label and value.

    Whatever hints at health stands behind the facts, out of the reach of a preview.
    """

    subject: str
    preheader: str
    heading: str
    greeting: str
    opening: list[str]
    facts: list[tuple[str, str]]
    notes: list[str]
    button: Button
    closing: list[str]
    address: str
    preparation: str = ""
    guide_heading: str = ""
    """What stands above the text about the treatment."""
    is_guide: bool = False
    """Whether that text is what the letter is for, and so comes before the buttons."""
    more: list[Button] = field(default_factory=list)
    """What else can be done, less often."""
    stop_url: str = ""
    """Where the reader says that she wants no more of this kind."""
    banner: str = ""
    """What kind of letter this really is, above everything: a test."""

    @property
    def buttons(self) -> list[Button]:
        """All that can be done, the first thing first."""
        return [self.button, *self.more]

    @property
    def preparation_html(self) -> SafeString:
        """How to prepare, cleaned, under a second-level heading."""
        return page_html(self.preparation, below=2)

    @property
    def preparation_text(self) -> str:
        """How to prepare, as lines of plain text."""
        return plain_text(self.preparation)


@dataclass(frozen=True, slots=True)
class _Wording:
    """The built-in words of one kind, with placeholders.

    Owners put words of their own in the place of all but ``added`` and ``added_below``, behind the
    facts: what is true of this one visit only, which they cannot know.
    """

    subject: str
    heading: str
    preheader: str
    opening: list[str]
    notes: list[str] = field(default_factory=list)
    greeting: str = ""
    added: list[str] = field(default_factory=list)
    added_below: list[str] = field(default_factory=list)

    @property
    def words(self) -> Words:
        """The words that owners may replace."""
        return Words(
            subject=self.subject,
            preheader=self.preheader,
            heading=self.heading,
            greeting=self.greeting or _("Hello {name},"),
            text="\n\n".join(self.opening),
            below="\n\n".join(self.notes),
        )


def write_letter(
    message: Message,
    *,
    spa: SpaProfile,
    visit_url: str,
    now: datetime,
    words: Words | None = None,
    stop_url: str = "",
) -> Letter:
    """Put ``message`` into words; times are told in the active time zone.

    ``words`` are the owners' own, or those of a preview; without them the built-in ones hold.
    """
    wording = WORDINGS[message.kind](message)
    words = words or wording.words
    values = placeholder_values(message, spa=spa, now=now)
    # On a locked phone the treatment goes by its discreet name.
    discreet = {**values, "treatment": values.get("what", "")}
    return Letter(
        subject=fill(words.subject, discreet),
        preheader=fill(words.preheader, discreet),
        heading=fill(words.heading, values),
        greeting=fill(words.greeting, values),
        opening=_paragraphs(words.text, values) + _filled(wording.added, values),
        facts=_facts(message, spa, now),
        notes=_paragraphs(words.below, values) + _filled(wording.added_below, values),
        button=_button(message, spa, visit_url),
        closing=_closing(message, spa, now),
        address=_address(spa),
        preparation=_guide(message),
        guide_heading=_("Afterwards") if message.kind == Kind.AFTERCARE else _("How to prepare"),
        is_guide=message.kind in GUIDES,
        more=_more_buttons(message, spa, visit_url, now),
        stop_url=stop_url,
    )


def built_in_words(message: Message) -> Words:
    """The words for ``message`` where no owner has written any."""
    return WORDINGS[message.kind](message).words


def placeholder_values(message: Message, *, spa: SpaProfile, now: datetime) -> dict[str, str]:
    """What stands for each placeholder that ``message`` has, in one line each."""
    about = _about_the_day(message, now) if message.day else _about_the_visit(message, spa, now)
    values = {**_about_the_spa(spa), **about}
    return {name: values[name] for name in DESCRIPTIONS if name in values}


def _about_the_spa(spa: SpaProfile) -> dict[str, str]:
    return {
        "place": _address(spa),
        "spa": one_line(spa.name),
        "phone": dialled_from_anywhere(spa.phone),
        "email": spa.email,
    }


def _about_the_day(message: Message, now: datetime) -> dict[str, str]:
    assert message.therapist is not None
    assert message.day is not None
    day = full_day(message.day, timezone.localdate(now))
    return {"name": one_line(message.therapist.name), "when": day, "day": day}


def _about_the_visit(message: Message, spa: SpaProfile, now: datetime) -> dict[str, str]:
    appointment, today = message.visit, timezone.localdate(now)
    starts_at = moment_for_her(message) if message.therapist else appointment.starts_at
    starts = timezone.localtime(starts_at)
    return {
        "name": one_line((message.therapist or appointment.client or appointment.therapist).name),
        "when": _moment(starts_at, now),
        "day": full_day(starts.date(), today),
        "time": clock_time(starts),
        "therapist": one_line(appointment.therapist.name),
        "what": one_line(
            appointment.service.name
            if spa.name_treatment_in_subjects
            else appointment.service.discreet_name
        ),
        "treatment": one_line(appointment.service.name),
        "minutes": str(appointment.minutes),
        "price": money(appointment.price, spa.currency),
        "until": _moment(client_changes_until(appointment, spa=spa), now),
        "reference": appointment.reference,
    }


def _guide(message: Message) -> str:
    if message.kind == Kind.AFTERCARE:
        return message.visit.service.aftercare
    return message.visit.service.preparation if message.kind in PREPARES else ""


def _paragraphs(text: str, values: dict[str, str]) -> list[str]:
    return _filled([one for one in re.split(r"\n\s*\n", text.strip()) if one], values)


def _filled(texts: list[str], values: dict[str, str]) -> list[str]:
    return [fill(text, values) for text in texts]


def _confirmation(message: Message) -> _Wording:
    return _Wording(
        subject=_("Booked: {what}, {when}"),
        heading=_("You are booked"),
        preheader=_("Where to find us, how to prepare, and how to move or cancel."),
        opening=[_("Thank you for booking. We look forward to seeing you.")],
    )


def _request_received(message: Message) -> _Wording:
    return _Wording(
        subject=_("Request received: {what}, {when}"),
        heading=_("We have your request"),
        preheader=_("We keep the time for you and write again as soon as it is decided."),
        opening=[
            _(
                "Thank you. This visit is not confirmed yet: one of us will look at your request "
                "and write to you as soon as it is decided. Until then we keep the time for you."
            ),
        ],
        notes=[
            _please_bring_a_note(),
        ],
    )


def _please_bring_a_note() -> str:
    return _(
        "Please ask your doctor for a short written note which says that this treatment "
        "is suitable for you, and bring it to your visit, on paper or on your phone. "
        "There is no need to send it, and e-mail is not private enough for it. If you "
        "cannot get one in time, call us and we will find a way together."
    )


def _granted(message: Message) -> _Wording:
    return _Wording(
        subject=_("Confirmed: {what}, {when}"),
        heading=_("Your visit is confirmed"),
        preheader=_("Where to find us, how to prepare, and how to move or cancel."),
        opening=[
            _("Thank you for waiting. We have looked at your request, and the time is yours."),
        ],
        notes=[
            _("If we asked you for a doctor’s note, please bring it, on paper or on your phone."),
        ],
    )


def _declined(message: Message) -> _Wording:
    return _Wording(
        subject=_("About your request: {what}, {when}"),
        heading=_("We cannot confirm this visit"),
        preheader=_("Please call us: we will gladly explain and look for something else."),
        opening=[
            _(
                "We are sorry. We looked at your request with care and cannot offer you this "
                "visit at present, so the time is no longer kept for you."
            ),
            _(
                "Please call us. We will gladly explain, and look with you for something that "
                "suits you."
            ),
        ],
    )


def _clearance_needed(message: Message) -> _Wording:
    return _Wording(
        subject=_("Still open: {what}, {when}"),
        heading=_("Your request is still open"),
        preheader=_("We keep the time for you. A short call may be all that is missing."),
        opening=[
            _(
                "We keep the time for you and would like to say yes. If there is something that "
                "you wanted to find out first, or if we can help, please call us."
            ),
        ],
        notes=[_please_bring_a_note()],
    )


def _clearance_expiring(message: Message) -> _Wording:
    return _Wording(
        subject=_("Please get in touch: {what}, {when}"),
        heading=_("Your request needs a decision soon"),
        preheader=_("We keep the time a little longer: please call us."),
        opening=[
            _(
                "Your visit is near and not confirmed yet. Please call us on {phone}, so that we "
                "can decide together and you do not make the journey for nothing."
            ),
        ],
        notes=[_please_bring_a_note()],
    )


def _changed(message: Message) -> _Wording:
    # It may take the place of a confirmation or of a request's letter that was not sent yet.
    is_request = message.visit.status == Appointment.Status.REQUESTED
    if is_request:
        added = _("It is still a request: we will write to you as soon as it is decided.")
    else:
        added = _("The new time is confirmed.")
    return _Wording(
        subject=_("Moved: {what}, now {when}"),
        heading=_("Your visit has moved"),
        preheader=_("The new time, and how to change it again."),
        opening=[_("Here is your visit as it stands now, in place of what we wrote before.")],
        added=[added],
        added_below=[_please_bring_a_note()] if is_request else [],
    )


def _cancelled(message: Message) -> _Wording:
    """Whose doing it was follows from the record; a sample has none."""
    events = Event.objects.filter(appointment=message.visit.pk, kind="cancelled")
    by_whom = events.order_by("-pk").values_list("actor_kind", flat=True).first()
    if by_whom == Event.ActorKind.CLIENT:
        added = [_("You cancelled it yourself: thank you for telling us in good time.")]
    else:
        added = [
            _(
                "We took it out of our diary. If you had not asked us to, we are sorry: please "
                "call us on {phone}, and we look for another time together."
            )
        ]
    return _Wording(
        subject=_("Cancelled: {what}, {when}"),
        heading=_("Your visit is cancelled"),
        preheader=_("Come another time? It takes a minute to book."),
        opening=[
            _("This visit will not take place. We would be glad to see you another time."),
        ],
        added=added,
    )


def _reminder(message: Message) -> _Wording:
    return _Wording(
        subject=_("Reminder: {what}, {when}"),
        heading=_("See you soon"),
        preheader=_("Where to find us, how to prepare, and what to do if you cannot come."),
        opening=[
            _("A small reminder of your visit. We look forward to seeing you."),
        ],
        notes=[
            _(
                "If you feel unwell, or if anything about your health has changed, please call "
                "us before you come."
            ),
        ],
    )


def _preparation(message: Message) -> _Wording:
    return _Wording(
        subject=_("Before your first visit: {when}"),
        heading=_("Your first visit with us"),
        preheader=_("A few small things that make your first visit easy."),
        opening=[
            _("We look forward to meeting you. These few things make your first visit easy."),
        ],
        notes=[
            _(
                "If you feel unwell, or if anything about your health has changed, please call "
                "us before you come."
            ),
        ],
    )


def _waiting_for_answer(message: Message) -> _Wording:
    return _Wording(
        subject=_("A few questions before your visit, {when}"),
        heading=_("May we ask you a few questions?"),
        preheader=_("It takes about three minutes, on your own page."),
        opening=[
            _(
                "Before we can look after you well, we need a few answers from you. It takes "
                "about three minutes, and only your therapist and the owners may read them."
            ),
            _("Would you rather talk? Call us on {phone}, and we go through them together."),
        ],
    )


def _aftercare(message: Message) -> _Wording:
    return _Wording(
        subject=_("Thank you for your visit"),
        heading=_("Thank you for coming"),
        preheader=_("A few words for the hours after your visit."),
        opening=[
            _("It was good to have you with us. Here is what helps in the hours after."),
        ],
        notes=[_("If anything worries you, please call us on {phone}.")],
    )


def _therapist_note(message: Message) -> _Wording:
    return _Wording(
        subject=_("Your day has changed: {when}"),
        heading=_("Your day has changed"),
        preheader=_("What is new, and the way to your page."),
        opening=[_("Something has changed at short notice.")],
        added=[news_in_a_word(message)],
    )


def _therapist_sheet(message: Message) -> _Wording:
    return _Wording(
        subject=_("Your day: {day}"),
        heading=_("Your day: {day}"),
        preheader=_("Who comes when. Everything else is on your page."),
        opening=[_("This is how your day looks now. Your page always shows the latest.")],
    )


WORDINGS: dict[str, Callable[[Message], _Wording]] = {
    Kind.CONFIRMATION: _confirmation,
    Kind.REQUEST_RECEIVED: _request_received,
    Kind.CLEARANCE_NEEDED: _clearance_needed,
    Kind.CLEARANCE_EXPIRING: _clearance_expiring,
    Kind.GRANTED: _granted,
    Kind.DECLINED: _declined,
    Kind.CHANGED: _changed,
    Kind.CANCELLED: _cancelled,
    Kind.REMINDER: _reminder,
    Kind.PREPARATION: _preparation,
    Kind.WAITING_FOR_ANSWER: _waiting_for_answer,
    Kind.AFTERCARE: _aftercare,
    Kind.THERAPIST_NOTE: _therapist_note,
    Kind.THERAPIST_SHEET: _therapist_sheet,
}
UNDECIDED = {Kind.CLEARANCE_NEEDED, Kind.CLEARANCE_EXPIRING}
PREPARES = {Kind.CONFIRMATION, Kind.GRANTED, Kind.REMINDER, Kind.PREPARATION}
GUIDES = {Kind.PREPARATION, Kind.AFTERCARE}
# About no booking: clients may stop these.
CAN_BE_STOPPED = {Kind.AFTERCARE}
# After these there is no visit to come to.
ENDS = {Kind.DECLINED, Kind.CANCELLED, Kind.AFTERCARE}


def _facts(message: Message, spa: SpaProfile, now: datetime) -> list[tuple[str, str]]:
    if message.kind == Kind.THERAPIST_SHEET:
        return day_facts(message, spa=spa)
    if message.kind == Kind.THERAPIST_NOTE:
        return change_facts(message, now=now)
    appointment = message.visit
    starts, ends = appointment.starts_local, appointment.ends_local
    treatment = _("%(treatment)s, %(minutes)d minutes") % {
        "treatment": one_line(appointment.service.name),
        "minutes": appointment.minutes,
    }
    facts = [
        (_("When"), span_in_words(starts, ends, timezone.localdate(now))),
        (_("With"), one_line(appointment.therapist.name)),
    ]
    if message.kind not in ENDS:
        facts.append((_("Where"), _address(spa)))
    if message.kind in UNDECIDED:
        decide_by = decision_due(
            appointment.starts_at,
            asked_at=appointment.created_at or now,
            notice_hours=spa.cancellation_notice_hours,
        )
        facts.append((_("Call us by"), _moment(decide_by, now)))
    facts.append((_("What"), treatment))
    if message.kind not in ENDS:
        facts.append((_("Price"), money(appointment.price, spa.currency)))
    return [*facts, (_("Reference"), appointment.reference)]


def _button(message: Message, spa: SpaProfile, visit_url: str) -> Button:
    if message.kind == Kind.THERAPIST_SHEET:
        page = f"{reverse('bookings:therapist')}?date={message.day:%Y-%m-%d}"
        return Button(_("Open your page"), absolute(page))
    if message.kind == Kind.THERAPIST_NOTE:
        day = timezone.localtime(moment_for_her(message)).date()
        page = f"{reverse('bookings:therapist')}?date={day:%Y-%m-%d}"
        return Button(_("Open your page"), absolute(page))
    if message.kind == Kind.WAITING_FOR_ANSWER:
        return Button(_("Answer now"), f"{visit_url}health/")
    if message.kind == Kind.DECLINED:
        label = _("Call %(phone)s") % {"phone": dialled_from_anywhere(spa.phone)}
        return Button(label, spa.phone.as_rfc3966)
    if message.kind == Kind.CANCELLED:
        times = reverse("bookings:times", args=[message.visit.service.slug])
        return Button(_("Find another time"), absolute(times))
    return Button(_("See your visit"), visit_url)


def _more_buttons(message: Message, spa: SpaProfile, visit_url: str, now: datetime) -> list[Button]:
    """Move and cancel, each to its own page, which asks before anything changes."""
    if message.kind in ENDS or message.kind in TO_THERAPISTS:
        return []
    appointment = message.visit
    if not may_client_change(appointment, spa=spa, now=now):
        return []
    if appointment.status == Appointment.Status.REQUESTED:
        move, cancel = _("Move the request"), _("Cancel the request")
    else:
        move, cancel = _("Move the visit"), _("Cancel the visit")
    return [Button(move, f"{visit_url}reschedule/"), Button(cancel, f"{visit_url}cancel/")]


def _closing(message: Message, spa: SpaProfile, now: datetime) -> list[str]:
    if message.kind in (Kind.DECLINED, Kind.AFTERCARE, *TO_THERAPISTS):
        return []
    if message.kind == Kind.CANCELLED:
        return [
            _("Is this a mistake? Call us: %(phone)s.")
            % {"phone": dialled_from_anywhere(spa.phone)}
        ]
    return [
        _changing(message.visit, spa, now),
        _("The page belongs to you alone: please do not pass this message on."),
    ]


def _changing(appointment: Appointment, spa: SpaProfile, now: datetime) -> str:
    """How and until when a visit is changed: the rule of ``actions.may_client_change``."""
    if not may_client_change(appointment, spa=spa, now=now):
        words = _("To move or cancel your visit, please call us: %(phone)s.")
    elif appointment.status == Appointment.Status.REQUESTED:
        words = _("You can move or cancel your request online at any time before the visit.")
    else:
        words = _(
            "On your visit page you can move or cancel until %(until)s. After that, please call "
            "us: %(phone)s."
        )
    until = client_changes_until(appointment, spa=spa)
    return words % {"phone": dialled_from_anywhere(spa.phone), "until": _moment(until, now)}


def _moment(at: datetime, now: datetime) -> str:
    return moment_in_words(timezone.localtime(at), timezone.localdate(now))


def _address(spa: SpaProfile) -> str:
    return ", ".join(spa.address.splitlines())


def one_line(text: str) -> str:
    """Return ``text`` as one line that cannot turn the direction of what follows it."""
    if text.isprintable():
        # No control character, and no mark of direction.
        return " ".join(text.split())
    kept = (" " if unicodedata.category(sign) == "Cc" else sign for sign in text)
    return " ".join("".join(sign for sign in kept if sign not in TURNING).split())


def plain_text(html: str) -> str:
    """Return rich text as lines: a paragraph each, list items behind a dash."""
    text = re.sub(r"\s+", " ", html)
    text = re.sub(r"<li\b[^>]*>\s*(<p\b[^>]*>)?", "\n- ", text)
    text = re.sub(r"<(p|h\d|tr|br|blockquote)\b[^>]*>", "\n", text)
    lines = (line.strip() for line in unescape(strip_tags(text)).split("\n"))
    return "\n".join(line for line in lines if line)
