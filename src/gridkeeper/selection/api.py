"""Good sites over HTTP: the list, what it rests on, and the changes that VO managers make; schemas in `api_schemas`."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Literal

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Path, Query, Router, Status
from pydantic import AwareDatetime

from gridkeeper.core.moments import MomentError, check_moment
from gridkeeper.people.actor import Actor
from gridkeeper.registry.models import Site
from gridkeeper.selection import actions
from gridkeeper.selection.api_schemas import (
    CriticalChangesIn,
    EffectOut,
    EntryIn,
    EntryOut,
    GoodSitesOut,
    ProfileOut,
    ProposalOut,
    RemovalIn,
)
from gridkeeper.selection.errors import ApprovalNeededError, UnknownSubjectError, UnknownVoError, WishError
from gridkeeper.selection.judge import answer
from gridkeeper.selection.models import ListEntry
from gridkeeper.selection.outputs import as_json, as_text
from gridkeeper.selection.preview import Effect, preview_critical_tests
from gridkeeper.selection.profiles import Profile, profile_at, vo_at
from gridkeeper.selection.proposals import ask
from gridkeeper.selection.publish import as_http_sd, as_ldif
from gridkeeper.selection.wishes import Listing, Removal, Wish
from gridkeeper.web.api import Limit, Offset, Page, paginate
from gridkeeper.web.problems import Problem

router = Router(tags=["good sites"])

#: No NUL: PostgreSQL cannot even compare with it.
_PATTERN = r"^[^\x00]*$"
VoName = Annotated[str, Path(max_length=100, pattern=_PATTERN, description="Name of the VO.")]
Moment = Annotated[AwareDatetime | None, Query(None, description="UTC instant of the past; none: now.")]


@contextmanager
def problems() -> Iterator[None]:
    """What is wrong with the question, as problem details."""
    try:
        yield
    except UnknownVoError as error:
        raise Problem(404, "No such VO", str(error)) from error
    except UnknownSubjectError as error:
        raise Problem(422, "Unknown name", str(error)) from error
    except WishError as error:
        raise Problem(409, "It cannot be made", str(error)) from error
    except MomentError as error:
        raise Problem(
            422, "The time does not fit", str(error), errors=[{"field": "at", "problem": str(error)}]
        ) from error


@router.get("/good-sites", response=GoodSitesOut, summary="Good sites of a VO, and why the others are excluded")
def get_good_sites(
    request: HttpRequest,
    vo: Annotated[str, Query(max_length=100, pattern=_PATTERN, example="lhcb", description="Name of the VO.")],
    at: Moment = None,
    format: Annotated[  # noqa: A002
        Literal["json", "text", "ldif", "http_sd"],
        Query("json", description="text: one line per site; ldif, http_sd: only what is good, for programs."),
    ] = "json",
) -> Any:
    """The judgement now or at an instant of the past, with every reason. Unknown VO: 404 naming the known ones.

    `good_until` says when a site is good no longer unless newer results come: what is kept may be believed so long.
    """
    now = timezone.now()
    with problems():
        found = answer(vo, check_moment(at or now, now))
    match format:
        case "text":
            return HttpResponse(as_text(found), content_type="text/plain; charset=utf-8")
        case "ldif":
            return HttpResponse(as_ldif(found), content_type="text/plain; charset=utf-8")
        case "http_sd":
            return HttpResponse(as_http_sd(found), content_type="application/json")
    return as_json(found)


@router.get("/good-sites/{vo}/tests", response=ProfileOut, summary="Tests of a VO, and which are critical")
def get_profile(request: HttpRequest, vo: VoName, at: Moment = None) -> dict[str, Any]:
    """The VO's profile now or at an instant of the past; `owner` is another VO where it has none of its own."""
    now = timezone.now()
    with problems():
        moment = check_moment(at or now, now)
        vo_at(vo, moment)
    return _profile_json(profile_at(vo, moment))


def _profile_json(profile: Profile) -> dict[str, Any]:
    lines = [
        {"service_type": line.service_type, "test": line.test.name, "is_critical": line.is_critical}
        for line in profile.lines
    ]
    return {"vo": profile.vo, "owner": profile.owner, "tests": lines}


