"""Addresses that look like slips are asked about and never refused."""

import pytest

from bookings.forms.contact import ContactForm, likely_address
from services.models import SpaProfile


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("cleo@gmial.com", "cleo@gmail.com"),
        ("cleo@gmal.com", "cleo@gmail.com"),
        ("cleo@gmail.co", "cleo@gmail.com"),
        ("cleo@gmail.con", "cleo@gmail.com"),
        ("cleo@GMAIL.CON", "cleo@gmail.com"),
        ("Cleo.Hart+spa@gmai.com", "Cleo.Hart+spa@gmail.com"),
        ("cleo@hotmial.co.uk", "cleo@hotmail.co.uk"),
        ("cleo@outlok.com", "cleo@outlook.com"),
        ("cleo@yaho.com", "cleo@yahoo.com"),
        ("cleo@btinternet.con", "cleo@btinternet.com"),
        ("cleo@hart-and-sons.couk", "cleo@hart-and-sons.co.uk"),
        ("cleo@hart.vom", "cleo@hart.com"),
        ("cleo@gmail", "cleo@gmail.com"),
    ],
)
def test_a_likely_slip_is_seen(typed: str, meant: str) -> None:
    assert likely_address(typed) == meant


@pytest.mark.parametrize(
    "address",
    [
        "",
        "@",
        "cleo",
        "@gmail.com",
        "cleo@",
        "cleo@gmail.com",
        "cleo@GMAIL.com",
        "cleo@mail.com",
        "cleo@email.com",
        "cleo@ymail.com",
        "cleo@ao.com",
        "cleo@example.com",
        "cleo@qi-spa.example",
        "cleo@hart.co",
        "cleo@gmx.de",
        "x" * 10_000,
        "cleo@" + "g" * 10_000 + ".com",
        "\x00@gmail\x00.com",
        "🌿@🌿.🌿",
    ],
)
def test_a_sound_address_is_left_alone(address: str) -> None:
    assert likely_address(address) == ""


def form(spa: SpaProfile, **sent: str) -> ContactForm:
    return ContactForm({"name": "Cleo", **sent}, spa=spa)


def test_a_slip_is_asked_about_once(spa: SpaProfile) -> None:
    first = form(spa, email="cleo@gmial.com")
    assert first.errors == {
        "email": ["Did you mean cleo@gmail.com? If it is right as it stands, just go on."]
    }
    again = form(spa, email="cleo@gmial.com", address_asked=first.typed_address)
    assert again.is_valid()
    assert again.cleaned_data["email"] == "cleo@gmial.com"


def test_another_slip_is_asked_about_anew(spa: SpaProfile) -> None:
    assert not form(spa, email="cleo@gmal.com", address_asked="cleo@gmial.com").is_valid()


def test_what_was_meant_is_taken_by_a_button(spa: SpaProfile) -> None:
    taken = form(spa, email="cleo@gmail", use_address="cleo@gmail.com")
    assert taken.is_valid()
    assert taken.cleaned_data["email"] == "cleo@gmail.com"
    assert taken["email"].value() == "cleo@gmail.com"


def test_the_button_takes_nothing_but_what_was_meant(spa: SpaProfile) -> None:
    forged = form(spa, email="cleo@gmial.com", use_address="otto@evil.example")
    assert not forged.is_valid()
    assert forged["email"].value() == "cleo@gmial.com"


def test_only_the_name_is_a_must(spa: SpaProfile) -> None:
    assert form(spa).is_valid()
    assert form(spa, name=" \u202e ").errors == {"name": ["Please enter a name."]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "x" * 121),
        ("email", "cleo"),
        ("email", "cleo\x00@example.com"),
        ("email", f"{'x' * 250}@example.com"),
        ("phone", "call me"),
        ("phone", "1" * 10_000),
        ("phone", "0770 090"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_one_sentence(
    name: str, value: str, spa: SpaProfile
) -> None:
    refused = form(spa, **{name: value})
    assert [*refused.errors] == [name]
    assert len(refused.errors[name]) == 1
    assert refused[name].value() == value


def test_the_fields_work_under_a_prefix(spa: SpaProfile) -> None:
    sent = {"new-name": "Cleo", "new-email": "cleo@gmial.com", "new-address_asked": "x"}
    assert ContactForm(sent, prefix="new", spa=spa).meant == "cleo@gmail.com"
    sent["new-use_address"] = "cleo@gmail.com"
    taken = ContactForm(sent, prefix="new", spa=spa)
    assert taken.is_valid()
    assert taken.cleaned_data["email"] == "cleo@gmail.com"
