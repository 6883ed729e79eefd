"""The page of the engine at work: it says whether tests are run in time, and what is in the way."""

from datetime import timedelta

import pytest
from django.utils import timezone

from gridkeeper.core.status import Status
from gridkeeper.probes.conditions import load_flapping, note_flapping
from gridkeeper.probes.figures import Figures, write_report
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.models import Flapping
from tests.builders import NOW, a_result, a_service

pytestmark = pytest.mark.django_db


def _figures(lags, durations):
    figures = Figures(100.0)
    for lag_s in lags:
        figures.started(lag_s)
    for test, duration_ms in durations:
        figures.ended(test, duration_ms)
    more = {"instances": 3, "kinds": {"native": 3}, "in_flight": 1, "concurrency": 9, "queued": 0, "stored": 5}
    return figures.report(110.0, **more)


def test_the_figures_are_of_the_time_since_the_last_report():
    found = _figures([0.1] * 98 + [9.0] * 2, [("js", 100), ("js", 300), ("tcp", 5)])
    assert (found["runs_per_s"], found["lag_p50_s"], found["lag_p99_s"]) == (0.3, 0.1, 9.0)
    assert found["slowest"] == [
        {"test": "js", "mean_ms": 200.0, "longest_ms": 300},
        {"test": "tcp", "mean_ms": 5.0, "longest_ms": 5},
    ]


@pytest.mark.parametrize(
    ("lags", "age_s", "words"),
    [
        ([0.1], 0, "It keeps up: 99 of 100 runs start within 0.10 s"),
        ([60.0], 0, "It does not keep up"),
        ([0.1], 600, "it is not running, or cannot reach the database"),
    ],
)
def test_it_says_whether_the_engine_keeps_up(client, lags, age_s, words):
    write_report("sched.example.org", _figures(lags, [("js", 1)]), timezone.now() - timedelta(seconds=age_s))
    text = client.get("/tests/engine/").content.decode()
    assert words in text
    assert 'href="/tests/js/"' in text


def test_without_an_engine_it_says_how_to_start_one(client):
    assert "No engine has reported" in client.get("/tests/engine/").content.decode()


def test_flapping_series_are_listed_until_they_are_calm(client):
    result = a_result(a_service(hostname="ce.example.org"), "js", status=Status.CRITICAL)
    submit([result], now=NOW)
    note_flapping({result.key.series: 34.2}, NOW)
    note_flapping({result.key.series: 41.0}, NOW)
    assert (Flapping.objects.get().since, load_flapping()) == (NOW, {result.key.series})
    text = client.get("/tests/engine/", headers={"hx-request": "true"}).content.decode()
    assert "41 %" in text
    assert "ce.example.org" in text
    note_flapping({result.key.series: None}, NOW)
    assert not load_flapping()
