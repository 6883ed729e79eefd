"""Metric profiles over the API: whole, several lines at once; or entry by entry, with those that have ended."""

from datetime import datetime
from typing import Annotated, Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Schema
from ninja.decorators import decorate_view
from pydantic import ConfigDict, Field

from gridkeeper.probes.api_inputs import named_test, named_vo
from gridkeeper.probes.models import ProfileEntry
from gridkeeper.probes.profile_actions import Line, Use, borrowed, change_profile, effects_of, profile_of
from gridkeeper.registry.api_changes import Call, change
from gridkeeper.registry.api_inputs import Edit, KeyText, Reason
from gridkeeper.registry.api_lookups import service_type_of
from gridkeeper.registry.api_parameters import ChangedSince, Closed, Key, Sort, Text, exact, listed
from gridkeeper.registry.api_resources import Resource, parts_touched, with_count_of_records, with_version
from gridkeeper.vos.models import Vo
from gridkeeper.web.api import ChangesPage, Limit, Offset
from gridkeeper.web.conditional import conditional

router = Router(tags=["profiles"])


class LineOut(Schema):
    """What is done with a test on a service type."""

    service_type: str = Field(examples=["CE"])
    test: str = Field(examples=["CE-js"])
    use: Use = Field(description="run, or critical: a failure makes the service bad.", examples=["critical"])


class ProfileOut(Schema):
    """The profile that stands for a VO now."""

    vo: str = Field(examples=["dteam"])
    relies_on: str | None = Field(description="VO whose profile stands for it, which has none of its own.")
    lines: list[LineOut]
    version: int = Field(description="Grows with every change; the ETag begins with it.", examples=[17])

    @staticmethod
    def resolve_vo(vo: Vo) -> str:
        return vo.name

    @staticmethod
    def resolve_relies_on(vo: Vo) -> str | None:
        lender = borrowed(vo)
        return lender.name if lender else None

    @staticmethod
    def resolve_lines(vo: Vo) -> list[LineOut]:
        found = profile_of(borrowed(vo) or vo)
        ordered = sorted(found, key=lambda line: (line.service_type, line.test))
        return [LineOut(service_type=line.service_type, test=line.test, use=found[line]) for line in ordered]


class EntryOut(Schema):
    """A line of a VO's own profile, from when to when. A change ends it and begins another."""

    id: int = Field(examples=[12])
    vo: str = Field(examples=["dteam"])
    service_type: str = Field(examples=["CE"])
    test: str = Field(examples=["CE-js"])
    is_critical: bool = Field(description="A failure makes the service bad for the VO.")
    valid_from: datetime
    valid_until: datetime | None
    version: int = Field(description="Grows with every change; the ETag begins with it.", examples=[17])

    @staticmethod
    def resolve_vo(entry: ProfileEntry) -> str:
        return entry.vo.name

    @staticmethod
    def resolve_service_type(entry: ProfileEntry) -> str:
        return entry.service_type.name

    @staticmethod
    def resolve_test(entry: ProfileEntry) -> str:
        return entry.test.name


class LineIn(Schema):
    """A test on a service type."""

    model_config = ConfigDict(extra="forbid")

    service_type: KeyText = Field(examples=["CE"])
    test: KeyText = Field(examples=["CE-js"])
    use: Use = Field(description="Empty: not run any more.", examples=["critical"])


class ProfileEdit(Edit):
    """Lines that change; the others stay."""

    lines: list[LineIn] = Field(min_length=1, max_length=1000)

    def changes(self) -> dict[Line, Use]:
        return {Line(each.service_type, each.test): each.use for each in self.lines}


class EntryEdit(Edit):
    """Whether it counts."""

    is_critical: bool


class EntryAdd(Reason):
    """A further test for a VO."""

    vo: KeyText = Field(description="Name of the VO.", examples=["dteam"])
    service_type: KeyText = Field(examples=["CE"])
    test: KeyText = Field(examples=["CE-js"])
    is_critical: bool = False


def _profiles() -> "QuerySet[Vo]":
    """Of every current VO: a name is that of one."""
    return with_count_of_records(Vo.objects.current(), (ProfileEntry, "vo_id"))


def _entries() -> "QuerySet[ProfileEntry]":
    rows = ProfileEntry.objects.select_related("vo", "service_type", "test")
    return with_version(rows).order_by("vo__name", "service_type__name", "test__position", "pk")


