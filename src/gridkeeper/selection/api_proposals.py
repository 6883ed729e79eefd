"""The policy of a VO, proposals that wait for a second manager, what-if, and the feed of changes; over HTTP."""

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Path, Query, Router, Status

from gridkeeper.people.actor import Actor
from gridkeeper.registry.models import Site
from gridkeeper.selection import proposals
from gridkeeper.selection.actions import policy_of
from gridkeeper.selection.api import VoName, effect_json, problems
from gridkeeper.selection.api_schemas import (
    DecisionIn,
    EffectOut,
    FeedOut,
    PolicyIn,
    PolicyOut,
    ProposalOut,
    WhatIfIn,
)
from gridkeeper.selection.changes import changes_of
from gridkeeper.selection.errors import UnknownSubjectError
from gridkeeper.selection.models import ListEntry, Proposal
from gridkeeper.selection.preview import preview_wish
from gridkeeper.selection.profiles import vo_at
from gridkeeper.selection.wishes import CriticalChange, Listing, PolicyChange, Removal, Wish
from gridkeeper.vos.models import Vo
from gridkeeper.web.api import Limit, Offset, Page, paginate

router = Router(tags=["good sites"])
_Id = Annotated[int, Path(ge=1, le=2**63 - 1)]
_State = Literal["", "open", "approved", "rejected", "withdrawn"]


@router.get("/good-sites/{vo}/policy", response=PolicyOut, summary="How a VO chooses")
def get_policy(request: HttpRequest, vo: VoName) -> Any:
    """Whether changes need two, and how old a result may be."""
    with problems():
        return policy_of(vo_at(vo, timezone.now()))


@router.post("/good-sites/{vo}/policy", response={200: PolicyOut, 202: ProposalOut}, summary="Change how a VO chooses")
def post_policy(request: HttpRequest, vo: VoName, body: PolicyIn) -> Status[Any]:
    """For managers of the VO. Where changes need two, also this one does: 202 with the proposal."""
    now = timezone.now()
    with problems():
        owner = vo_at(vo, now)
        wish = Wish(policy=PolicyChange(body.needs_approval, body.freshest_s))
        asked = proposals.ask(Actor.of(request, "api"), vo=owner, wish=wish, reason=body.reason, now=now)
    return Status(202, asked) if asked else Status(200, policy_of(owner))


@router.post("/good-sites/{vo}/what-if", response=EffectOut, summary="What several changes at once would do")
def post_what_if(request: HttpRequest, vo: VoName, body: WhatIfIn) -> dict[str, Any]:
    """Judges with critical tests, list entries and limit of age as asked for, and saves nothing."""
    now = timezone.now()
    with problems():
        owner = vo_at(vo, now)
        wish = _wish(owner, body)
        return effect_json(preview_wish(owner, wish, Actor.of(request, "api").name, now))


def _wish(vo: Vo, body: WhatIfIn) -> Wish:
    entries = {entry.pk: entry for entry in ListEntry.objects.filter(vo=vo, pk__in=body.remove).select_related("site")}
    gone = [number for number in body.remove if number not in entries]
    if gone:
        raise UnknownSubjectError(f"{vo.name} has no list entry {gone[0]}; /api/v1/good-sites/{vo.name}/lists has them")
    needs_approval = policy_of(vo).needs_approval
    return Wish(
        critical=tuple(CriticalChange(one.service_type, one.test, one.is_critical) for one in body.critical),
        add=tuple(Listing(_site(one.site).key, one.site, one.kind, one.reason, one.expires_at) for one in body.add),
        remove=tuple(Removal(each.pk, each.site.key, each.site.name, each.kind) for each in entries.values()),
        policy=None if body.freshest_s is None else PolicyChange(needs_approval, body.freshest_s),
    )


def _site(name: str) -> Site:
    found = Site.objects.current().filter(name=name).first() or Site.objects.current().filter(key=name).first()
    if found is None:
        raise UnknownSubjectError(f"there is no site {name!r}; /api/v1/sites lists them")
    return found


@router.get("/good-sites/{vo}/proposals", response=Page[ProposalOut], summary="Proposed changes of a VO")
def list_proposals(
    request: HttpRequest, vo: VoName, state: _State = "open", limit: Limit = 100, offset: Offset = 0
) -> dict[str, Any]:
    """Newest first. state: empty for all."""
    with problems():
        found = Proposal.objects.filter(vo=vo_at(vo, timezone.now())).select_related("author", "decided_by")
    return paginate(request, found.filter(state=state) if state else found, limit, offset)


@router.post(
    "/good-sites/{vo}/proposals/{proposal}/{verb}", response=ProposalOut, summary="Approve, reject or withdraw"
)
def post_decision(
    request: HttpRequest, vo: VoName, proposal: _Id, verb: Literal["approve", "reject", "withdraw"], body: DecisionIn
) -> Any:
    """approve makes the change and is for another manager than the author; withdraw is for the author."""
    now, actor = timezone.now(), Actor.of(request, "api")
    with problems():
        found = get_object_or_404(Proposal.objects.select_related("vo", "author"), pk=proposal, vo=vo_at(vo, now))
        if verb == "approve":
            proposals.approve(actor, proposal=found, decision=body.decision, now=now)
        elif verb == "reject":
            proposals.reject(actor, proposal=found, decision=body.decision, now=now)
        else:
            proposals.withdraw(actor, proposal=found, now=now)
    found.refresh_from_db()
    return found


@router.get("/good-sites/{vo}/changes", response=FeedOut, summary="When sites became good or bad")
def list_changes(
    request: HttpRequest,
    vo: VoName,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="`next_after` of the last answer.")] = 0,
    sites_only: bool = False,
    limit: Limit = 100,
) -> dict[str, Any]:
    """The feed, oldest first: replaying it from the beginning gives the good sites of any instant since."""
    with problems():
        vo_at(vo, timezone.now())
    items = list(changes_of(vo, sites_only=sites_only).filter(pk__gt=after).order_by("pk")[:limit])
    return {"vo": vo, "items": items, "next_after": items[-1].pk if items else after}
