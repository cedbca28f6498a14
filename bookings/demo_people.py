"""Who works at, and who comes to, the demo spa. Nobody here is real."""

import unicodedata
from dataclasses import dataclass
from datetime import time

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(7)


@dataclass(frozen=True)
class Shift:
    """Hours on some weekdays; ``from_day`` and ``until_day`` count from today."""

    weekdays: tuple[int, ...]
    starts: time
    ends: time
    pause: tuple[time, time] | None = None
    from_day: int | None = None
    until_day: int | None = None


@dataclass(frozen=True)
class DemoTherapist:
    """One therapist of the demo."""

    name: str
    introduction: str
    colour: str
    services: tuple[str, ...]
    shifts: tuple[Shift, ...]


@dataclass(frozen=True)
class Off:
    """Time off, in days from today; without a therapist the whole spa is closed."""

    therapist: str
    first_day: int
    starts: time
    last_day: int
    ends: time
    reason: str


LYMPH = "lymphatic-drainage-massage"
TALK = "lymphatic-consultation"
QI = "qi-balance-massage"
DEEP = "deep-tissue-massage"
STONES = "hot-stone-massage"
PREGNANCY = "pregnancy-massage"
HEAD = "head-neck-shoulder-release"
FACE = "facial-massage-gua-sha"
BREATH = "guided-breath-rest"
FEET = "reflexology"
TUI_NA = "tui-na"

ROOMS = {
    "Fern": (LYMPH, TALK, PREGNANCY, QI),
    "Moss": (LYMPH, QI, DEEP, TUI_NA, HEAD),
    "Willow": (LYMPH, PREGNANCY, QI, FACE, HEAD),
    "Pebble": (STONES, DEEP, QI, TUI_NA),
    "Reed": (TALK, FACE, BREATH, FEET, HEAD),
}

THERAPISTS = (
    DemoTherapist(
        "Mia",
        "Trained in manual lymphatic drainage; works slowly and explains every step.",
        "#2f6f62",
        (LYMPH, TALK, PREGNANCY, QI),
        (
            Shift(
                (MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY),
                time(9),
                time(17),
                (time(12, 30), time(13, 15)),
            ),
        ),
    ),
    DemoTherapist(
        "Noor",
        "Light hands for lymphatic drainage and for tired faces.",
        "#8a5a83",
        (LYMPH, TALK, FACE, BREATH, HEAD),
        (
            Shift(
                (TUESDAY, WEDNESDAY, FRIDAY, SATURDAY),
                time(10),
                time(18, 30),
                (time(14), time(14, 45)),
            ),
            # From the week after next her Thursdays start late.
            Shift((THURSDAY,), time(10), time(18, 30), (time(14), time(14, 45)), until_day=7),
            Shift((THURSDAY,), time(13), time(19), (time(16), time(16, 30)), from_day=8),
        ),
    ),
    DemoTherapist(
        "Tomasz",
        "Firm, patient work on backs and shoulders.",
        "#a4622b",
        (DEEP, STONES, QI, HEAD),
        (
            Shift(
                (MONDAY, WEDNESDAY, FRIDAY, SATURDAY),
                time(11),
                time(19),
                (time(15), time(15, 30)),
            ),
        ),
    ),
    DemoTherapist(
        "Ines",
        "Reflexology, quiet facials, and massage for mothers to be.",
        "#4a6fa0",
        (FACE, FEET, BREATH, PREGNANCY, QI),
        (Shift((MONDAY, TUESDAY, WEDNESDAY, THURSDAY), time(9), time(15, 30)),),
    ),
    DemoTherapist(
        "Kofi",
        "Tui na as his teachers in Chengdu taught it, and deep tissue massage.",
        "#6b7a2f",
        (TUI_NA, DEEP, FEET, HEAD),
        (
            Shift((THURSDAY, FRIDAY, SATURDAY), time(10), time(19), (time(13, 30), time(14, 15))),
            Shift((SUNDAY,), time(10), time(16)),
        ),
    ),
    DemoTherapist(
        "Linh",
        "Warm stones, slow breath and lymphatic drainage at the weekend.",
        "#2d7a91",
        (LYMPH, STONES, BREATH, TUI_NA),
        (
            Shift((MONDAY, TUESDAY, THURSDAY), time(13), time(19)),
            Shift((SATURDAY, SUNDAY), time(10), time(16)),
        ),
    ),
)

