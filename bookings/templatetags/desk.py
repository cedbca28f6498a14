"""What the desk's pages show of a client."""

from django import template
from phonenumber_field.phonenumber import PhoneNumber
from phonenumbers import region_code_for_number

register = template.Library()


@register.filter
def dialled_in(number: PhoneNumber, country: str) -> str:
    """Write ``number`` as people in ``country`` (two letters) dial it: 020 7946 0001."""
    if region_code_for_number(number) == country:
        return number.as_national
    return number.as_international
