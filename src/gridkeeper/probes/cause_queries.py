"""Causes of the failures that stand now, or stood at some instant: rules and places from the database."""

from datetime import timedelta

from gridkeeper.bus.facts import Facts, connect
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.windows import Window
from gridkeeper.lake import scan
from gridkeeper.probes.cause_learning import Outage
from gridkeeper.probes.causes import FAILED, Cause, Failing, Placing, Rule, explain
from gridkeeper.probes.models import CauseRule, LatestStatus
from gridkeeper.registry.models import Service

_WORDS = ("hostname", "service_type", "metric", "vo")


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


#: Failing runs of one series that are no farther apart are one outage: a day's end splits runs, too.
_ONE_OUTAGE = timedelta(minutes=30)


def outages_within(facts: Facts, window: Window) -> list[Outage]:
    """Every outage of every series, from the runs of the window's days, in order of series and start."""
    import ibis  # takes a second, and pages of causes as they stand now do without

    keys = {row["series"]: SeriesKey(*(row[name] for name in _WORDS)) for row in facts.series().to_pylist()}
    found: list[Outage] = []
    with connect() as con:
        days = [day for day in facts.days() if window.start.date() <= day < window.end.date()]
        parts = [facts.runs(con, day) for day in days]
        if not parts:
            return []
        runs = ibis.union(*parts) if len(parts) > 1 else parts[0]
        failed = runs.filter(runs.status.isin([status.value for status in FAILED]))
        rows = scan.rows(failed.select("series", "start", "last_at").order_by("series", "start"))
    for row in rows:
        last = found[-1] if found else None
        key = keys[row["series"]]
        if last is not None and last.key == key and row["start"] - last.end <= _ONE_OUTAGE:
            found[-1] = last._replace(end=max(last.end, row["last_at"]))
        else:
            found.append(Outage(key, row["start"], row["last_at"]))
    return found
