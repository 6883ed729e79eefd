"""A change of what decides good sites, as a value: previewed, kept in a proposal, and made, all from the same words."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from gridkeeper.selection.errors import WishError


@dataclass(frozen=True, slots=True)
class CriticalChange:
    """That a test counts, or counts no longer, on services of that type."""

    service_type: str
    test: str
    is_critical: bool

    @property
    def sentence(self) -> str:
        return (
            f"{self.test} on {self.service_type} {'becomes critical' if self.is_critical else 'is critical no longer'}"
        )


@dataclass(frozen=True, slots=True)
class Listing:
    """A site that goes on a list. site: its key; expires_at None: until removed."""

    site: str
    name: str
    kind: str
    reason: str
    expires_at: datetime | None = None

    @property
    def sentence(self) -> str:
        until = f" until {self.expires_at:%Y-%m-%d %H:%M} UTC" if self.expires_at else ""
        return f"{self.name} goes on the {self.kind} list{until}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Removal:
    """A list entry that ends. entry: its id; site: the site's key."""

    entry: int
    site: str
    name: str
    kind: str

    @property
    def sentence(self) -> str:
        return f"{self.name} comes off the {self.kind} list"


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """How the VO chooses from then on; see models.SelectionPolicy."""

    needs_approval: bool
    freshest_s: int

    @property
    def sentence(self) -> str:
        who = "changes need a second manager" if self.needs_approval else "one manager suffices for a change"
        age = f"results older than {self.freshest_s} s make nothing good" if self.freshest_s else "each test's validity"
        return f"{who}; {age}" if self.freshest_s else f"{who}; results hold as long as {age} says"


@dataclass(frozen=True, slots=True)
class Wish:
    """All that is to change at once. What is not named stays."""

    critical: tuple[CriticalChange, ...] = ()
    add: tuple[Listing, ...] = ()
    remove: tuple[Removal, ...] = ()
    policy: PolicyChange | None = None

    @property
    def sentences(self) -> list[str]:
        """The change in words, one a part."""
        parts: list[CriticalChange | Listing | Removal | PolicyChange] = [*self.critical, *self.add, *self.remove]
        return [part.sentence for part in (*parts, self.policy) if part is not None]

    def as_json(self) -> dict[str, Any]:
        """As `Proposal.change` keeps it."""
        return {
            "critical": [[one.service_type, one.test, one.is_critical] for one in self.critical],
            "add": [
                {**asdict(one), "expires_at": one.expires_at.isoformat() if one.expires_at else None}
                for one in self.add
            ],
            "remove": [asdict(one) for one in self.remove],
            "policy": asdict(self.policy) if self.policy else None,
        }

    @classmethod
    def from_json(cls, change: Mapping[str, Any]) -> "Wish":
        """What `as_json` wrote. Raises WishError for anything else."""
        try:
            policy = change.get("policy")
            return cls(
                critical=tuple(CriticalChange(kind, test, bool(value)) for kind, test, value in change["critical"]),
                add=tuple(_listing(one) for one in change["add"]),
                remove=tuple(Removal(**one) for one in change["remove"]),
                policy=PolicyChange(**policy) if policy else None,
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise WishError(f"the proposal's change cannot be read ({error}); withdraw it and propose anew") from error


def _listing(one: Mapping[str, Any]) -> Listing:
    expires = one.get("expires_at")
    return Listing(**{**one, "expires_at": datetime.fromisoformat(expires) if expires else None})
