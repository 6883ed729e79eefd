"""Definitions of tests over the API: read, added, edited, switched, taken back; every version stays readable."""

from datetime import datetime
from typing import Annotated, Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Schema
from ninja.decorators import decorate_view
from pydantic import Field, StrictInt

from gridkeeper.probes.actions import set_test_enabled
from gridkeeper.probes.api_inputs import Definition
from gridkeeper.probes.catalogue import FIELDS
from gridkeeper.probes.catalogue_actions import create_test, edit_test, restore_version
from gridkeeper.probes.models import Test, TestVersion
from gridkeeper.registry.api_changes import Call, change
from gridkeeper.registry.api_inputs import Edit, KeyText, Reason
from gridkeeper.registry.api_parameters import ChangedSince, Key, Search, Sort, Text, exact, listed
from gridkeeper.registry.api_resources import Resource
from gridkeeper.web.api import ChangesPage, Limit, Offset, Page, paginate
from gridkeeper.web.conditional import conditional

router = Router(tags=["tests"])


class TestOut(Schema):
    """The definition of a test."""

    __test__ = False

    name: str = Field(examples=["CE-js"])
    abbreviation: str = Field(examples=["js"])
    title: str = Field(examples=["Job submission"])
    kind: str = Field(examples=["job"])
    command: str
    arguments: dict[str, Any] | list[Any] = Field(examples=[{"port": 2811}])
    is_per_vo: bool
    credential: str = Field(description="What a run is handed: proxy, token or nothing.")
    interval_s: int = Field(examples=[900], description="Seconds.")
    timeout_s: int = Field(examples=[60], description="Seconds.")
    max_attempts: int = Field(examples=[3])
    retry_interval_s: int = Field(examples=[60], description="Seconds.")
    validity_s: int = Field(examples=[86400], description="Seconds.")
    fastest_interval_s: int = Field(examples=[0], description="Seconds; 0: no faster.")
    slowest_interval_s: int = Field(examples=[0], description="Seconds; 0: no slower.")
    priority: int = Field(examples=[0])
    places: dict[str, Any] = Field(examples=[{"count": 2, "quorum": 2}])
    depends_on: list[str] = Field(examples=[["CE-port"]])
    rides_in: str = Field(description="The job test that brings its results; empty: none.")
    stage: str
    position: int = Field(examples=[100])
    meaning: str
    procedure: str
    logs: str
    contact: str
    is_enabled: bool
    pack: str = Field(description="Pack that it came with; empty: ours.")
    version: int = Field(description="Counts the edits; the ETag begins with it.", examples=[3])

    @staticmethod
    def resolve_depends_on(test: Test) -> list[str]:
        return sorted(other.name for other in test.depends_on.all())

    @staticmethod
    def resolve_rides_in(test: Test) -> str:
        return test.rides_in.name if test.rides_in else ""


class TestVersionOut(Schema):
    """A definition as it stood from one edit to the next."""

    __test__ = False

    version: int = Field(examples=[2])
    content: dict[str, Any] = Field(description="The fields of the definition.")
    made_at: datetime
    reason: str
    pack: str = Field(description="Pack that brought it; empty: a person.")

    @staticmethod
    def resolve_content(kept: TestVersion) -> dict[str, Any]:
        return {name: value for name, value in kept.content.items() if name in FIELDS}


class TestEdit(Edit, Definition):
    """Changes of a definition."""

    __test__ = False


class TestAdd(Reason, Definition):
    """A new test; it runs nowhere until it is put into a profile."""

    __test__ = False

    name: KeyText = Field(description="For ever: its results bear it.", examples=["CE-port"])
    abbreviation: KeyText = Field(examples=["port"])
    title: KeyText = Field(examples=["Port answers"])


class TestSwitch(Edit):
    """Whether it runs at all."""

    __test__ = False

    is_enabled: bool = Field(examples=[False])


class TestRestore(Edit):
    """A version to go back to."""

    __test__ = False

    version: StrictInt = Field(ge=1, lt=1 << 31, examples=[2])


def _tests() -> "QuerySet[Test]":
    return Test.objects.select_related("rides_in").prefetch_related("depends_on")


TESTS = Resource("test", Test, _tests, TestOut, key="name")


@router.get("/tests", response=ChangesPage[TestOut], summary="Tests")
@decorate_view(conditional)
def list_tests(
    request: HttpRequest, search: Search = "", kind: Text = "", pack: Text = "",
    is_enabled: Annotated[bool | None, Query(None)] = None, changed_since: ChangedSince = None,
    order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """Every test, in the order of the matrix."""
    rows = _tests().filter(Q(name__icontains=search) | Q(title__icontains=search))
    return listed(
        request, TESTS, rows.filter(**exact(kind=kind, pack=pack, is_enabled=is_enabled)), closed=True,
        changed_since=changed_since, order=order, fields={"name": "name", "position": "position"}, limit=limit,
        offset=offset,
    )  # fmt: skip


@router.get("/tests/{key}", response=TestOut, summary="One test")
@decorate_view(conditional)
def get_test(request: HttpRequest, key: Key) -> Test:
    """With what it means and what to do when it fails."""
    return TESTS.note(request, TESTS.find(key))


@router.get("/tests/{key}/versions", response=Page[TestVersionOut], summary="Versions of a test")
def list_test_versions(request: HttpRequest, key: Key, limit: Limit = 100, offset: Offset = 0) -> dict[str, Any]:
    """The newest first; a test that was never edited may have none."""
    return paginate(request, TestVersion.objects.filter(test=TESTS.find(key)), limit, offset)


@change(router, "POST", "/tests", TESTS, "add", summary="Add a test", status=201)
def add_test(call: Call, body: TestAdd) -> Test:
    """What is not said has the defaults of the page."""
    return create_test(call.actor, name=body.name, content=body.draft(), reason=body.reason, now=call.now)


@change(router, "PATCH", "/tests/{key}", TESTS, "edit", summary="Edit a test")
def change_test(call: Call, test: Test, body: TestEdit) -> Test:
    """Changes the fields that are sent, as a new version."""
    return edit_test(
        call.actor, test=test, changes=body.content(), reason=body.reason, now=call.now, seen=call.seen
    )  # fmt: skip


@change(router, "POST", "/tests/{key}/switch", TESTS, "switch", summary="Switch a test off or on")
def switch_test(call: Call, test: Test, body: TestSwitch) -> Test:
    """For everybody: one that is off is not run, and is missing in time."""
    return set_test_enabled(call.actor, test=test, is_enabled=body.is_enabled, reason=body.reason)


@change(router, "POST", "/tests/{key}/restore", TESTS, "restore", summary="Take a test back to a version")
def restore_test(call: Call, test: Test, body: TestRestore) -> Test:
    """What that version said becomes a new version; none is lost."""
    return restore_version(call.actor, test=test, version=body.version, reason=body.reason, now=call.now)
