"""Rules of causes over the API: declared, learned, accepted, rejected, removed."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Schema
from ninja.decorators import decorate_view
from pydantic import Field

from gridkeeper.probes.api_inputs import named_test
from gridkeeper.probes.cause_actions import decide_cause, declare_cause, remove_cause
from gridkeeper.probes.models import CauseRule, Reach
from gridkeeper.registry.api_changes import Call, change
from gridkeeper.registry.api_inputs import Edit, KeyText, Reason
from gridkeeper.registry.api_lookups import service_type_of
from gridkeeper.registry.api_parameters import ChangedSince, Key, Sort, Text, exact, listed
from gridkeeper.registry.api_resources import Resource, with_version
from gridkeeper.web.api import ChangesPage, Limit, Offset
from gridkeeper.web.conditional import conditional

router = Router(tags=["causes"])
State = Literal["in_force", "proposed", "rejected"]
_STATES: dict[str, Q] = {
    "in_force": Q(accepted_at__isnull=False, rejected_at=None),
    "proposed": Q(accepted_at=None, rejected_at=None),
    "rejected": Q(rejected_at__isnull=False),
}


class CauseRuleOut(Schema):
    """While `cause` fails, failures of `effect` within its reach are consequences. What is null stands for all."""

    id: int = Field(examples=[3])
    cause: str = Field(examples=["CE-port"])
    cause_type: str | None = Field(examples=["CE"])
    effect: str | None = Field(examples=["CE-js"])
    effect_type: str | None
    reach: str = Field(examples=["site"])
    is_learned: bool
    support: int = Field(description="Learned: outages in which both failed.", examples=[12])
    confidence: float = Field(description="Learned: share of the cause's outages with the effect.", examples=[0.9])
    accepted_at: datetime | None = Field(description="Null: a proposal that shows nothing.")
    rejected_at: datetime | None
    reason: str
    version: int = Field(description="Grows with every change; the ETag begins with it.", examples=[17])

    @staticmethod
    def resolve_cause(rule: CauseRule) -> str:
        return rule.cause.name

    @staticmethod
    def resolve_cause_type(rule: CauseRule) -> str | None:
        return rule.cause_type.name if rule.cause_type else None

    @staticmethod
    def resolve_effect(rule: CauseRule) -> str | None:
        return rule.effect.name if rule.effect else None

    @staticmethod
    def resolve_effect_type(rule: CauseRule) -> str | None:
        return rule.effect_type.name if rule.effect_type else None


class CauseRuleAdd(Reason):
    """A rule; what is left out stands for all."""

    cause: KeyText = Field(description="Name of a test.", examples=["CE-port"])
    cause_type: KeyText | None = Field(None, description="Name of a service type.", examples=["CE"])
    effect: KeyText | None = Field(None, description="Name of a test.", examples=["CE-js"])
    effect_type: KeyText | None = Field(None, description="Name of a service type.")
    reach: Reach = Field(Reach.SITE, examples=["site"])


def _rules() -> "QuerySet[CauseRule]":
    return with_version(CauseRule.objects.select_related("cause", "cause_type", "effect", "effect_type"))


CAUSE_RULES = Resource("cause_rule", CauseRule, _rules, CauseRuleOut, key="id")


@router.get("/cause-rules", response=ChangesPage[CauseRuleOut], summary="Rules of causes")
@decorate_view(conditional)
def list_cause_rules(
    request: HttpRequest, cause: Text = "", effect: Text = "", state: Annotated[State | None, Query(None)] = None,
    is_learned: Annotated[bool | None, Query(None)] = None, changed_since: ChangedSince = None, order: Sort = "",
    limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """By cause. What was removed is gone."""
    rows = _rules().filter(**exact(cause__name=cause, effect__name=effect, is_learned=is_learned))
    return listed(
        request, CAUSE_RULES, rows.filter(_STATES[state]) if state else rows, closed=True,
        changed_since=changed_since, order=order, fields={"cause": "cause__name", "support": "support"}, limit=limit,
        offset=offset,
    )  # fmt: skip


@router.get("/cause-rules/{key}", response=CauseRuleOut, summary="One rule of causes")
@decorate_view(conditional)
def get_cause_rule(request: HttpRequest, key: Key) -> CauseRule:
    """With how often it was seen, where it was learned."""
    return CAUSE_RULES.note(request, CAUSE_RULES.find(key))


@change(router, "POST", "/cause-rules", CAUSE_RULES, "add", summary="Declare a rule of causes", status=201)
def add_cause_rule(call: Call, body: CauseRuleAdd) -> CauseRule:
    """Nothing is hidden: consequences are shown under their cause."""
    return declare_cause(
        call.actor, cause=named_test(body.cause, "cause"), reach=body.reach, reason=body.reason, now=call.now,
        effect=named_test(body.effect, "effect") if body.effect else None,
        cause_type=service_type_of(body.cause_type) if body.cause_type else None,
        effect_type=service_type_of(body.effect_type) if body.effect_type else None,
    )  # fmt: skip


@change(router, "POST", "/cause-rules/{key}/accept", CAUSE_RULES, "accept", summary="Accept a learned rule")
def accept_cause_rule(call: Call, rule: CauseRule, body: Edit) -> CauseRule:
    """It is in force from now on."""
    return decide_cause(call.actor, rule=rule, is_accepted=True, reason=body.reason, now=call.now)


@change(router, "POST", "/cause-rules/{key}/reject", CAUSE_RULES, "reject", summary="Reject a learned rule")
def reject_cause_rule(call: Call, rule: CauseRule, body: Edit) -> CauseRule:
    """It is not proposed again."""
    return decide_cause(call.actor, rule=rule, is_accepted=False, reason=body.reason, now=call.now)


@change(router, "POST", "/cause-rules/{key}/remove", CAUSE_RULES, "remove", summary="Remove a rule of causes")
def drop_cause_rule(call: Call, rule: CauseRule, body: Edit) -> CauseRule:
    """It is gone; its audit record stays. The answer is the rule as it was."""
    remove_cause(call.actor, rule=rule, reason=body.reason)
    return rule