PROFILES = Resource(
    "profile", Vo, _profiles, ProfileOut, key="name", touched=(parts_touched(ProfileEntry, "vo_id"),), is_counted=True
)
ENTRIES = Resource("profile_entry", ProfileEntry, _entries, EntryOut, key="id")


@router.get("/profiles/{key}", response=ProfileOut, summary="The metric profile of a VO")
@decorate_view(conditional)
def get_profile(request: HttpRequest, key: Key) -> Vo:
    """By the VO's name: which tests run for it on which service types, and which of them count."""
    return PROFILES.note(request, PROFILES.find(key))


def _what_follows(_call: Call, vo: Vo, body: ProfileEdit) -> list[str]:
    return effects_of(vo, body.changes())


@change(
    router, "PATCH", "/profiles/{key}", PROFILES, "edit", summary="Change lines of a VO's profile", warn=_what_follows
)
def edit_profile(call: Call, vo: Vo, body: ProfileEdit) -> Vo:
    """All of them, or none. A VO that relied on another's profile takes it over with its first change."""
    change_profile(call.actor, vo=vo, changes=body.changes(), reason=body.reason, now=call.now)
    return vo


@router.get("/profile-entries", response=ChangesPage[EntryOut], summary="Entries of the VOs' own profiles")
@decorate_view(conditional)
def list_profile_entries(
    request: HttpRequest, vo: Text = "", service_type: Text = "", test: Text = "",
    is_critical: Annotated[bool | None, Query(None)] = None, closed: Closed = False, changed_since: ChangedSince = None,
    order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """By names. A VO without entries relies on the operations VO's."""
    only = exact(vo__name=vo, service_type__name=service_type, test__name=test, is_critical=is_critical)
    fields = {"vo": "vo__name", "service_type": "service_type__name", "test": "test__name", "valid_from": "valid_from"}
    return listed(
        request, ENTRIES, _entries().filter(**only), closed=closed, changed_since=changed_since, order=order,
        fields=fields, limit=limit, offset=offset,
    )  # fmt: skip


@router.get("/profile-entries/{key}", response=EntryOut, summary="One entry of a profile")
@decorate_view(conditional)
def get_profile_entry(request: HttpRequest, key: Key) -> ProfileEntry:
    """Also where it has ended."""
    return ENTRIES.note(request, ENTRIES.find(key))


@change(router, "POST", "/profile-entries", ENTRIES, "add", summary="Put a test into a profile", status=201)
def add_profile_entry(call: Call, body: EntryAdd) -> ProfileEntry:
    """From now on. What is there already, with the same weight, stays as it is."""
    vo, test = named_vo(body.vo), named_test(body.test, "test")
    line = Line(service_type_of(body.service_type).name, test.name)
    return _changed(call, vo, line, _use(is_critical=body.is_critical), body.reason)


@change(router, "PATCH", "/profile-entries/{key}", ENTRIES, "edit", summary="Change whether a test counts")
def edit_profile_entry(call: Call, entry: ProfileEntry, body: EntryEdit) -> ProfileEntry:
    """The entry ends and another begins, which is the answer: yesterday is judged by what held yesterday."""
    use = _use(is_critical=body.is_critical)
    return _changed(call, entry.vo, _line_of(entry), use, body.reason)


@change(router, "POST", "/profile-entries/{key}/remove", ENTRIES, "remove", summary="Take a test out of a profile")
def remove_profile_entry(call: Call, entry: ProfileEntry, body: Edit) -> ProfileEntry:
    """It ends now, and stays readable."""
    changes = {_line_of(entry): Use.NONE}
    change_profile(call.actor, vo=entry.vo, changes=changes, reason=body.reason, now=call.now)
    return entry


def _use(*, is_critical: bool) -> Use:
    return Use.CRITICAL if is_critical else Use.RUN


def _line_of(entry: ProfileEntry) -> Line:
    """Raises ValidationError for what has ended: another entry may have taken its place."""
    if entry.valid_until is not None:
        raise ValidationError(f"That entry ended at {entry.valid_until:%Y-%m-%d %H:%M} UTC; change the current one.")
    return Line(entry.service_type.name, entry.test.name)


def _changed(call: Call, vo: Vo, line: Line, use: Use, reason: str) -> ProfileEntry:
    change_profile(call.actor, vo=vo, changes={line: use}, reason=reason, now=call.now)
    current: QuerySet[ProfileEntry] = ProfileEntry.objects.current()
    return current.get(vo=vo, service_type__name=line.service_type, test__name=line.test)
