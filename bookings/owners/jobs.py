"""The jobs that owners come for: the bar of their pages and the doors of their home.

A job is one entry of ``JOBS``. It is shown to those who have its permission.
"""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Job:
    """One thing that an owner wants to do.

    ``name`` stands in the bar, ``wish`` and ``words`` on the home; ``to`` is the name of an
    address, and every page below ``home`` (by default that address) belongs to the job.
    """

    name: Any
    wish: Any
    words: Any
    to: str
    permission: str
    home: str = ""


@dataclass(frozen=True, slots=True)
class Door:
    """A job as one request sees it."""

    name: str
    wish: str
    words: str
    url: str
    is_here: bool


JOBS = [
    Job(
        name=_("Treatments"),
        wish=_("Edit a page"),
        words=_("Words, photo and order of the treatments."),
        to="admin:services_service_changelist",
        permission="services.change_service",
    ),
    Job(
        name=_("Prices"),
        wish=_("Change prices"),
        words=_("All in one list, old beside new."),
        to="admin:prices",
        permission="services.change_serviceoption",
    ),
    Job(
        name=_("Hours"),
        wish=_("Change hours"),
        words=_("Who works when: everybody’s week, and each one’s."),
        to="admin:bookings_therapist_week",
        permission="bookings.change_therapist",
        home="admin:bookings_therapist_changelist",
    ),
    Job(
        name=_("Add a therapist"),
        wish=_("Add a therapist"),
        words=_("Name, treatments and the week of somebody new."),
        to="admin:bookings_therapist_add",
        permission="bookings.add_therapist",
    ),
    Job(
        name=_("People"),
        wish=_("Invite somebody who works here"),
        words=_("Who signs in, as what; who comes and who leaves."),
        to="admin:auth_user_changelist",
        permission="auth.change_user",
    ),
    Job(
        name=_("Closing days"),
        wish=_("Close the spa for a day"),
        words=_("Days off for everybody or for some, and public holidays."),
        to="admin:bookings_timeoff_close",
        permission="bookings.add_timeoff",
        home="admin:bookings_timeoff_changelist",
    ),
    Job(
        name=_("Health questions"),
        wish=_("Look after the health questions"),
        words=_("What is asked before a booking, and what an answer does."),
        to="admin:services_contraindication_changelist",
        permission="services.change_contraindication",
    ),
    Job(
        name=_("Messages"),
        wish=_("Change what mails say"),
        words=_("Subject and text of each message, with a preview and a test mail."),
        to="admin:bookings_wording_changelist",
        permission="bookings.change_wording",
    ),
    Job(
        name=_("Texts and policies"),
        wish=_("Texts and policies"),
        words=_("Address, booking rules, reminders and agreements."),
        to="admin:services_spaprofile_changelist",
        permission="services.change_spaprofile",
    ),
    Job(
        name=_("Reports"),
        wish=_("See how it goes"),
        words=_("Visits, revenue, clients, and the hours that stay empty."),
        to="admin:reports",
        permission="bookings.view_appointment",
    ),
    Job(
        name=_("Bring in, take out"),
        wish=_("Bring in or take out"),
        words=_("Clients and visits from files, and everything as a file."),
        to="admin:transfer",
        permission="bookings.view_client",
    ),
]


def doors_for(request: HttpRequest) -> list[Door]:
    """Return the jobs that the one who asks may do; no query beyond those for permissions."""
    user: User | AnonymousUser = request.user
    found = [job for job in JOBS if user.has_perm(job.permission)]
    homes = [reverse(job.home or job.to) for job in found]
    # The longest address that the page lies under: adding a therapist is no change of hours.
    here = max((home for home in homes if request.path.startswith(home)), key=len, default="")
    return [
        Door(str(job.name), str(job.wish), str(job.words), reverse(job.to), home == here)
        for job, home in zip(found, homes, strict=True)
    ]
