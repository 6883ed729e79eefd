"""A request of the interface, read once: which method, which parameters, which page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from django.http import QueryDict

from gridkeeper.api.gocdb.refusal import RefusedError

PAGE_SIZE = 100
#: Those that no method names: they choose it, its page and its instant.
_OF_ALL = ("method", "next_cursor", "prev_cursor", "as_of")
_MAX_CURSOR = 2**63 - 1
_FLAGS = {"y": True, "yes": True, "true": True, "1": True, "n": False, "no": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Cursor:
    """A page: what lies after (or, is_back, before) that id."""

    at: int
    is_back: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """method: its name; parameters: all others as they came, without the page
    root: address of this installation without a slash at its end; path: that of the interface
    now: the instant that is looked at (UTC); as_of: what stood in the request, for links of pages
    """

    method: str
    parameters: Mapping[str, str]
    cursor: Cursor | None
    root: str
    path: str
    now: datetime
    as_of: str = ""

    def get(self, name: str) -> str | None:
        """The parameter, or None where it was not sent."""
        return self.parameters.get(name)

    def words(self, name: str) -> list[str]:
        """A list with commas; [] where it was not sent, or is empty."""
        return [word for part in self.parameters.get(name, "").split(",") if (word := part.strip())]

    def one_of(self, name: str, choices: Iterable[str]) -> str | None:
        """The parameter, or None where it was not sent. Raises RefusedError for a word that is none of the choices."""
        word = self.parameters.get(name)
        if word is not None and word not in choices:
            raise RefusedError(400, f"Invalid {name} value {word[:80]!r} - must be one of {', '.join(choices)}")
        return word

    def flag(self, name: str) -> bool | None:
        """Y or N, in any spelling of it; None where it was not sent. Raises RefusedError for another word."""
        word = self.parameters.get(name)
        if word is None:
            return None
        if word.lower() not in _FLAGS:
            raise RefusedError(400, f"Invalid {name} value {word[:80]!r} - must be Y or N")
        return _FLAGS[word.lower()]

    def date(self, name: str) -> datetime | None:
        """The first instant (UTC) of a day YYYY-MM-DD; None where it was not sent. Raises RefusedError."""
        word = self.parameters.get(name)
        if word is None:
            return None
        try:
            return datetime.strptime(word.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError as error:
            message = f"Invalid {name} value {word[:80]!r} - must be a day, YYYY-MM-DD"
            raise RefusedError(400, message) from error

    def address(self, cursor: Cursor | None) -> str:
        """The absolute URL of this question at another page."""
        pairs = {"method": self.method, **self.parameters}
        if self.as_of:
            pairs["as_of"] = self.as_of
        if cursor is not None:
            pairs["prev_cursor" if cursor.is_back else "next_cursor"] = str(cursor.at)
        return f"{self.root}{self.path}?{urlencode(pairs)}"

    def at(self, cursor: Cursor) -> "Question":
        return replace(self, cursor=cursor)


def parse_question(
    sent: QueryDict, *, known: Mapping[str, frozenset[str]], root: str, path: str, now: datetime
) -> Question:
    """The question that a query string asks; of a parameter sent twice the last one counts, as with PHP.

    known: parameters by method. Raises RefusedError: 400 without a method, for a parameter that it does not know and
    for a page that is none, 404 for an unknown method.
    """
    method = sent.get("method", "")
    if not method:
        raise RefusedError(400, f"No method given - ask ?method=M with one of {', '.join(known)}")
    if method not in known:
        raise RefusedError(404, f"Unknown method: {method[:80]} - known are {', '.join(known)}")
    for name in sent:
        if name not in known[method] and name not in _OF_ALL:
            offered = ", ".join(sorted(known[method])) or "none"
            raise RefusedError(400, f"Unsupported parameter: {name[:80]} - {method} knows {offered}")
    parameters = {name: str(sent[name]) for name in sent if name not in _OF_ALL}
    if damaged := [name for name, value in parameters.items() if "\x00" in value]:
        raise RefusedError(400, f"Unsupported character in {', '.join(damaged)} - leave out the NUL")
    cursor = _cursor(sent, method, known[method])
    return Question(method, parameters, cursor, root, path, now, sent.get("as_of", ""))


def _cursor(sent: QueryDict, method: str, known: frozenset[str]) -> Cursor | None:
    names = [name for name in ("next_cursor", "prev_cursor") if name in sent]
    if not names:
        return None
    if len(names) > 1:
        raise RefusedError(400, "Invalid parameters - give next_cursor or prev_cursor, not both")
    text = str(sent[names[0]])
    if not (text.isascii() and text.isdigit()) or int(text) > _MAX_CURSOR:
        raise RefusedError(400, f"Invalid {names[0]} value {text[:40]!r} - must be a whole number from 0 on")
    return Cursor(int(text), names[0] == "prev_cursor")
