"""The demo as a newcomer meets it: a process that is started, looked at, broken, and ended."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import datetime
from pathlib import Path

import pytest

from gridkeeper.demo.addresses import CLAIM_PORT, claimed
from tests.services import free_port


def command(*words, folder):
    return [sys.executable, "-m", "gridkeeper.cli.main", *map(str, words), "--data", str(folder)]


def bare_environment():
    return {name: value for name, value in os.environ.items() if not name.startswith(("GRIDKEEPER_", "DJANGO_"))}


def run(*words, folder, cwd=None):
    argv = command(*words, folder=folder)
    return subprocess.run(argv, env=bare_environment(), capture_output=True, text=True, timeout=60, cwd=cwd)


class RunningDemo:
    """A demo of six sites whose tests run every six seconds."""

    def __init__(self, folder, *words):
        self.folder, self.port = folder, free_port()
        self.output = (folder.parent / "output.txt").open("w+")
        argv = command("demo", "--port", self.port, "--speed", "10", *words, folder=folder)
        self.process = subprocess.Popen(argv, env=bare_environment(), stdout=self.output, stderr=self.output)

    def text(self):
        self.output.seek(0)
        return self.output.read()

    def ask(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return answer.read().decode()

    def wait_until(self, is_so, seconds=90):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, self.text()
            with contextlib.suppress(OSError):
                if found := is_so():
                    return found
            time.sleep(0.5)
        raise AssertionError(f"not in {seconds} s; the demo said:\n{self.text()}")

    def fresh(self, hostname):
        """Live statuses of a host by metric and VO; {} while one of them is still of the history."""
        found = json.loads(self.ask(f"/api/v1/statuses?hostname={hostname}&limit=100"))["items"]
        if not found or any(item["worker"] == "demo history" for item in found):
            return {}
        return {(item["metric"], item["vo"]): item["status"] for item in found}

    def end(self):
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(60)
        self.output.flush()
        return status


def children_of(folder):
    """Command lines of processes that know the folder: their own words or their environment name it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            about = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            if int(entry.name) != os.getpid() and str(folder).encode() in about:
                found.append((entry / "cmdline").read_bytes().decode())
    return found


@pytest.fixture
def demo(tmp_path):
    started = []

    def start(*words):
        started.append(RunningDemo(tmp_path / "demo", *words))
        return started[-1]

    yield start
    for item in started:
        if item.process.poll() is None:
            item.process.send_signal(signal.SIGTERM)
            item.process.wait(60)
        item.output.close()


@pytest.mark.service
@pytest.mark.timeout(300)
def test_a_demo_is_tested_for_real_shows_a_site_that_is_stopped_and_leaves_nothing_but_its_folder(demo, tmp_path):
    folder = tmp_path / "demo"
    running = demo("--sites", "6")
    running.wait_until(lambda: "Tests are running" in running.text())
    assert f"http://127.0.0.1:{running.port}" in running.text()
    assert "alice-demo" in running.text()
    assert "How is the grid now?" in running.ask("/")

    # The first site has no fault from the start: all its services, jobs of every VO among them, are green.
    ce = "ce.cern-prod.example.org"
    statuses = running.wait_until(lambda: running.fresh(ce))
    assert set(statuses.values()) == {"OK"}, statuses
    assert {("CE-jl", "dteam"), ("CE-js", "dteam"), ("CE-ca", "dteam")} <= set(statuses)

    stopped = run("demo-fault", "CERN-PROD", "down", folder=folder)
    assert (stopped.returncode, stopped.stdout) == (0, "CERN-PROD: down\n")
    running.wait_until(lambda: running.fresh(ce)[("CE-js", "dteam")] == "UNKNOWN")
    running.wait_until(lambda: running.fresh(ce)[("CE-jl", "dteam")] == "CRITICAL")
    assert run("demo-fault", "CERN-PROD", "clear", folder=folder).returncode == 0
    running.wait_until(lambda: running.fresh(ce)[("CE-js", "dteam")] == "OK")

    assert running.end() == 0
    assert "Everything has stopped" in running.text()
    assert "Traceback" not in running.text()
    assert children_of(folder) == []
    assert not (folder / "demo-sites.ready").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo", "output.txt"]

    # A second start goes on: no history again, the same sites, and it ends by itself.
    begun = json.loads((folder / "demo.json").read_text())
    again = demo("--for", "1")
    assert again.process.wait(90) == 0
    assert "Tests are running" in again.text()
    assert "demo history" not in again.text()
    after = json.loads((folder / "demo.json").read_text())
    assert {name: after[name] for name in ("sites", "begun_at", "history_until")} == {
        name: begun[name] for name in ("sites", "begun_at", "history_until")
    }
    assert begun["history_until"] == begun["begun_at"]
    assert datetime.fromisoformat(begun["begun_at"]).utcoffset() is not None


