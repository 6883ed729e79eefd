"""Shapes of what the API of good sites takes and gives, with examples."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from ninja import Schema
from pydantic import AwareDatetime, Field, StringConstraints

from gridkeeper.selection.models import ListEntry, Proposal
from gridkeeper.selection.wishes import CriticalChange, Wish

#: No NUL: PostgreSQL cannot hold it.
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", strip_whitespace=True)]


class EntryBrief(Schema):
    """The list entry that decided."""

    id: int = Field(examples=[3])
    kind: str = Field(examples=["black"])
    reason: str = Field(examples=["storage is being moved"])
    author: str = Field(examples=["carol"])
    created_at: datetime
    expires_at: datetime | None


class ReasonOut(Schema):
    """One thing that excludes a site."""

    kind: str = Field(examples=["test failed"])
    sentence: str = Field(examples=["CE-js on ce.example.org is CRITICAL since 2026-03-10 11:00 UTC"])
    service_type: str = Field(examples=["CE"])
    hostname: str = Field(examples=["ce.example.org"])
    test: str = Field(examples=["CE-js"])
    status: str | None = Field(examples=["CRITICAL"])
    since: datetime | None


class ServiceVerdictOut(Schema):
    """A service that the VO counts on."""

    service_type: str = Field(examples=["CE"])
    hostname: str = Field(examples=["ce.example.org"])
    is_good: bool
    reasons: list[str]


class SiteVerdictOut(Schema):
    """A site, in or out, and why."""

    site: str = Field(examples=["RAL-LCG2"])
    key: str
    region: str = Field(examples=["UK/I"])
    is_good: bool
    good_until: datetime | None = Field(description="When it is good no longer unless newer results come.")
    list_entry: EntryBrief | None
    reasons: list[ReasonOut]
    services: list[ServiceVerdictOut]


class GoodSitesOut(Schema):
    """Every site judged for a VO at an instant."""

    vo: str = Field(examples=["lhcb"])
    at: datetime
    critical_tests_of: str = Field(description="The VO whose critical tests were used.", examples=["lhcb"])
    good: int = Field(examples=[52])
    excluded: int = Field(examples=[8])
    sites: list[SiteVerdictOut]


class ProfileLineOut(Schema):
    """A test of a service type."""

    service_type: str = Field(examples=["CE"])
    test: str = Field(examples=["CE-js"])
    is_critical: bool


class ProfileOut(Schema):
    """The tests that stand for a VO."""

    vo: str = Field(examples=["biomed"])
    owner: str = Field(description="The VO whose profile this is.", examples=["ops"])
    tests: list[ProfileLineOut]


class CriticalChangeIn(Schema):
    """That a test counts, or counts no longer, on services of that type."""

    service_type: Text = Field(max_length=100, examples=["CE"])
    test: Text = Field(max_length=100, examples=["CE-js"])
    is_critical: bool


class CriticalChangesIn(Schema):
    """A choice of critical tests; what is not named stays."""

    changes: list[CriticalChangeIn] = Field(min_length=1, max_length=200)
    reason: Text = Field("", max_length=300, examples=["the new CA is out"])

    def as_changes(self) -> list[CriticalChange]:
        return [CriticalChange(each.service_type, each.test, each.is_critical) for each in self.changes]


class EffectOut(Schema):
    """What a change would do."""

    sentence: str = Field(examples=["52 sites are good now, 50 would be: 2 would leave (A, B), none would enter"])
    good_before: int = Field(examples=[52])
    good_after: int = Field(examples=[50])
    leaving: list[str] = Field(examples=[["RAL-LCG2"]])
    entering: list[str] = Field(examples=[[]])


class EntryIn(Schema):
    """A new list entry."""

    site: Text = Field(max_length=255, description="Name or key of the site.", examples=["RAL-LCG2"])
    kind: Literal["white", "black"]
    reason: Text = Field(min_length=1, max_length=300, examples=["storage is being moved"])
    expires_at: AwareDatetime | None = Field(None, examples=["2027-01-01T00:00:00Z"])


class RemovalIn(Schema):
    """Why an entry is taken off."""

    reason: Text = Field(min_length=1, max_length=300, examples=["the storage has moved"])


class EntryOut(Schema):
    """A list entry with its whole life."""

    model_config: ClassVar[Any] = {"from_attributes": True}

    id: int = Field(examples=[3])
    site: str = Field(examples=["RAL-LCG2"])
    kind: str = Field(examples=["black"])
    reason: str = Field(examples=["storage is being moved"])
    author: str | None = Field(examples=["carol"])
    created_at: datetime
    expires_at: datetime | None
    removed_at: datetime | None

    @staticmethod
    def resolve_site(entry: ListEntry) -> str:
        return entry.site.name

    @staticmethod
    def resolve_author(entry: ListEntry) -> str | None:
        return entry.author.get_username() if entry.author else None


class PolicyOut(Schema):
    """How the VO chooses."""

    needs_approval: bool = Field(description="A change waits until another manager of the VO agrees.")
    freshest_s: int = Field(description="Older results make nothing good; 0: each test's validity.", examples=[7200])


class PolicyIn(PolicyOut):
    """How the VO is to choose."""

    freshest_s: int = Field(0, ge=0, le=31 * 86_400, examples=[7200])
    reason: Text = Field(min_length=1, max_length=300, examples=["two pairs of eyes"])


class ProposalOut(Schema):
    """A change that waits for a second manager, or was decided."""

    id: int = Field(examples=[7])
    state: str = Field(examples=["open"])
    changes: list[str] = Field(examples=[["CE-js on CE becomes critical"]])
    reason: str = Field(examples=["the new CA is out"])
    author: str | None = Field(examples=["carol"])
    created_at: datetime
    decided_by: str | None = Field(examples=["dave"])
    decided_at: datetime | None
    decision: str = Field(examples=["fine"])

    @staticmethod
    def resolve_changes(proposal: Proposal) -> list[str]:
        return Wish.from_json(proposal.change).sentences

    @staticmethod
    def resolve_author(proposal: Proposal) -> str | None:
        return proposal.author.get_username() if proposal.author else None

    @staticmethod
    def resolve_decided_by(proposal: Proposal) -> str | None:
        return proposal.decided_by.get_username() if proposal.decided_by else None


class DecisionIn(Schema):
    """What the second manager says."""

    decision: Text = Field("", max_length=300, examples=["fine"])


class WhatIfIn(Schema):
    """Everything that could change at once; what is not named stays."""

    critical: list[CriticalChangeIn] = Field([], max_length=200)
    add: list[EntryIn] = Field([], max_length=200)
    remove: list[int] = Field([], max_length=200, description="Ids of list entries.")
    freshest_s: int | None = Field(None, ge=0, le=31 * 86_400)


class GoodChangeOut(Schema):
    """That a site, or one of its services, became good or bad."""

    id: int = Field(examples=[1041])
    at: datetime
    site: str = Field(examples=["RAL-LCG2"])
    service: str = Field(description="Empty: the site itself.", examples=["CE ce.example.org"])
    is_good: bool
    reason: str = Field(examples=["CE-js on ce.example.org is CRITICAL since 2026-03-10 11:00 UTC"])


class FeedOut(Schema):
    """Changes, oldest first. next_after: what to ask for next time, also where nothing was new."""

    vo: str = Field(examples=["lhcb"])
    items: list[GoodChangeOut]
    next_after: int = Field(examples=[1041])
