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
    RemovalIn,
)
from gridkeeper.selection.errors import UnknownSubjectError, UnknownVoError
from gridkeeper.selection.judge import answer
from gridkeeper.selection.models import ListEntry
from gridkeeper.selection.outputs import as_json, as_text
from gridkeeper.selection.preview import Effect, preview_critical_tests
from gridkeeper.selection.profiles import Profile, profile_at, vo_at
from gridkeeper.web.api import Limit, Offset, Page, paginate
from gridkeeper.web.problems import Problem

router = Router(tags=["good sites"])

#: No NUL: PostgreSQL cannot even compare with it.
_PATTERN = r"^[^\x00]*$"
VoName = Annotated[str, Path(max_length=100, pattern=_PATTERN, description="Name of the VO.")]
Moment = Annotated[AwareDatetime | None, Query(None, description="UTC instant of the past; none: now.")]


@contextmanager
def _problems() -> Iterator[None]:
    """What is wrong with the question, as problem details."""
    try:
        yield
    except UnknownVoError as error:
        raise Problem(404, "No such VO", str(error)) from error
    except UnknownSubjectError as error:
        raise Problem(422, "Unknown name", str(error)) from error
    except MomentError as error:
        raise Problem(
            422, "The time does not fit", str(error), errors=[{"field": "at", "problem": str(error)}]
        ) from error


@router.get("/good-sites", response=GoodSitesOut, summary="Good sites of a VO, and why the others are excluded")
def get_good_sites(
    request: HttpRequest,
    vo: Annotated[str, Query(max_length=100, pattern=_PATTERN, example="lhcb", description="Name of the VO.")],
    at: Moment = None,
    format: Annotated[Literal["json", "text"], Query("json", description="text: one line per site.")] = "json",  # noqa: A002
) -> Any:
    """The judgement now or at an instant of the past, with every reason. Unknown VO: 404 naming the known ones."""
    now = timezone.now()
    with _problems():
        found = answer(vo, check_moment(at or now, now))
    if format == "text":
        return HttpResponse(as_text(found), content_type="text/plain; charset=utf-8")
    return as_json(found)


@router.get("/good-sites/{vo}/tests", response=ProfileOut, summary="Tests of a VO, and which are critical")
def get_profile(request: HttpRequest, vo: VoName, at: Moment = None) -> dict[str, Any]:
    """The VO's profile now or at an instant of the past; `owner` is another VO where it has none of its own."""
    now = timezone.now()
    with _problems():
        moment = check_moment(at or now, now)
        vo_at(vo, moment)
    return _profile_json(profile_at(vo, moment))


def _profile_json(profile: Profile) -> dict[str, Any]:
    lines = [
        {"service_type": line.service_type, "test": line.test.name, "is_critical": line.is_critical}
        for line in profile.lines
    ]
    return {"vo": profile.vo, "owner": profile.owner, "tests": lines}


@router.post("/good-sites/{vo}/tests", response=ProfileOut, summary="Choose critical tests")
def post_critical_tests(request: HttpRequest, vo: VoName, body: CriticalChangesIn) -> dict[str, Any]:
    """For managers of the VO. The choice holds from now on; judgements of earlier instants stay as they were."""
    now = timezone.now()
    with _problems():
        actions.set_critical_tests(
            Actor.of(request, "api"), vo=vo_at(vo, now), changes=body.as_changes(), reason=body.reason, now=now
        )
    return _profile_json(profile_at(vo, now))


@router.post("/good-sites/{vo}/tests/preview", response=EffectOut, summary="What a choice of critical tests would do")
def post_preview(request: HttpRequest, vo: VoName, body: CriticalChangesIn) -> dict[str, Any]:
    """Judges with the changes and saves nothing: which sites would leave, which would enter."""
    now = timezone.now()
    with _problems():
        return _effect_json(preview_critical_tests(vo_at(vo, now), body.as_changes(), now))


def _effect_json(effect: Effect) -> dict[str, Any]:
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
    with _problems():
        entries = ListEntry.objects.filter(vo=vo_at(vo, now)).select_related("site", "author")
    return paginate(request, entries if past else standing(entries, now), limit, offset)


def standing(entries: "QuerySet[ListEntry]", now: datetime) -> "QuerySet[ListEntry]":
    """The entries that hold now."""
    return entries.filter(Q(expires_at=None) | Q(expires_at__gt=now), removed_at=None)


@router.post("/good-sites/{vo}/lists", response={201: EntryOut}, summary="Put a site on a list")
def post_entry(request: HttpRequest, vo: VoName, body: EntryIn) -> Status[ListEntry]:
    """For managers of the VO. white: the site is always in; black: always out."""
    now = timezone.now()
    with _problems():
        owner = vo_at(vo, now)
        site = _site(body.site)
    entry = actions.add_to_list(
        Actor.of(request, "api"),
        vo=owner,
        site=site,
        kind=body.kind,
        reason=body.reason,
        expires_at=body.expires_at,
        now=now,
    )
    return Status(201, entry)


def _site(name: str) -> Site:
    found = Site.objects.current().filter(Q(name=name) | Q(key=name)).first()
    if found is None:
        raise UnknownSubjectError(f"there is no site {name!r}; /api/v1/sites lists them")
    return found


@router.post("/good-sites/{vo}/lists/{entry}/remove", response=EntryOut, summary="Take a site off a list")
def post_removal(
    request: HttpRequest, vo: VoName, entry: Annotated[int, Path(ge=1, le=2**63 - 1)], body: RemovalIn
) -> ListEntry:
    """For managers of the VO. The entry stays readable with its end; removing it twice changes nothing."""
    now = timezone.now()
    with _problems():
        owner = vo_at(vo, now)
    listed = get_object_or_404(ListEntry, pk=entry, vo=owner)
    actions.remove_from_list(Actor.of(request, "api"), entry=listed, reason=body.reason, now=now)
    listed.refresh_from_db()
    return listed
