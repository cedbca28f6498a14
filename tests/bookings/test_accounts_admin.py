"""Owners keep the logins of those who work here."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.test import Client as Browser

from bookings.models import Therapist
from services.models import SpaProfile
from tests.bookings.second_factors import put_lock_on
from tests.bookings.staff_pages import browser_of, login_of
from tests.conftest import MailServer

pytestmark = pytest.mark.django_db

LIST = "/admin/auth/user/"


@pytest.fixture
def owner(olive: User, spa: SpaProfile) -> Browser:
    return browser_of(olive)


def sent(*roles: str, **more: str) -> dict[str, Any]:
    groups = [str(group.pk) for group in Group.objects.filter(name__in=roles)]
    return {
        "first_name": "Tomas",
        "email": "Tomas@qi-spa.example",
        "groups": groups,
        **more,
    }


def words_of(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def test_somebody_new_signs_in_by_a_code_from_the_first_day(
    owner: Browser, smtp: MailServer
) -> None:
    owner.post(f"{LIST}add/", sent("Front desk"))
    tomas = User.objects.get(email="tomas@qi-spa.example")
    assert (tomas.username, tomas.is_staff, tomas.is_superuser) == (tomas.email, False, False)
    assert not tomas.has_usable_password()
    assert EmailAddress.objects.get(user=tomas).verified
    Browser().post("/accounts/login/code/", {"email": tomas.email})
    assert smtp.wait_for(2)[1]["Subject"] == "Your code to sign in"


def test_roles_decide_who_comes_into_the_owners_pages(owner: Browser) -> None:
    owner.post(f"{LIST}add/", sent("Owners"))
    tomas = User.objects.get(first_name="Tomas")
    assert tomas.is_staff
    owner.post(f"{LIST}{tomas.pk}/change/", sent("Therapists"))
    tomas.refresh_from_db()
    assert not tomas.is_staff
    assert list(tomas.groups.values_list("name", flat=True)) == ["Therapists"]


@pytest.mark.parametrize("email", ["dana@qi-spa.example", "DANA@qi-spa.example", "dana", ""])
def test_an_address_that_cannot_be_hers_is_refused(email: str, owner: Browser, dana: User) -> None:
    answer = owner.post(f"{LIST}add/", sent(email=email))
    assert answer.status_code == 200
    assert not User.objects.filter(first_name="Tomas").exists()


def test_a_lost_phone_locks_nobody_out_for_good(
    owner: Browser, dana: User, smtp: MailServer
) -> None:
    put_lock_on(dana)
    assert "icon-yes" in owner.get(LIST).content.decode()
    chosen = {"action": "take_second_lock_off", "_selected_action": [dana.pk]}
    answer = owner.post(LIST, chosen)
    assert words_of(answer)[0].startswith("The second lock of 1 login is off.")
    assert not Authenticator.objects.exists()
    letter = smtp.wait_for(1)[0]
    assert (letter["To"], letter["Subject"]) == (
        dana.email,
        "The second lock of your login is off",
    )


def test_owners_do_not_touch_superusers_nor_passwords(owner: Browser, dana: User) -> None:
    root = User.objects.create_superuser("root", email="root@qi-spa.example")
    assert "root@qi-spa.example" not in owner.get(LIST).content.decode()
    assert owner.get(f"{LIST}{root.pk}/change/").status_code == 302
    put_lock_on(root)
    owner.post(LIST, {"action": "take_second_lock_off", "_selected_action": [root.pk]})
    assert Authenticator.objects.filter(user=root).exists()
    owner.post(f"{LIST}{dana.pk}/change/", sent(email=dana.email, is_superuser="on"))
    assert not User.objects.get(pk=dana.pk).is_superuser
    path = f"{LIST}{dana.pk}/password/"
    taken = {"password1": "heron-and-reed", "password2": "heron-and-reed"}
    assert owner.get(path).status_code == 403
    assert owner.post(path, taken).status_code == 403
    assert owner.post(f"{LIST}{dana.pk}/delete/", {"post": "yes"}).status_code == 403


def test_nobody_but_an_owner_keeps_logins(dana: User, mia: Therapist, spa: SpaProfile) -> None:
    dana.is_staff = True
    dana.save()
    for user in (dana, login_of(mia)):
        browser = browser_of(user)
        assert browser.get(LIST).status_code in (302, 403)
        assert browser.post(f"{LIST}add/", sent("Owners")).status_code in (302, 403)
    assert not User.objects.filter(first_name="Tomas").exists()


@pytest.mark.parametrize(
    "path", ["mfa/authenticator/", "account/emailaddress/", "usersessions/usersession/"]
)
def test_secrets_have_no_page_in_the_admin(path: str, spa: SpaProfile) -> None:
    browser = browser_of(User.objects.create_superuser("root"))
    assert browser.get(f"/admin/{path}").status_code == 404
    assert browser.get(LIST).status_code == 200


def test_the_list_costs_the_same_for_one_and_for_many(
    owner: Browser, django_assert_max_num_queries: Any
) -> None:
    owner.get(LIST)
    with django_assert_max_num_queries(100) as one:
        owner.get(LIST)
    for number in range(5):
        User.objects.create_user(f"u{number}").groups.add(Group.objects.get(name="Owners"))
    with django_assert_max_num_queries(100) as many:
        owner.get(LIST)
    assert len(many) == len(one)