def test_a_port_that_is_taken_is_named_and_nothing_is_made(tmp_path):
    with contextlib.closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run("demo", "--port", port, folder=tmp_path / "demo")
    assert done.returncode == 1
    assert f"port {port} of 127.0.0.1 cannot be used" in done.stderr
    assert "--port" in done.stderr
    assert not (tmp_path / "demo" / "demo.json").exists()


def test_a_folder_of_a_real_installation_is_left_alone(tmp_path):
    (tmp_path / "state.sqlite3").write_bytes(b"precious")
    done = run("demo", "--port", free_port(), folder=tmp_path)
    assert done.returncode == 1
    assert "an installation that is no demo; name another folder with --data" in done.stderr
    assert (tmp_path / "state.sqlite3").read_bytes() == b"precious"
    assert not (tmp_path / "demo.json").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    done = run("demo", "--port", free_port(), folder=tmp_path / "file")
    assert done.returncode == 2
    assert f"cannot keep the secret key in {tmp_path / 'file'}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "words", "status"),
    [
        ('{"sites": 6, "network": 10, "begun_at": "2026-11-21T12:00:00Z", "history_until": "2026-11-21T12:00:00Z"}',
         "holds a demo of 6 sites; name another --data", 1),
        ("{broken", "cannot be read", 1),
    ],
)  # fmt: skip
def test_a_demo_that_does_not_fit_is_not_touched(tmp_path, content, words, status):
    (tmp_path / "demo.json").write_text(content)
    done = run("demo", "--sites", "7", "--port", free_port(), folder=tmp_path)
    assert done.returncode == status
    assert words in done.stderr
    assert (tmp_path / "demo.json").read_text() == content


@pytest.mark.parametrize("words", [("--sites", "0"), ("--speed", "fast")])
def test_options_that_make_no_sense_end_with_status_2(tmp_path, words):
    done = run("demo", *words, folder=tmp_path / "demo")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "demo" / "demo.json").exists()


def test_faults_are_listed_and_wrong_ones_refused(tmp_path):
    none = run("demo-fault", folder=tmp_path)
    assert (none.returncode, "holds no demo" in none.stderr) == (1, True)
    (tmp_path / "demo.json").write_text(
        '{"sites": 6, "network": 10, "begun_at": "2026-11-21T12:00:00Z", "history_until": "2026-11-21T12:00:00Z"}'
    )
    listed = run("demo-fault", folder=tmp_path)
    assert listed.returncode == 0
    assert "the whole site refuses" in listed.stdout
    wrong = run("demo-fault", "CERN-PROD", "explode", folder=tmp_path)
    assert (wrong.returncode, "there are down" in wrong.stderr) == (2, True)
    stranger = run("demo-fault", "NOWHERE", "down", folder=tmp_path)
    assert (stranger.returncode, "there is no site 'NOWHERE'" in stranger.stderr) == (2, True)


def test_demos_on_one_machine_have_a_network_each():
    with claimed(None) as first, claimed(None) as second, claimed(first) as third:
        assert len({first, second, third}) == 3
        with pytest.raises(OSError, match="in use"), contextlib.closing(socket.socket()) as probe:
            probe.bind((f"127.{first}.255.254", CLAIM_PORT))
    with claimed(third) as again:
        assert again == third
