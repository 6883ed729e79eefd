from collections import Counter
from datetime import UTC, datetime, timedelta

import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.core.windows import Window
from gridkeeper.demo.faults import plan_faults
from gridkeeper.demo.history import (
    LENGTH,
    WORKER,
    Line,
    add_day,
    days_of_history,
    fault_status,
    lines_of,
    rows_of_day,
)
from gridkeeper.demo.seed import seed
from gridkeeper.demo.topology import build_sites
from gridkeeper.probes.models import LatestStatus

BEGUN = datetime(2026, 11, 21, 12, 34, tzinfo=UTC)
MATCH = SeriesKey("ce.example.org", "CE", "CE-jl", "lhcb")
JOB = SeriesKey("ce.example.org", "CE", "CE-js", "lhcb")
RIDER = SeriesKey("ce.example.org", "CE", "CE-swdir", "lhcb")


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), st.integers(0, 40 * 86_400))
def test_the_days_add_up_to_the_time_between_and_none_crosses_midnight(since, length_s):
    since = since.replace(tzinfo=UTC)
    until = since + timedelta(seconds=length_s)
    days = days_of_history(since, until)
    assert sum((day.duration for day in days), timedelta()) == until - since
    assert all(day.end <= Window.of_day(day.start.date()).end for day in days)
    assert [day.start for day in days[1:]] == [day.end for day in days[:-1]]


@pytest.mark.parametrize(
    ("metric", "service_type", "vo", "fault", "status"),
    [
        ("CE-jl", "CE", "lhcb", "jl:lhcb", Status.CRITICAL),
        ("CE-jl", "CE", "atlas", "jl:lhcb", Status.OK),
        ("CE-csh", "CE", "dteam", "csh", Status.CRITICAL),
        ("CE-ver", "CE", "dteam", "csh", Status.OK),
        ("SRM-put", "SRM", "", "expired:SRM", Status.CRITICAL),
        ("SE-cert", "SE", "", "expiring:SE", Status.WARNING),
        ("SE-http", "SE", "", "expiring:SE", Status.OK),
        ("SE-http", "SE", "", "refuse:SRM", Status.OK),
        ("BDII-tcp", "Site-BDII", "", "down", Status.CRITICAL),
    ],
)
def test_history_fails_where_the_fault_fails(metric, service_type, vo, fault, status):
    assert fault_status(SeriesKey("host.example.org", service_type, metric, vo), [fault]) == status


def statuses(rows, key):
    mine = rows.filter(pc.equal(rows.column("series"), key.series))
    return set(zip(mine.column("status").to_pylist(), mine.column("cause").to_pylist(), strict=True))


def a_job(**fault):
    """List match, job and a test that rides in it, at a site without outages of its own on that day."""
    match = (MATCH.series, MATCH.metric)
    return [
        Line(MATCH, "SITE", fault=fault.get("match", Status.OK)),
        Line(JOB, "SITE", fault=fault.get("job", Status.OK), waits_for=(match,)),
        Line(RIDER, "SITE", waits_for=(match, (JOB.series, JOB.metric))),
    ]


DAY = Window.of_day(BEGUN.date() - timedelta(days=0))


def test_what_waits_for_a_failed_match_has_no_result_because_of_it():
    rows = rows_of_day(a_job(match=Status.CRITICAL), Window(BEGUN - timedelta(minutes=150), BEGUN), BEGUN)
    late = rows.filter(pc.equal(rows.column("status"), int(Status.UNKNOWN)))
    assert set(late.column("cause").to_pylist()) <= {"CE-jl"}


def test_what_rides_in_a_job_that_failed_has_no_result_because_of_it():
    lines = a_job(job=Status.CRITICAL)
    rows = rows_of_day(lines, Window(BEGUN - timedelta(days=1), Window.of_day(BEGUN.date()).start), BEGUN)
    both = zip(
        rows.filter(pc.equal(rows.column("series"), JOB.series)).column("status").to_pylist(),
        rows.filter(pc.equal(rows.column("series"), RIDER.series)).column("cause").to_pylist(),
        strict=True,
    )
    assert all((status == Status.CRITICAL) == (cause == "CE-js") for status, cause in both)


def test_a_declared_outage_shows_as_long_as_it_lasts():
    day = Window.of_day(BEGUN.date() - timedelta(days=5))
    out = Window(day.start + timedelta(hours=6), day.start + timedelta(hours=18))
    rows = rows_of_day([Line(MATCH, "SITE", down=(out,))], day, BEGUN)
    for at, status in zip(rows.column("executed_at").to_pylist(), rows.column("status").to_pylist(), strict=True):
        assert at not in out or status == Status.CRITICAL


@pytest.mark.django_db
def test_thirty_days_are_mostly_well_marked_as_history_and_never_in_the_future(settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"operations_vo": "dteam"})
    sites = build_sites(12)
    seed(sites, BEGUN)
    lines = lines_of(plan_faults(sites))
    counts: Counter[int] = Counter()
    for day in days_of_history(BEGUN - LENGTH, BEGUN):
        rows = rows_of_day(lines, day, BEGUN)
        counts.update(rows.column("status").to_pylist())
        assert set(rows.column("worker").to_pylist()) == {WORKER}
        assert all("demo history" in text for text in rows.column("summary").to_pylist())
        assert all(at in day for at in rows.column("executed_at").to_pylist())
    # Twelve results a day of every series.
    assert abs(sum(counts.values()) - len(lines) * 12 * 30) <= len(lines)
    assert 0.85 < counts[Status.OK] / sum(counts.values()) < 0.99
    assert {Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN} >= set(counts)


@pytest.mark.django_db
def test_a_day_that_is_added_twice_is_there_once(settings):
    sites = build_sites(2)
    seed(sites, BEGUN)
    lines = lines_of({})
    day = days_of_history(BEGUN - LENGTH, BEGUN)[-1]
    assert add_day(lines, day, BEGUN, BEGUN) > 0
    before = list(LatestStatus.objects.order_by("series").values())
    add_day(lines, day, BEGUN, BEGUN)
    assert list(LatestStatus.objects.order_by("series").values()) == before
    assert len(before) == len(lines)
