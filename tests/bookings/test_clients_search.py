"""Finding a client by whatever the desk types."""

import time
from collections.abc import Iterable
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from bookings.clients import _exactly, _parts, find_clients, last_visits
from bookings.models import Client, Room, Therapist
from services.models import ServiceOption
from tests.bookings.conftest import at
from tests.bookings.race.harness import tell
from tests.bookings.rows import make_appointment
from tests.bookings.staff_pages import browser_of

pytestmark = pytest.mark.django_db


def make(name: str, email: str = "", phone: str = "", **more: Any) -> Client:
    return Client.objects.create(name=name, email=email, phone=phone, **more)


@pytest.fixture
def people() -> dict[str, Client]:
    rows = [
        make("Cleo Hart", "cleo@example.com", "+447700900123"),
        make("Zoë Müller", "zoe.m@example.net", "+447700900456"),
        make("Otto Łukasz", "otto@example.com", "+4915112345678"),
        make("Søren O’Neil", "soren@example.org", ""),
        make("Anna Cleohart", "", "+390612345678"),
    ]
    return {row.name.split()[0]: row for row in rows}


def names(found: Iterable[Client]) -> list[str]:
    return [one.name for one in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Cleo", ["Cleo Hart", "Anna Cleohart"]),
        ("hart cleo", ["Cleo Hart", "Anna Cleohart"]),
        ("HART, CLEO", ["Cleo Hart", "Anna Cleohart"]),
        ("zoe muller", ["Zoë Müller"]),
        ("Zoë Muller", ["Zoë Müller"]),
        ("zoe\u0308 mu\u0308ller", ["Zoë Müller"]),
        ("ＺＯＥ", ["Zoë Müller"]),
        ("lukasz", ["Otto Łukasz"]),
        ("soren", ["Søren O’Neil"]),
        ("mü", ["Zoë Müller"]),
        ("z", ["Zoë Müller"]),
        ("cleo@example.com", ["Cleo Hart"]),
        ("example.net", ["Zoë Müller"]),
        ("otto@", ["Otto Łukasz"]),
    ],
)
def test_a_client_is_found_by_name_and_mail(
    text: str, expected: list[str], people: dict[str, Client]
) -> None:
    assert names(find_clients(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "07700900123",
        "0770 090 0123",
        "+44 (0)7700 900123",
        "+44(0)7700 900 123",
        "0044 7700 900123",
        "+447700900123",
        "07700-900-123",
        "(07700) 900.123",
        "7700900123",
        "0123",
        "900123",
        "cleo 0123",
        "0123 hart",
    ],
)
def test_a_client_is_found_by_her_number_in_any_spelling(
    text: str, people: dict[str, Client]
) -> None:
    assert names(find_clients(text)) == ["Cleo Hart"]


def test_a_number_that_keeps_its_zero_abroad_is_found(people: dict[str, Client]) -> None:
    assert names(find_clients("06 1234 5678")) == ["Anna Cleohart"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clio", "Cleo Hart"),
        ("celo", "Cleo Hart"),
        ("kleo", "Cleo Hart"),
        ("cloe hart", "Cleo Hart"),
        ("cleo heart", "Cleo Hart"),
        ("zoe mueller", "Zoë Müller"),
        ("zoe miller", "Zoë Müller"),
        ("oneil", "Søren O’Neil"),
        ("sorren", "Søren O’Neil"),
        ("lukaz", "Otto Łukasz"),
        ("cleo@exmaple.com", "Cleo Hart"),
    ],
)
def test_a_slip_is_forgiven(text: str, expected: str, people: dict[str, Client]) -> None:
    assert expected in names(find_clients(text))


@pytest.mark.parametrize("text", ["xavier", "hans zimmer", "99999999", "cleo zimmer", "q@q.q"])
def test_somebody_unknown_is_not_found(text: str, people: dict[str, Client]) -> None:
    assert find_clients(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "%",
        "_",
        "%%%%",
        "\\",
        "'; DROP TABLE bookings_client; --",
        '"',
        "\x00",
        "cl\x00eo%",
        "\ud800",
        "x" * 10_000,
        "0" * 10_000,
        "9" * 10_000,
        "a b c d e f g h i j",
        "🌿🌿🌿",
        "((((",
        "+",
        "(0)",
        "\u202eoelc",
        "．％＿＼",
    ],
)
def test_hostile_texts_find_nobody(text: str, people: dict[str, Client]) -> None:
    assert find_clients(text) == []


def test_signs_of_a_pattern_stand_for_themselves() -> None:
    odd, _plain = make("Zed 100% Ann_Lee\\"), make("Ann 1000 Annalee/")
    for text in ("100%", "ann_", "ann_lee\\"):
        assert find_clients(text)[0] == odd


def test_a_name_that_begins_so_leads_then_words_then_the_rest_then_slips() -> None:
    for name in ("Karlanna", "Hanna", "Bea Anna", "Anna Zed", "Amna"):
        make(name)
    assert names(find_clients("anna")) == ["Anna Zed", "Bea Anna", "Hanna", "Karlanna", "Amna"]


