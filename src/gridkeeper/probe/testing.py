"""The harness for tests of probes: run one as the engine would, check that it keeps the protocol, receive reports."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from gridkeeper.core.status import RESULT_STATUSES, Status
from gridkeeper.probe.perfdata import Item, parse_output
from gridkeeper.probe.plugin import Plugin

#: What the engine leaves of the environment.
_CLEAN = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class Said:
    """What a run said. problems: how it breaks the plugin protocol, in words; empty where it keeps it."""

    status: Status
    summary: str
    text: str
    items: tuple[Item, ...]
    exit_code: int
    problems: tuple[str, ...] = ()

    def value(self, label: str) -> float | None:
        """The measured value of that label. Raises KeyError naming those that there are."""
        for item in self.items:
            if item.label == label:
                return item.value
        raise KeyError(f"{label!r} was not measured; measured are {', '.join(i.label for i in self.items) or 'none'}")


def run(plugin: Plugin[Any], *words: str) -> Said:
    """Runs a probe of this process with that command line."""
    outcome = plugin.run(words)
    return _said(f"{outcome}\n", outcome.status.value)


def run_command(argv: Sequence[str | Path], *, timeout_s: float = 30.0) -> Said:
    """Runs any plugin as the engine does: no shell, no standard input, a clean environment. A .py file by this Python.

    Raises subprocess.TimeoutExpired for one that does not end.
    """
    words = [os.fspath(word) for word in argv]
    if words and words[0].endswith(".py"):
        words = [sys.executable, *words]
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, env=_CLEAN, check=False
    )
    return _said(done.stdout.decode(errors="replace"), done.returncode, done.stderr.decode(errors="replace"))


def _said(stdout: str, exit_code: int, stderr: str = "") -> Said:
    output = parse_output(stdout)
    problems = list(output.problems)
    if exit_code not in range(4):
        problems.append(f"it ended with status {exit_code}, which is none of 0 to 3")
    if not output.summary:
        problems.append("its first line is empty")
    if stderr.strip():
        problems.append(f"it wrote to standard error: {stderr.strip()[:200]}")
    status = RESULT_STATUSES[exit_code] if exit_code in range(4) else Status.UNKNOWN
    return Said(status, output.summary, output.text, output.items, exit_code, tuple(problems))


@dataclass
class Inbox:
    """A server on loopback that takes results as the real one does. statuses: answers to give first, e.g. [503]."""

    url: str = ""
    token: str = "token"  # noqa: S105  of a server that lives for one test
    statuses: list[int] = field(default_factory=list)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)

    def take(self, body: bytes) -> dict[str, Any]:
        """What the API answers for such a body; an id that came before changes nothing."""
        records = [json.loads(line) for line in body.splitlines() if line.strip()]
        fresh = {one["id"]: one for one in records if one["id"] not in self.results}
        self.results |= fresh
        return {"accepted": len(fresh), "duplicates": len(records) - len(fresh), "rejected": [], "rejected_count": 0}


@contextmanager
def inbox() -> Iterator[Inbox]:
    """Yields the running server."""
    box = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Authorization"] != f"Bearer {box.token}":
                self._answer(401, {"title": "The token is not valid"})
            elif box.statuses:
                self._answer(box.statuses.pop(0), {"title": "Busy"})
            else:
                self._answer(200, box.take(body))

        def _answer(self, status: int, said: dict[str, Any]) -> None:
            payload = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    box.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield box
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
