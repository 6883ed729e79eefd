"""YAML with line numbers, read from a hostile world: libyaml's events, no recursion, no constructors, no bombs.

PyYAML's own composer recurses in C and kills the process on deep nesting, and its constructors turn text into dates and
base-60 numbers; so values are built here from the flat stream of events.
"""

import re
from typing import Any

import yaml

#: Deeper nesting than any topology has.
_MAX_DEPTH = 40
#: Nodes of one document, aliases counted as what they stand for.
_MAX_NODES = 1_000_000

_NULLS = {"", "~", "null", "Null", "NULL"}
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})\Z")
_FLOAT = re.compile(r"[-+]?[0-9]+\.[0-9]*([eE][-+]?[0-9]{1,3})?\Z")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class YamlError(Exception):
    """The text is not YAML that we accept; `line` says where."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem


class Fields(dict[str, Any]):
    """A mapping that knows its lines: `line`..`end` of the whole, `lines[key]` of each key; 1 is the first."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.end = line
        self.lines: dict[str, int] = {}
        self.repeated: list[str] = []

    def line_of(self, key: str) -> int:
        return self.lines.get(key, self.line)


class _Builder:
    """A stack of open collections; each entry is the collection and, for a mapping, the key that waits for a value."""

    def __init__(self) -> None:
        self.stack: list[tuple[Any, list[str]]] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.opened: list[tuple[str | None, int]] = []
        self.nodes = 0
        self.root: Any = None
        self.documents = 0

    def feed(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            self._add(_scalar(event, line), line, event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event, line)
        elif isinstance(event, yaml.MappingStartEvent):
            self._open(Fields(line), line, event.anchor)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._open([], line, event.anchor)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(line)
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise YamlError(line, "a second document begins here; one file holds one")

    def _count(self, number: int, line: int) -> None:
        self.nodes += number
        if self.nodes > _MAX_NODES:
            raise YamlError(line, f"more than {_MAX_NODES} values; this is no topology file")

    def _alias(self, event: Any, line: int) -> None:
        if event.anchor not in self.anchors:
            raise YamlError(line, f"the alias *{event.anchor} stands before its anchor")
        value, size = self.anchors[event.anchor]
        self._count(size, line)
        self._put(value, line)

    def _add(self, value: Any, line: int, anchor: str | None) -> None:
        self._count(1, line)
        if anchor:
            self.anchors[anchor] = (value, 1)
        self._put(value, line)

    def _put(self, value: Any, line: int) -> None:
        if not self.stack:
            self.root = value
            return
        parent, waiting = self.stack[-1]
        if isinstance(parent, list):
            parent.append(value)
        elif waiting:
            parent[waiting.pop()] = value
        else:
            self._key(parent, waiting, value, line)

    @staticmethod
    def _key(parent: Fields, waiting: list[str], value: Any, line: int) -> None:
        if isinstance(value, (list, dict)):
            raise YamlError(line, "a key must be a word, not a list or a mapping")
        key = "" if value is None else str(value)
        if key in parent:
            parent.repeated.append(key)
        parent.lines[key] = line
        waiting.append(key)

    def _open(self, collection: Any, line: int, anchor: str | None) -> None:
        self._count(1, line)
        if len(self.stack) >= _MAX_DEPTH:
            raise YamlError(line, f"nested deeper than {_MAX_DEPTH} levels")
        if self.stack and isinstance(self.stack[-1][0], Fields) and not self.stack[-1][1]:
            raise YamlError(line, "a key must be a word, not a list or a mapping")
        self._put(collection, line)
        self.stack.append((collection, []))
        self.opened.append((anchor, self.nodes))

    def _close(self, line: int) -> None:
        collection, _ = self.stack.pop()
        anchor, before = self.opened.pop()
        if isinstance(collection, Fields):
            collection.end = line
        if anchor:
            self.anchors[anchor] = (collection, self.nodes - before + 1)


def _scalar(event: Any, line: int) -> Any:
    text: str = event.value
    if _UNSTORABLE.search(text):
        raise YamlError(line, "the text holds a character that cannot be stored (NUL or half a surrogate pair)")
    if event.style is not None and not event.implicit[0]:
        return text
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text


def parse_yaml(text: str) -> Any:
    """The document as Fields, lists and scalars; dates stay text. Raises YamlError with the line."""
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.feed(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(mark.line + 1 if mark else 0, error.problem or "not YAML") from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise YamlError(0, str(error).splitlines()[0]) from error
    return builder.root
