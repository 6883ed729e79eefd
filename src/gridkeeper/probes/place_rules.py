"""From where a test runs: the rule of a test, and the workers that fit it. Pure."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

#: More places say nothing more.
MOST_PLACES = 9


class PlaceRuleError(ValueError):
    """A rule that nobody can follow; the message names the field and what it takes."""


class PlaceRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From where a test runs.

    count: from so many places
    distinct: of which no two stand in the same "region" or "network"
    elsewhere: of which so many stand outside of the site's own region
    labels: that every place has
    quorum: a bad status counts once so many places agree; 0: more than half of them
    """

    count: int = 1
    distinct: Literal["", "region", "network"] = ""
    elsewhere: int = 0
    labels: dict[str, str] = {}
    quorum: int = 0


def parse_rule(data: Any) -> PlaceRule:
    """The rule of a test as it is stored; {} is one place, anywhere. Raises PlaceRuleError.

    >>> parse_rule({"count": 2, "distinct": "region", "elsewhere": 1}).count
    2
    """
    try:
        rule = msgspec.convert(data or {}, PlaceRule)
    except msgspec.ValidationError as error:
        raise PlaceRuleError(f"places: {error}; it takes count, distinct, elsewhere, labels and quorum") from error
    if not 1 <= rule.count <= MOST_PLACES:
        raise PlaceRuleError(f"places: count is {rule.count}; write 1 to {MOST_PLACES}")
    if not 0 <= rule.elsewhere <= rule.count:
        raise PlaceRuleError(f"places: elsewhere is {rule.elsewhere}; write 0 to {rule.count}, the count")
    if not 0 <= rule.quorum <= rule.count:
        raise PlaceRuleError(f"places: quorum is {rule.quorum}; write 0 to {rule.count}, the count")
    return rule


@dataclass(frozen=True, slots=True)
class Candidate:
    """A worker that might be asked. vos: that it may test for; empty: all. is_free: has room for another run."""

    name: str
    region: str = ""
    network: str = ""
    vos: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)
    is_free: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """The places chosen. shortage: what of the rule could not be had, in words; "" where all of it was."""

    places: tuple[str, ...]
    shortage: str = ""


def fitting(rule: PlaceRule, vo: str, candidates: Iterable[Candidate]) -> list[Candidate]:
    """Those that have the rule's labels and may test for the VO ("" for all)."""
    return [
        one
        for one in candidates
        if (not one.vos or not vo or vo in one.vos)
        and all(one.labels.get(name) == value for name, value in rule.labels.items())
    ]


def choose(
    rule: PlaceRule, *, series: int, turn: int, site_region: str, vo: str, candidates: Sequence[Candidate]
) -> Choice:
    """The places of one round. The same series has the same places in the same turn, as long as these are there.

    Where the rule cannot be met, as much of it as can be is: a test from one place says more than none.
    """
    order = in_order(fitting(rule, vo, candidates), series=series, turn=turn)
    taken: list[Candidate] = []
    _take(taken, rule, [one for one in order if is_elsewhere(one, site_region)], rule.elsewhere)
    elsewhere = len(taken)
    _take(taken, rule, order, rule.count)
    shortage = []
    if len(taken) < rule.count:
        shortage.append(f"{len(taken)} of {rule.count} places")
    if elsewhere < rule.elsewhere:
        shortage.append(f"{elsewhere} of {rule.elsewhere} outside of {site_region or 'the region of the site'}")
    return Choice(tuple(one.name for one in taken), ", ".join(shortage))


def is_elsewhere(candidate: Candidate, site_region: str) -> bool:
    """A worker that does not say where it stands counts as being nowhere else."""
    return bool(candidate.region) and candidate.region != site_region


def in_order(candidates: Iterable[Candidate], *, series: int, turn: int) -> list[Candidate]:
    """By preference: those with room first, then by lot (rendezvous hashing).

    So one worker's loss moves only its own series, and every worker has its share.
    """
    return sorted(candidates, key=lambda one: (not one.is_free, _lot(series, turn, one.name)))


def _lot(series: int, turn: int, name: str) -> bytes:
    return hashlib.blake2b(f"{series}\n{turn}\n{name}".encode(), digest_size=8).digest()


def _take(taken: list[Candidate], rule: PlaceRule, order: Iterable[Candidate], count: int) -> None:
    """Adds from `order` until there are `count`. Taking the scarce ones first leaves as many others as any order."""
    for one in order:
        if len(taken) >= count:
            return
        if one in taken:
            continue
        value = getattr(one, rule.distinct) if rule.distinct else ""
        if rule.distinct and any(getattr(other, rule.distinct) == value for other in taken):
            continue
        taken.append(one)
