"""A treatment's page in the owner's hands: draft, preview, public, and two owners at once."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.storage import default_storage
from django.test import Client
from reversion.models import Version

from services.models import Contraindication, Service, SpaProfile
from services.pages import GAP, put_in_order
from services.versions import history
from tests.services.owners_forms import address_of, edit, form_data, opened
from tests.services.test_photos import photo

SERVICES = "/admin/services/service/"


@pytest.fixture
def tui_na(content: SpaProfile) -> Service:
    """Return a public page."""
    return Service.objects.get(slug="tui-na")


@pytest.fixture
def noor(db: None) -> Client:
    """Return the browser of a second owner."""
    user = User.objects.create_user("noor", first_name="Noor", is_staff=True)
    user.groups.add(Group.objects.get(name="Owners"))
    browser = Client()
    browser.force_login(user)
    return browser


def send(client: Client, address: str, data: dict[str, Any], **changes: Any) -> Any:
    return client.post(address, {**data, **changes})


def test_public_page_changes_by_its_own_button_only(owner: Client, tui_na: Service) -> None:
    data = opened(owner, address_of(tui_na))
    for button in ("_save", "_continue", "_publish", "anything"):
        answer = send(owner, address_of(tui_na), data, name="By accident", **{button: "1"})
        assert "Nothing was saved yet. Clients see this page" in answer.content.decode()
        assert 'value="By accident"' in answer.content.decode()
    tui_na.refresh_from_db()
    assert tui_na.name == "Tui Na"
    assert send(owner, address_of(tui_na), data, name="Meant", _live="1").status_code == 302
    tui_na.refresh_from_db()
    assert (tui_na.name, tui_na.status) == ("Meant", "published")


def test_new_page_is_a_draft_until_it_is_published(owner: Client, content: SpaProfile) -> None:
    data = opened(owner, f"{SERVICES}add/")
    category = Service.objects.get(slug="tui-na").category_id
    words = {
        "name": "Foot bath",
        "slug": "foot-bath",
        "category": category,
        "summary": "Warm water.",
        "options-0-minutes": "20",
        "options-0-price": "25",
    }
    made = send(owner, f"{SERVICES}add/", data, **words, _save="1")
    bath = Service.objects.get(slug="foot-bath")
    assert (made.headers["location"], bath.status) == (address_of(bath), "draft")
    assert Client().get("/services/foot-bath/").status_code == 404
    send(owner, address_of(bath), opened(owner, address_of(bath)), _publish="1")
    assert Client().get("/services/foot-bath/").status_code == 200
    notes = [step.version.revision.comment for step in history(bath)]
    assert notes == ["Published: clients see it from now on", ""]


def test_preview_shows_what_is_typed_and_keeps_nothing(owner: Client, tui_na: Service) -> None:
    data = opened(owner, address_of(tui_na))
    option = tui_na.options.first()
    assert option is not None
    before = Version.objects.count()
    preview = send(
        owner,
        f"{SERVICES}{tui_na.pk}/preview/",
        data,
        name="Slow hands",
        slug="slow-hands",
        body='<p>Typed.</p><script>alert("x")</script>',
        photo=photo(),
        photo_alt="Two hands",
        **{"options-0-price": "99"},
    )
    page = preview.content.decode()
    assert preview.status_code == 200
    assert "services/treatment.html" in [one.name for one in preview.templates]
    assert ("<h1>Slow hands</h1>" in page, "Typed." in page, "£99" in page) == (True, True, True)
    assert ("alert(" in page, "data:image/webp;base64," in page) == (False, True)
    assert "Preview: nothing is saved yet." in page
    tui_na.refresh_from_db()
    assert (tui_na.name, tui_na.slug, tui_na.photo.name) == ("Tui Na", "tui-na", "")
    assert tui_na.options.get(pk=option.pk).price == option.price
    assert (Version.objects.count(), default_storage.exists("services")) == (before, False)


def test_preview_of_a_draft_shows_it_as_if_it_were_public(owner: Client, tui_na: Service) -> None:
    Service.objects.update(status="draft")
    data = opened(owner, address_of(tui_na))
    page = send(owner, f"{SERVICES}{tui_na.pk}/preview/", data).content.decode()
    assert ("This is a draft" in page, "Ready when you are" in page) == (False, True)
    new = opened(owner, f"{SERVICES}add/")
    said = send(owner, f"{SERVICES}preview/", new, name="Bath").content.decode()
    assert "This cannot be shown yet" in said
    assert "Summary: This field is required." in said
    tui_na.refresh_from_db()
    assert tui_na.status == "draft"


def test_front_desk_has_no_preview(client: Client, tui_na: Service, dana: User) -> None:
    dana.groups.add(Group.objects.get(name="Front desk"))
    client.force_login(dana)
    for path in ("preview/", f"{tui_na.pk}/preview/", f"{tui_na.pk}/return/1/"):
        assert client.post(f"{SERVICES}{path}").status_code == 403
    for path in ("order/", "withdraw/"):
        assert client.get(f"{SERVICES}{path}").status_code == 403


def test_second_owner_is_told_and_nothing_is_overwritten(
    owner: Client, noor: Client, tui_na: Service
) -> None:
    mine, theirs = opened(owner, address_of(tui_na)), opened(noor, address_of(tui_na))
    send(
        noor,
        address_of(tui_na),
        theirs,
        _live="1",
        name="Tui Na by Noor",
        summary="Noor’s summary.",
        **{"options-0-price": "99", "faqs-0-question": "Noor asks?"},
    )
    answer = send(
        owner, address_of(tui_na), mine, _live="1", summary="My summary.", body="<p>My body.</p>"
    )
    said = answer.content.decode()
    assert "Noor saved this page at" in said
    assert "<strong>You both changed:</strong> summary." in said
    tui_na.refresh_from_db()
    assert (tui_na.summary, tui_na.name) == ("Noor’s summary.", "Tui Na by Noor")
    # The form goes on with her words, and with what only Noor changed.
    form = answer.context["adminform"].form
    assert form["summary"].value() == "My summary."
    assert form["name"].value() == "Tui Na by Noor"
    assert "Noor asks?" in said
    again = edit_again(answer)
    assert send(owner, address_of(tui_na), again, _live="1").status_code == 302
    tui_na.refresh_from_db()
    assert (tui_na.summary, tui_na.body) == ("My summary.", "<p>My body.</p>")
    assert (tui_na.name, tui_na.faqs.filter(question="Noor asks?").count()) == ("Tui Na by Noor", 1)
    assert str(tui_na.options.order_by("minutes")[0].price) == "99.00"


def edit_again(answer: Any) -> dict[str, Any]:
    """Return what the form in ``answer`` would send."""
    data = form_data(answer)
    data["contraindications"] = [getattr(one, "pk", one) for one in data["contraindications"]]
    return data


def test_two_owners_who_change_the_order_only_do_not_meet(
    owner: Client, noor: Client, tui_na: Service
) -> None:
    data = opened(owner, address_of(tui_na))
    noor.post(f"{SERVICES}order/", {"move": f"service-{tui_na.pk}-up"})
    assert send(owner, address_of(tui_na), data, _live="1", name="Mine").status_code == 302


def test_change_from_elsewhere_is_found_too(owner: Client, tui_na: Service) -> None:
    data = opened(owner, address_of(tui_na))
    Service.objects.filter(pk=tui_na.pk).update(summary="By a command")
    answer = send(owner, address_of(tui_na), data, _live="1", name="Mine")
    assert "This page was changed while you were writing" in answer.content.decode()
    tui_na.refresh_from_db()
    assert (tui_na.summary, tui_na.name) == ("By a command", "Tui Na")


def test_history_says_who_changed_which_words_and_leads_back(
    owner: Client, tui_na: Service, django_assert_max_num_queries: Any
) -> None:
    reason = Contraindication.objects.get(slug="asthma")
    reasons = list(opened(owner, address_of(tui_na))["contraindications"])
    edit(
        owner,
        address_of(tui_na),
        summary="Firm hands, kind words.",
        contraindications=[pk for pk in reasons if pk != reason.pk],
        **{"options-0-price": "99", "faqs-0-question": "Another question?"},
    )
    with django_assert_max_num_queries(16):
        page = owner.get(f"{SERVICES}{tui_na.pk}/history/").content.decode()
    for words in ("Summary", "kind words", "£99", reason.name, "olive", "Starting content"):
        assert words in page
    first = Version.objects.get_for_object(tui_na).order_by("pk").first()
    assert first is not None
    before = Service.objects.get(pk=tui_na.pk)
    back = owner.post(f"{SERVICES}{tui_na.pk}/return/{first.pk}/", follow=True)
    assert "The page is as it was on" in back.content.decode()
    tui_na.refresh_from_db()
    assert tui_na.summary != before.summary
    assert not tui_na.options.filter(price=99).exists()
    assert not tui_na.faqs.filter(question="Another question?").exists()
    assert [step.changes == [] for step in history(tui_na)] == [False, False, True]


def test_return_keeps_what_the_health_check_asks(owner: Client, tui_na: Service) -> None:
    added = Contraindication.objects.create(
        slug="new-stop", name="New", question="anything new", severity="stop"
    )
    edit(
        owner,
        address_of(tui_na),
        summary="Firm hands.",
        note_from_everyone=None if tui_na.note_from_everyone else "on",
        contraindications=[added.pk],
    )
    first = Version.objects.get_for_object(tui_na).order_by("pk").first()
    assert first is not None
    page = owner.get(f"{SERVICES}{tui_na.pk}/history/").content.decode()
    assert "What the health check asks stays as it is now." in page
    owner.post(f"{SERVICES}{tui_na.pk}/return/{first.pk}/")
    now = Service.objects.get(pk=tui_na.pk)
    assert now.summary == tui_na.summary
    assert list(now.contraindications.all()) == [added]
    assert now.note_from_everyone is not tui_na.note_from_everyone


def test_history_costs_the_same_with_two_and_five_versions(
    owner: Client, tui_na: Service, django_assert_num_queries: Any
) -> None:
    counted = []
    for number in range(4):
        edit(owner, address_of(tui_na), summary=f"Words {number}.")
        if number in (0, 3):
            with django_assert_num_queries(13):
                counted.append(owner.get(f"{SERVICES}{tui_na.pk}/history/").status_code)
    assert counted == [200, 200]


def test_version_of_another_page_is_not_brought_back(owner: Client, tui_na: Service) -> None:
    other = Service.objects.exclude(pk=tui_na.pk).first()
    assert other is not None
    foreign = Version.objects.get_for_object(other).first()
    assert foreign is not None
    path = f"{SERVICES}{tui_na.pk}/return/{foreign.pk}/"
    assert (owner.post(path).status_code, owner.get(path).status_code) == (404, 405)


def test_return_keeps_an_address_that_another_page_has_by_now(
    owner: Client, tui_na: Service
) -> None:
    edit(owner, address_of(tui_na), slug="tui-na-new")
    other = Service.objects.get(slug="reflexology")
    edit(owner, address_of(other), slug="tui-na")
    first = Version.objects.get_for_object(tui_na).order_by("pk").first()
    assert first is not None
    owner.post(f"{SERVICES}{tui_na.pk}/return/{first.pk}/")
    tui_na.refresh_from_db()
    assert tui_na.slug == "tui-na-new"


def test_risky_words_are_saved_and_named(owner: Client, tui_na: Service) -> None:
    data = opened(owner, address_of(tui_na))
    answer = owner.post(
        address_of(tui_na), {**data, "_live": "1", "summary": "A detox for you."}, follow=True
    )
    page = answer.content.decode()
    assert "Saved all the same; please look again at: detox." in page
    assert "No massage has been shown to take poisons out of the body" in page
    tui_na.refresh_from_db()
    assert tui_na.summary == "A detox for you."


def test_menu_is_put_in_order_by_button_and_by_number(owner: Client, content: SpaProfile) -> None:
    def order() -> list[str]:
        massage = Service.objects.filter(category__slug="massage")
        return list(massage.order_by("position").values_list("slug", flat=True))

    first, second, third = order()[:3]
    key = Service.objects.get(slug=second).pk
    moved = owner.post(f"{SERVICES}order/", {"move": f"service-{key}-up"})
    assert moved.headers["location"] == f"{SERVICES}order/#service-{key}"
    assert order()[:3] == [second, first, third]
    keys = {slug: Service.objects.get(slug=slug).pk for slug in (first, second, third)}
    owner.post(
        f"{SERVICES}order/",
        {
            f"service-{keys[third]}": "1",
            f"service-{keys[first]}": "2",
            f"service-{keys[second]}": "3",
        },
    )
    assert order()[:3] == [third, first, second]


def test_order_leaves_words_that_were_saved_meanwhile(tui_na: Service) -> None:
    tui_na.position = 5
    tui_na.save()
    Service.objects.filter(pk=tui_na.pk).update(summary="Firm hands.", slug="tui")
    put_in_order(rows=[tui_na])
    now = Service.objects.get(pk=tui_na.pk)
    assert (now.summary, now.slug, now.position) == ("Firm hands.", "tui", GAP)


@pytest.mark.parametrize(
    "sent",
    [
        {"move": "service-99999999999999-up"},
        {"move": "☃-up"},
        {"move": "service-1-sideways"},
        {"service-1": "-5", "category-1": "1e999"},
        {"service-1": "9" * 400},
    ],
)
def test_hostile_order_changes_nothing(
    sent: dict[str, str], owner: Client, content: SpaProfile
) -> None:
    def order() -> list[str]:
        return list(Service.objects.values_list("slug", flat=True))

    before = order()
    assert owner.post(f"{SERVICES}order/", sent).status_code == 302
    assert order() == before


@pytest.mark.parametrize("ids", ["", "0", "x", "1,2,☃", "9" * 30, "-1", "1" * 9])
def test_hostile_withdrawal_is_not_found(ids: str, owner: Client, content: SpaProfile) -> None:
    Service.objects.update(status="draft")
    assert owner.get(f"{SERVICES}withdraw/", {"ids": ids}).status_code == 404
    assert owner.post(f"{SERVICES}withdraw/?ids={ids}").status_code == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"seen": "9" * 50},
        {"seen": "'; --"},
        {"options-TOTAL_FORMS": "x"},
        {"options-0-minutes": "9" * 60},
        {"options-0-id": "99999999999999999999"},
        {"category": "x"},
        {"contraindications": ["x", "99999999999999999999"]},
        {"name": "\u202e\x00" * 20},
        {"buffer_after_minutes": "1e99"},
    ],
)
def test_hostile_forms_never_fail(
    changes: dict[str, Any], owner: Client, noor: Client, tui_na: Service
) -> None:
    data = opened(owner, address_of(tui_na))
    edit(noor, address_of(tui_na), summary="Noor was here.")
    for path in (address_of(tui_na), f"{SERVICES}{tui_na.pk}/preview/"):
        assert send(owner, path, {**data, **changes}, _live="1").status_code == 200
    tui_na.refresh_from_db()
    assert tui_na.summary == "Noor was here."
