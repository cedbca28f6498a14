"""Everybody who can type a text types hostile words into it, each through the form that she has."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import time_machine
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.urls import reverse

from bookings import actions
from bookings.models import Appointment, Client, Room, Therapist, TimeOff
from services.models import Contraindication, Service, SpaProfile
from tests.bookings.access_world import World
from tests.bookings.client_pages import DETAILS, choose, pass_health
from tests.bookings.conftest import at
from tests.bookings.hostile import hostile, rich, short
from tests.bookings.staff_pages import browser_of, desk_url, login_of
from tests.bookings.therapist_pages import own_url
from tests.services.owners_forms import address_of, edit

ADDRESS = "'/onerror=zqx/{{zqx}}{%zqx%}&lt@example.com"
# A name in quotation marks may have angle brackets. No form takes it; an older record may have it.
OLDER_ADDRESS = '"<img/src=zqx/onerror=zqx()>"@example.com'
NOTHING = sha256(b"").hexdigest()
WORDING = {
    "subject": short("subject") + " {when}",
    "preheader": short("preheader"),
    "heading": short("heading"),
    "greeting": short("greeting") + " {name}",
    "text": short("text") + "\r\n\r\n{therapist} {treatment}",
    "below": short("below"),
    "after": "0",
}


@dataclass(frozen=True)
class Cast:
    """Who types, and what there is to type into."""

    spa: SpaProfile
    lymph: Service
    mia: Therapist
    noor: Therapist
    dana: User
    olive: User

    @cached_property
    def owner(self) -> Browser:
        """Olive's browser."""
        return browser_of(self.olive)

    @cached_property
    def desk(self) -> Browser:
        """Dana's browser."""
        return browser_of(self.dana)


def done(answer: Any) -> Any:
    """The answer of a form that took what was typed; else what it complains of."""
    page = answer.content.decode()
    told = re.findall(r'class="(?:errorlist|errornote|invalid-feedback).*?</', page, re.DOTALL)
    assert answer.status_code == 302, told
    return answer


def book(
    service: Service, hour: int, days: int = 2, said: Mapping[str, str] | None = None
) -> Appointment:
    """Book with a name, an address, a note and an answer that are hostile."""
    browser = Browser()
    choose(browser, at(hour, days=days), service.slug)
    done(pass_health(browser, service, said))
    page = browser.get(reverse("bookings:details", args=[service.slug]))
    sent = {
        "name": f"={hostile('name')}",
        "email": ADDRESS,
        "phone": "020 7946 0001",
        "note": hostile("note"),
        "consent": "on",
        "hold": str(page.context["hold"].reference),
    }
    done(browser.post(DETAILS, sent))
    return Appointment.objects.booked().latest("pk")


def owners_type(cast: Cast) -> None:
    """Olive writes the menu, the spa, the questions, the letters and the names."""
    owner, asthma = cast.owner, Contraindication.objects.get(slug="asthma")
    words = {"name": "condition", "why": "why", "advice": "advice", "sources": "sources"}
    asked = {field: hostile(label) for field, label in words.items()}
    done(edit(owner, address_of(asthma), **asked, question=short("asked"), detail=short("detail")))
    texts = {"body": "body", "preparation": "preparation", "aftercare": "aftercare"}
    page = {field: rich(label) for field, label in texts.items()}
    lines = {"name": "service", "discreet_name": "discreet", "summary": "summary"}
    page |= {field: short(label) for field, label in lines.items()}
    faqs = {"faqs-TOTAL_FORMS": "1", "faqs-0-position": "1"}
    faqs |= {"faqs-0-question": short("faq"), "faqs-0-answer": rich("reply")}
    done(edit(owner, address_of(cast.lymph), **page, **faqs, title=short("title")))
    texts = {"story": "story", "getting_here": "here", "privacy_policy": "privacy"}
    spa = {field: rich(label) for field, label in texts.items()}
    lines = {
        "name": "spa",
        "tagline": "tagline",
        "address": "address",
        "opening_summary": "opening",
        "health_consent": "consent",
        "booking_consent": "agreement",
    }
    spa |= {field: short(label) for field, label in lines.items()}
    done(edit(owner, address_of(cast.spa), **spa))


