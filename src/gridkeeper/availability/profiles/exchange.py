"""Profiles and weights as files: JSON out and in, in ARGO's shapes or ours, and weights as CSV."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError

from gridkeeper.availability.models import Profile, ProfileVersion, Weight
from gridkeeper.availability.profiles import actions, argo
from gridkeeper.availability.profiles.documents import DocumentError, parse
from gridkeeper.availability.profiles.weights import WeightGiven, parse_value, value_text
from gridkeeper.people.actor import Actor
from gridkeeper.probes.profile_actions import Use, borrowed, profile_of
from gridkeeper.registry.models import Site
from gridkeeper.vos.models import Vo


def exported(version: ProfileVersion, shape: str = "argo") -> dict[str, Any]:
    """A version as JSON; shape: "argo" or "own"."""
    profile = version.profile
    document = parse(profile.kind, version.document)
    if shape == "argo":
        return argo.to_argo(profile.kind, profile.key, profile.name, version.valid_from, document)
    head = {"kind": profile.kind, "name": profile.name, "version": version.number}
    return head | {"valid_from": version.valid_from.isoformat(), "document": document.document()}


def exported_metrics(vo: Vo) -> dict[str, Any]:
    """The critical metrics of a VO, its own or those that it borrows, as ARGO's metric profile."""
    lines = profile_of(borrowed(vo) or vo)
    critical = sorted((line.service_type, line.test) for line, use in lines.items() if use == Use.CRITICAL)
    return argo.metric_profile(vo.key, vo.name, critical)


def imported(
    actor: Actor, *, kind: str, text: bytes, name: str, valid_from: date, reason: str, now: datetime
) -> ProfileVersion:
    """A new profile, or the next version of the one of that name, from JSON in ARGO's shape or ours.

    Raises NotPermittedError, and ValidationError naming what cannot be read.
    """
    own_name, document = read(kind, text)
    called = name or own_name
    if not called:
        raise ValidationError({"name": "No name stands in it; give one."})
    known: dict[str, Any] = {"document": document, "valid_from": valid_from, "reason": reason, "now": now}
    profile = Profile.objects.filter(kind=kind, name=called).first()
    if profile is None:
        return actions.create(actor, kind=kind, name=called, **known)
    return actions.save_version(actor, profile=profile, **known)


def read(kind: str, text: bytes) -> tuple[str, Mapping[str, Any]]:
    """Name and document. Raises ValidationError."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValidationError({"text": f"It is no JSON: {error}."}) from error
    if isinstance(data, dict) and isinstance(data.get("document"), dict):
        return str(data.get("name", "")), data["document"]
    try:
        return argo.from_argo(kind, data)
    except DocumentError as error:
        raise ValidationError({"text": str(error)}) from error


def weights_of(text: bytes, *, kind: str, valid_from: date, source: str) -> list[WeightGiven]:
    """Weights from CSV: columns site (name or key) and value, and where they are there kind, valid_from and source.

    Raises ValidationError with every line that is wrong.
    """
    problems: list[str] = []
    found: list[WeightGiven] = []
    sites = _sites()
    for number, row in _csv_rows(text):
        try:
            found.append(_weight(row, sites, kind=kind, valid_from=valid_from, source=source))
        except ValidationError as error:
            problems.append(f"line {number}: {' '.join(error.messages)}")
    if problems:
        raise ValidationError({"text": problems[:20]})
    return found


def weights_to_csv(weights: Iterator[Weight] | Any) -> str:
    """The rows as `weights_of` reads them."""
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    lines.writerow(_COLUMNS)
    for weight in weights:
        lines.writerow([weight.site.name, weight.kind, weight.valid_from, value_text(weight.value), weight.source])
    return written.getvalue()


_COLUMNS = ("site", "kind", "valid_from", "value", "source")


def _csv_rows(text: bytes) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        lines = list(csv.reader(io.StringIO(text.decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValidationError({"text": f"It is no CSV in UTF-8: {error}."}) from error
    has_heading = bool(lines) and "site" in [word.strip().lower() for word in lines[0]]
    columns = [word.strip().lower() for word in lines[0]] if has_heading else ["site", "value"]
    if strangers := sorted(set(columns) - set(_COLUMNS)):
        raise ValidationError({"text": f"No column is called {', '.join(strangers)}; use {', '.join(_COLUMNS)}."})
    for number, line in enumerate(lines, start=1):
        if line and not (has_heading and number == 1):
            yield number, dict(zip(columns, (word.strip() for word in line), strict=False))


def _sites() -> dict[str, Site]:
    rows = list(Site.objects.current().select_related("ngi"))
    return {site.key: site for site in rows} | {site.name: site for site in rows}


def _weight(
    row: Mapping[str, str], sites: Mapping[str, Site], *, kind: str, valid_from: date, source: str
) -> WeightGiven:
    name = row.get("site", "")
    if name not in sites:
        raise ValidationError(f"there is no site {name!r}; sites are named as in the registry, or by key")
    if not row.get("value"):
        raise ValidationError(f"{name} has no value; write site,value")
    text = row.get("valid_from", "")
    try:
        since = date.fromisoformat(text) if text else valid_from
    except ValueError:
        raise ValidationError(f"{text!r} is no day; write it as 2026-03-01") from None
    return WeightGiven(
        sites[name], row.get("kind") or kind, since, parse_value(row["value"]), row.get("source") or source
    )
