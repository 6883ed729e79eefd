"""Events of a calendar as the bytes that go over the wire; for feeds of thousands of downtimes.

The library makes an object of every value and weighs every character: ten times the work of what the values need here.
What is written equals its answer byte for byte (tests/feeds/test_calendar_lines.py holds the two together).
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

#: Octets of a line before it is folded; RFC 5545 (section 3.1) allows 75, the library leaves one free.
_MOST = 74
#: What escapes the character after it is never the last of a line: some readers unfold after they unescape.
_ESCAPING = b"\\^"


def escaped(text: str) -> str:
    r"""A text of RFC 5545, section 3.3.11; any end of a line becomes `\n`.

    >>> print(escaped("a, b; c" + chr(10) + "d"))
    a\, b\; c\nd
    """
    text = text.replace("\\N", "\n").replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return text.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")


def instant(moment: datetime) -> str:
    """An instant in UTC, as section 3.3.5 writes it.

    >>> instant(datetime(2026, 6, 1, 12, tzinfo=UTC))
    '20260601T120000Z'
    """
    moment = moment.astimezone(UTC)
    return f"{moment.year:04}{moment:%m%dT%H%M%SZ}"


def texts(values: Iterable[str]) -> str:
    """A list of texts."""
    return ",".join(map(escaped, values))


def event(lines: Sequence[tuple[str, str]]) -> bytes:
    """An event of names and values, in that order; the values are escaped already."""
    whole = (("BEGIN", "VEVENT"), *lines, ("END", "VEVENT"))
    return b"".join(_folded(f"{name}:{value}".encode()) + b"\r\n" for name, value in whole)


def _folded(line: bytes) -> bytes:
    """The line in pieces of at most _MOST octets, none cut within a character (section 3.1)."""
    parts, start = [], 0
    while len(line) - start > _MOST:
        end = start + _MOST
        while line[end] & 0xC0 == 0x80:  # inside of a character of UTF-8
            end -= 1
        if line[end - 1] in _ESCAPING:
            end -= 1
        parts.append(line[start:end])
        start = end
    return b"\r\n ".join((*parts, line[start:]))
