"""Recomputations over HTTP: asked for, foreseen, decided, reverted."""

from datetime import datetime
from typing import Any, Literal

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from ninja.decorators import decorate_view
from pydantic import Field

from gridkeeper.availability.models import Recomputation
from gridkeeper.availability.recomputations import actions, queries
from gridkeeper.availability.recomputations.documents import Wish
from gridkeeper.availability.recomputations.rules import Change
from gridkeeper.core.windows import Window, as_utc
from gridkeeper.people.actor import Actor
from gridkeeper.registry.api_changes import Call, change
from gridkeeper.registry.api_inputs import KeyText, Reason
from gridkeeper.registry.api_parameters import ChangedSince, Key, Sort, Text, listed
from gridkeeper.registry.api_resources import Resource, with_version
from gridkeeper.registry.api_schemas import Moment
from gridkeeper.web.api import ChangesPage, Limit, Offset
from gridkeeper.web.conditional import conditional

router = Router(tags=["availability"])
_KINDS = Literal["groups", "source", "results", "status"]


class RecomputationIn(Reason):
    """What is asked for."""

    kind: _KINDS = Field(description="Exclude groups, a worker or results, or force a status.", examples=["status"])
    start: Moment = Field(examples=["2026-03-10T06:00:00Z"])
    end: Moment = Field(description="The first instant that is not concerned.", examples=["2026-03-10T12:00:00Z"])
    document: dict[str, Any] = Field(
        description="groups: `groups`; source: `source`; results: `metrics`, `hosts`, `services`, `groups`; status: "
        "`level` (metric, service, flavour, function, site), `status`, and the lists that name such nodes.",
        examples=[{"level": "site", "groups": ["INFN-T1"], "status": "OK"}],
    )
    reports: list[KeyText] = Field([], max_length=100, description="Empty: all.", examples=[["dteam"]])

    def wish(self) -> Wish:
        """Raises ValidationError for reports that there are not."""
        wish = Wish(
            kind=self.kind, start=as_utc(self.start), end=as_utc(self.end), document=self.document,
            reason=self.reason, reports=tuple(self.reports),
        )  # fmt: skip
        actions.check_reports(wish)
        return wish


class PositionIn(Reason):
    """Its place among those that are applied."""

    position: int = Field(ge=0, le=1_000_000, description="0 first; equal ones by age.")


class SiteDayOut(Schema):
    """A site's figures of a day, before and after; null where there is none."""

    report: str
    day: str = Field(examples=["2026-03-10"])
    region: str = Field(description="Key.")
    site: str = Field(description="Key.")
    site_name: str
    before: dict[str, Any] | None = Field(description="availability and reliability in per cent, and the seconds.")
    after: dict[str, Any] | None


class ChangesOut(Schema):
    """What figures of sites it changes."""

    site_days: int = Field(0, examples=[14])
    changes: list[SiteDayOut] = Field([], description="The first 1000.")
    days: int | None = Field(None, description="Of a preview: days of the period that were looked at.")
    days_left: int | None = Field(None, description="Of a preview: days that were not.")


class RecomputationOut(Schema):
    """A recomputation."""

    key: str
    kind: str
    start: datetime
    end: datetime
    document: dict[str, Any]
    reports: list[str]
    reason: str
    state: str = Field(examples=["requested"])
    position: int
    author: str = Field(description="Empty for strangers, and where it was the console.")
    created_at: datetime
    decided_at: datetime | None
    decision: str
    preview: ChangesOut
    effects: ChangesOut
    version: int = Field(description="Grows with every change; the ETag begins with it.")

    @staticmethod
    def resolve_author(row: Recomputation, context: Any) -> str:
        is_known = context["request"].user.is_authenticated
        return row.author.get_username() if row.author and is_known else ""


def _rows() -> "QuerySet[Recomputation]":
    return with_version(queries.recomputations()).order_by("-created_at", "pk")


