"""The spa's profile refuses what would break its pages."""

import pytest
from django.core.exceptions import ValidationError

from services.models import SpaProfile


def profile(**values: str) -> SpaProfile:
    """A whole profile, not saved, with some values of its own."""
    whole = {
        "name": "Spa",
        "address": "1 Test Row",
        "phone": "+442079460018",
        "email": "hello@qi-spa.example",
        "emergency_number": "999",
        "country": "GB",
        "time_zone": "Europe/London",
        "currency": "GBP",
        "health_consent": "We keep your answers encrypted.",
        "booking_consent": "I agree.",
    }
    return SpaProfile(
        **{**whole, **values},
        minimum_notice_hours=2,
        booking_horizon_days=60,
        cancellation_notice_hours=24,
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"), [("country", "UK"), ("currency", "XXQ"), ("time_zone", "Europe/Lundon")]
)
def test_an_unknown_country_currency_or_zone_is_refused_at_its_field(
    field: str, value: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        profile(**{field: value}).full_clean()
    assert list(refused.value.message_dict) == [field]


@pytest.mark.django_db
def test_small_letters_are_meant_well() -> None:
    spa = profile(country="gb", currency="gbp")
    spa.full_clean()
    assert (spa.country, spa.currency) == ("GB", "GBP")


@pytest.mark.django_db
def test_the_version_of_the_consent_follows_its_words() -> None:
    spa = profile()
    spa.save()
    first = spa.health_consent_version
    spa.tagline = "Quiet."
    spa.save()
    assert spa.health_consent_version == first
    spa.health_consent = "We keep your answers encrypted, and for a year."
    spa.save()
    assert spa.health_consent_version != first
