"""Reading markup as a browser would."""

from html.parser import HTMLParser


class _AttributeNames(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.update(name for name, _ in attrs)


def attribute_names(text: str) -> set[str]:
    """Return the name of every attribute of every element."""
    parser = _AttributeNames()
    parser.feed(text)
    return parser.names
