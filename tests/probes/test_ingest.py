"""Results go in once, and the latest status is what the facts say, in whatever order they come."""

from datetime import timedelta

import pytest

from gridkeeper.bus import mover
from gridkeeper.bus.facts import connect, open_facts
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.core.windows import Window
from gridkeeper.lake.store import open_lake
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.models import LatestStatus
from gridkeeper.probes.rebuild import rebuild_status
from tests.builders import NOW, a_result

pytestmark = pytest.mark.django_db
KEY = SeriesKey("ce.example.org", "CE", "CE-js", "dteam")
MINUTE = timedelta(minutes=1)
TODAY = Window(NOW - timedelta(days=2), NOW + timedelta(days=1))


def stored() -> list[dict]:
    with connect() as con:
        return open_facts().results(con, TODAY).order_by(["executed_at", "seq"]).to_pyarrow().to_pylist()


def latest(key: SeriesKey = KEY) -> LatestStatus:
    return LatestStatus.objects.get(series=key.series)


def test_results_are_visible_at_once_and_after_the_move() -> None:
    receipt = submit([a_result(KEY), a_result(KEY, executed_at=NOW + MINUTE, status=Status.CRITICAL)], now=NOW)
    assert (receipt.accepted, receipt.duplicates) == (2, 0)
    before = stored()
    moved = mover.move_all(open_lake())
    assert (moved.batches, moved.rows, moved.repeated) == (1, 2, 0)
    assert stored() == before
    assert [row["status"] for row in before] == [0, 2]


def test_a_newer_result_wins() -> None:
    submit([a_result(KEY, status=Status.CRITICAL, executed_at=NOW, summary="refused")], now=NOW)
    submit([a_result(KEY, executed_at=NOW - MINUTE)], now=NOW)
    row = latest()
    assert (row.status, row.hard_status, row.hard_since, row.summary) == (2, 2, NOW, "refused")
    assert row.last_ok_at == NOW - MINUTE
    rebuild_status()
    assert latest().hard_since == NOW
