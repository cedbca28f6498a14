"""Parts of addresses."""


class ReferenceConverter:
    """An appointment's reference, such as ``K7QF2M9D``; anything else is not found."""

    regex = "[2-9A-HJKMNP-TV-Z]{8}"

    def to_python(self, value: str) -> str:
        """Return the reference as it stands."""
        return value

    def to_url(self, value: str) -> str:
        """Return the reference as it stands."""
        return value
