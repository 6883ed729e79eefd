"""XML as text: quick to write, and always well-formed, whatever stands in a field.

Laid out as GOCDB does, two blanks a level, a line an element: clients that read it line by line exist.
"""

import json
import re
import zlib
from collections.abc import Iterable, Mapping
from functools import lru_cache

HEADER = '<?xml version="1.0" encoding="UTF-8"?>\n'

_PAD = tuple("  " * depth for depth in range(12))
#: What XML 1.0 forbids (section 2.2) has no escape: it is dropped.
_FORBIDDEN = [*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF]
# A parser reads a bare carriage return as a line feed, and in an attribute each of both, and a tab, as a blank.
_IN_TEXT: dict[int, str | None] = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord("\r"): "&#13;"}
_IN_TEXT |= dict.fromkeys(_FORBIDDEN)
_IN_ATTRIBUTE = _IN_TEXT | {ord('"'): "&quot;", ord("\n"): "&#10;", ord("\t"): "&#9;"}
_needs_care_in_text = re.compile("[&<>\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]").search
_needs_care_in_attribute = re.compile('[&<>"\x00-\x1f\ud800-\udfff\ufffe\uffff]').search


def escape(text: str) -> str:
    """Text of an element, such that a parser reads it back unchanged but for characters that XML forbids.

    >>> escape("R&D <1>\\x00\\r")
    'R&amp;D &lt;1&gt;&#13;'
    """
    return text.translate(_IN_TEXT) if _needs_care_in_text(text) else text


def attribute(text: str) -> str:
    """The same for the value of an attribute in double quotes.

    >>> attribute('say "a\\nb"')
    'say &quot;a&#10;b&quot;'
    """
    return text.translate(_IN_ATTRIBUTE) if _needs_care_in_attribute(text) else text


def start(name: str, depth: int, **attributes: object) -> str:
    """The opening tag, on a line of its own."""
    return f"{_PAD[depth]}<{name}{_attributes(attributes)}>\n"


def end(name: str, depth: int) -> str:
    """The closing tag, on a line of its own."""
    return f"{_PAD[depth]}</{name}>\n"


def empty(name: str, depth: int, **attributes: object) -> str:
    """An element of attributes only."""
    return f"{_PAD[depth]}<{name}{_attributes(attributes)}/>\n"


def _attributes(values: Mapping[str, object]) -> str:
    return "".join(f' {key}="{attribute(str(value))}"' for key, value in values.items())


def leaf(name: str, text: str, depth: int = 2) -> str:
    """An element with text; it stands there empty where there is none."""
    safe = text.translate(_IN_TEXT) if _needs_care_in_text(text) else text  # not escape(): 40 of them a service
    return f"{_PAD[depth]}<{name}>{safe}</{name}>\n" if safe else f"{_PAD[depth]}<{name}/>\n"


def optional(name: str, text: str, depth: int = 2) -> str:
    """An element with text; left out where there is none."""
    safe = text.translate(_IN_TEXT) if _needs_care_in_text(text) else text
    return f"{_PAD[depth]}<{name}>{safe}</{name}>\n" if safe else ""


def group(name: str, parts: Iterable[str], depth: int = 2, **attributes: object) -> str:
    """An element of elements; it stands there empty where there are none."""
    inner = "".join(parts)
    if not inner:
        return empty(name, depth, **attributes)
    return f"{start(name, depth, **attributes)}{inner}{_PAD[depth]}</{name}>\n"


def letter(is_so: bool) -> str:
    """Y or N."""
    return "Y" if is_so else "N"


def scopes(names: Iterable[str], depth: int = 2) -> str:
    """SCOPES with a SCOPE for each tag."""
    return group("SCOPES", (leaf("SCOPE", name, depth + 1) for name in names), depth)


@lru_cache(maxsize=1024)
def scopes_of_json(names: str, depth: int = 2) -> str:
    """The same from the JSON text of the tags; a whole federation has a few dozen combinations of them."""
    return scopes(json.loads(names), depth)


def local_id(parent: str, key: str) -> int:
    """A stable number of a property: rows of properties have none with us.

    >>> local_id("2G0", "P4U")
    623521283
    """
    return zlib.crc32(f"{parent}/{key}".encode("utf-8", "surrogatepass"))


def extensions(parent: str, properties: Mapping[str, str], depth: int = 2) -> str:
    """EXTENSIONS with an EXTENSION (LOCAL_ID, KEY, VALUE) for each property of the object with that key, by name.

    The order in which they were added is not kept everywhere: PostgreSQL's jsonb has one of its own.
    """
    return group("EXTENSIONS", (_extension(parent, *pair, depth + 1) for pair in sorted(properties.items())), depth)


def _extension(parent: str, key: str, value: str, depth: int) -> str:
    fields = (("LOCAL_ID", str(local_id(parent, key))), ("KEY", key), ("VALUE", str(value)))
    return group("EXTENSION", (leaf(name, text, depth + 1) for name, text in fields), depth)


def extensions_of_json(parent: str, properties: str, depth: int = 2) -> str:
    """The same from the JSON text of the properties."""
    return extensions(parent, json.loads(properties) if properties != "{}" else {}, depth)
