"""A request of GOCDB's write API, read once: which object, what of it, which values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.http import HttpRequest

Kind = Literal["site", "service", "endpoint"]
_KINDS: dict[str, Kind] = {"site": "site", "service": "service", "endpoint": "endpoint"}
EXTENSIONS = "extensionproperties"
ENDPOINT = "endpoint"
#: What is written of properties is short; a body that is longer is a mistake.
MAX_BODY_BYTES = 1024 * 1024


class WriteRefusedError(Exception):
    """The change is not made.

    status: 400 wrong, 404 not there, 405 no verb of this interface, 409 in the way of what is there
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """verb: POST adds and refuses what is there, PUT sets, DELETE removes
    kind, identifier: the object, by number or key; what: the last word of the path in lower case
    key: of one property, or identifier of an endpoint of a service; "" without one
    body: pairs of the JSON object; None without a body
    """

    verb: str
    kind: Kind
    identifier: str
    what: str
    key: str
    body: Mapping[str, Any] | None
    path: str

    def text_of(self, name: str) -> str:
        """One value of the body as a property keeps it. Raises WriteRefusedError 400."""
        assert self.body is not None, "asked for only where there is a body"
        return as_text(name, self.body[name])

    @property
    def value(self) -> Any:
        """What stands under "value". Raises WriteRefusedError 400 for a body of another form."""
        if self.body is None or set(self.body) != {"value"}:
            raise WriteRefusedError(400, f'Give the value of "{self.key or self.what}" as {{"value": "..."}}, alone')
        return self.body["value"]


def as_text(name: str, value: Any) -> str:
    """A value of JSON as text: true and false as words. Raises WriteRefusedError 400 for what is no single value.

    >>> as_text("n", True), as_text("n", 3), as_text("n", "x")
    ('true', '3', 'x')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise WriteRefusedError(400, f'The value of "{name[:80]}" is {_kind_of(value)}; write a text, a number or true')


def read_request(request: HttpRequest, kind: str, identifier: str, what: str, key: str) -> WriteRequest:
    """The change that is asked for; words of the path count in any case. Raises WriteRefusedError."""
    verb = str(request.method)
    if "\x00" in request.path_info:
        raise WriteRefusedError(404, "There is nothing whose name holds a NUL")
    if verb not in {"POST", "PUT", "DELETE"}:
        raise WriteRefusedError(405, f"{verb} is not for changes; send POST, PUT or DELETE")
    body = _body(request)
    if body is None and verb != "DELETE":
        raise WriteRefusedError(400, f"{verb} needs a body: a JSON object")
    named = _KINDS.get(kind.lower())
    if named is None:
        raise WriteRefusedError(404, f"There are no objects {kind[:40]!r}; there are {', '.join(_KINDS)}")
    return WriteRequest(verb, named, identifier, what.lower(), key, body, request.path)


def _body(request: HttpRequest) -> dict[str, Any] | None:
    raw = request.body
    if not raw.strip():
        return None
    if len(raw) > MAX_BODY_BYTES:
        raise WriteRefusedError(400, f"The body has {len(raw)} bytes; at most {MAX_BODY_BYTES} are read")
    try:
        parsed = json.loads(raw, parse_constant=_no_constant)
        json.dumps(parsed, ensure_ascii=False).encode()  # half of a pair of surrogates is no text that can be kept
    except (ValueError, RecursionError) as error:
        raise WriteRefusedError(400, f"The JSON is not well-formed: {error}") from error
    if isinstance(parsed, list) and len(parsed) == 1:  # as GOCDB's documentation shows it
        parsed = parsed[0]
    if not isinstance(parsed, dict) or not parsed:
        raise WriteRefusedError(400, f"The body is {_kind_of(parsed)}; write a JSON object with at least one pair")
    return parsed


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no value of JSON")


def _kind_of(value: Any) -> str:
    if value is None:
        return "null"
    return {dict: "an object", list: "a list", str: "a text", bool: "true or false"}.get(type(value), "a number")
