"""LDAP search filters: from their text (RFC 4515) to what goes over the wire (RFC 4511 section 4.5.1.7)."""

import re

from gridkeeper.probes.native.ber import encode, text

_ATTRIBUTE = re.compile(r"[A-Za-z0-9.;_-]+")
_ESCAPE = re.compile(rb"\\([0-9a-fA-F]{2})")
_DEEPEST = 20
_LISTS = {"&": 0xA0, "|": 0xA1}
_COMPARISONS = {"=": 0xA3, ">=": 0xA5, "<=": 0xA6, "~=": 0xA8}
_PRESENT, _SUBSTRINGS, _NOT = 0x87, 0xA4, 0xA2
_FIRST, _MIDDLE, _LAST = 0x80, 0x81, 0x82


class FilterError(ValueError):
    """Text that is no filter; the message names the place."""


def parse_filter(source: str) -> bytes:
    """The encoded filter. Raises FilterError.

    >>> parse_filter("(objectClass=*)").hex()
    '870b6f626a656374436c617373'
    """
    encoded, end = _parse(source, 0, 0)
    if end != len(source):
        raise FilterError(f"filter {source!r}: {source[end:]!r} follows its end")
    return encoded


def _parse(source: str, at: int, depth: int) -> tuple[bytes, int]:
    if depth > _DEEPEST:
        raise FilterError(f"filter {source!r}: nested more than {_DEEPEST} deep")
    if at + 1 >= len(source) or source[at] != "(":
        raise FilterError(f"filter {source!r}: '(' is missing at {at + 1}")
    kind = source[at + 1]
    if kind in _LISTS:
        return _parse_list(source, at + 2, depth, kind)
    if kind == "!":
        inner, end = _parse(source, at + 2, depth + 1)
        return encode(_NOT, inner), _closed(source, end)
    end = source.find(")", at)
    if end < 0:
        raise FilterError(f"filter {source!r}: ')' is missing")
    return _item(source[at + 1 : end]), end + 1


def _parse_list(source: str, at: int, depth: int, kind: str) -> tuple[bytes, int]:
    members = []
    while source[at : at + 1] == "(":
        inner, at = _parse(source, at, depth + 1)
        members.append(inner)
    return encode(_LISTS[kind], *members), _closed(source, at)


def _closed(source: str, at: int) -> int:
    if source[at : at + 1] != ")":
        raise FilterError(f"filter {source!r}: ')' is missing at {at + 1}")
    return at + 1


def _item(item: str) -> bytes:
    name, sign, value = item.partition("=")
    operator = "="
    if sign and name[-1:] in {">", "<", "~"}:
        name, operator = name[:-1], name[-1] + "="
    if not sign or not _ATTRIBUTE.fullmatch(name):
        raise FilterError(f"filter: {item!r} is no attribute=value")
    if operator == "=" and value == "*":
        return text(name, _PRESENT)
    if operator == "=" and "*" in value:
        return encode(_SUBSTRINGS, text(name), encode(0x30, *_substrings(value)))
    return encode(_COMPARISONS[operator], text(name), encode(0x04, _unescaped(value)))


def _substrings(value: str) -> list[bytes]:
    first, *middle, last = value.split("*")
    tagged = [(_FIRST, first), *((_MIDDLE, part) for part in middle), (_LAST, last)]
    return [encode(tag, _unescaped(part)) for tag, part in tagged if part]


def _unescaped(value: str) -> bytes:
    return _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), value.encode())
