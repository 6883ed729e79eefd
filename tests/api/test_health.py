import pytest

from gridkeeper.core.identifiers import SeriesKey
from tests.builders import a_result

pytestmark = pytest.mark.django_db


def test_the_process_says_that_it_lives_and_is_ready(client):
    assert client.get("/healthz").content == b"ok\n"
    assert client.get("/readyz").json() == {"database": "ok", "disk": "ok"}


def test_metrics_count_series_by_status(client):
    from gridkeeper.probes.ingest import submit

    result = a_result(SeriesKey("host.example.org", "CE", "CE-js"))
    submit([result], now=result.executed_at)
    text = client.get("/metrics").content.decode()
    assert 'gridkeeper_series{status="OK"} 1.0' in text
    assert "gridkeeper_inbox_rows 1.0" in text


def test_they_only_answer_reading(client):
    assert [client.post(path).status_code for path in ("/healthz", "/readyz", "/metrics")] == [405, 405, 405]
