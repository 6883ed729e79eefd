"""Packs of tests over the API, and the import from Nagios: each with its report, before and after."""

from typing import Annotated, Any

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from pydantic import Field

from gridkeeper.people.actor import Actor
from gridkeeper.probes.api_inputs import named_vo, named_vos
from gridkeeper.probes.nagios_actions import NagiosReport, import_nagios, lines_of, preview_nagios
from gridkeeper.probes.pack_actions import PackReport, install_pack, preview_pack
from gridkeeper.probes.pack_views import rows_of_packs
from gridkeeper.registry.api_changes import DryRun
from gridkeeper.registry.api_inputs import KeyText, Reason
from gridkeeper.registry.api_lookups import site_of
from gridkeeper.registry.api_parameters import Key

router = Router(tags=["packs"])
_Text = Annotated[str, Field(max_length=10 << 20)]


class PackOut(Schema):
    """A pack that ships."""

    name: str = Field(examples=["arc"])
    title: str
    tests: list[str] = Field(description="Names of its tests.")
    installed: int = Field(description="Tests that came with it.", examples=[5])
    new: int = Field(description="Tests of it that are not installed.", examples=[2])
    problem: str = Field(description="Why its tests cannot be read; empty: they can.")


class FieldOut(Schema):
    """A field of a definition that differs."""

    field: str = Field(examples=["interval_s"])
    old: str
    new: str


class PackReportOut(Schema):
    """What an installation did, or would do."""

    is_dry_run: bool
    sentence: str = Field(description="All of it in one line.")
    created: list[str] = Field(description="Tests that are new.")
    changed: dict[str, list[FieldOut]] = Field(description="Tests that were brought up to date.")
    kept: dict[str, list[FieldOut]] = Field(description="Fields that people changed and the pack wants otherwise.")
    unchanged: list[str]
    entries: list[str] = Field(description="Lines that were added to profiles.")
    causes: list[str] = Field(description="Rules of causes that were added.")
    missing_types: list[str] = Field(description="Service types that the registry lacks.")
    missing_tests: list[str] = Field(description="Dependencies on tests that are not there yet.")
    gone: list[str] = Field(description="Tests that came with the pack and are no more in it.")


class InstallIn(Reason):
    """Into which profiles, and at whose cost."""

    vos: list[KeyText] = Field([], max_length=100, description="VOs into whose profiles it goes.", examples=[["ops"]])
    overwrite: bool = Field(False, description="Also fields that people changed.")


class NagiosIn(Reason):
    """Object configuration of Nagios, and where it goes."""

    files: dict[KeyText, _Text] = Field(
        min_length=1, max_length=200, description="Texts by file name.", examples=[{"hosts.cfg": "define host {...}"}]
    )
    site: KeyText = Field(description="Key of the site whose services the hosts become.", examples=["2G0"])
    vo: KeyText = Field(description="VO whose profile runs the tests.", examples=["ops"])


class NagiosReportOut(Schema):
    """What an import did, or would do."""

    is_dry_run: bool
    tests_added: list[str]
    tests_changed: list[str]
    services_added: list[str]
    services_known: list[str]
    entries: int = Field(description="Lines added to the profile.", examples=[12])
    lines: list[str] = Field(description="The report in words, with what could not be taken over.")


@router.get("/packs", response=list[PackOut], summary="Packs")
def list_packs(request: HttpRequest) -> list[dict[str, Any]]:
    """What ships, and what of it is installed."""
    return [_shown(row) for row in rows_of_packs()]


@router.get("/packs/{key}", response=PackOut, summary="One pack")
def get_pack(request: HttpRequest, key: Key) -> dict[str, Any]:
    """Its tests, and how many of them are installed."""
    return _shown(_row_of(key))


@router.post("/packs/{key}/install", response=PackReportOut, summary="Install or upgrade a pack")
def install(request: HttpRequest, key: Key, body: InstallIn, dry_run: DryRun = False) -> dict[str, Any]:
    """Done again it changes what changed. Fields that people edited stay unless `overwrite`; the report names them."""
    name = _row_of(key)["pack"].name
    do = preview_pack if dry_run else install_pack
    report: PackReport = do(
        Actor.of(request, "api"), name=name, vos=named_vos(body.vos), overwrite=body.overwrite, reason=body.reason,
        now=timezone.now(),
    )  # fmt: skip
    names = (*report.__dataclass_fields__, "sentence")
    return {"is_dry_run": dry_run} | {name: getattr(report, name) for name in names}


@router.post("/nagios-imports", response=NagiosReportOut, summary="Import from Nagios")
def import_from_nagios(request: HttpRequest, body: NagiosIn, dry_run: DryRun = False) -> dict[str, Any]:
    """Hosts become services of one site, each service description a test. Nothing is removed; whole, or not at all."""
    do = preview_nagios if dry_run else import_nagios
    report: NagiosReport = do(
        Actor.of(request, "api"), files=body.files, site=site_of(body.site), vo=named_vo(body.vo),
        reason=body.reason, now=timezone.now(),
    )  # fmt: skip
    names = ("tests_added", "tests_changed", "services_added", "services_known", "entries")
    return {"is_dry_run": dry_run, "lines": list(lines_of(report))} | {name: getattr(report, name) for name in names}


def _row_of(name: str) -> dict[str, Any]:
    rows = rows_of_packs()
    found = next((row for row in rows if row["pack"].name == name), None)
    if found is None:
        known = ", ".join(row["pack"].name for row in rows) or "none"
        raise Http404(f"there is no pack {name[:100]!r}; there are {known}")
    return found


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "name": row["pack"].name, "title": row["pack"].title}
