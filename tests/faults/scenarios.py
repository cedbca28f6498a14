"""The faults, each with everything due at once, and what came of it."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.house import House

DAY = 24 * 3600


@dataclass(frozen=True, slots=True)
class Figures:
    """What one fault did to ``messages``: ``most_twice`` may come twice, as each was in flight."""

    fault: str
    messages: int
    delivered: int
    duplicates: int
    most_twice: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.fault}: {self.messages} messages, {self.delivered} delivered, "
            f"{self.duplicates} twice (at most {self.most_twice}), {self.seconds:.1f} s"
        )


def calm(house: House) -> int:
    """Nothing fails; two beats and three workers are at it at once."""
    return 0


def workers_killed(house: House, *, kills: int = 20) -> int:
    """Workers are killed at random while they send."""
    count = house.ask("SELECT count(*) FROM bookings_message")
    for number in range(kills):
        reached = count * (number + random.random()) / (kills + 1)
        house.wait_until(lambda reached=reached: len(house.sink.taken) >= reached)  # type: ignore[misc]
        time.sleep(random.uniform(0, 0.02))
        house.kill_somebody()
    return kills


def broker_emptied_and_restarted(house: House) -> int:
    """Valkey forgets everything, and is gone for a moment."""
    house.empty_broker()
    house.valkey.stop()
    house.valkey.start()
    house.empty_broker()
    return 0


def database_restarted(house: House) -> int:
    """PostgreSQL ends every session and is gone for a moment."""
    house.postgres.stop()
    house.postgres.start()
    return 0


def mail_server_away(house: House) -> int:
    """The mail server drops its lines and is gone for a while."""
    house.sink.close_door()
    time.sleep(3)
    house.sink.open_door()
    # Each worker may have handed one over whose answer was cut off.
    return len(house.workers)


def mail_server_stalls(house: House) -> int:
    """The mail server says nothing more until it is restarted."""
    house.sink.is_stalling = True
    time.sleep(3)
    house.sink.close_door()
    house.sink.is_stalling = False
    house.sink.open_door()
    return len(house.workers)


def every_third_refused(house: House) -> int:
    """The mail server refuses every third mail for now."""
    house.sink.refuses_every_third = True
    half = house.ask("SELECT count(*) FROM bookings_message") // 2
    house.wait_until(lambda: len(house.sink.taken) >= half)
    house.sink.refuses_every_third = False
    return 0


def clock_moved(house: House) -> int:
    """The clock goes forward by a day, and back."""
    house.set_clock(ahead=DAY)
    half = house.ask("SELECT count(*) FROM bookings_message") // 2
    house.wait_until(lambda: len(house.sink.taken) >= half)
    house.kill_somebody()
    house.set_clock(ahead=0)
    return 1


Fault = Callable[[House], int]
FAULTS: list[Fault] = [
    calm,
    workers_killed,
    broker_emptied_and_restarted,
    database_restarted,
    mail_server_away,
    mail_server_stalls,
    every_third_refused,
    clock_moved,
]


def run(house: House, fault: Fault, *, name: str = "", seconds: float = 120) -> Figures:
    """Make everything due, let ``fault`` happen amid it, and wait until everything is settled."""
    count = house.make_due()
    begun = time.monotonic()
    house.wait_until(lambda: len(house.sink.taken) >= count / 20)
    most_twice = fault(house)
    house.wait_until(lambda: house.waiting() == 0, seconds)
    return Figures(
        fault=name or fault.__name__.replace("_", " "),
        messages=count,
        delivered=len(house.sink.taken),
        duplicates=house.sink.taken.total() - len(house.sink.taken),
        most_twice=most_twice,
        seconds=time.monotonic() - begun,
    )
