"""Profiles, reports and weights over HTTP: read by all, changed by the federation's staff, in our shapes and ARGO's."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema
from ninja.decorators import decorate_view
from pydantic import ConfigDict, Field

from gridkeeper.availability.models import Profile, ProfileVersion, Weight
from gridkeeper.availability.profiles import actions
from gridkeeper.availability.profiles.changes import differences
from gridkeeper.availability.profiles.exchange import exported
from gridkeeper.availability.profiles.in_force import InForce, ReportDefinition
from gridkeeper.availability.profiles.weights import WeightGiven, parse_value, remove_weight, set_weights
from gridkeeper.availability.topology import Period, judged_by
from gridkeeper.registry.api_changes import Call, change
from gridkeeper.registry.api_inputs import Edit, KeyText, Reason
from gridkeeper.registry.api_lookups import site_of
from gridkeeper.registry.api_parameters import Key, Text, exact
from gridkeeper.registry.api_resources import Resource, parts_touched, with_count_of_records, with_version
from gridkeeper.web.api import Limit, Offset, Page, paginate, sort
from gridkeeper.web.conditional import conditional
from gridkeeper.web.problems import Problem

router = Router(tags=["availability profiles"])

KindName = Literal["operations", "aggregation", "thresholds", "report"]
Day = Annotated[date | None, Query(None, description="UTC day; default: today.")]


class VersionOut(Schema):
    """What a profile says from a day on. A day is judged by the greatest number that holds from it or earlier."""

    number: int = Field(examples=[3])
    valid_from: date = Field(description="First UTC day that is judged by it.")
    reason: str
    created_at: datetime
    document: dict[str, Any] = Field(description="By kind; docs/reference/profiles.md.")


class ProfileOut(Schema):
    """A profile or report with its newest version."""

    key: str = Field(description="Stable for ever.")
    kind: KindName
    name: str = Field(examples=["critical"])
    closed_at: datetime | None
    number: int = Field(description="Of the newest version.", examples=[3])
    valid_from: date
    document: dict[str, Any]
    version: int = Field(description="Grows with every change; the ETag begins with it.", examples=[17])


class DifferenceOut(Schema):
    """A value that is another one."""

    path: str = Field(examples=["targets availability"])
    old: str
    new: str


class ReportOut(Schema):
    """A report as it is on a day, with what its figures are made of."""

    name: str = Field(examples=["federation"])
    version: int = Field(description="0: what every VO has without anybody defining it.")
    document: dict[str, Any]
    inputs: dict[str, str] = Field(description="Versions and digests that its figures are made of.")


class ProfileAdd(Reason):
    """A new profile or report."""

    kind: KindName
    name: KeyText = Field(examples=["critical"])
    document: dict[str, Any]
    valid_from: date


class ProfileEdit(Edit):
    """Another version: the whole document."""

    document: dict[str, Any]
    valid_from: date


class WeightOut(Schema):
    """How much a site counts from a day on."""

    id: int
    site: str = Field(description="Key.")
    site_name: str
    kind: str = Field(examples=["hepspec"])
    valid_from: date
    value: float = Field(ge=0)
    source: str
    version: int = Field(description="Grows with every change; the ETag begins with it.")

    @staticmethod
    def resolve_site(weight: Weight) -> str:
        return weight.site.key

    @staticmethod
    def resolve_site_name(weight: Weight) -> str:
        return weight.site.name


class WeightAdd(Reason):
    """A weight; of the same site, kind and day it replaces the one there is."""

    site: KeyText = Field(description="Key of the site.")
    kind: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00]*$")] = Field(examples=["hepspec"])
    valid_from: date
    value: float = Field(ge=0, examples=[12000])
    source: Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")] = ""


class Ending(Edit):
    """Only why."""

    model_config = ConfigDict(extra="forbid")


def _profiles() -> "QuerySet[Profile]":
    newest = ProfileVersion.objects.filter(profile=OuterRef("pk")).order_by("-number")
    said = {name: Subquery(newest.values(name)[:1]) for name in ("number", "valid_from", "document")}
    rows: QuerySet[Profile] = with_count_of_records(Profile.objects.all(), (ProfileVersion, "profile_id"))
    return rows.annotate(**said).order_by("kind", "name")


def _weights() -> "QuerySet[Weight]":
    return with_version(Weight.objects.select_related("site")).order_by("kind", "site__name", "valid_from")


PROFILES = Resource(
    "availability_profile", Profile, _profiles, ProfileOut,
    touched=(parts_touched(ProfileVersion, "profile_id"),), is_counted=True,
)  # fmt: skip
WEIGHTS = Resource("weight", Weight, _weights, WeightOut, key="id")


@router.get("/availability/profiles", response=Page[ProfileOut], summary="Profiles and reports")
@decorate_view(conditional)
def list_profiles(
    request: HttpRequest, kind: KindName | None = None, name: Text = "", closed: bool = False,
    limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """By kind and name, each with its newest version; `closed=true`: also those that nothing is judged by any more."""
    rows = _profiles().filter(**exact(kind=kind, name=name))
    return paginate(request, rows if closed else rows.filter(closed_at=None), limit, offset)


@router.get("/availability/profiles/{key}", response=ProfileOut, summary="One profile or report")
@decorate_view(conditional)
def get_profile(request: HttpRequest, key: Key) -> Profile:
    """Also where it is closed."""
    return PROFILES.note(request, PROFILES.find(key))


@router.get("/availability/profiles/{key}/versions", response=Page[VersionOut], summary="All versions of a profile")
def list_versions(request: HttpRequest, key: Key, limit: Limit = 100, offset: Offset = 0) -> dict[str, Any]:
    """Newest first."""
    return paginate(request, PROFILES.find(key).versions.order_by("-number"), limit, offset)


@router.get(
    "/availability/profiles/{key}/differences", response=list[DifferenceOut], summary="What differs between versions"
)
def list_differences(
    request: HttpRequest, key: Key, older: Annotated[int, Query(ge=1)], newer: Annotated[int, Query(ge=1)]
) -> Any:
    """Value by value, from version `older` to version `newer`."""
    profile = PROFILES.find(key)
    return differences(_version(profile, older).document, _version(profile, newer).document)


@router.get("/availability/profiles/{key}/argo", response=dict[str, Any], summary="A profile in ARGO's shape")
def get_argo(request: HttpRequest, key: Key, number: Annotated[int | None, Query(None, ge=1)] = None) -> Any:
    """The newest version, or that of `number`."""
    return exported(_version(PROFILES.find(key), number))


def _version(profile: Profile, number: int | None) -> ProfileVersion:
    if number is None:
        return profile.versions.order_by("-number")[0]
    found = profile.versions.filter(number=number).first()
    if found is None:
        raise Http404(f"{profile} has no version {number}; its newest is {profile.versions.count()}")
    return found


@change(
    router, "POST", "/availability/profiles", PROFILES, "add", summary="Make a profile or report", status=201
)  # fmt: skip
def add_profile(call: Call, body: ProfileAdd) -> Profile:
    """Its first version. Days since `valid_from` are judged by it within minutes."""
    return actions.create(
        call.actor, kind=body.kind, name=body.name, document=body.document, valid_from=body.valid_from,
        reason=body.reason, now=call.now,
    ).profile  # fmt: skip


@change(router, "PATCH", "/availability/profiles/{key}", PROFILES, "edit", summary="Save another version of a profile")
def edit_profile(call: Call, profile: Profile, body: ProfileEdit) -> Profile:
    """Every day from `valid_from` on is judged by it; what other versions say stays readable."""
    actions.save_version(
        call.actor, profile=profile, document=body.document, valid_from=body.valid_from, reason=body.reason,
        now=call.now,
    )  # fmt: skip
    return profile


@change(router, "POST", "/availability/profiles/{key}/close", PROFILES, "close", summary="Close a profile or report")
def close_profile(call: Call, profile: Profile, body: Ending) -> Profile:
    """From the next UTC day on nothing is judged by it."""
    return actions.close(call.actor, profile=profile, reason=body.reason, now=call.now)


@router.get("/availability/reports", response=list[ReportOut], summary="Reports in force on a day")
def list_reports(request: HttpRequest, day: Day = None) -> list[dict[str, Any]]:
    """Those that are defined, and one for each VO, with the versions that their figures are made of."""
    now = timezone.now()
    today = now.astimezone(UTC).date()
    when = day or today
    period = Period.of(when, now) if when <= today else None
    if period is None:
        raise Problem(422, "That day has not begun", f"{when} lies in the future; ask for today or earlier")
    return [_report(period, report) for report in InForce.on(when).reports() if _may_read(request, report)]


def _may_read(request: HttpRequest, report: ReportDefinition) -> bool:
    return report.document.is_public or bool(request.user.is_authenticated)


def _report(period: Period, report: ReportDefinition) -> dict[str, Any]:
    inputs = judged_by(period, report.name).inputs
    return {"name": report.name, "version": report.version, "document": report.document.document(), "inputs": inputs}


_WEIGHT_ORDER = {"site": "site__name", "kind": "kind", "valid_from": "valid_from", "value": "value"}


@router.get("/availability/weights", response=Page[WeightOut], summary="Weights of sites")
@decorate_view(conditional)
def list_weights(
    request: HttpRequest, kind: Text = "", site: Text = "", order: Annotated[str, Query("", alias="sort")] = "",
    limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """All rows; a weight holds from its day until the next one of the site and kind. `site` is a key."""
    rows = _weights().filter(**exact(kind=kind, site__key=site))
    return paginate(request, sort(rows, order, _WEIGHT_ORDER), limit, offset)


@router.get("/availability/weights/{key}", response=WeightOut, summary="One weight")
@decorate_view(conditional)
def get_weight(request: HttpRequest, key: Key) -> Weight:
    """By its id, as lists give it."""
    return WEIGHTS.note(request, WEIGHTS.find(key))


@change(router, "POST", "/availability/weights", WEIGHTS, "add", summary="Set a weight", status=201)
def add_weight(call: Call, body: WeightAdd) -> Weight:
    """From a day on until the next of the site and kind."""
    site = site_of(body.site)
    given = WeightGiven(site, body.kind, body.valid_from, parse_value(str(body.value)), body.source)
    set_weights(call.actor, [given], reason=body.reason, now=call.now)
    return Weight.objects.get(site=site, kind=body.kind.strip(), valid_from=body.valid_from)


@change(router, "POST", "/availability/weights/{key}/remove", WEIGHTS, "remove", summary="Take a weight back")
def take_weight_back(call: Call, weight: Weight, body: Ending) -> Weight:
    """The one before it holds on."""
    pk = weight.pk
    remove_weight(call.actor, weight, reason=body.reason, now=call.now)
    weight.pk = pk  # what is answered is what was taken back
    return weight
