"""JSON and XML, by the Accept header, written piece by piece.

ARGO writes its results and timelines as elements whose words are attributes, everything else as elements of text.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gridkeeper.api.argo.refusal import NOT_ACCEPTABLE, RefusedError
from gridkeeper.api.gocdb.xml import attribute, escape

#: Elements of lists inside results; `endpoints` is a group there and an endpoint in timelines.
RESULT_TAGS = {"results": "results", "endpoints": "group", "serviceflavors": "group", "groups": "group"}
STATUS_TAGS = {
    "services": "group", "endpoints": "endpoint", "metrics": "metric", "statuses": "status", "groups": "group",
}  # fmt: skip


class Form(StrEnum):
    """How an answer is written."""

    JSON = "application/json"
    XML = "application/xml"

    @property
    def content_type(self) -> str:
        return f"{self.value}; charset=utf-8"


def form_of(accept: str) -> Form:
    """What the client accepts: JSON before XML, and where it says nothing. Raises RefusedError 406.

    >>> form_of("application/xml"), form_of("*/*"), form_of("")
    (<Form.XML: 'application/xml'>, <Form.JSON: 'application/json'>, <Form.JSON: 'application/json'>)
    """
    if not accept or Form.JSON in accept:
        return Form.JSON
    if Form.XML in accept:
        return Form.XML
    if "*/*" in accept or "application/*" in accept:
        return Form.JSON
    raise RefusedError(406, "Not Acceptable Content Type", NOT_ACCEPTABLE)


@dataclass(frozen=True, slots=True)
class Listing:
    """A document that is one list, made while it is sent.

    key: of the list in JSON; tag: of its elements in XML; tags: those of lists inside
    after: words that follow the list, known when it ended
    """

    key: str
    items: Iterable[Mapping[str, Any]]
    tag: str = "group"
    tags: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)

    def pieces(self, form: Form) -> Iterator[str]:
        return self._json() if form is Form.JSON else self._xml()

    def _json(self) -> Iterator[str]:
        yield f'{{\n "{self.key}": ['
        separator = "\n"
        for item in self.items:
            yield separator + _indented(item)
            separator = ",\n"
        ending = "".join(f",\n {json.dumps(key)}: {json.dumps(value)}" for key, value in self.after.items())
        yield f"{'' if separator == chr(10) else chr(10)} ]{ending}\n}}"

    def _xml(self) -> Iterator[str]:
        yield "<root>\n"
        for item in self.items:
            yield element(self.tag, item, self.tags, 1)
        yield "".join(f" <{key}>{escape(str(value))}</{key}>\n" for key, value in self.after.items())
        yield "</root>\n"


def _indented(item: Mapping[str, Any]) -> str:
    return "  " + json.dumps(item, indent=1, ensure_ascii=False).replace("\n", "\n  ")


def element(tag: str, item: Mapping[str, Any], tags: Mapping[str, str], depth: int = 0) -> str:
    """One element: words as attributes, lists as elements below it; `info` has no place in ARGO's XML."""
    pad = " " * depth
    words = "".join(f' {key}="{attribute(str(value))}"' for key, value in item.items() if _is_word(value))
    inner = "".join(
        element(tags.get(key, "group"), part, tags, depth + 1)
        for key, value in item.items()
        if isinstance(value, list)
        for part in value
    )
    return f"{pad}<{tag}{words}>\n{inner}{pad}</{tag}>\n" if inner else f"{pad}<{tag}{words}></{tag}>\n"


def _is_word(value: Any) -> bool:
    return isinstance(value, str | int | float)


def whole(document: Mapping[str, Any], form: Form) -> str:
    """A small document at once: an envelope {"status", "data", "errors"}, or any object."""
    if form is Form.JSON:
        return json.dumps(document, indent=1, ensure_ascii=False)
    wrapped = dict(document)
    if "data" in wrapped:
        wrapped["data"] = {"result": wrapped["data"]}
    if "errors" in wrapped:
        wrapped["errors"] = {"error": wrapped["errors"]}
    return f"<root>\n{_texts(wrapped, 1)}</root>\n"


def _texts(document: Mapping[str, Any], depth: int) -> str:
    return "".join(_text(key, value, depth) for key, value in document.items())


def _text(key: str, value: Any, depth: int) -> str:
    pad, tag = " " * depth, _name(key)
    if isinstance(value, list):
        return "".join(_text(key, part, depth) for part in value)
    if isinstance(value, Mapping):
        return f"{pad}<{tag}>\n{_texts(value, depth + 1)}{pad}</{tag}>\n"
    if isinstance(value, bool):
        value = "true" if value else "false"
    return f"{pad}<{tag}>{escape('' if value is None else str(value))}</{tag}>\n"


def _name(key: str) -> str:
    """A key as the name of an element: what XML does not allow there becomes a low line."""
    safe = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "_-.") else "_" for letter in key)
    return safe if safe and (safe[0].isalpha() or safe[0] == "_") else f"_{safe}"
