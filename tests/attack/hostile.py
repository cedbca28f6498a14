"""What attackers write into fields, addresses and bodies.

Each example of a suite's run takes a few of them. For a long run by hand:
``HYPOTHESIS_EXAMPLES=100 pytest tests/attack``; it stops by itself.
"""

import json
import os
import time
import uuid
import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle, islice
from typing import Any, TypeVar
from urllib.parse import quote_from_bytes, urlencode

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

# How many examples each address and each form gets.
EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "1"))
IS_LONG = EXAMPLES > 1
# How long a long run goes on with each way of attacking, once every address had its turn.
SECONDS = int(os.environ.get("HYPOTHESIS_SECONDS", "120"))
Value = TypeVar("Value")
Target = TypeVar("Target")


def drawn(strategy: st.SearchStrategy[Value], count: int) -> Iterator[Value]:
    """As many examples as ``count``, the same in each run of the suite, others in a long one.

    They are drawn before anything is attacked with them: what fails is told as it was sent, and
    shrinking it would send it a thousand times.
    """
    found: list[Value] = []

    @settings(
        max_examples=count + 1,
        deadline=None,
        database=None,
        derandomize=not IS_LONG,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(strategy)
    def keep(value: Value) -> None:
        found.append(value)

    keep()
    # Fewer would come again and again, and nobody would see it.
    assert len(found) > count // 2, f"{len(found)} of {count} examples"
    # The first is always the simplest, and where there are few they come again.
    return islice(cycle(found[1:]), count)


SCRIPT = "\"'><script>hostile()</script><img src=x onerror=hostile()>"
UNICODE = [
    "\x00",
    "Cl\x00eo",
    "Qi\r\nX-Evil: 1\rX-Evil: 2\n",
    "\ud800",
    "\udfff\ud800",
    "\u202egnp.exe",
    "\u2066\u2029\u0085",
    "\ufeff",
    "\uffff\U0010ffff",
    "e" + "\u0301" * 300,
    "\U0001f9d8" * 100,
    "\u0663\u00b2",
    "a" * 100_000,
    "\u0130" * 254,
]
NUMBERS = [
    "-1",
    "0",
    "-0",
    str(2**31),
    str(-(2**31) - 1),
    str(2**63),
    "9" * 400,
    "9" * 5000,
    "1e309",
    "1e-9",
    "NaN",
    "sNaN",
    "-Infinity",
    "0x10",
    "1_000",
    "1,5",
    " 7 ",
]
TIMES = [
    "2026-02-30",
    "0000-00-00",
    "0001-01-01",
    "9999-12-31",
    "2026-W48-1",
    "20261124",
    "9999-12-31T23:59:59+14:00",
    "0001-01-01T00:00:00-14:00",
    "2026-11-24T10:00:00+25:00",
    "2026-11-24T10:15Z",
    "9999-12-31T23:59Z",
    "24:00",
    "23:59:60",
    "99:99",
]
WORDS = [
    "",
    " ",
    "true",
    "null",
    "[]",
    "{}",
    "__all__",
    SCRIPT,
    '=HYPERLINK("http://e.example")',
    "Cleo\r\nBcc: victim@example.com",
    "cleo@example.com\nBcc: victim@example.com",
    "'; DROP TABLE bookings_client; --",
    "{{ settings.SECRET_KEY }}{% debug %}",
    "%s%n%(name)s{0.__class__}",
    "../../etc/passwd",
    "//evil.example/",
    "https://evil.example/",
    "javascript:alert(1)",
    "http://[::1",
    "(" * 5000,
    "{name}" * 500,
    "a@" + "b" * 300 + ".example",
    '{"id": "", "rawId": 7, "type": "public-key", "response": []}',
    '{"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {"clientDataJSON": "e30"}}',
    "id__gt",
    "-pk",
    "\\",
]
CLASSICS = [*UNICODE, *NUMBERS, *TIMES, *WORDS]
texts = st.one_of(
    st.sampled_from(CLASSICS),
    st.sampled_from(CLASSICS),
    st.text(max_size=40),
    st.integers(-(10**40), 10**40).map(str),
    st.floats().map(str),
    st.datetimes().map(str),
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | texts.filter(lambda text: len(text) < 1000),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3)
    ),
    max_leaves=4,
)
# Parts of addresses as they go over the wire.
PARTS = [
    "%00",
    "%FF%FE",
    "0",
    "-1",
    "9" * 40,
    "9" * 5000,
    "%D9%A3",
    "..%2F..%2Fetc%2Fpasswd",
    "%2e%2e",
    "%E2%80%AE",
    "%0D%0AX-Evil:%201",
    "%3Cscript%3Ehostile()%3C%2Fscript%3E",
    "{{7*7}}",
    "a" * 1500,
    "%ED%A0%80",
    "1%20OR%201=1",
    "_5F_00",
]
BODIES = [
    b"",
    b"\x00",
    b"\xff\xfe\xed\xa0\x80",
    b"{",
    b"[" * 100_000,
    b'{"a":' * 20_000,
    b"null",
    b"1e999",
    b"NaN",
    b'"\\ud800"',
    b"[]",
    b'[{"id": 1}]',
    b"%",
    b"&&=&=&;",
    b"a=1&a=2&" * 400,
    b"%ff=%ed%a0%80",
]
KINDS = [
    "application/json",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=utf-7",
    "multipart/form-data; boundary=b",
    "multipart/form-data",
    "text/plain; charset=nothing",
    "application/xml",
    "\u00e9",
]
FILES = [
    ("a.csv", b"name,email\r\nCleo,cleo@example.com\r\n"),
    ("a.csv", b"name;email\n\x00;\xff\n"),
    ("a.csv", b'name,email\n"' + b"x" * 200_000),
    ("a.csv", b"," * 50_000 + b"\n" * 1000),
    ("a.csv", b"date,time,name,email\n9999-12-31,24:00,=1+1,a@b\n" * 3),
    ("a.csv", "\u202e,\u0000\n\ud800".encode("utf-16", "surrogatepass")),
    ("a.zip", b"PK\x05\x06" + bytes(18)),
    ("a.jpg", b"\xff\xd8\xff\xe0" + b"\x00" * 100),
    ("a.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\xff\xff\xff\xff\xff\xff\xff\xff\x08\x06"),
    ("a.gif", b"GIF89a\xff\xff\xff\xff\x00\x00\x00;"),
    ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='hostile()'/>"),
    ("../../etc/a.jpg", b"no picture"),
    ("\u202egpj.exe", b"MZ"),
    ("a" * 300 + ".jpg", b""),
    ("\x00.png", b"<script>hostile()</script>"),
    ("", b"x"),
]


