"""Hostile words for every text that somebody else sees later, and what a page made of them."""

import re
from html.parser import HTMLParser

MARK = "zqx"
# Where words stand in a page: the name of the text that they were typed into.
LABEL = re.compile(rf"([a-z]+)-{MARK}\"'><script>")
# Where a browser shows words and does nothing with them.
SHOWN = {"value", "title", "alt", "content", "placeholder", "label"}
ADDRESSES = {"href", "src", "action", "formaction", "hx-get", "hx-post", "srcset", "poster"}
# What an address may begin with that has somebody's words in it.
OURS = ("/", "?", "#", "mailto:", "tel:", "http://testserver/", "http://localhost:8000/")
RUNS = re.compile(r"\s*(javascript|vbscript|data:text)", re.I)
# The names of all texts that hostile words were made for.
TYPED: set[str] = set()
DATA = {"application/json", "application/ld+json"}


def hostile(label: str) -> str:
    """Words that try to end an attribute, an element and a template, named by their field."""
    return f"""{short(label)}<img src={MARK} onerror={MARK}()>{{{{{MARK}}}}}"""


def short(label: str) -> str:
    """The same for fields that hold little."""
    TYPED.add(label)
    return f"{label}-{MARK}\"'><script>{MARK}()</script>"


def rich(label: str) -> str:
    """A text of several paragraphs, as an editor would never send it."""
    TYPED.add(label)
    return (
        f"<p onclick='{MARK}()' style='color:red'>{label}-{MARK}"
        "&quot;'&gt;&lt;script&gt;</p>"
        f"<script>{MARK}()</script><svg onload={MARK}()><img src={MARK} onerror={MARK}()>"
        f"<p><a href='java&#10;script:{MARK}()'>one</a> <a href='data:text/html,{MARK}'>two</a>"
        f"<iframe srcdoc='<script>{MARK}()</script>'></iframe><{MARK}-a {MARK}=1>"
        f"<math><style><img src={MARK} onerror={MARK}()></style></math></p>"
    )


class Page(HTMLParser):
    """A page as a browser reads it: ``faults`` is what was made of hostile words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.labels: set[str] = set()
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag if tag in ("script", "style") else ""
        kind = dict(attrs).get("type")
        if tag == "script" and kind in DATA:
            self._inside = "data"
        if MARK in tag:
            self.faults.append(f"element {tag}")
        for name, value in attrs:
            if self._is_fault(name, value or ""):
                self.faults.append(f"{tag} {name}={value}")
            self._note(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._inside = ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "data" and MARK in data:
            # A browser looks for the element's end alone.
            if "<" in data:
                self.faults.append(f"data {data}")
        elif self._inside and MARK in data:
            self.faults.append(f"{self._inside} {data}")
        else:
            self._note(data)

    def _is_fault(self, name: str, value: str) -> bool:
        if name.startswith("on") or MARK in name or RUNS.match(value):
            return True
        if MARK not in value or name in SHOWN or name.startswith(("aria-", "data-")):
            return False
        return not (name in ADDRESSES and value.startswith(OURS))

    def _note(self, text: str) -> None:
        self.labels.update(LABEL.findall(text))
