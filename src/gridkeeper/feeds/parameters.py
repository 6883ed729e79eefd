"""Parameters of an address, each read once; what cannot be meant is refused by name."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import NoReturn

from django.http import QueryDict

#: Read by `web.moments` before the view runs.
ALWAYS = frozenset({"as_of"})
_LONGEST = 200
_YES_NO = {"yes": True, "no": False}


class BadParameterError(Exception):
    """A parameter that cannot be meant; the message names it and says what to write."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name


def refuse(name: str, problem: str) -> NoReturn:
    """Raises BadParameterError."""
    raise BadParameterError(name, problem)


def check_names(query: QueryDict, known: Collection[str]) -> None:
    """Raises BadParameterError for a parameter that nobody reads: a misspelt filter would give too much."""
    for name in query:
        if name not in known and name not in ALWAYS:
            refuse(name[:40], f"is no parameter of this feed; it takes {', '.join(sorted({*known, *ALWAYS}))}")


def words(query: QueryDict, name: str) -> tuple[str, ...]:
    """Every word given, by repeating the parameter or with commas between; each once.

    >>> words(QueryDict("scope=EGI,Local&scope=wlcg&scope="), "scope")
    ('EGI', 'Local', 'wlcg')
    """
    found = [word.strip() for text in query.getlist(name) for word in text.split(",")]
    for word in found:
        if len(word) > _LONGEST or "\0" in word:
            refuse(name, f"{word[:20]!r}... is too long or holds a NUL character; names have at most {_LONGEST}")
    return tuple(dict.fromkeys(filter(None, found)))


def one_of(query: QueryDict, name: str, choices: Collection[str], default: str) -> str:
    """One of the choices. Raises BadParameterError listing them."""
    word = query.get(name, "").strip() or default
    return word if word in choices else refuse(name, f"{word[:40]!r} is not known; use {' or '.join(choices)}")


def some_of(query: QueryDict, name: str, choices: Collection[str]) -> tuple[str, ...]:
    """Any of the choices, upper and lower case alike. Raises BadParameterError listing them."""
    by_fold = {choice.casefold(): choice for choice in choices}
    found = words(query, name)
    for word in found:
        if word.casefold() not in by_fold:
            refuse(name, f"{word[:40]!r} is not known; use {', '.join(choices)}")
    return tuple(by_fold[word.casefold()] for word in found)


def yes_no(query: QueryDict, name: str, default: bool | None) -> bool | None:
    """True or False, or None for `any`."""
    word = query.get(name, "").strip().lower()
    if not word:
        return default
    if word == "any":
        return None
    return _YES_NO[word] if word in _YES_NO else refuse(name, f"{word[:40]!r} is not known; use yes, no or any")


def instant(query: QueryDict, name: str) -> datetime | None:
    """A date (its first instant, UTC) or an ISO time with its offset; future times are welcome.

    >>> instant(QueryDict("from=2026-03-10"), "from").isoformat()
    '2026-03-10T00:00:00+00:00'
    """
    text = query.get(name, "").strip()
    if not text:
        return None
    try:
        # A space is what "+" becomes in an address that was not quoted.
        moment = datetime.fromisoformat(text.replace(" ", "+") if len(text) > 19 else text)
        if len(text) == len("2026-03-10"):
            moment = moment.replace(tzinfo=UTC)
        if moment.tzinfo is None:
            refuse(name, f"{text!r} has no offset; write {text}Z if it is UTC")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        refuse(name, f"{text[:40]!r} is not a time; write 2026-03-10 or 2026-03-10T14:00Z")
