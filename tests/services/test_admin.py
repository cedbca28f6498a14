"""The admin of the menu: what owners can do, and what is kept from harm."""

import re
from io import BytesIO
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from services.models import Category, Contraindication, LoadedContent, Service, SpaProfile
from tests.services.owners_forms import address_of, edit

SIGN_OFF = "This list is not signed off."
SERVICES = "/admin/services/service/"
REASONS = "/admin/services/contraindication/"


@pytest.mark.parametrize("model", ["service", "category", "contraindication"])
def test_owner_finds_each_list_and_form(owner: Client, model: str) -> None:
    listed = owner.get(f"/admin/services/{model}/")
    assert listed.status_code == 200
    row = listed.context["cl"].result_list[0]
    assert owner.get(address_of(row)).status_code == 200
    assert owner.get(f"/admin/services/{model}/add/").status_code == 200


def test_list_of_treatments_shows_the_offered_prices(owner: Client) -> None:
    service = Service.objects.get(slug="lymphatic-drainage-massage")
    service.options.filter(minutes=90).update(active=False)
    text = owner.get(SERVICES).content.decode()
    assert '<td class="field-prices">£62, £78</td>' in text


def test_list_of_treatments_costs_the_same_for_one_and_for_all(
    owner: Client, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(10):
        owner.get(SERVICES)
    Service.objects.exclude(slug="tui-na").delete()
    with django_assert_num_queries(10):
        owner.get(SERVICES)


def test_owner_edits_a_treatment_and_clients_see_it(owner: Client) -> None:
    service = Service.objects.get(slug="tui-na")
    response = edit(owner, address_of(service), name="Tui na for all", body="<p>New words.</p>")
    assert response.status_code == 302
    page = owner.get("/services/tui-na/").content.decode()
    assert ("Tui na for all" in page, "New words." in page) == (True, True)
    assert service.contraindications.count() > 10


def test_hostile_text_from_a_form_is_cleaned(owner: Client) -> None:
    service = Service.objects.get(slug="tui-na")
    edit(owner, address_of(service), body='<p onclick="x()">Hi<script>alert(1)</script></p>')
    service.refresh_from_db()
    assert service.body == "<p>Hi</p>"


def test_owner_withdraws_and_publishes_treatments(owner: Client) -> None:
    service = Service.objects.get(slug="tui-na")
    before = service.updated_at
    chosen = {"_selected_action": [service.pk]}
    asked = owner.post(SERVICES, {"action": "unpublish", **chosen}, follow=True)
    assert "No coming visit is booked." in asked.content.decode()
    said = owner.post(asked.redirect_chain[-1][0], follow=True)
    assert "1 treatment is a draft now." in said.content.decode()
    service.refresh_from_db()
    assert (service.status, service.updated_at > before) == ("draft", True)
    said = owner.post(SERVICES, {"action": "publish", **chosen}, follow=True)
    assert "1 treatment is public now." in said.content.decode()
    service.refresh_from_db()
    assert service.status == "published"


def picture() -> SimpleUploadedFile:
    content = BytesIO()
    Image.new("RGB", (640, 480), "green").save(content, "PNG")
    return SimpleUploadedFile("hands.png", content.getvalue(), "image/png")


def test_photo_of_a_treatment_is_shown_with_its_words(owner: Client) -> None:
    service = Service.objects.get(slug="tui-na")
    edit(owner, address_of(service), photo=picture(), photo_alt="Two hands on a back")
    page = owner.get("/services/tui-na/").content.decode()
    [address] = re.findall(r'<img class="treatment__photo" src="([^"]+)"[^>]+alt="Two hands', page)
    response = owner.get(address)
    assert (response.status_code, response.headers["content-type"]) == (200, "image/webp")
    response.close()


def test_photo_without_words_is_refused(owner: Client) -> None:
    service = Service.objects.get(slug="tui-na")
    response = edit(owner, address_of(service), photo=picture())
    assert "Say in a few words what the photo shows." in response.content.decode()


@pytest.mark.parametrize(
    ("path", "status"),
    [("../secrets.json", 400), ("%2e%2e/secrets.json", 400), ("none.png", 404), ("", 404)],
)
def test_only_photos_are_served(
    client: Client, content: SpaProfile, path: str, status: int
) -> None:
    assert client.get(f"/media/services/{path}").status_code == status


@pytest.mark.parametrize("path", [REASONS, f"{REASONS}add/"])
def test_sign_off_notice_stands_over_the_contraindications(owner: Client, path: str) -> None:
    assert SIGN_OFF in owner.get(path).content.decode()


def test_sign_off_notice_stands_over_each_contraindication(owner: Client) -> None:
    fever = Contraindication.objects.get(slug="fever-or-infection")
    assert SIGN_OFF in owner.get(address_of(fever)).content.decode()


def test_contraindications_are_listed_in_the_order_of_asking(owner: Client) -> None:
    listed = owner.get(REASONS).context["cl"].result_list
    groups = list(dict.fromkeys(one.group for one in listed))
    assert groups == ["red_flags", "acute", "heart", "history", "body", "you"]


@pytest.mark.parametrize(
    "query",
    [
        "severity__exact=urgent",
        "group__exact=red_flags",
        "active__exact=1&severity__exact=urgent",
        "q=chest+pain",
    ],
)
def test_contraindications_can_be_narrowed_down(owner: Client, query: str) -> None:
    listed = owner.get(f"{REASONS}?{query}").context["cl"].result_list
    assert 0 < len(listed) < Contraindication.objects.count()
    assert "chest-pain-or-collapse" in {one.slug for one in listed}


def test_owner_ticks_the_areas_to_avoid(owner: Client) -> None:
    asthma = Contraindication.objects.get(slug="asthma")
    response = edit(owner, address_of(asthma), areas=["neck", "chest"])
    assert response.status_code == 302
    asthma.refresh_from_db()
    assert asthma.areas == ["neck", "chest"]


def test_follow_up_that_is_not_stricter_is_refused(owner: Client) -> None:
    fever = Contraindication.objects.get(slug="fever-or-infection")
    response = edit(owner, address_of(fever), follow_up_severity="adapt")
    assert "This must be stricter than the first severity." in response.content.decode()
    fever.refresh_from_db()
    assert fever.follow_up_severity == "urgent"


def test_profile_is_one_form_without_add_and_delete(owner: Client) -> None:
    listed = owner.get("/admin/services/spaprofile/")
    assert listed.headers["location"] == "/admin/services/spaprofile/1/change/"
    assert owner.get("/admin/services/spaprofile/add/").status_code == 403
    assert owner.post("/admin/services/spaprofile/1/delete/", {"post": "yes"}).status_code == 403
    assert "Delete" not in owner.get(listed.headers["location"]).content.decode()


def test_owner_edits_the_profile(owner: Client, content: SpaProfile) -> None:
    response = edit(
        owner,
        address_of(content),
        phone_0="GB",
        phone="+442079460999",
        time_zone="Europe/Lisbon",
        reminder_lead_hours="24,2",
    )
    assert response.status_code == 302
    content.refresh_from_db()
    assert (content.phone.as_e164, content.time_zone, content.reminder_lead_hours) == (
        "+442079460999",
        "Europe/Lisbon",
        [24, 2],
    )


@pytest.mark.parametrize("hours", ["two days", "48; 3", "48, soon", "0", "2.5", "99999999999"])
def test_hours_that_are_none_are_explained(hours: str, owner: Client, content: SpaProfile) -> None:
    response = edit(owner, address_of(content), reminder_lead_hours=hours)
    assert response.context["adminform"].form.errors["reminder_lead_hours"] == [
        "Hours as whole numbers, separated by commas, such as 48, 3."
    ]


def test_every_field_of_the_profile_can_be_edited() -> None:
    shown = {
        name
        for _, options in admin.site.get_model_admin(SpaProfile).fieldsets or []
        for name in options["fields"]
    }
    # The version of the consent follows its words by itself.
    by_itself = {"id", "health_consent_version"}
    assert shown == {one.name for one in SpaProfile._meta.fields} - by_itself


@pytest.mark.parametrize("model", [Service, Contraindication])
def test_every_field_of_a_row_can_be_edited(model: type[Service] | type[Contraindication]) -> None:
    shown = {
        name
        for _, options in admin.site.get_model_admin(model).fieldsets or []
        for name in options["fields"]
    }
    fields = {one.name for one in [*model._meta.fields, *model._meta.many_to_many]}
    # The buttons set whether a page is public, and the order has a page of its own; the treatments
    # that ask about a reason stand in their own table.
    elsewhere = {"id", "status", "position"} if model is Service else {"id"}
    assert shown - {"seen", "found_as", "rooms", "services"} == fields - elsewhere


def test_each_field_of_the_profile_says_what_it_does(owner: Client, content: SpaProfile) -> None:
    form = owner.get(address_of(content)).context["adminform"].form
    shown = {name: form.fields[name] for name in form.fields if not form[name].is_hidden}
    assert [name for name, field in shown.items() if not str(field.help_text)] == []


def test_loaders_memory_is_not_in_the_admin() -> None:
    assert not admin.site.is_registered(LoadedContent)


def test_front_desk_cannot_edit_the_menu(client: Client, content: SpaProfile, dana: User) -> None:
    dana.groups.add(Group.objects.get(name="Front desk"))
    client.force_login(dana)
    for path in [SERVICES, REASONS, "/admin/services/spaprofile/", "/admin/services/category/"]:
        assert client.get(path).status_code == 403


def test_category_with_treatments_is_not_deleted(owner: Client) -> None:
    category = Category.objects.get(slug="massage")
    owner.post(f"/admin/services/category/{category.pk}/delete/", {"post": "yes"})
    assert Category.objects.filter(pk=category.pk).exists()


def test_only_pages_with_the_editor_allow_its_one_inline_script(owner: Client) -> None:
    service = Service.objects.get(slug="tui-na")
    page = owner.get(address_of(service))
    [nonce] = re.findall(
        r"script-src 'self' 'nonce-([^']+)'", page.headers["content-security-policy"]
    )
    [importmap] = re.findall(r'<script type="importmap" nonce="([^"]+)"', page.content.decode())
    assert importmap == nonce
    for path in [SERVICES, REASONS, "/services/tui-na/"]:
        policy = owner.get(path).headers["content-security-policy"]
        assert ("nonce-" in policy, "unsafe" in policy) == (False, False)