RECOMPUTATIONS = Resource("recomputation", Recomputation, _rows, RecomputationOut)


@router.get("/availability/recomputations", response=ChangesPage[RecomputationOut], summary="Recomputations")
@decorate_view(conditional)
def list_recomputations(
    request: HttpRequest, state: Text = "", kind: Text = "", changed_since: ChangedSince = None, order: Sort = "",
    limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """Newest first. `state`: requested, approved, applied, rejected, withdrawn or reverted."""
    only = {name: value for name, value in (("state", state), ("kind", kind)) if value}
    return listed(
        request, RECOMPUTATIONS, _rows().filter(**only), closed=True, changed_since=changed_since, order=order,
        fields={"created_at": "created_at", "start": "start", "state": "state"}, limit=limit, offset=offset,
    )  # fmt: skip


@router.post("/availability/recomputations/preview", response=ChangesOut, summary="What a recomputation would change")
def preview(request: HttpRequest, body: RecomputationIn) -> dict[str, Any]:
    """Judges the days twice, with it and without it; the first 31 of the period. Nothing is stored."""
    from gridkeeper.availability.recomputations import preview as previews  # the plan takes a second to import

    now, wish = timezone.now(), body.wish()
    said = actions.check_request(Actor.of(request, "api"), wish, now=now)
    return previews.preview(Change("", said, Window(wish.start, wish.end), frozenset(wish.reports)), now)


@router.get("/availability/recomputations/{key}", response=RecomputationOut, summary="One recomputation")
@decorate_view(conditional)
def get_recomputation(request: HttpRequest, key: Key) -> Recomputation:
    """With what it was foreseen to change, and what it did change."""
    return RECOMPUTATIONS.note(request, RECOMPUTATIONS.find(key))


@change(
    router, "POST", "/availability/recomputations", RECOMPUTATIONS, "request", summary="Ask for one", status=201
)  # fmt: skip
def request_recomputation(call: Call, body: RecomputationIn) -> Recomputation:
    """Waits for approval; changes no figure. By who may edit what it names; for all sites by the federation's staff."""
    return actions.request(call.actor, body.wish(), now=call.now)


@change(router, "POST", "/availability/recomputations/{key}/approve", RECOMPUTATIONS, "approve", summary="Approve one")
def approve(call: Call, row: Recomputation, body: Reason) -> Recomputation:
    """Its days are computed within a minute; by the federation's staff."""
    return actions.approve(call.actor, row, reason=body.reason, now=call.now)


@change(router, "POST", "/availability/recomputations/{key}/reject", RECOMPUTATIONS, "reject", summary="Reject one")
def reject(call: Call, row: Recomputation, body: Reason) -> Recomputation:
    """No figure changes; by the federation's staff."""
    return actions.reject(call.actor, row, reason=body.reason, now=call.now)


@change(
    router, "POST", "/availability/recomputations/{key}/withdraw", RECOMPUTATIONS, "withdraw", summary="Withdraw one"
)  # fmt: skip
def withdraw(call: Call, row: Recomputation, body: Reason) -> Recomputation:
    """By its author, while it waits."""
    return actions.withdraw(call.actor, row, reason=body.reason, now=call.now)


@change(router, "POST", "/availability/recomputations/{key}/revert", RECOMPUTATIONS, "revert", summary="Revert one")
def revert(call: Call, row: Recomputation, body: Reason) -> Recomputation:
    """Its days are computed without it again; by the federation's staff."""
    return actions.revert(call.actor, row, reason=body.reason, now=call.now)


@change(
    router, "PATCH", "/availability/recomputations/{key}", RECOMPUTATIONS, "put", summary="Put one in another order"
)  # fmt: skip
def put(call: Call, row: Recomputation, body: PositionIn) -> Recomputation:
    """Several are applied in the order of their positions, and the last one wins; by the federation's staff."""
    return actions.put(call.actor, row, position=body.position, reason=body.reason, now=call.now)
