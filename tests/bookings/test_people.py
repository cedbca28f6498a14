"""Those who work here are invited by mail, let in once, let go, and let in again."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.test import Client as Browser

from bookings import actions
from bookings.actions import invitations
from bookings.actions.placing import lock_diary
from bookings.models import Appointment, Event, Invitation, Room, Therapist
from bookings.staff import CannotLeave, LastOwner, let_go
from services.models import SpaProfile
from tests.bookings.conftest import NOW, at
from tests.bookings.race.harness import at_once, tally, wait_for_a_lock
from tests.bookings.staff_pages import PASSWORD, browser_of, login_of, said, words
from tests.conftest import MailServer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

LIST = "/admin/auth/user/"
NEW = "heron-and-reed"


@pytest.fixture
def owner(olive: User, spa: SpaProfile) -> Browser:
    return browser_of(olive)


def sent(*roles: str, **more: str) -> dict[str, Any]:
    groups = [str(group.pk) for group in Group.objects.filter(name__in=roles)]
    return {"first_name": "Tomas", "email": "tomas@qi-spa.example", "groups": groups, **more}


def text_of(letter: EmailMessage) -> str:
    part = letter.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def link_of(letter: EmailMessage) -> str:
    found = re.search(r"https?://[^/]+(/accounts/welcome/\S+)", text_of(letter))
    assert found
    return found[1]


@pytest.fixture
def tomas(owner: Browser, smtp: MailServer) -> User:
    """Somebody new at the desk, who has his mail."""
    owner.post(f"{LIST}add/", sent("Front desk"))
    smtp.wait_for(1)
    return User.objects.get(first_name="Tomas")


# --- Invited ------------------------------------------------------------------------------------


def test_somebody_new_is_invited_by_mail_and_comes_in_once(
    owner: Browser, smtp: MailServer
) -> None:
    answer = owner.post(f"{LIST}add/", sent("Front desk"))
    assert said(answer)[0] == (
        "Tomas is invited: the mail to tomas@qi-spa.example is on its way. Its link opens for a "
        "week."
    )
    letter = smtp.wait_for(1)[0]
    assert letter["Subject"] == "Your login for Qi Massage & Natural Healing Spa"
    link, his = link_of(letter), Browser()
    assert len(link.split("/")[-2]) == 32
    assert "Welcome, Tomas" in words(his.get(link))
    assert Invitation.objects.live(NOW).exists()

    came = his.post(link, {"password1": NEW, "password2": NEW})
    assert (came.status_code, came["Location"]) == (302, "/desk/")
    assert his.get("/desk/").status_code == 200
    assert User.objects.get(first_name="Tomas").check_password(NEW)
    assert Browser().get(link).status_code == 410
    assert Browser().post(link, {"password1": NEW, "password2": NEW}).status_code == 410


def test_the_way_in_leads_to_ones_own_work(owner: Browser, smtp: MailServer) -> None:
    owner.post(f"{LIST}add/", sent("Therapists", treats_as="new"))
    therapist = Therapist.objects.get()
    assert (therapist.name, therapist.email) == ("Tomas", "tomas@qi-spa.example")
    came = Browser().post(link_of(smtp.wait_for(1)[0]), {"password1": NEW, "password2": NEW})
    assert came["Location"] == "/therapist/"


def test_a_passkey_can_take_the_place_of_a_password(tomas: User, smtp: MailServer) -> None:
    his = Browser()
    came = his.post(link_of(smtp.messages[0]), {"way": "passkey"})
    assert came["Location"] == "/accounts/2fa/webauthn/add/"
    # No question for a password that he does not have.
    assert his.get(came["Location"]).status_code == 200
    assert not User.objects.get(pk=tomas.pk).has_usable_password()


@pytest.mark.parametrize(
    ("first", "second", "complaint"),
    [
        ("", "", "Please enter your password."),
        (NEW, "other-words", "You must type the same password each time."),
        ("abc", "abc", "This password is too short."),
        ("12345678901", "12345678901", "This password is entirely numeric."),
    ],
)
def test_a_password_that_will_not_do_is_explained_and_the_link_stays(
    first: str, second: str, complaint: str, tomas: User, smtp: MailServer
) -> None:
    link = link_of(smtp.messages[0])
    answer = Browser().post(link, {"password1": first, "password2": second})
    assert answer.status_code == 200
    assert complaint in words(answer)
    assert Browser().get(link).status_code == 200


def test_a_later_invitation_takes_the_place_of_the_earlier(
    owner: Browser, tomas: User, smtp: MailServer
) -> None:
    owner.post(f"{LIST}{tomas.pk}/invite/")
    first, second = (link_of(letter) for letter in smtp.wait_for(2))
    assert Browser().get(first).status_code == 410
    assert Browser().get(second).status_code == 200
    owner.post(f"{LIST}{tomas.pk}/withdraw/")
    assert Browser().get(second).status_code == 410


def test_an_invitation_taken_back_shuts_every_other_door_too(
    owner: Browser, tomas: User, smtp: MailServer
) -> None:
    owner.post(f"{LIST}{tomas.pk}/withdraw/")
    his = Browser()
    his.post("/accounts/login/code/", {"email": tomas.email})
    his.post("/accounts/password/reset/", {"email": tomas.email})
    told = {letter["Subject"] for letter in smtp.wait_for(3)[1:]}
    assert told == {"Nobody signs in with this address"}
    # Asked again, he is let in after all.
    owner.post(f"{LIST}{tomas.pk}/return/")
    owner.post(f"{LIST}{tomas.pk}/invite/")
    assert Browser().get(link_of(smtp.wait_for(4)[-1])).status_code == 200


def test_a_link_that_lies_in_a_wrong_mailbox_opens_nothing(
    owner: Browser, tomas: User, smtp: MailServer
) -> None:
    link = link_of(smtp.messages[0])
    right = sent("Front desk", email="thomas@qi-spa.example")
    answer = owner.post(f"{LIST}{tomas.pk}/change/", right)
    assert any(one.startswith("The link in the mail to the former address") for one in said(answer))
    assert Browser().get(link).status_code == 410
    owner.post(f"{LIST}{tomas.pk}/invite/")
    second = smtp.wait_for(2)[1]
    assert second["To"] == "thomas@qi-spa.example"
    assert Browser().get(link_of(second)).status_code == 200


def test_a_calendar_address_does_not_pass_on_with_the_therapist(
    owner: Browser, mia: Therapist, noor: Therapist
) -> None:
    hers = login_of(mia)
    feed = actions.renew_feed(therapist=mia, now=NOW)
    same = sent("Therapists", first_name="Mia", email=hers.email, treats_as=str(mia.pk))
    owner.post(f"{LIST}{hers.pk}/change/", same)
    assert mia.feeds.filter(revoked_at=None).exists()
    owner.post(f"{LIST}{hers.pk}/change/", {**same, "treats_as": str(noor.pk)})
    assert not mia.feeds.filter(revoked_at=None).exists()
    assert Therapist.objects.get(pk=noor.pk).user == hers
    assert feed


def test_an_invitation_runs_out_after_a_week(
    owner: Browser, tomas: User, smtp: MailServer, clock: time_machine.Traveller
) -> None:
    link = link_of(smtp.messages[0])
    clock.shift(timedelta(days=6, hours=23))
    assert Browser().get(link).status_code == 200
    clock.shift(timedelta(hours=2))
    assert Browser().get(link).status_code == 410
    assert "Invitation ran out" in words(browser_of(User.objects.get(username="olive")).get(LIST))


def test_only_a_hash_of_the_key_is_kept(tomas: User, smtp: MailServer) -> None:
    key = link_of(smtp.messages[0]).split("/")[-2]
    stored = Invitation.objects.values_list("key_hash", flat=True).get()
    assert key not in stored
    assert len(stored) == 64


def test_the_list_says_who_is_invited_works_here_and_has_left(
    owner: Browser, tomas: User, dana: User, smtp: MailServer
) -> None:
    def standing_of(user: User) -> str:
        row = re.search(rf"<tr>(?:(?!</tr>).)*/{user.pk}/change/.*?</tr>", page, re.S)
        assert row
        cell = re.search(r'class="field-standing">(.*?)<', row[0])
        assert cell
        return cell[1]

    page = owner.get(LIST).content.decode()
    assert (standing_of(tomas), standing_of(dana)) == ("Invited", "Works here")
    Browser().post(link_of(smtp.messages[0]), {"password1": NEW, "password2": NEW})
    owner.post(f"{LIST}{dana.pk}/leave/")
    page = owner.get(LIST).content.decode()
    assert (standing_of(tomas), standing_of(dana)) == ("Works here", "Has left")
    # Who has been in needs no invitation.
    assert said(owner.post(f"{LIST}{tomas.pk}/invite/")) == ["Tomas has been in already."]


def test_a_mail_that_cannot_be_sent_is_told_and_sent_later(
    owner: Browser, smtp: MailServer
) -> None:
    smtp.refuse = True
    answer = owner.post(f"{LIST}add/", sent("Front desk"))
    assert said(answer)[0].startswith("Tomas has a login now, but the mail to tomas@")
    smtp.refuse = False
    owner.post(f"{LIST}{User.objects.get(first_name='Tomas').pk}/invite/")
    assert Browser().get(link_of(smtp.wait_for(1)[0])).status_code == 200


def test_an_address_that_is_known_is_explained(owner: Browser, dana: User) -> None:
    again = sent("Front desk", email="Dana@qi-spa.example")
    assert "dana has this address already." in words(owner.post(f"{LIST}add/", again))
    owner.post(f"{LIST}{dana.pk}/leave/")
    assert "open her page and let her come back" in words(owner.post(f"{LIST}add/", again))
    assert User.objects.count() == 2


# --- Leaving ------------------------------------------------------------------------------------


def test_who_leaves_is_out_at_once_with_sessions_feed_and_invitation(
    owner: Browser, mia: Therapist, olive: User, spa: SpaProfile
) -> None:
    hers = Browser()
    user = login_of(mia)
    hers.post("/accounts/login/", {"login": "mia", "password": PASSWORD})
    feed = actions.renew_feed(therapist=mia, now=NOW)
    invitation = invitations.invite(user=user, by=olive, now=NOW)
    address = f"/therapist/calendar/{feed}/mia.ics"
    assert hers.get("/therapist/").status_code == 200
    calendar = next(
        one
        for one in (address, f"/therapist/calendar/{feed}.ics", f"/therapist/calendar/{feed}/")
        if Browser().get(one).status_code == 200
    )
    answer = owner.post(f"{LIST}{user.pk}/leave/")
    assert said(answer) == ["Mia is signed out everywhere and cannot sign in any more."]
    assert hers.get("/therapist/").status_code == 302
    assert Browser().get(calendar).status_code == 404
    assert Browser().get(f"/accounts/welcome/{invitation}/").status_code == 410
    refused = Browser().post("/accounts/login/", {"login": "mia", "password": PASSWORD})
    assert refused["Location"] == "/accounts/inactive/"
    assert not Therapist.objects.get(pk=mia.pk).active

    # Back again: she signs in anew, and what was open stays shut.
    owner.post(f"{LIST}{user.pk}/return/")
    assert hers.get("/therapist/").status_code == 302
    assert Browser().get(calendar).status_code == 404
    assert (
        Browser().post("/accounts/login/", {"login": "mia", "password": PASSWORD}).status_code
        == 302
    )
    assert Therapist.objects.get(pk=mia.pk).active


def test_the_visits_of_who_leaves_are_listed_first_and_kept_in_sight(
    owner: Browser, mia: Therapist, fern: Room, book: Callable[..., Appointment]
) -> None:
    visit, user = book(at(10), therapist=mia), login_of(mia)
    page = words(owner.get(f"{LIST}{user.pk}/leave/"))
    assert "1 booked visit would have no place" in page
    assert "Let her go, then move 1 visit" in page
    assert Therapist.objects.get(pk=mia.pk).active
    answer = owner.post(f"{LIST}{user.pk}/leave/", follow=True)
    assert answer.redirect_chain[0][0] == "/desk/to-move/"
    assert "Cleo" in words(answer)
    assert Event.objects.filter(appointment=visit, kind="stranded").exists()


def test_nobody_switches_herself_off_and_the_last_owner_stays(
    owner: Browser, olive: User, spa: SpaProfile
) -> None:
    answer = owner.post(f"{LIST}{olive.pk}/leave/")
    assert said(answer) == ["This is your own login. Another owner can switch it off."]
    lower = sent("Front desk", first_name="Olive", email=olive.email)
    answer = owner.post(f"{LIST}{olive.pk}/change/", lower)
    assert "This is the last owner. Make somebody else an owner first." in words(answer)
    assert User.objects.get(pk=olive.pk).groups.get().name == "Owners"


def test_only_owners_let_people_come_and_go(owner: Browser, dana: User, mia: Therapist) -> None:
    dana.is_staff = True
    dana.save()
    user = login_of(mia)
    for browser in (browser_of(dana), browser_of(user)):
        for step in ("invite", "withdraw", "leave", "return"):
            answer = browser.post(f"{LIST}{user.pk}/{step}/")
            assert answer.status_code in (302, 403)
    assert User.objects.get(pk=user.pk).is_active
    root = User.objects.create_superuser("root")
    assert owner.post(f"{LIST}{root.pk}/leave/").status_code == 404
    assert EmailAddress.objects.filter(user=dana).exists()


@pytest.mark.race
@pytest.mark.xdist_group("race")
@pytest.mark.django_db(transaction=True)
def test_two_owners_who_switch_each_other_off_leave_one(olive: User, spa: SpaProfile) -> None:
    other = User.objects.create_user("oscar")
    other.groups.add(Group.objects.get(name="Owners"))

    def switch_off(user: User, by: User) -> Callable[[], Any]:
        return lambda: let_go(user=user, by=by, spa=spa, now=NOW)

    results = at_once([switch_off(olive, other), switch_off(other, olive)])
    assert tally(results) == {"dict": 1, LastOwner.__name__: 1}
    assert issubclass(LastOwner, CannotLeave)
    assert User.objects.filter(is_active=True).count() == 1


@pytest.mark.race
@pytest.mark.xdist_group("race")
@pytest.mark.django_db(transaction=True)
def test_an_owner_at_the_desk_waits_for_no_other_who_lets_somebody_go(
    olive: User, mia: Therapist, fern: Room, book: Callable[..., Appointment], spa: SpaProfile
) -> None:
    """Who lets go has the owners and waits for the diary; who has the diary writes who she is."""
    visit, user = book(at(10), therapist=mia), login_of(mia)

    def let_her_go() -> Any:
        try:
            return let_go(user=user, by=olive, spa=spa, now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            lock_diary(therapists=[mia.pk], rooms=[fern.pk])
            gone = other.submit(let_her_go)
            wait_for_a_lock()
            actions.cancel_appointment(appointment=visit, by=actions.staff(olive), spa=spa, now=NOW)
        assert gone.result() == {}
    assert not User.objects.get(pk=user.pk).is_active


@pytest.mark.race
@pytest.mark.xdist_group("race")
@pytest.mark.django_db(transaction=True)
def test_one_link_lets_one_in(olive: User, dana: User) -> None:
    key = invitations.invite(user=dana, by=olive, now=NOW)
    jobs = [
        lambda: invitations.accept_invitation(key=key, password="", now=NOW) for _tap in range(6)
    ]
    assert tally(at_once(jobs)) == {"User": 1, "InvitationOver": 5}
