"""Causes of the failures that stand now, or stood at some instant: rules and places from the database."""

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.probes.causes import FAILED, Cause, Failing, Placing, Rule, explain
from gridkeeper.probes.models import CauseRule, LatestStatus
from gridkeeper.registry.models import Service


def rules_in_force() -> list[Rule]:
    """Every rule that was declared or accepted and not rejected."""
    rows = CauseRule.objects.filter(rejected_at=None).exclude(accepted_at=None)
    names = ("cause__name", "cause_type__name", "effect__name", "effect_type__name", "reach")
    return [Rule(*(word or "" for word in row)) for row in rows.values_list(*names)]


def places_of_services() -> dict[tuple[str, str], Placing]:
    """Site and region of every current service, by hostname and service type."""
    rows = Service.objects.current().values_list("hostname", "service_type__name", "site__name", "site__ngi__name")
    return {(hostname, kind): Placing(site, region) for hostname, kind, site, region in rows}


def failing_now() -> list[Failing]:
    """Every series whose hard status is a failure now."""
    rows = LatestStatus.objects.filter(hard_status__in=[status.value for status in FAILED])
    names = ("series", "hostname", "service_type", "metric", "vo", "hard_since", "cause")
    return [
        Failing(series, SeriesKey(hostname, kind, metric, vo), since, cause)
        for series, hostname, kind, metric, vo, since, cause in rows.values_list(*names)
    ]


def causes_now() -> dict[int, Cause]:
    """The root cause of every failing series that has one, at present."""
    failing = failing_now()
    return explain(failing, rules_in_force(), places_of_services()) if failing else {}


def consequences_of(series: int, causes: dict[int, Cause]) -> list[int]:
    """The series that fail because this one does."""
    return sorted(one for one, cause in causes.items() if cause.series == series)