@router.post("/good-sites/{vo}/tests", response={200: ProfileOut, 202: ProposalOut}, summary="Choose critical tests")
def post_critical_tests(request: HttpRequest, vo: VoName, body: CriticalChangesIn) -> Status[Any]:
    """For managers of the VO. The choice holds from now on; judgements of earlier instants stay as they were.

    202: the VO wants a second manager, so that it is a proposal now.
    """
    now, actor = timezone.now(), Actor.of(request, "api")
    with problems():
        owner, changes = vo_at(vo, now), body.as_changes()
        try:
            actions.set_critical_tests(actor, vo=owner, changes=changes, reason=body.reason, now=now)
        except ApprovalNeededError:
            wish = Wish(critical=tuple(changes))
            return Status(202, ask(actor, vo=owner, wish=wish, reason=body.reason, now=now))
    return Status(200, _profile_json(profile_at(vo, now)))


@router.post("/good-sites/{vo}/tests/preview", response=EffectOut, summary="What a choice of critical tests would do")
def post_preview(request: HttpRequest, vo: VoName, body: CriticalChangesIn) -> dict[str, Any]:
    """Judges with the changes and saves nothing: which sites would leave, which would enter."""
    now = timezone.now()
    with problems():
        return effect_json(preview_critical_tests(vo_at(vo, now), body.as_changes(), now))


def effect_json(effect: Effect) -> dict[str, Any]:
    return {
        "sentence": effect.sentence,
        "good_before": len(effect.before.good),
        "good_after": len(effect.after.good),
        "leaving": [verdict.site.name for verdict in effect.leaving],
        "entering": [verdict.site.name for verdict in effect.entering],
    }


@router.get("/good-sites/{vo}/lists", response=Page[EntryOut], summary="White and black list of a VO")
def list_entries(
    request: HttpRequest,
    vo: VoName,
    past: Annotated[bool, Query(False, description="True: also what was removed or has expired.")] = False,
    limit: Limit = 100,
    offset: Offset = 0,
) -> dict[str, Any]:
    """Newest first."""
    now = timezone.now()
    with problems():
        entries = ListEntry.objects.filter(vo=vo_at(vo, now)).select_related("site", "author")
    return paginate(request, entries if past else standing(entries, now), limit, offset)


def standing(entries: "QuerySet[ListEntry]", now: datetime) -> "QuerySet[ListEntry]":
    """The entries that hold now."""
    return entries.filter(Q(expires_at=None) | Q(expires_at__gt=now), removed_at=None)


@router.post("/good-sites/{vo}/lists", response={201: EntryOut, 202: ProposalOut}, summary="Put a site on a list")
def post_entry(request: HttpRequest, vo: VoName, body: EntryIn) -> Status[Any]:
    """For managers of the VO. white: the site is always in; black: always out. 202: it waits for a second manager."""
    now, actor = timezone.now(), Actor.of(request, "api")
    with problems():
        owner = vo_at(vo, now)
        site = _site(body.site)
    words: Any = {"kind": body.kind, "reason": body.reason, "expires_at": body.expires_at}
    try:
        return Status(201, actions.add_to_list(actor, vo=owner, site=site, **words, now=now))
    except ApprovalNeededError:
        wish = Wish(add=(Listing(site.key, site.name, **words),))
        return Status(202, ask(actor, vo=owner, wish=wish, reason=body.reason, now=now))


def _site(name: str) -> Site:
    found = Site.objects.current().filter(Q(name=name) | Q(key=name)).first()
    if found is None:
        raise UnknownSubjectError(f"there is no site {name!r}; /api/v1/sites lists them")
    return found


@router.post(
    "/good-sites/{vo}/lists/{entry}/remove",
    response={200: EntryOut, 202: ProposalOut},
    summary="Take a site off a list",
)
def post_removal(
    request: HttpRequest, vo: VoName, entry: Annotated[int, Path(ge=1, le=2**63 - 1)], body: RemovalIn
) -> Status[Any]:
    """For managers of the VO. The entry stays readable with its end; removing it twice changes nothing."""
    now, actor = timezone.now(), Actor.of(request, "api")
    with problems():
        owner = vo_at(vo, now)
    listed = get_object_or_404(ListEntry.objects.select_related("site"), pk=entry, vo=owner)
    try:
        actions.remove_from_list(actor, entry=listed, reason=body.reason, now=now)
    except ApprovalNeededError:
        removal = Removal(listed.pk, listed.site.key, listed.site.name, listed.kind)
        return Status(202, ask(actor, vo=owner, wish=Wish(remove=(removal,)), reason=body.reason, now=now))
    listed.refresh_from_db()
    return Status(200, listed)