def owners_name(cast: Cast) -> str:
    """Olive names people and rooms, writes a letter, closes a day, signs, and brings a file.

    Returns the address of the page that shows what is in the file.
    """
    owner = cast.owner
    room = Room.objects.get()
    change = "/admin/bookings/{}/{}/change/".format
    done(edit(owner, change("room", room.pk), name=short("room")))
    names = {"name": short("therapist"), "introduction": hostile("introduction")}
    done(edit(owner, change("therapist", cast.mia.pk), **names))
    user = change("user", cast.dana.pk).replace("bookings", "auth")
    done(edit(owner, user, first_name=short("first"), last_name=short("last")))
    done(owner.post("/admin/bookings/wording/confirmation/", {**WORDING, "_save": "1"}))
    closed = {"who": str(cast.noor.pk), "first_day": "2026-12-01", "reason": hostile("closed")}
    done(owner.post("/admin/bookings/timeoff/close/", closed))
    sign = "/admin/services/contraindication/sign-off/"
    signed = {
        "name": hostile("signer"),
        "profession": short("profession"),
        "note": hostile("remark"),
    }
    version = owner.get(sign).context["form"].version
    done(owner.post(sign, {**signed, "signed_on": "2026-11-20", "read": "on", "version": version}))
    # A file's name loses what stands before a slash.
    file = (
        f'name,email,phone,note\n"{short("imported").replace(chr(34), chr(34) * 2)}",,,"=cmd|x"\n'
    )
    theirs = SimpleUploadedFile(f"{short('file')}.csv".replace("/", "|"), file.encode(), "text/csv")
    return str(done(owner.post("/admin/transfer/clients/", {"file": theirs}))["Location"])


def client_types(visit: Appointment) -> None:
    """Cleo calls a visit off, and says why."""
    address = reverse("bookings:visit_cancel", args=[actions.issue_visit_link(visit)])
    done(Browser().post(address, {"sequence": visit.sequence, "reason": hostile("calledoff")}))


def desk_types(cast: Cast, visit: Appointment, request: Appointment, other: Appointment) -> TimeOff:
    """Dana notes, blocks, books outside hours, decides and cancels, always with a text."""
    desk = cast.desk
    assert visit.client is not None
    done(desk.post(desk_url("note", visit), {"was": NOTHING, "note": hostile("desknote")}))
    edited = reverse("bookings:desk_client_edit", args=[visit.client.pk])
    form = desk.get(edited).context["form"]
    sent = {name: form[name].value() or "" for name in form.fields}
    done(desk.post(edited, {**sent, "note": hostile("record")}))
    block = {"therapist": cast.mia.pk, "first_day": "2026-11-27", "first_time": "10:00"}
    done(desk.post("/desk/time-off/new/", {**block, "length": "60", "reason": hostile("off")}))
    decided = {"decision": "decline", "note": hostile("decision"), "sequence": request.sequence}
    done(desk.post(desk_url("decide", request), decided))
    why = {"reason": hostile("deskreason"), "sequence": other.sequence, "tell": "on"}
    done(desk.post(desk_url("cancel", other), why))
    return TimeOff.objects.get(reason__startswith="off-")


def therapist_types(browser: Browser, visit: Appointment) -> None:
    """Mia writes down what she did."""
    done(browser.post(own_url("note", visit), {"text": hostile("treatment"), "seen": ""}))


def told(cast: Cast, clock: time_machine.Traveller) -> tuple[World, dict[str, str]]:
    """Tell the whole story; returns its world, and who sees what no table lists, by address."""
    owners_type(cast)
    asthma = {"tick-asthma": "on", "detail-asthma": hostile("answer")}
    heart = {"tick-heart-disease": "on"}
    visit = book(cast.lymph, 10, said=asthma)
    request, declined = (
        book(cast.lymph, 12, said=heart),
        book(cast.lymph, 14, said=heart),
    )
    cancelled, called_off = book(cast.lymph, 9, 3), book(cast.lymph, 11, 3)
    past = book(cast.lymph, 11, 0)
    users = {
        "dana": cast.dana,
        "olive": cast.olive,
        "mia": login_of(cast.mia),
        "noor": login_of(cast.noor),
    }
    world = World(cast.spa, visit, request, cast.mia, users)
    file = owners_name(cast)
    world.time_off = desk_types(cast, visit, declined, cancelled)
    client_types(called_off)
    clock.move_to(at(12, days=0))
    actions.mark_completed(appointment=past, by=actions.SYSTEM, now=at(12, days=0))
    therapist_types(world.browser("mia"), past)
    Client.objects.filter(email=ADDRESS).update(email=OLDER_ADDRESS)
    histories = {desk_url("appointment", one): "olive" for one in (cancelled, called_off, past)}
    treated = {own_url("visit", one): "olive" for one in (declined, past)}
    return world, {file: "olive", **histories, **treated}
