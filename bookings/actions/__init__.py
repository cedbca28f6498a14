"""The only code that changes appointments, health checks and messages.

Each action is one transaction. Where it places or moves an appointment it locks the therapists'
rows by primary key, then the rooms' rows by primary key, and checks again under those locks with
the functions that drew the page. Every change leaves an Event.
"""

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
    renew_health_check,
    reschedule_appointment,
    withdraw_health_check,
)
from bookings.actions.clients import (
    RecordChanged,
    RecordMerged,
    add_client,
    change_client,
    client_version,
    current_client,
)
from bookings.actions.errors import (
    BookingError,
    ChangedMeanwhile,
    HealthCheckNeeded,
    HoldLost,
    NoLongerPossible,
    NoticeTooShort,
    TimeTaken,
)
from bookings.actions.events import CLIENT, SYSTEM, Actor, staff
from bookings.actions.health import (
    affirm_health_check,
    discard_health_check,
    purge_health_checks,
    read_health_check,
    record_health_check,
)
from bookings.actions.links import issue_visit_link, revoke_visit_links
from bookings.actions.merges import (
    CannotMerge,
    CannotPart,
    Parting,
    joined_notes,
    merge_clients,
    part_clients,
)
from bookings.actions.visits import (
    mark_arrived,
    mark_completed,
    mark_expected,
    mark_no_show,
    may_arrive,
)

__all__ = [
    "CLIENT",
    "SYSTEM",
    "Actor",
    "BookingError",
    "CannotMerge",
    "CannotPart",
    "ChangedMeanwhile",
    "Details",
    "HealthCheckNeeded",
    "HoldLost",
    "NoLongerPossible",
    "NoticeTooShort",
    "Parting",
    "RecordChanged",
    "RecordMerged",
    "TimeTaken",
    "add_client",
    "affirm_health_check",
    "cancel_appointment",
    "change_client",
    "check_is_fresh",
    "check_still_holds",
    "client_changes_until",
    "client_version",
    "confirm_appointment",
    "current_client",
    "decide_request",
    "discard_health_check",
    "expire_holds",
    "hold_time",
    "issue_visit_link",
    "joined_notes",
    "mark_arrived",
    "mark_completed",
    "mark_expected",
    "mark_no_show",
    "may_arrive",
    "may_client_change",
    "merge_clients",
    "part_clients",
    "purge_expired",
    "purge_health_checks",
    "read_health_check",
    "record_health_check",
    "release_hold",
    "renew_health_check",
    "reschedule_appointment",
    "revoke_visit_links",
    "staff",
    "withdraw_health_check",
]
