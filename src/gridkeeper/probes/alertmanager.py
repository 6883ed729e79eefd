"""Alerts of a Prometheus as results: what its Alertmanager posts to a webhook.

A firing alert is a failure that is seen now, and again with every repetition; a resolved one is OK now. Its labels
name the series: `hostname` (or `host`, or `instance` without its port), `test` (or `alertname`), and where they are
given `service_type` and `vo`; `severity` says how bad it is.
Source: Alertmanager, "Configuration: <webhook_config>", version 4 of the body.
"""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from gridkeeper.core.status import Status
from gridkeeper.probes.passive import (
    Observation,
    Parsed,
    PassiveError,
    RecordError,
    TypeOf,
    checked,
    id_of,
    parse_each,
)

#: `severity` -> status of a firing alert. Without one it is critical: somebody wrote an alert for it.
SEVERITIES = {
    "": Status.CRITICAL, "critical": Status.CRITICAL, "page": Status.CRITICAL, "error": Status.CRITICAL,
    "high": Status.CRITICAL, "warning": Status.WARNING, "warn": Status.WARNING, "ticket": Status.WARNING,
    "low": Status.WARNING, "info": Status.OK, "none": Status.OK,
}  # fmt: skip


class Alert(msgspec.Struct):
    """What is read of an alert."""

    status: str
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    startsAt: str = ""  # noqa: N815  as it stands in the body
    endsAt: str = ""  # noqa: N815
    generatorURL: str = ""  # noqa: N815
    fingerprint: str = ""


class _Body(msgspec.Struct):
    alerts: list[msgspec.Raw]
    version: str = "4"


_body = msgspec.json.Decoder(_Body)
_alert = msgspec.json.Decoder(Alert)


def parse_alerts(body: bytes, now: datetime, type_of: TypeOf) -> Parsed:
    """The alerts of one call. Raises PassiveError for a body that is no such call."""
    try:
        alerts = _body.decode(body).alerts
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PassiveError(f"the body is no call of Alertmanager: {error}; point a webhook_config here") from error
    return parse_each((bytes(each) for each in alerts), lambda each: _observation(each, now, type_of), now)


def _observation(record: bytes, now: datetime, type_of: TypeOf) -> Observation:
    try:
        alert = _alert.decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError("", f"no alert: {error}", "send what Alertmanager sends, version 4") from error
    hostname, metric = _host(alert.labels), alert.labels.get("test") or alert.labels.get("alertname") or ""
    status = _status(alert)
    is_firing = alert.status == "firing"
    # A call whose answer was lost comes again within seconds; a repetition, which says it still fires, much later.
    stamp = f"{now:%Y-%m-%d %H:%M}" if is_firing else alert.endsAt
    return checked(
        {
            "id": id_of("alertmanager", _name(alert), alert.status, alert.startsAt, stamp),
            "hostname": hostname,
            "service_type": alert.labels.get("service_type") or type_of(hostname, metric),
            "metric": metric,
            "vo": alert.labels.get("vo", ""),
            "status": status.name,
            "executed_at": now,
            "summary": _summary(alert),
            "output": _output(alert),
            "worker": "alertmanager",
        }
    )


def _name(alert: Alert) -> str:
    return alert.fingerprint or "\n".join(f"{name}={value}" for name, value in sorted(alert.labels.items()))


def _host(labels: dict[str, str]) -> str:
    for name in ("hostname", "host", "instance"):
        if value := labels.get(name, "").strip():
            return _host_of(value)
    raise RecordError("hostname", "the alert has no label that names a host", "add the label hostname or instance")


def _host_of(instance: str) -> str:
    """The host of `host`, `host:9100` or `https://host:8443/path`.

    >>> [_host_of(text) for text in ("ce.example.org:9100", "https://ce.example.org/x", "[2001:db8::1]:9100")]
    ['ce.example.org', 'ce.example.org', '2001:db8::1']
    """
    try:
        found = urlsplit(instance if "://" in instance else f"//{instance}").hostname
    except ValueError as error:
        raise RecordError("hostname", f"{instance[:100]!r} names no host", "send host:port") from error
    return found or instance


def _status(alert: Alert) -> Status:
    if alert.status == "resolved":
        return Status.OK
    if alert.status != "firing":
        raise RecordError("status", f"an alert is firing or resolved, not {alert.status[:40]!r}")
    severity = alert.labels.get("severity", "").strip().lower()
    if severity not in SEVERITIES:
        known = ", ".join(filter(None, SEVERITIES))
        raise RecordError("status", f"the severity {severity[:40]!r} is unknown", f"use one of {known}")
    return SEVERITIES[severity]


def _summary(alert: Alert) -> str:
    words = alert.annotations
    said = words.get("summary") or words.get("description") or words.get("message") or alert.labels.get("alertname", "")
    first = said.strip().partition("\n")[0]
    return f"resolved: {first}" if alert.status == "resolved" else first


def _output(alert: Alert) -> str:
    said: dict[str, Any] = {**alert.annotations, "since": alert.startsAt, "from": alert.generatorURL}
    labels = [f"label {name}: {value}" for name, value in sorted(alert.labels.items())]
    return "\n".join([_summary(alert), *(f"{name}: {value}" for name, value in said.items() if value), *labels])
