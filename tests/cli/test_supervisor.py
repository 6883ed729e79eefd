import os
import signal
import sys
import threading
import time

from gridkeeper.cli.supervisor import Role, Supervisor


def _role(name, code):
    return Role(name, [sys.executable, "-c", code])


def _lines(path):
    return path.read_text().splitlines() if path.exists() else []


def _until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()


_NOTE = """
import os, signal, sys, time
path = {path!r}
def note(word):
    with open(path, "a") as file:
        file.write(word + "\\n")
signal.signal(signal.SIGTERM, lambda *_: (note("{name} stops"), sys.exit(0)))
note("{name} " + str(os.getpid()))
time.sleep(60)
"""


def test_it_restarts_a_role_that_dies_and_stops_all_in_reverse_order(tmp_path):
    log = tmp_path / "log"
    roles = [_role(name, _NOTE.format(path=str(log), name=name)) for name in ("first", "second")]
    supervisor = Supervisor(roles)

    def kill_one():
        _until(lambda: len(_lines(log)) == 2)
        os.kill(int(next(line for line in _lines(log) if line.startswith("first")).split()[1]), signal.SIGKILL)
        _until(lambda: len(_lines(log)) == 3)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    killer = threading.Thread(target=kill_one)
    killer.start()
    try:
        assert supervisor.run(30) == 0
    finally:
        killer.join()
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
    words = [line.split()[0] for line in _lines(log)]
    assert words.count("first") == 3
    assert [line for line in _lines(log) if "stops" in line] == ["second stops", "first stops"]
