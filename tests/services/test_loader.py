"""Loading the starting content: once per piece, all or nothing, and never over an owner's hand."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from services.loader import STARTING_CONTENT, ContentError, load_content
from services.models import (
    Category,
    Contraindication,
    Faq,
    LoadedContent,
    Service,
    ServiceOption,
    SpaProfile,
)

pytestmark = pytest.mark.django_db

PROFILE = """
name = "Test Spa"
address = "1 Quiet Lane"
phone = "+442079460018"
email = "hello@spa.example"
emergency_number = "999"
country = "GB"
time_zone = "Europe/London"
minimum_notice_hours = 2
booking_horizon_days = 60
cancellation_notice_hours = 24
story = "<p>Hello.</p>"
getting_here = "<p>By bus.</p>"
booking_policy = "<p>Book.</p>"
privacy_policy = "<p>Private.</p>"
accessibility_statement = "<p>For all.</p>"
health_consent = "I agree."
booking_consent = "I agree."
"""
CATEGORIES = """
[[category]]
slug = "massage"
name = "Massage"
"""
FEVER = """
[[contraindication]]
slug = "fever"
name = "Fever"
group = "acute"
severity = "stop"
care = "doctor"
question = "a fever"
why = "You need rest."
advice = "Come when you are well."
"""
CLOT = FEVER.replace("fever", "clot").replace("Fever", "Clot")
RELAX = """
slug = "relax"
name = "Relax"
category = "massage"
summary = "An hour of rest."
contraindications = ["fever"]
[[option]]
minutes = 60
price = "70.00"
[[faq]]
question = "Does it hurt?"
answer = "<p>No.</p>"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with one piece of each kind."""
    (tmp_path / "services").mkdir()
    (tmp_path / "profile.toml").write_text(PROFILE)
    (tmp_path / "categories.toml").write_text(CATEGORIES)
    (tmp_path / "contraindications.toml").write_text(FEVER)
    (tmp_path / "services/relax.toml").write_text(RELAX)
    (tmp_path / "services/relax.html").write_text("<h2>What it is</h2>")
    return tmp_path


def run(folder: Path) -> str:
    said = StringIO()
    call_command("load_content", folder=folder, stdout=said)
    return said.getvalue().strip()


def add_to(folder: Path, name: str, text: str) -> None:
    with (folder / name).open("a") as file:
        file.write(text)


def change(folder: Path, name: str, before: str, after: str) -> None:
    text = (folder / name).read_text()
    assert before in text
    (folder / name).write_text(text.replace(before, after))


def test_every_kind_of_piece_is_loaded(folder: Path) -> None:
    said = run(folder)
    assert said == (
        "Loaded 4 pieces of starting content "
        "(profile: 1, category: 1, contraindication: 1, service: 1)."
    )
    service = Service.objects.get()
    assert SpaProfile.load().name == "Test Spa"
    assert (service.name, service.category.slug, service.status, service.body) == (
        "Relax",
        "massage",
        "published",
        "<h2>What it is</h2>",
    )
    assert [(one.minutes, str(one.price)) for one in service.options.all()] == [(60, "70.00")]
    assert [one.question for one in service.faqs.all()] == ["Does it hurt?"]
    assert [one.slug for one in service.contraindications.all()] == ["fever"]


def test_second_run_changes_nothing_and_says_so(folder: Path) -> None:
    run(folder)
    before = Service.objects.get().updated_at
    assert run(folder) == (
        "Nothing to load: every piece of the starting content was loaded before."
    )
    assert Service.objects.get().updated_at == before
    assert LoadedContent.objects.count() == 4


def test_what_an_owner_edited_stays_as_she_left_it(folder: Path) -> None:
    run(folder)
    SpaProfile.objects.update(name="Olive's Spa")
    Service.objects.update(name="Olive's hour", status="draft")
    ServiceOption.objects.update(price="99.00")
    Contraindication.objects.update(severity="clearance")
    run(folder)
    service = Service.objects.get()
    assert SpaProfile.load().name == "Olive's Spa"
    assert (service.name, service.status) == ("Olive's hour", "draft")
    assert str(ServiceOption.objects.get().price) == "99.00"
    assert Contraindication.objects.get().severity == "clearance"


def test_what_an_owner_deleted_stays_away(folder: Path) -> None:
    run(folder)
    Faq.objects.all().delete()
    Service.objects.all().delete()
    Contraindication.objects.all().delete()
    Category.objects.all().delete()
    run(folder)
    assert not Service.objects.exists()
    assert not Contraindication.objects.exists()
    assert not Category.objects.exists()


def test_row_that_an_owner_made_under_the_same_name_is_hers(folder: Path) -> None:
    Category.objects.create(slug="massage", name="Olive's massages")
    run(folder)
    assert Category.objects.get().name == "Olive's massages"


def test_piece_that_comes_with_an_update_is_loaded(folder: Path) -> None:
    run(folder)
    (folder / "services/sleep.toml").write_text(RELAX.replace('slug = "relax"', 'slug = "sleep"'))
    (folder / "services/sleep.html").write_text("<p>Sleep.</p>")
    assert run(folder) == "Loaded 1 piece of starting content (service: 1)."
    assert set(Service.objects.values_list("slug", flat=True)) == {"relax", "sleep"}


def test_new_contraindication_reaches_the_treatments_it_was_written_for(folder: Path) -> None:
    run(folder)
    Service.objects.get().contraindications.clear()
    add_to(folder, "contraindications.toml", CLOT)
    change(folder, "services/relax.toml", '["fever"]', '["fever", "clot"]')
    run(folder)
    assert [one.slug for one in Service.objects.get().contraindications.all()] == ["clot"]


def test_all_means_every_contraindication_of_the_file(folder: Path) -> None:
    add_to(folder, "contraindications.toml", CLOT)
    change(folder, "services/relax.toml", '["fever"]', '"all"')
    run(folder)
    assert {one.slug for one in Service.objects.get().contraindications.all()} == {"fever", "clot"}


def test_treatment_of_a_deleted_category_is_left_out_and_named(folder: Path) -> None:
    run(folder)
    Service.objects.all().delete()
    Category.objects.all().delete()
    LoadedContent.objects.filter(key="service:relax").delete()
    assert "Left out service:relax: its category was deleted." in run(folder)
    Category.objects.create(slug="massage", name="Massage")
    assert run(folder) == "Loaded 1 piece of starting content (service: 1)."


def test_rich_text_is_cleaned_on_the_way_in(folder: Path) -> None:
    (folder / "services/relax.html").write_text('<p onclick="x()">Hi<script>alert(1)</script></p>')
    run(folder)
    assert Service.objects.get().body == "<p>Hi</p>"


@pytest.mark.django_db(transaction=True)
def test_two_servers_that_start_together_load_each_piece_once(folder: Path) -> None:
    def load(_number: int) -> int:
        try:
            return len(load_content(folder).loaded)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        loaded = list(pool.map(load, range(2)))
    assert sorted(loaded) == [0, 4]


@pytest.mark.parametrize(
    ("name", "before", "after", "message"),
    [
        ("profile.toml", '"Test Spa"', '"Test', "profile.toml: Illegal character"),
        ("profile.toml", "Europe/London", "Europe/Londn", "profile.toml: time_zone: Choose a zone"),
        ("profile.toml", 'country = "GB"', "", "profile.toml: country: This field cannot be blank"),
        ("categories.toml", "name", "nome", "categories.toml: massage: nome: there is no such key"),
        ("categories.toml", 'slug = "massage"', "", "categories.toml: slug: every piece needs one"),
        (
            "contraindications.toml",
            '"stop"',
            '"halt"',
            "contraindications.toml: fever: severity: Value 'halt' is not a valid choice",
        ),
        (
            "contraindications.toml",
            'why = "You',
            'follow_up = "Bad?"\nwhy = "You',
            "contraindications.toml: fever: follow_up_severity: A follow-up question and its",
        ),
        (
            "contraindications.toml",
            'why = "You',
            'areas = "neck"\nwhy = "You',
            "contraindications.toml: fever: ",
        ),
        (
            "services/relax.toml",
            '"massage"',
            '"masage"',
            "services/relax.toml: category: 'masage' is not in categories.toml",
        ),
        (
            "services/relax.toml",
            '["fever"]',
            '["feaver"]',
            "services/relax.toml: contraindications: feaver: not in contraindications.toml",
        ),
        (
            "services/relax.toml",
            '["fever"]',
            "true",
            'services/relax.toml: contraindications: a list of keys, or "all"',
        ),
        (
            "services/relax.toml",
            "minutes = 60",
            "minutes = 61",
            "services/relax.toml: option 1: minutes: Ensure this value is a multiple of",
        ),
        (
            "services/relax.toml",
            '"70.00"',
            '"seventy"',
            "services/relax.toml: option 1: price: “seventy” value must be a decimal number",
        ),
        (
            "services/relax.toml",
            '[[option]]\nminutes = 60\nprice = "70.00"',
            "",
            "services/relax.toml: option: at least one [[option]] table is needed",
        ),
    ],
)
def test_bad_data_is_named_by_file_and_key_and_nothing_is_loaded(
    folder: Path, name: str, before: str, after: str, message: str
) -> None:
    change(folder, name, before, after)
    with pytest.raises(CommandError) as wrong:
        run(folder)
    assert str(wrong.value).startswith(f"The starting content was not loaded. {message}")
    assert not SpaProfile.objects.exists()
    assert not LoadedContent.objects.exists()


@pytest.mark.parametrize(
    "name", ["profile.toml", "categories.toml", "contraindications.toml", "services/relax.html"]
)
def test_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ContentError) as wrong:
        load_content(folder)
    assert str(wrong.value) == f"{name}: this file is missing."


def test_key_that_stands_twice_is_named(folder: Path) -> None:
    add_to(folder, "contraindications.toml", FEVER)
    with pytest.raises(ContentError) as wrong:
        load_content(folder)
    assert str(wrong.value) == "contraindications.toml: fever: this key stands here twice."


def test_folder_without_treatments_is_an_error(folder: Path) -> None:
    shutil.rmtree(folder / "services")
    with pytest.raises(ContentError) as wrong:
        load_content(folder)
    assert str(wrong.value) == "services/: there is no treatment to load."


def test_starting_content_of_the_project_survives_its_own_cleaning(content: SpaProfile) -> None:
    lead = Service.objects.get(slug="lymphatic-drainage-massage")
    written = (STARTING_CONTENT / "services/lymphatic-drainage-massage.html").read_text()
    assert lead.body == written.strip()
    assert lead.body.count("<tr>") == written.count("<tr>") > 5


def test_starting_content_leads_with_lymphatic_drainage(content: SpaProfile) -> None:
    published = Service.objects.published()
    assert published[0].slug == "lymphatic-drainage-massage"
    assert published.count() >= 7
    assert all(service.contraindications.exists() for service in published)
