"""Pages of profiles and reports: the list, one with its versions, what differs between two, files."""

import json
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from gridkeeper.availability.models import Profile, ProfileKind, ProfileVersion
from gridkeeper.availability.permissions import EDIT_PROFILE
from gridkeeper.availability.profiles import texts
from gridkeeper.availability.profiles.changes import differences
from gridkeeper.availability.profiles.checks import reports_with
from gridkeeper.availability.profiles.documents import (
    AggregationDocument,
    Document,
    OperationsDocument,
    ReportDocument,
    ThresholdsDocument,
    parse,
)
from gridkeeper.availability.profiles.exchange import exported, exported_metrics
from gridkeeper.availability.profiles.in_force import InForce
from gridkeeper.core.windows import as_utc
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import is_permitted
from gridkeeper.vos.models import Vo


def profile_named(kind: str, name: str) -> Profile:
    """Raises Http404."""
    return get_object_or_404(Profile, kind=kind, name=name)


@require_safe
def profiles(request: HttpRequest) -> HttpResponse:
    """All kinds under each other: reports first, for whoever comes asks what is judged."""
    newest: dict[int, ProfileVersion] = {}
    for version in ProfileVersion.objects.select_related("profile", "author").order_by("number"):
        newest[version.profile_id] = version
    today = as_utc(timezone.now()).date()
    in_force = InForce.on(today).reports()
    context = {
        "kinds": [(kind, _rows(kind, newest)) for kind in _ORDER],
        "implicit": [report for report in in_force if not report.version],
        "vos": Vo.objects.current().order_by("name"),
        "may_edit": is_permitted(Actor.of(request), EDIT_PROFILE),
    }
    return render(request, "availability/profiles/list.html", context)


_ORDER = (ProfileKind.REPORT, ProfileKind.AGGREGATION, ProfileKind.OPERATIONS, ProfileKind.THRESHOLDS)


def _rows(kind: ProfileKind, newest: dict[int, ProfileVersion]) -> list[dict[str, Any]]:
    rows = [version for version in newest.values() if version.profile.kind == kind]
    rows.sort(key=lambda version: (version.profile.closed_at is not None, version.profile.name))
    return [{"version": row, "profile": row.profile, "about": about(parse(kind, row.document))} for row in rows]


def about(document: Document) -> str:
    """What it says, in a line."""
    match document:
        case OperationsDocument():
            return f"{', '.join(document.states)}; {', '.join(document.operations)}"
        case AggregationDocument():
            return "; ".join(f"{each.name}: {', '.join(each.services)}" for each in document.functions)
        case ThresholdsDocument():
            return f"{len(document.rules)} rule{'' if len(document.rules) == 1 else 's'}"
        case ReportDocument():
            groups = document.group_kind.replace("_", " ") + "s"
            return document.title or f"{groups} by {document.region_kind}"
    return ""


