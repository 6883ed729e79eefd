"""Results in the words of others: a shell's one line, Alertmanager, ARGO's metric data, JUnit XML."""

from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router

from gridkeeper.people.actor import Actor
from gridkeeper.probes.admission import directory
from gridkeeper.probes.alertmanager import parse_alerts
from gridkeeper.probes.argo_metric import parse_metric_data
from gridkeeper.probes.intake import body_of, take
from gridkeeper.probes.junit import About, parse_report
from gridkeeper.probes.passive import id_of, of_plugin, parse_each
from gridkeeper.probes.results_api import ReceiptOut

router = Router(tags=["results"])
_PATTERN = r"^[^\x00]*$"
_Word = Annotated[str, Path(max_length=255, pattern=_PATTERN)]
_Option = Annotated[str, Query(max_length=255, pattern=_PATTERN)]


def _example(kind: str, example: Any) -> dict[str, Any]:
    content = {kind: {"schema": {"type": "string" if isinstance(example, str) else "object"}, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


_ALERTS = {
    "version": "4",
    "status": "firing",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "CE-disk", "instance": "ce.example.org:9100", "severity": "warning"},
            "annotations": {"summary": "the disk is 91 % full"},
            "startsAt": "2026-03-10T12:00:00Z",
            "fingerprint": "9f8e7d6c5b4a3f2e",
        }
    ],
}
_METRIC = {
    "timestamp": "2026-03-10T12:00:00Z", "service": "CE", "hostname": "ce.example.org", "metric": "CE-js",
    "monitoring_host": "mon.example.org", "status": "OK", "summary": "job done", "message": "",
}  # fmt: skip
_REPORT = '<testsuite hostname="ce.example.org"><testcase name="CE-js" time="1.2"/></testsuite>'


@router.post(
    "/results/alertmanager",
    response=ReceiptOut,
    summary="Alerts of Prometheus",
    openapi_extra=_example("application/json", _ALERTS),
)
def send_alerts(request: HttpRequest) -> dict[str, Any]:
    """For a `webhook_config` of Alertmanager, with the token in its `http_config`.

    Labels name the series: hostname (or host, or instance), test (or alertname), service_type, vo; severity says how
    bad it is. Firing is a failure seen now, resolved is OK.
    """
    now = timezone.now()
    return take(
        Actor.of(request, "api"), lambda: parse_alerts(body_of(request), now, directory().type_of), now
    ).as_json()


@router.post(
    "/results/argo",
    response=ReceiptOut,
    summary="Metric data of ARGO",
    openapi_extra=_example("application/json", _METRIC),
)
def send_metric_data(request: HttpRequest) -> dict[str, Any]:
    """A record, a list, one record a line, or an envelope of the messaging service (publication or push)."""
    now = timezone.now()
    known = directory()
    return take(
        Actor.of(request, "api"),
        lambda: parse_metric_data(
            body_of(request),
            now,
            is_host=known.hosts.__contains__,
            is_per_vo=lambda metric: known.tests.get(metric, False),
        ),
        now,
    ).as_json()


@router.post(
    "/results/junit",
    response=ReceiptOut,
    summary="A report in JUnit XML",
    openapi_extra=_example("application/xml", _REPORT),
)
def send_report(
    request: HttpRequest, hostname: _Option = "", service_type: _Option = "", vo: _Option = "", prefix: _Option = ""
) -> dict[str, Any]:
    """Each case is a result of the test `PREFIX` + its name. failure: CRITICAL; error: UNKNOWN; skipped: nothing."""
    now = timezone.now()
    about = About(hostname, service_type, vo, prefix)
    return take(
        Actor.of(request, "api"), lambda: parse_report(body_of(request), now, about, directory().type_of), now
    ).as_json()


@router.post(
    "/results/{hostname}/{metric}/{status}",
    response=ReceiptOut,
    summary="One result, from a shell",
    openapi_extra=_example("text/plain", "DISK OK: 40 % free | free=40%"),
)
def send_one(
    request: HttpRequest, hostname: _Word, metric: _Word, status: _Word, vo: _Option = "", service_type: _Option = ""
) -> dict[str, Any]:
    """The body is what a plugin printed, `status` its exit code or OK, WARNING, CRITICAL, UNKNOWN.

    `said=$(check_disk -w 10%); curl -fsS -u ":$TOKEN" --data-binary "$said" $SERVER/api/v1/results/HOST/TEST/$?`
    """
    now = timezone.now()
    said = body_of(request).decode(errors="replace")
    service = f"{metric}/{vo}" if vo else metric
    id_ = id_of("line", hostname, service, status, said, now.isoformat())
    record = (id_, hostname, service, status, said, directory().type_of)
    return take(
        Actor.of(request, "api"),
        lambda: parse_each([record], lambda one: of_plugin(*one, service_type=service_type, worker="shell"), now),
        now,
    ).as_json()
