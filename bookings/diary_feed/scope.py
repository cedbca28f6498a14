"""Which days are looked at, and a mark that tells whether anything in them has changed."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils.formats import get_format

# A row's version is where it lies and which transaction wrote it: any committed change, made by
# whatever means, gives it another one.
FINGERPRINT = """
    SELECT md5(coalesce(string_agg(version, ' ' ORDER BY version), ''))
    FROM (
        SELECT concat_ws('-', 'visit', a.xmin, a.ctid, c.xmin, c.ctid, h.xmin, h.ctid,
                         s.xmin, s.ctid) AS version
        FROM bookings_appointment a
        JOIN services_service s ON s.id = a.service_id
        LEFT JOIN bookings_client c ON c.id = a.client_id
        LEFT JOIN bookings_healthcheck h ON h.id = a.health_check_id
        WHERE a.starts_at >= %(start)s AND a.starts_at < %(end)s
          AND (a.status <> 'held' OR a.hold_expires_at > %(now)s)
        UNION ALL
        SELECT concat_ws('-', 'mail', m.xmin, m.ctid, b.xmin, b.ctid)
        FROM bookings_message m
        JOIN bookings_appointment a ON a.id = m.appointment_id
        LEFT JOIN bookings_client c ON c.id = a.client_id
        LEFT JOIN bookings_badaddress b ON b.address = lower(c.email)
        WHERE a.starts_at >= %(start)s AND a.starts_at < %(end)s AND m.therapist_id IS NULL
          AND (m.state IN ('sent', 'failed', 'bounced') OR m.kind IN ('confirmation', 'changed'))
        UNION ALL
        SELECT concat_ws('-', 'off', xmin, ctid) FROM bookings_timeoff
        WHERE starts_at < %(end)s AND ends_at > %(start)s
        UNION ALL
        SELECT concat_ws('-', 'therapist', xmin, ctid) FROM bookings_therapist
        UNION ALL
        SELECT concat_ws('-', 'hours', xmin, ctid) FROM bookings_workinghours
        UNION ALL
        SELECT concat_ws('-', 'room', xmin, ctid) FROM bookings_room
        UNION ALL
        SELECT concat_ws('-', 'spa', xmin, ctid) FROM services_spaprofile
    ) AS rows
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked at: a day of everybody, or a week of one therapist.

    ``therapist`` is a key; ``None`` is everybody on a day, and the first therapist in a week.
    """

    on: date
    zone: ZoneInfo
    is_week: bool = False
    by_room: bool = False
    therapist: int | None = None

    @property
    def first(self) -> date:
        """The first day shown; a week starts as the locale's weeks do."""
        if not self.is_week:
            return self.on
        first_weekday = (int(get_format("FIRST_DAY_OF_WEEK")) - 1) % 7
        return self.on - timedelta(days=(self.on.weekday() - first_weekday) % 7)

    @property
    def days(self) -> list[date]:
        """The days shown."""
        return [self.first + timedelta(days=number) for number in range(7 if self.is_week else 1)]

    @property
    def start(self) -> datetime:
        """The first midnight."""
        return self.midnight(self.first)

    @property
    def end(self) -> datetime:
        """The midnight after the last day."""
        return self.midnight(self.days[-1] + timedelta(days=1))

    def midnight(self, day: date) -> datetime:
        """The start of a local day."""
        return datetime.combine(day, time.min, tzinfo=self.zone)


def fingerprint(scope: Scope, *, now: datetime) -> str:
    """Return a text that changes with every committed change of what ``scope`` shows; one query.

    A hold whose minutes have run out changes it too.
    """
    with connection.cursor() as cursor:
        cursor.execute(FINGERPRINT, {"start": scope.start, "end": scope.end, "now": now})
        row = cursor.fetchone()
    return str(row[0])
