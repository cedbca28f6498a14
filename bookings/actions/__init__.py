"""The only code that changes appointments, health checks and messages.

Each action is one transaction. Where it places or moves an appointment it locks the therapists'
rows by primary key, then the rooms' rows by primary key, and checks again under those locks with
the functions that drew the page. Every change leaves an Event.
"""

from bookings.actions.answers import (
    renew_health_check,
    withdraw_health_check,
    withdraw_health_checks,
)
from bookings.actions.asking import CannotAsk, ask_for_answers
from bookings.actions.booking import (
    Details,
    check_is_fresh,
    confirm_appointment,
    expire_holds,
    hold_time,
    purge_expired,
    release_hold,
)
from bookings.actions.changes import (
    cancel_appointment,
    check_still_holds,
    client_changes_until,
    decide_request,
    may_client_change,
    reschedule_appointment,
)
from bookings.actions.clients import (
    ClientEntry,
    RecordChanged,
    RecordMerged,
    add_client,
    change_client,
    current_client,
    entry_of,
)
from bookings.actions.desk import book_at_desk, note_on_appointment
from bookings.actions.errors import (
    AlreadyHere,
    AnswersTooOld,
    Blocker,
    BookingError,
    ChangedMeanwhile,
    HealthCheckNeeded,
    HoldLost,
    InTheWay,
    NoLongerPossible,
    NoticeTooShort,
    ReasonNeeded,
    TimeTaken,
    TooManyHolds,
    UnusableTime,
)
from bookings.actions.events import CLIENT, SYSTEM, Actor, staff
from bookings.actions.feeds import note_feed_read, note_feed_version, renew_feed, revoke_feed
from bookings.actions.health import (
    affirm_health_check,
    discard_health_check,
    draft_health_check,
    purge_health_checks,
    read_health_check,
    record_health_check,
)
from bookings.actions.hours import change_hours, hours_as_seen
from bookings.actions.links import (
    issue_visit_link,
    issue_visit_links,
    new_token,
    revoke_visit_links,
)
from bookings.actions.mail import (
    MailRefused,
    hurry_message,
    may_send,
    purge_mail,
    repeat_message,
    retry_message,
    send_news_again,
    trust_address,
)
from bookings.actions.merges import (
    CannotMerge,
    CannotPart,
    Parting,
    fields_filled,
    joined_notes,
    merge_clients,
    part_clients,
    tell_apart,
    why_not_merge,
)
from bookings.actions.notes import NOTE_MOST, NoteChanged, may_note, write_treatment_note
from bookings.actions.opt_out import stop_aftercare, stop_key, visit_of_key, want_aftercare
from bookings.actions.questions import ask_again
from bookings.actions.quiet import MAIL_GRACE
from bookings.actions.readings import read_areas, read_notes
from bookings.actions.ready import ready_since, say_not_ready, say_ready
from bookings.actions.staff_mail import owe_sheets
from bookings.actions.steps import take_back_step
from bookings.actions.stranding import (
    HoursChanged,
    VisitsStranded,
    accept_stranding,
    keep_in_place,
    stranded_by,
)
from bookings.actions.time_off import (
    block_time,
    change_time_off,
    close,
    release_time,
    stranded_by_closing,
    undo_time_off,
)
from bookings.actions.undo import can_undo, undo_change
from bookings.actions.visits import (
    mark_arrived,
    mark_completed,
    mark_expected,
    mark_no_show,
    may_arrive,
    start_treatment,
)
from bookings.actions.wording import WordedMeanwhile, drop_wording, keep_wording

__all__ = [
    "CLIENT",
    "MAIL_GRACE",
    "NOTE_MOST",
    "SYSTEM",
    "Actor",
    "AlreadyHere",
    "AnswersTooOld",
    "Blocker",
    "BookingError",
    "CannotAsk",
    "CannotMerge",
    "CannotPart",
    "ChangedMeanwhile",
    "ClientEntry",
    "Details",
    "HealthCheckNeeded",
    "HoldLost",
    "HoursChanged",
    "InTheWay",
    "MailRefused",
    "NoLongerPossible",
    "NoteChanged",
    "NoticeTooShort",
    "Parting",
    "ReasonNeeded",
    "RecordChanged",
    "RecordMerged",
    "TimeTaken",
    "TooManyHolds",
    "UnusableTime",
    "VisitsStranded",
    "WordedMeanwhile",
    "accept_stranding",
    "add_client",
    "affirm_health_check",
    "ask_again",
    "ask_for_answers",
    "block_time",
    "book_at_desk",
    "can_undo",
    "cancel_appointment",
    "change_client",
    "change_hours",
    "change_time_off",
    "check_is_fresh",
    "check_still_holds",
    "client_changes_until",
    "close",
    "confirm_appointment",
    "current_client",
    "decide_request",
    "discard_health_check",
    "draft_health_check",
    "drop_wording",
    "entry_of",
    "expire_holds",
    "fields_filled",
    "hold_time",
    "hours_as_seen",
    "hurry_message",
    "issue_visit_link",
    "issue_visit_links",
    "joined_notes",
    "keep_in_place",
    "keep_wording",
    "mark_arrived",
    "mark_completed",
    "mark_expected",
    "mark_no_show",
    "may_arrive",
    "may_client_change",
    "may_note",
    "may_send",
    "merge_clients",
    "new_token",
    "note_feed_read",
    "note_feed_version",
    "note_on_appointment",
    "owe_sheets",
    "part_clients",
    "purge_expired",
    "purge_health_checks",
    "purge_mail",
    "read_areas",
    "read_health_check",
    "read_notes",
    "ready_since",
    "record_health_check",
    "release_hold",
    "release_time",
    "renew_feed",
    "renew_health_check",
    "repeat_message",
    "reschedule_appointment",
    "retry_message",
    "revoke_feed",
    "revoke_visit_links",
    "say_not_ready",
    "say_ready",
    "send_news_again",
    "staff",
    "start_treatment",
    "stop_aftercare",
    "stop_key",
    "stranded_by",
    "stranded_by_closing",
    "take_back_step",
    "tell_apart",
    "trust_address",
    "undo_change",
    "undo_time_off",
    "visit_of_key",
    "want_aftercare",
    "why_not_merge",
    "withdraw_health_check",
    "withdraw_health_checks",
    "write_treatment_note",
]
