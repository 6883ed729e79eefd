"""The demo as a newcomer starts it: a command, a portal that answers, sites that turn red when they are stopped."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from tests.services import free_port

pytestmark = [pytest.mark.service, pytest.mark.timeout(240), pytest.mark.xdist_group("demo")]


class Demo:
    def __init__(self, folder):
        names = [name for name in os.environ if not name.startswith(("GRIDKEEPER_", "DJANGO_"))]
        self._environment = {name: os.environ[name] for name in names} | {"PYTHONUNBUFFERED": "1"}
        self.folder = folder
        self.port = free_port()
        self.process = None

    def _argv(self, *words):
        return [sys.executable, "-m", "gridkeeper.cli.main", *words, "--data", str(self.folder)]

    def start(self, *words):
        argv = self._argv("demo", "--port", str(self.port), "--sites", "3", "--speed", "10", "--for", "200", *words)
        self.process = subprocess.Popen(
            argv, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def command(self, *words):
        return subprocess.run(self._argv(*words), env=self._environment, capture_output=True, text=True, timeout=60)

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return answer.read().decode()

    def statuses(self, **where):
        query = "&".join(f"{name}={value}" for name, value in where.items())
        return json.loads(self.get(f"/api/v1/statuses?limit=1000&{query}"))["items"]

    def storage_of(self, host):
        return [row["hard_status"] for row in self.statuses(hostname=host, metric="SE-http")]

    def until(self, condition, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, self.process.stdout.read()
            try:
                if condition():
                    return True
            except (urllib.error.URLError, ConnectionError):
                pass  # the portal is not there yet
            time.sleep(0.5)
        return False

    def stop(self):
        self.process.terminate()
        return self.process.communicate(timeout=60)[0]


def _left_behind(folder):
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    return [line for line in listing.splitlines() if str(folder) in line]


def _is_fresh(row):
    return row["worker"] != "demo history"


def test_a_demo_lives_turns_red_and_green_and_leaves_nothing_behind(tmp_path):
    demo = Demo(tmp_path / "demo")
    demo.start()
    try:
        assert demo.until(lambda: demo.get("/healthz") == "ok\n", 60)
        assert "How is the grid now?" in demo.get("/")
        assert demo.until(lambda: demo.statuses() and all(map(_is_fresh, demo.statuses())), 90)
        host = next(row["hostname"] for row in demo.statuses(metric="SE-http", status="OK"))
        sites = json.loads(demo.get("/api/v1/services?limit=1000"))["items"]
        name = next(row["site"] for row in sites if row["hostname"] == host)
        name = name if isinstance(name, str) else name["name"]

        assert demo.command("demo-fault", name, "down").returncode == 0
        # Two intervals of six seconds, and room for a busy machine.
        assert demo.until(lambda: demo.storage_of(host) == ["CRITICAL"], 40)
        assert "connection refused" in demo.statuses(hostname=host, metric="SE-http")[0]["summary"]

        assert demo.command("demo-fault", name, "clear").returncode == 0
        assert demo.until(lambda: demo.storage_of(host) == ["OK"], 40)
    finally:
        said = demo.stop()
    assert "alice-demo" in said
    assert "Traceback" not in said
    assert "Everything has stopped" in said
    assert _left_behind(tmp_path) == []


def test_it_says_why_it_cannot_start(tmp_path):
    (tmp_path / "state.sqlite3").write_text("an installation")
    done = Demo(tmp_path).command("demo")
    assert done.returncode == 1
    assert "that is no demo; name another folder with --data" in done.stderr
    done = Demo(tmp_path / "none").command("demo-fault", "RAL-LCG2", "down")
    assert done.returncode == 2
    assert "holds no demo" in done.stderr
