"""Which scopes an object may bear: pure decisions on names. Source: registry.md section 1.

A reserved scope is granted by the operator alone, and a child bears it only while its parent does.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScopeChange:
    """added, removed: names in order of the alphabet."""

    added: tuple[str, ...]
    removed: tuple[str, ...]

    def reserved(self, reserved: Collection[str]) -> tuple[str, ...]:
        """Those of the change that only the operator grants and takes."""
        return tuple(name for name in (*self.added, *self.removed) if name in reserved)


def scope_change(before: Iterable[str], after: Iterable[str]) -> ScopeChange:
    """What differs.

    >>> scope_change(["EGI", "Local"], ["EGI", "tier1"])
    ScopeChange(added=('tier1',), removed=('Local',))
    """
    old, new = set(before), set(after)
    return ScopeChange(tuple(sorted(new - old)), tuple(sorted(old - new)))


def ordered(names: Iterable[str]) -> list[str]:
    """Each once, in order of the alphabet: how they are kept.

    >>> ordered(["b", "a", "b"])
    ['a', 'b']
    """
    return sorted({name.strip() for name in names if name.strip()})


def scope_problem(
    change: ScopeChange,
    after: Collection[str],
    *,
    known: Collection[str],
    reserved: Collection[str],
    of_parent: Collection[str] | None,
    parent_name: str,
    minimum: int,
) -> str:
    """Why the object may not bear those scopes, or "".

    of_parent: what its parent bears; None for what lies below nothing
    minimum: how many the federation asks of such an object
    """
    if unknown := [name for name in change.added if name not in known]:
        return f"There is no scope {', '.join(unknown)}; the operator adds scopes. Known: {', '.join(sorted(known))}."
    if of_parent is not None:
        lost = [name for name in change.added if name in reserved and name not in of_parent]
        if lost:
            return f"{', '.join(lost)} is reserved, and {parent_name} does not bear it; it must be granted there first."
    if len(after) < minimum and change.removed:
        return (
            f"At least {minimum} scope{'s are' if minimum > 1 else ' is'} asked for here; {len(after)} would be left."
        )
    return ""


def without(scopes: Sequence[str], taken: Collection[str]) -> list[str]:
    """The scopes that remain."""
    return [name for name in scopes if name not in taken]


def strictest(policies: Iterable[Mapping[str, int]], kind: str) -> int:
    """The minimum of the federation that asks for most; 0 where none asks.

    >>> strictest([{"site": 1}, {"site": 2, "service": 1}], "site")
    2
    """
    return max((int(policy.get(kind, 0)) for policy in policies), default=0)
