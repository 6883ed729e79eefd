"""A test that stops reporting is MISSING at its validity, and is heard again with its next result."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.probes.freshness import sweep
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.models import LatestStatus, PlaceStatus
from gridkeeper.probes.tasks import forget_places
from gridkeeper.probes.timetable import Timetable
from tests.builders import NOW, a_result, a_test
from tests.probes.test_memory import an_instance

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def _row(metric):
    return LatestStatus.objects.get(metric=metric)


def _key(metric):
    return SeriesKey("ce.example.org", "CE", metric)


@pytest.fixture
def reported():
    a_test("short", validity_s=3600)
    a_test("long", validity_s=7200)
    submit([a_result(_key(name)) for name in ("short", "long", "undefined")], now=NOW)


@pytest.mark.parametrize(
    ("age", "missing"),
    [
        (HOUR, set()),
        (HOUR + timedelta(microseconds=1), {"short"}),
        (3 * HOUR, {"short", "long"}),
        (25 * HOUR, {"short", "long", "undefined"}),
    ],
)
def test_what_has_outlived_its_validity_is_missing_since_its_end(reported, age, missing):
    assert sweep(NOW + age) == len(missing)
    rows = LatestStatus.objects.filter(hard_status=Status.MISSING)
    assert {row.metric for row in rows} == missing
    assert all(row.hard_since == NOW + {"short": HOUR, "long": 2 * HOUR}.get(row.metric, 24 * HOUR) for row in rows)
    assert sweep(NOW + age) == 0


def test_the_next_result_ends_it_and_begins_a_new_row_of_equal_ones(reported):
    sweep(NOW + 3 * HOUR)
    later = NOW + 4 * HOUR
    submit([a_result(_key("short"), executed_at=later)], now=later)
    assert (Status(_row("short").hard_status), _row("short").hard_since) == (Status.OK, later)
    assert sweep(later + HOUR) == 0


@given(st.integers(0, 20), st.integers(0, 40))
def test_a_calm_test_never_slows_down_past_its_validity(calm, slower):
    class Calm:
        def calm_runs(self, series):
            return calm

    instance = an_instance()
    for name, value in {"interval_s": 900, "slowest_interval_s": 900 * slower, "validity_s": 7200}.items():
        object.__setattr__(instance.test, name, value)
    assert Timetable(Calm(), 1.0).interval_s(instance) <= max(900, 7200 / 2)


@pytest.mark.django_db
def test_what_a_place_said_long_ago_is_forgotten():
    for worker, days in (("old", 31), ("newer", 29)):
        at = NOW - timedelta(days=days)
        PlaceStatus.objects.create(series=1, worker=worker, status=Status.OK, executed_at=at)
    forget_places(NOW)
    assert [row.worker for row in PlaceStatus.objects.all()] == ["newer"]
