"""Profiles and reports as ARGO's API lists them: those that are kept, and the built-in ones that stand without."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from django.conf import settings

from gridkeeper.api.argo.refusal import RefusedError
from gridkeeper.api.argo.reported import Reported, identifier, visible_reports
from gridkeeper.availability.models import Profile, ProfileKind, ProfileVersion
from gridkeeper.availability.operations import DEFAULT_OPERATIONS
from gridkeeper.availability.profiles.argo import metric_profile, to_argo
from gridkeeper.availability.profiles.documents import parse
from gridkeeper.core.windows import Window
from gridkeeper.people.actor import Actor
from gridkeeper.probes.models import ProfileEntry
from gridkeeper.registry.models import Federation
from gridkeeper.vos.models import Vo

Listed = dict[str, Any]
#: Of what nobody made, and holds where a report names nothing else.
BUILT_IN = "default"
ABSENT = "item with the specific ID was not found on the server"


@dataclass(frozen=True, slots=True)
class Kept:
    """A profile as it is on a day. made, changed: of its first version and of this one"""

    key: str
    name: str
    valid_from: date
    made: datetime
    changed: datetime
    document: Any


def kept(kind: str, day: date) -> list[Kept]:
    """The profiles of a kind that hold on a day, by name."""
    midnight = Window.of_day(day).start
    versions = ProfileVersion.objects.filter(profile__kind=kind, valid_from__lte=day).select_related("profile")
    found: dict[str, Kept] = {}
    for version in versions.order_by("profile__name", "number"):
        profile = version.profile
        if profile.closed_at is not None and profile.closed_at <= midnight:
            continue
        made = found[profile.key].made if profile.key in found else version.created_at
        found[profile.key] = Kept(
            profile.key, profile.name, version.valid_from, made, version.created_at, version.document
        )
    return list(found.values())


def listed(kind: str, day: date) -> list[Listed]:
    """Operations, aggregation or thresholds profiles in ARGO's shape."""
    found = [
        to_argo(kind, each.key, each.name, each.valid_from, parse(kind, each.document)) for each in kept(kind, day)
    ]
    if not any(each["name"] == BUILT_IN for each in found):
        found += _built_in(kind, day)
    return found


def _built_in(kind: str, day: date) -> list[Listed]:
    if kind == ProfileKind.OPERATIONS:
        document = DEFAULT_OPERATIONS.document()
    elif kind == ProfileKind.AGGREGATION and (types := sorted(_service_types(day))):
        functions = [{"name": name, "operation": "OR", "services": {name: "OR"}} for name in types]
        document = {"metric_operation": "AND", "profile_operation": "AND", "functions": functions}
    else:
        return []
    return [to_argo(kind, identifier(kind, BUILT_IN), BUILT_IN, day, parse(kind, document))]


def _service_types(day: date) -> set[str]:
    return {service_type for lines in _critical(day).values() for service_type, _ in lines}


def _critical(day: date) -> dict[str, list[tuple[str, str]]]:
    """VO -> its critical (service type, metric) as they were when the day ended."""
    entries = ProfileEntry.objects.at(Window.of_day(day).end).filter(is_critical=True, test__is_enabled=True)
    rows = entries.order_by("vo__name", "service_type__name", "test__position", "test__name")
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for vo, service_type, metric in rows.values_list("vo__name", "service_type__name", "test__name"):
        found[vo].append((service_type, metric))
    return found


def metric_profiles(day: date) -> list[Listed]:
    """The critical metrics of each VO that has any of its own."""
    return [
        {"id": made["id"], "date": day.isoformat()} | made
        for vo, lines in _critical(day).items()
        for made in [metric_profile(identifier("metric", vo), vo, lines)]
    ]


def reports(actor: Actor, day: date) -> list[Listed]:
    """The reports that this reader may see, with the profiles that they are made by."""
    known = {each.name: each for each in kept(ProfileKind.REPORT, day)}
    ids = _profile_ids(day)
    tenant = Federation.objects.current().order_by("pk").values_list("name", flat=True).first() or ""
    vos = dict(Vo.objects.values_list("name", "valid_from"))
    return [
        _report(report, known.get(report.name), vos.get(report.name), tenant, ids)
        for report in visible_reports(actor, day)
    ]


def _report(
    report: Reported, stored: Kept | None, since: datetime | None, tenant: str, ids: Mapping[tuple[str, str], str]
) -> Listed:
    key = stored.key if stored else identifier(ProfileKind.REPORT, report.name)
    made = to_argo(ProfileKind.REPORT, key, report.name, stored.valid_from if stored else date.min, report.document)
    first, last = (stored.made, stored.changed) if stored else (since, since)
    made["tenant"] = tenant
    made["info"] |= {"created": _stamp(first), "updated": _stamp(last)}
    made["thresholds"] = _percent(made["thresholds"])
    made["profiles"] = list(_profiles(report, ids))
    return made


def _percent(thresholds: Mapping[str, float]) -> dict[str, float]:
    """All in per cent, as ARGO documents them."""
    unknown = thresholds["unknown"] * 100
    fixed = {"uptime": thresholds["availability"], "unknown": unknown, "downtime": unknown}
    return {name: float(value) for name, value in {**thresholds, **fixed}.items()}


def _profiles(report: Reported, ids: Mapping[tuple[str, str], str]) -> Iterator[dict[str, str]]:
    document = report.document
    own = ("metric", document.vo) in ids
    chosen = {
        "metric": document.vo if own else str(settings.GRIDKEEPER.operations_vo),
        "operations": document.operations or BUILT_IN,
        "aggregation": document.aggregation or BUILT_IN,
        "thresholds": document.thresholds,
        "weights": document.weight,
    }
    for kind, name in chosen.items():
        if name:
            yield {"id": ids.get((kind, name)) or identifier(kind, name), "name": name, "type": kind}


def _profile_ids(day: date) -> dict[tuple[str, str], str]:
    """(kind, name) -> id of what is kept, and of each VO's metrics."""
    rows = Profile.objects.values_list("kind", "name", "key")
    found = {(kind, name): key for kind, name, key in rows}
    return found | {("metric", vo): identifier("metric", vo) for vo in _critical(day)}


def _stamp(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""


def one_of(found: list[Listed], key: str) -> list[Listed]:
    """The one with that id. Raises RefusedError 404."""
    chosen = [each for each in found if each["id"] == key]
    if not chosen:
        raise RefusedError(404, "Not Found", ABSENT)
    return chosen


def profile_of(kind: str, key: str) -> Profile:
    """The kept profile with that id. Raises RefusedError 404, and 409 for a built-in one, which nobody changes."""
    profile = Profile.objects.filter(kind=kind, key=key).first()
    if profile is not None:
        return profile
    if key == identifier(kind, BUILT_IN):
        raise RefusedError(409, "Conflict", "the built-in profile is not changed; make one of another name")
    raise RefusedError(404, "Not Found", ABSENT)


def as_percent_or_fraction(body: dict[str, Any]) -> dict[str, Any]:
    """A report whose most unknown may stand in per cent, as ARGO documents it, or as a fraction, as EGI writes it."""
    thresholds = body.get("thresholds")
    if (
        isinstance(thresholds, dict)
        and isinstance(thresholds.get("unknown"), int | float)
        and thresholds["unknown"] > 1
    ):
        return body | {"thresholds": thresholds | {"unknown": cast(float, thresholds["unknown"]) / 100}}
    return body