def test_among_equals_whoever_came_last_leads(
    mia: Therapist, fern: Room, hour: ServiceOption
) -> None:
    never, once, lately, called_off = (make(f"Ann {letter}") for letter in "ABCD")
    for client, start, status in (
        (once, at(10, days=-9), "completed"),
        (lately, at(10, days=-2), "completed"),
        (lately, at(10, days=-20), "completed"),
        (called_off, at(12, days=-1), "cancelled"),
    ):
        make_appointment(hour, mia, fern, start, client=client, status=status)
    found = find_clients("ann")
    assert found == [lately, once, never, called_off]
    assert [one.last_visit_at for one in found] == [  # type: ignore[attr-defined]
        at(10, days=-2),
        at(10, days=-9),
        None,
        None,
    ]


def test_the_next_visit_is_told_before_later_and_earlier_ones(
    clock: time_machine.Traveller, mia: Therapist, fern: Room, hour: ServiceOption, dana: User
) -> None:
    client = make("Ann Due")
    for start, status in (
        (at(10, days=-7), "completed"),
        (at(10, days=0), "confirmed"),
        (at(10, days=7), "confirmed"),
    ):
        make_appointment(hour, mia, fern, start, client=client, status=status)
    for moment, search, clients in (
        (at(8, days=0), "visit today, 10:00", "booked for today, 10:00"),
        (at(10, 20, days=0), "visit today, 10:00", "today, 10:00"),
        (at(12, days=0), "visit Monday 30 November, 10:00", "for Monday 30 November, 10:00"),
        (at(12, days=8), "visit Monday 30 November<", "Monday 30 November"),
    ):
        clock.move_to(moment)
        desk = browser_of(dana)
        found = desk.get("/desk/book/client/", {"q": "ann due"}).content.decode()
        assert search in found
        listed = desk.get("/desk/clients/", {"q": "ann due"}).content.decode()
        assert clients in listed


def test_a_merged_record_leads_to_the_kept_one_once(people: dict[str, Client]) -> None:
    kept = people["Cleo"]
    make("Cleo H.", "old@example.com", "+447700900999", merged_into=kept)
    assert find_clients("old@example.com") == [kept]
    assert find_clients("0999") == [kept]
    assert find_clients("cleo h") == [kept]


def test_no_more_are_found_than_asked_for() -> None:
    for number in range(12):
        make(f"Ann {number:02}")
    assert names(find_clients("ann", limit=3)) == ["Ann 00", "Ann 01", "Ann 02"]
    assert len(find_clients("ann")) == 8


def test_a_search_takes_the_same_queries_for_few_and_for_many(
    people: dict[str, Client], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    # The second count: a savepoint, the threshold, the search for slips, the savepoint's end.
    with django_assert_num_queries(5):
        find_clients("cleo")
    for number in range(9):
        make(f"Cleo {number}", merged_into=people["Zoë"])
        make(f"Cleo Nr {number}")
    with django_assert_num_queries(1):
        find_clients("cleo")


def test_the_latest_treatments_come_once_each(
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    hour: ServiceOption,
    cleo: Client,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    first = make_appointment(hour, mia, fern, at(10, days=-30), client=cleo, status="completed")
    with_noor = make_appointment(hour, noor, fern, at(10, days=-9), client=cleo, status="completed")
    latest = make_appointment(hour, mia, fern, at(10, days=-2), client=cleo, status="completed")
    make_appointment(hour, mia, fern, at(12, days=-1), client=cleo, status="cancelled")
    with django_assert_num_queries(1):
        assert last_visits(cleo) == [latest, with_noor]
    assert last_visits(cleo, limit=1) == [latest]
    assert first not in last_visits(cleo)


SYLLABLES = ["ma", "ri", "ta", "no", "el", "sa", "ko", "li", "be", "du", "ven", "har", "tom", "jo"]


def _name(number: int) -> str:
    """One of some thousand names, each of two words that can be said."""
    first = "".join(SYLLABLES[number // 14**place % 14] for place in range(3))
    last = "".join(SYLLABLES[number * 7 // 14**place % 14] for place in range(4))
    return f"{first.capitalize()} {last.capitalize()}"


@pytest.fixture
def many() -> int:
    count = 20_000
    Client.objects.bulk_create(
        [
            Client(
                name=_name(number),
                email=f"{_name(number).replace(' ', '.').lower()}{number}@example.com",
                phone=f"+4477009{number:05}",
            )
            for number in range(count)
        ],
        batch_size=2000,
    )
    # What autovacuum does soon after so many inserts.
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list('client_by_search_text')")
        cursor.execute("ANALYZE bookings_client")
    return count


def test_a_search_among_very_many_uses_the_index(many: int) -> None:
    for text in ("marita hartom", "+44 7700 912345", "12345", "ken", "zo"):
        plan = _exactly(_parts(text)).explain()
        assert "client_by_search_text" in plan, text
        assert "Seq Scan on bookings_client" not in plan, text
        started = time.perf_counter()
        find_clients(text)
        tell(f"{text!r} among {many}: {1000 * (time.perf_counter() - started):.0f} ms")
