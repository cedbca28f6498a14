"""The diary's data. Rows of appointments, health checks and messages are changed by
:mod:`bookings.actions` only.
"""

from bookings.models.appointments import Appointment, Event, VisitLink
from bookings.models.diary import Room, TimeOff, WorkingHours
from bookings.models.health import HealthCheck, HealthReading, TreatmentNote
from bookings.models.heartbeats import Heartbeat
from bookings.models.logins import FirstStart, Invitation
from bookings.models.mail import BadAddress, MailCopy
from bookings.models.messages import Message
from bookings.models.people import (
    CalendarFeed,
    Client,
    ClientChange,
    ClientMerge,
    NotTheSame,
    Therapist,
)
from bookings.models.transfer import ImportDraft
from bookings.models.wording import Wording, Words

__all__ = [
    "Appointment",
    "BadAddress",
    "CalendarFeed",
    "Client",
    "ClientChange",
    "ClientMerge",
    "Event",
    "FirstStart",
    "HealthCheck",
    "HealthReading",
    "Heartbeat",
    "ImportDraft",
    "Invitation",
    "MailCopy",
    "Message",
    "NotTheSame",
    "Room",
    "Therapist",
    "TimeOff",
    "TreatmentNote",
    "VisitLink",
    "Wording",
    "Words",
    "WorkingHours",
]