def rounds(
    targets: Sequence[Target], strategy: st.SearchStrategy[Value]
) -> Iterator[tuple[Target, Value]]:
    """Each of ``targets`` with an example, again and again: as often as ``EXAMPLES`` says."""
    examples = drawn(strategy, len(targets) * EXAMPLES)
    ends = time.monotonic() + SECONDS
    tried = 0
    try:
        for value in examples:
            if tried >= len(targets) and time.monotonic() > ends:
                return
            yield targets[tried % len(targets)], value
            tried += 1
    finally:
        _tell(tried, len(targets))


def _tell(tried: int, targets: int) -> None:
    """Let the summary of a long run say how far it came; every target had its turn at least once.

    pytest-xdist hands on warnings, and nothing that is printed by a test that passes.
    """
    if IS_LONG:
        said = f"{tried} examples tried, at {targets} targets, of {targets * EXAMPLES}"
        warnings.warn(said, stacklevel=3)


def encoded(pairs: Iterable[tuple[str, str]]) -> bytes:
    """The body of a form; halves of characters go as no browser sends them."""
    safe = [(_bytes(name), _bytes(value)) for name, value in pairs]
    return urlencode(safe).encode()


def query(pairs: Iterable[tuple[str, str]]) -> str:
    """The query of an address; as long as servers let through."""
    parts = [f"{quote_from_bytes(_bytes(name))}={_quoted(value)}" for name, value in pairs]
    return "&".join(parts)[:3500]


def _quoted(value: str) -> str:
    return quote_from_bytes(_bytes(value))[:1200]


def multipart(
    pairs: Iterable[tuple[str, str]], files: Iterable[tuple[str, str, bytes]]
) -> tuple[bytes, str]:
    """The body of a form with files (field, name, content), and its content type."""
    mark = uuid.uuid5(uuid.NAMESPACE_DNS, "mark").hex.encode()
    body = b""
    for name, value in pairs:
        body += b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (
            mark,
            _bytes(name),
            _bytes(value),
        )
    for field, name, content in files:
        body += (
            b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n'
            b"Content-Type: image/jpeg\r\n\r\n%s\r\n" % (mark, _bytes(field), _bytes(name), content)
        )
    return body + b"--%s--\r\n" % mark, f"multipart/form-data; boundary={mark.decode()}"


def as_json(value: Any) -> bytes:
    """``value`` as JSON in ASCII: halves of characters become escapes."""
    return json.dumps(value).encode()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