@require_safe
def profile(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    """One profile: what its newest version says, or `?v=`, which reports use it, all versions."""
    found = profile_named(kind, name)
    versions = list(found.versions.select_related("author").order_by("-number"))
    shown = _chosen(versions, request.GET.get("v", ""))
    document = parse(kind, shown.document)
    context = {
        "profile": found, "versions": versions, "shown": shown, "document": document, "lines": lines_of(document),
        "users": sorted(reports_with(ProfileKind(kind), name)), "tables": _tables(document),
        "may_edit": found.closed_at is None and is_permitted(Actor.of(request), EDIT_PROFILE, found),
        "today": as_utc(timezone.now()).date(),
    }  # fmt: skip
    return render(request, "availability/profiles/profile.html", context)


def _chosen(versions: list[ProfileVersion], wanted: str) -> ProfileVersion:
    """The version of that number; the newest for none. Raises Http404."""
    for version in versions:
        if not wanted or str(version.number) == wanted:
            return version
    raise Http404(f"There is no version {wanted[:20]!r}; there are 1 to {len(versions)}.")


def lines_of(document: Document) -> list[tuple[str, str]]:
    """(what, value) of what a document says, without what says nothing; tables are shown by themselves."""
    match document:
        case OperationsDocument():
            names = document.defaults
            return [
                ("States", ", ".join(document.states)), ("Count as up", ", ".join(document.up)),
                ("Unknown is", names.unknown), ("Missing is", names.missing), ("Downtime is", names.down),
            ]  # fmt: skip
        case AggregationDocument():
            over = [("Over the metrics of a service", document.metric_operation)]
            return [*over, ("Over the functions of a site", document.profile_operation)]
        case ReportDocument():
            return [(label, value) for label, value in _report_lines(document) if value]
    return []


def _report_lines(document: ReportDocument) -> list[tuple[str, str]]:
    wanted, targets = document.filter, document.targets
    classes = document.class_targets.items()
    return [
        ("About", document.description),
        ("Read by", "anybody" if document.is_public else "who is signed in"),
        ("Critical metrics of", document.vo or "the operations VO"),
        ("Operations profile", document.operations or "standard"),
        ("Aggregation profile", document.aggregation or "each service type is a function"),
        ("Thresholds profile", document.thresholds),
        ("Topology from", "the registry" if document.topology == "registry" else "feeds of ARGO's connectors"),
        ("Groups, and what is above", f"{document.group_kind.replace('_', ' ')}s by {document.region_kind}"),
        ("Only scopes", ", ".join(wanted.scopes)),
        ("Only infrastructures", ", ".join(wanted.infrastructures)),
        ("Only certification", ", ".join(wanted.certifications)),
        ("Only properties", texts.write_pairs(wanted.tags)),
        ("Sites count by", document.weight or "one each"),
        ("Asked of a month", f"availability ≥ {targets.availability} %, reliability ≥ {targets.reliability} %, "
                             f"unknown ≤ {targets.unknown} %"),
        ("Classes", "; ".join(f"{name}: availability ≥ {asked.availability} %, reliability ≥ {asked.reliability} %"
                              for name, asked in classes)),
        ("Classes of types", texts.write_pairs(dict(document.service_classes))),
    ]  # fmt: skip


def _tables(document: Document) -> list[dict[str, Any]]:
    """The truth tables as squares."""
    if not isinstance(document, OperationsDocument):
        return []
    tables = []
    for name, rows in sorted(document.operations.items()):
        known = {pair: result for a, b, result in rows for pair in ((a, b), (b, a))}
        lines = [(a, [known.get((a, b), "") for b in document.states]) for a in document.states]
        tables.append({"name": name, "states": document.states, "lines": lines})
    return tables


@require_safe
def compare(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    """What differs from version `from` to version `to`."""
    found = profile_named(kind, name)
    versions = list(found.versions.select_related("author").order_by("-number"))
    newer = _chosen(versions, request.GET.get("to", ""))
    older = _chosen(versions, request.GET.get("from", str(max(newer.number - 1, 1))))
    context = {
        "profile": found, "versions": versions, "older": older, "newer": newer,
        "differences": differences(older.document, newer.document),
    }  # fmt: skip
    return render(request, "availability/profiles/compare.html", context)


@require_safe
def export(request: HttpRequest, kind: str, name: str) -> HttpResponseBase:
    """A version as JSON: `?shape=argo` (default) or `own`, `?v=`."""
    shape = request.GET.get("shape", "argo")
    if shape not in ("argo", "own"):
        raise Http404(f"There is no shape {shape[:20]!r}; ask for argo or own.")
    found = profile_named(kind, name)
    versions = list(found.versions.select_related("profile").order_by("-number"))
    version = _chosen(versions, request.GET.get("v", ""))
    return _file(exported(version, shape), f"{kind}-{name}-{version.number}")


@require_safe
def export_metrics(request: HttpRequest, vo: str) -> HttpResponseBase:
    """The critical metrics of a VO as ARGO's metric profile."""
    return _file(exported_metrics(get_object_or_404(Vo.objects.current(), name=vo)), f"metrics-{vo}")


def _file(data: dict[str, Any], name: str) -> HttpResponse:
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    headers = {"Content-Disposition": f'attachment; filename="{name}.json"'}
    return HttpResponse(text, content_type="application/json", headers=headers)


def url_of(profile: Profile) -> str:
    return reverse("availability:profile", args=[profile.kind, profile.name])