TIME_OFF = (
    Off("Ines", 2, time(0), 5, time(0), "Course"),
    Off("Kofi", -6, time(9), -6, time(19), "Ill"),
    Off("Mia", 1, time(15), 1, time(17), "Dentist"),
    Off("Noor", 10, time(0), 13, time(0), "Holiday"),
    Off("", 8, time(17), 8, time(19), "Team evening"),
    Off("Tomasz", 0, time(11), 0, time(12), "Late start"),
)

CLIENTS = (
    "Cleo Marsh",
    "Otto Lindqvist",
    "Aoife Brennan",
    "Amira Haddad",
    "Ben Okafor",
    "Beatriz Lobo",
    "Charlotte Webb",
    "Chidi Eze",
    "Daniela Rossi",
    "David Ashworth",
    "Eleni Pappas",
    "Emeka Nwosu",
    "Fatima Zahra Idrissi",
    "Felix Baumann",
    "Grace Achieng",
    "Gwen Pritchard",
    "Hannah Goldberg",
    "Hiroshi Tanaka",
    "Ingrid Solberg",
    "Isaac Mensah",
    "Jasmine Patel",
    "José Álvarez",
    "Kavita Raman",
    "Kirsty MacLeod",
    "Leila Farahani",
    "Li Wei Zhang",
    "Magda Nowak",
    "Marcus Bell",
    "Nadia Petrova",
    "Niamh O’Sullivan",
    "Oluwaseun Adeyemi-Fairweather",
    "Olga Marchenko",
    "Priya Nair",
    "Pauline Dubois",
    "Quentin Hale",
    "Rosa Delgado",
    "Ruth Cohen",
    "Samira Yusuf",
    "Søren Dahl",
    "Tamsin Trelawny",
    "Theo Alexandrou",
    "Uma Krishnan",
    "Valentina Conti",
    "Winifred Clarke",
    "Yara Khalil",
    "Yusuf Demir",
    "Zoe Hartley",
    "Zsófia Kovács",
)

# Who comes for the pregnancy massage.
EXPECTING = ("Daniela Rossi", "Kavita Raman", "Niamh O’Sullivan", "Rosa Delgado", "Zoe Hartley")

# Places in CLIENTS of those who have given a telephone number only.
WITHOUT_EMAIL = {16, 43}

NOTES = (
    "First time here, a little nervous.",
    "I come by bus and may be five minutes late.",
    "A gift from my sister.",
    "Please no scented oil.",
    "Could I have the room a bit warmer?",
    "I would rather not talk during the massage.",
)

# What a therapist notes after a treatment.
TREATMENT_NOTES = (
    "Neck and left shoulder tight. Light strokes, good response after ten minutes.",
    "Calm, slept through half of it. Ankles less swollen than last time.",
    "Prefers more pressure on the lower back, none on the calves.",
    "Talked about drinking enough water. Next time begin with the right arm.",
    "First time; a little tense. Went slowly, and stopped five minutes early at her wish.",
    "Warm towel on the shoulders helped. Wants to come every second week.",
)

REASONS = (
    "Rang: has a cold.",
    "Rang: train cancelled.",
    "Child is ill; will book again.",
    "Away for work.",
)

DETAILS = {
    "asthma": "Mild. I carry my inhaler.",
    "diabetes": "Type 2, tablets.",
    "heart-condition": "Valve repaired some years ago.",
    "cancer-now": "Treatment ended in spring, check-ups go on.",
    "past-cancer-or-lymph-nodes-removed": "Left side, four years ago.",
    "lymphoedema": "Left arm, I wear a sleeve.",
    "broken-skin": "A graze on the right shin.",
    "blood-thinners": "Low dose, for some years.",
    "other-medicines": "Tablets for hay fever.",
    "product-allergy": "Lavender oil.",
    "pregnancy": "Week 24.",
    "recent-operation": "Knee, in September.",
    "belly-operation": "Appendix, long ago.",
}


def address_of(name: str) -> str:
    """Return the fictional e-mail address of ``name``."""
    letters = unicodedata.normalize("NFKD", name.replace("ø", "o")).encode("ascii", "ignore")
    return f"{letters.decode().lower().replace(' ', '.')}@example.com"


def phone_of(name: str) -> str:
    """Return the fictional telephone number of ``name``, from ranges that Ofcom keeps for drama.

    The mobile range is left out: the rules of telephone numbers call it invalid.
    """
    number = CLIENTS.index(name)
    area = ("20 7946", "161 496", "121 496", "113 496")[number % 4].replace(" ", "")
    return f"+44{area}0{100 + number}"
