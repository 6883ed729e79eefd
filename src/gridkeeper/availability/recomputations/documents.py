"""What a recomputation says, by kind: its JSON document, read once and checked. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from django.core.exceptions import ValidationError

from gridkeeper.availability.models import RecomputationKind
from gridkeeper.core.windows import Window, as_utc

#: The levels that a status can be forced at, from the leaves up, and the words that name a node there.
LEVELS: Mapping[str, tuple[str, ...]] = {
    "metric": ("groups", "services", "hosts", "metrics"),
    "service": ("groups", "services", "hosts"),
    "flavour": ("groups", "services"),
    "function": ("groups", "functions"),
    "site": ("groups",),
}
#: Longest period of one request.
MAX_DAYS = 366


class _Document(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    request: str = ""


class Groups(_Document):
    """Kind groups: sites by name or key; their status becomes unknown."""

    groups: list[str] = []


class Source(_Document):
    """Kind source: the worker (ARGO: monitoring host) whose results do not count."""

    source: str = ""


class Results(_Document):
    """Kind results: metrics that are EXCLUDED where all lists that are not empty name theirs."""

    metrics: list[str] = []
    hosts: list[str] = []
    services: list[str] = []
    groups: list[str] = []


class Forced(_Document):
    """Kind status: nodes of a level that have a status whatever those below them say."""

    level: str = ""
    status: str = ""
    groups: list[str] = []
    functions: list[str] = []
    services: list[str] = []
    hosts: list[str] = []
    metrics: list[str] = []


Said = Groups | Source | Results | Forced

_STRUCTS: Mapping[str, type[Said]] = {
    RecomputationKind.GROUPS: Groups,
    RecomputationKind.SOURCE: Source,
    RecomputationKind.RESULTS: Results,
    RecomputationKind.STATUS: Forced,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asks for.

    kind: a RecomputationKind; document: what `parse` reads
    start, end: `[start, end)` in UTC
    reports: names of the reports concerned; empty: all
    """

    kind: str
    start: datetime
    end: datetime
    document: Mapping[str, Any]
    reason: str
    reports: tuple[str, ...] = field(default=())

    @property
    def window(self) -> Window:
        return Window(self.start, self.end)


def parse(kind: str, document: Mapping[str, Any]) -> Said:
    """The document's value. Raises ValidationError naming the field."""
    struct = _STRUCTS.get(kind)
    if struct is None:
        raise ValidationError({"kind": f"{kind!r} is no kind; there are {', '.join(_STRUCTS)}."})
    try:
        said = msgspec.convert(_trimmed(document), struct)
    except msgspec.ValidationError as error:
        raise ValidationError({"document": f"{error}. Correct that field."}) from error
    if problems := _problems(said):
        raise ValidationError(dict(problems))
    return said


def stored(said: Said) -> dict[str, Any]:
    """The document as it is kept: without what is empty."""
    kept: dict[str, Any] = msgspec.to_builtins(said)
    return kept


def _trimmed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Words without blanks around them, lists without what is empty or said twice."""
    return {name: _trim(value) for name, value in document.items()}


def _trim(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list | tuple) and all(isinstance(word, str) for word in value):
        return list(dict.fromkeys(word.strip() for word in value if word.strip()))
    return value


def _problems(said: Said) -> list[tuple[str, str]]:
    match said:
        case Groups(groups=[]):
            return [("groups", "Name at least one site or group.")]
        case Source(source=""):
            return [("source", "Name the worker whose results do not count.")]
        case Results(metrics=[], hosts=[], services=[], groups=[]):
            return [("metrics", "Name metrics, hosts, services or groups; otherwise everything would be excluded.")]
        case Forced():
            return _problems_of_status(said)
    return []


def _problems_of_status(said: Forced) -> list[tuple[str, str]]:
    named = LEVELS.get(said.level)
    if named is None:
        return [("level", f"{said.level!r} is no level; choose one of {', '.join(LEVELS)}.")]
    problems = [] if said.status else [("status", "Say which status it is to have.")]
    given = [name for name in ("groups", "functions", "services", "hosts", "metrics") if getattr(said, name)]
    problems += [
        (name, f"A {said.level} is not named by {name}; leave it empty.") for name in given if name not in named
    ]
    if not given:
        problems.append((named[-1], f"Name at least one of {', '.join(named)}."))
    return problems


def check(wish: Wish, now: datetime) -> Said:
    """Raises ValidationError naming the field where the wish cannot be meant; returns what its document says."""
    if not 1 <= len(wish.reason.strip()) <= 300:
        raise ValidationError({"reason": "Say why, in 1 to 300 characters."})
    start, end = as_utc(wish.start), as_utc(wish.end)
    if end <= start:
        raise ValidationError({"end": f"The period ends {end:%Y-%m-%d %H:%M} before it begins; exchange the two."})
    if (end - start).days > MAX_DAYS:
        raise ValidationError({"end": f"The period is longer than {MAX_DAYS} days; ask for it in parts."})
    if start >= now or start.year < _EARLIEST:
        raise ValidationError({"start": f"{start:%Y-%m-%d %H:%M} UTC is no time that has figures; correct the start."})
    return parse(wish.kind, wish.document)


_EARLIEST = 1990
