"""How the spa goes: the figures of a period, counted in the database. Reads only.

A visit belongs to the period in which it starts, by the spa's clocks; a period is half-open, from
the midnight at which its first day begins to that at which its last one ends. What is counted:

* **Booked**: visits that were not called off. They were kept, missed, or are still open: to come,
  or past without anybody saying what became of them. Holds that ran out are no visits.
* **Kept**: the client came (arrived or completed). **Missed**: marked as "did not come".
* **Called off**: cancelled by the client on her visit page, cancelled by the staff (also where she
  rang), or a request that was declined; who and when is the last event that made it so. *Late* is
  within the notice that the spa asks for today, counted back from the start of the visit.
* **Revenue**: the prices agreed at booking, of booked and of kept visits. No tax, no tips.
* **Working time**: the weekly hours of therapists who take appointments, less breaks, time off and
  closures, as :mod:`bookings.queries` offers it; hours changed since count as they stand now.
  **Used**: booked or kept visits with preparation and tidying, also outside of working time, so a
  share can exceed the whole. A room can be used while at least one therapist works.
* **Clients**: each person who kept a visit, once; merged records are one person. *New* is
  somebody whose first kept visit ever lies in the period, *returning* everybody else.
* **How early**: days between the day of booking and the day of the visit, of booked visits; those
  brought in from a file do not tell when they were booked, nor who called them off and when.
* **Empty hours**: working time of an hour of the week in which nobody was booked, or the one who
  was did not come. Two visits of one therapist at one time count as both.

Nobody's name, note or answer is read.
"""

from bookings.models import Appointment

Status = Appointment.Status

KEPT = (Status.ARRIVED, Status.COMPLETED)
OPEN = (Status.REQUESTED, Status.CONFIRMED)
BOOKED = (*OPEN, *KEPT, Status.NO_SHOW)
# Where somebody did not come, the hour stood empty, and somebody else may have had it.
TAKEN = (*OPEN, *KEPT)
