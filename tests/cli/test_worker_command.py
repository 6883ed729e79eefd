"""`gridkeeper worker` before it runs: what it lacks, and what the bus must allow it."""

import signal

import pytest
import typer

from gridkeeper.cli.worker_command import worker


@pytest.fixture(autouse=True)
def _signals_stay():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_without_a_bus_it_says_what_to_set(capsys):
    with pytest.raises(typer.Exit) as ended:
        worker()
    assert ended.value.exit_code == 2
    assert "set GRIDKEEPER_BUS_URL" in capsys.readouterr().err


def test_a_spool_that_cannot_be_used_ends_it_in_words(capsys, settings, tmp_path):
    (tmp_path / "worker").write_text("")
    update = {"bus_url": "nats://127.0.0.1:1", "data_dir": tmp_path}
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update=update)
    with pytest.raises(typer.Exit) as ended:
        worker()
    assert ended.value.exit_code == 1
    assert "the spool" in capsys.readouterr().err


def test_it_prints_what_the_server_must_allow(capsys, settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"worker_name": "w1.example.org"})
    worker(permissions=True)
    text = capsys.readouterr().out
    assert '"gridkeeper.results.w1_example_org"' in text
    assert "_INBOX_w1_example_org.>" in text
    assert "$JS.API.>" not in text
