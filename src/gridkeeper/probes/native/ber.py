"""Basic encoding rules (X.690), as far as LDAP needs them: definite lengths, tags of one byte."""

from collections.abc import Iterator

SEQUENCE, SET = 0x30, 0x31
#: Longer lengths than of four bytes are lies.
_MOST_LENGTH_BYTES = 4


class BerError(ValueError):
    """Bytes that are no BER; the message says what is wrong."""


def encode(tag: int, *contents: bytes) -> bytes:
    """One element.

    >>> encode(SEQUENCE, integer(1)).hex()
    '3003020101'
    """
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def integer(value: int, tag: int = 0x02) -> bytes:
    return encode(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def text(value: str, tag: int = 0x04) -> bytes:
    return encode(tag, value.encode())


def boolean(value: bool, tag: int = 0x01) -> bytes:
    return encode(tag, b"\xff" if value else b"\x00")


def read_integer(content: bytes) -> int:
    """Raises BerError for one that is empty or longer than eight bytes."""
    if not 0 < len(content) <= 8:
        raise BerError(f"an integer of {len(content)} bytes")
    return int.from_bytes(content, "big", signed=True)


def length_bytes(first: int) -> int:
    """How many bytes of length follow the first one; 0 where it is the length itself. Raises BerError."""
    if first < 0x80:
        return 0
    if not 0 < first & 0x7F <= _MOST_LENGTH_BYTES:
        raise BerError(f"a length that begins with byte {first:#x}")
    return first & 0x7F


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element in turn. Raises BerError where one says that it is longer than what is there."""
    at, end = 0, len(data)
    while at < end:
        if at + 2 > end:
            raise BerError("an element ends after its tag")
        tag, first = data[at], data[at + 1]
        at += 2
        following = length_bytes(first)
        size = int.from_bytes(data[at : at + following], "big") if following else first
        at += following
        if at + size > end:
            raise BerError(f"an element promises {size} bytes, {max(0, end - at)} are there")
        yield tag, data[at : at + size]
        at += size


def parts(data: bytes, count: int) -> list[tuple[int, bytes]]:
    """The elements, at least `count`. Raises BerError."""
    found = list(elements(data))
    if len(found) < count:
        raise BerError(f"{len(found)} elements where {count} are needed")
    return found
