"""What the services of a demo site say on their ports: banners, small HTTP answers, and the jobs of its CE."""

import asyncio
import json
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridkeeper.demo.topology import DemoSite
from gridkeeper.demo.worker_node import now_utc, run_payload

MOST_BODY_BYTES = 64 * 1024
_REQUEST_WITHIN_S = 20.0
_JOB_TAKES_S = 0.3
#: Jobs that a CE remembers, and tests that it takes in one.
_MOST_JOBS, _MOST_TESTS = 200, 50
_REASONS = {
    200: "OK",
    201: "Created",
    204: "No Content",
    400: "Bad Request",
    404: "Not Found",
    503: "Service Unavailable",
}
_BANNERS = {
    "ssh": "SSH-2.0-OpenSSH_9.2p1 demo\r\n", "LFC": "LFC 1.5.10 ready\n", "RB": "Network Server ready\n",
    "MyProxy": "VERSION=MYPROXYv2\n", "Site-BDII": "BDII o=grid\n", "Top-BDII": "BDII o=grid\n",
}  # fmt: skip

Answer = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Call:
    """An HTTP request."""

    method: str
    path: str
    body: bytes

    @property
    def json(self) -> Mapping[str, Any]:
        """The body as an object; {} for anything else."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


async def read_call(reader: asyncio.StreamReader) -> Call:
    """Raises ValueError for what is no HTTP request, EOFError where the client left."""
    first = (await reader.readuntil(b"\r\n")).decode("latin-1").split()
    if len(first) != 3:
        raise ValueError("no HTTP request")
    length = 0
    while line := (await reader.readuntil(b"\r\n")).strip():
        name, _, value = line.decode("latin-1").partition(":")
        if name.lower() == "content-length":
            length = min(int(value), MOST_BODY_BYTES)
    return Call(first[0], first[1].partition("?")[0], await reader.readexactly(length))


@dataclass(slots=True)
class Job:
    """A job on a demo CE. output: what its payload said, once it is done."""

    vo: str
    tests: list[str]
    state: str = "queued"
    reason: str = ""
    output: list[dict[str, Any]] = field(default_factory=list)


class SiteServices:
    """Everything that a site says. faults: those in force, set by who serves it."""

    def __init__(self, site: DemoSite, node: Path) -> None:
        self.site = site
        self.faults: frozenset[str] = frozenset()
        self._node = node
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._running: set[asyncio.Task[None]] = set()

    async def speak(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection to the service of that type (or "ssh")."""
        if banner := _BANNERS.get(name):
            writer.write(b"this is something else\n" if f"wrong:{name}" in self.faults else banner.encode())
        else:
            async with asyncio.timeout(_REQUEST_WITHIN_S):
                call = await read_call(reader)
            status, body = self.answer(name, call)
            head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
        await writer.drain()

    def answer(self, name: str, call: Call) -> Answer:
        """What the service of that type answers to a request."""
        if f"wrong:{name}" in self.faults:
            return 200, b"<html>It works!</html>"
        match name, call.path.strip("/"), call.method:
            case "CE", path, method:
                return self._computing(method, path.split("/"), call)
            case "FTS", "channels", "GET":
                return 200, f"CHANNEL CERN-{self.site.name}\nCHANNEL {self.site.name}-STAR\n".encode()
            case "SRM", "put", "POST":
                self._stored.write_bytes(call.body)
                return 201, f"stored {len(call.body)} bytes".encode()
            case "SRM", "get", "GET":
                return (200, self._stored.read_bytes()) if self._stored.exists() else (404, b"no such file")
            case _, "", "GET":
                return 200, f"{name} of {self.site.name} is ready for {' '.join(self.site.vos)}".encode()
        return 404, b"nothing here"

    @property
    def _stored(self) -> Path:
        return self._node / "storage" / "srm-file"

    def _computing(self, method: str, parts: list[str], call: Call) -> Answer:
        """The job protocol (docs/howto/tests.md, "Jobs")."""
        match method, parts:
            case "POST", ["match"]:
                return self._match(str(call.json.get("vo", "")))
            case "POST", ["jobs"]:
                return self._submit(str(call.json.get("vo", "")), call.json.get("tests"))
            case "GET", ["jobs", job_id] if job_id in self._jobs:
                job = self._jobs[job_id]
                return _json(200, state=job.state, reason=job.reason)
            case "GET", ["jobs", job_id, "output"] if job_id in self._jobs:
                return 200, "\n".join(json.dumps(line) for line in self._jobs[job_id].output).encode()
            case "DELETE", ["jobs", job_id] if job_id in self._jobs:
                del self._jobs[job_id]
                return 204, b""
        return _json(404, reason="no such job or command")

    def _match(self, vo: str) -> Answer:
        is_open = vo in self.site.vos and f"jl:{vo}" not in self.faults
        host = self.site.services[0].hostname
        return _json(200, queues=[f"{host}:2119/jobmanager-lcgpbs-{vo}"] if is_open else [])

    def _submit(self, vo: str, tests: object) -> Answer:
        if "js" in self.faults:
            return _json(503, reason="Failed to create a delegation id: gatekeeper out of memory")
        if not isinstance(tests, list) or vo not in self.site.vos:
            return _json(400, reason="a job names a VO of this site, and its tests as a list")
        job_id, job = uuid.uuid4().hex[:12], Job(vo, [str(test) for test in tests[:_MOST_TESTS]])
        self._jobs[job_id] = job
        while len(self._jobs) > _MOST_JOBS:
            self._jobs.popitem(last=False)
        task = asyncio.create_task(self._execute(job))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return _json(201, id=job_id, state=job.state)

    async def _execute(self, job: Job) -> None:
        await asyncio.sleep(_JOB_TAKES_S)
        job.state = "running"
        try:
            job.output = await asyncio.to_thread(run_payload, self._node, job.vo, job.tests, now_utc())
        except OSError as error:
            job.state, job.reason = "failed", f"the payload failed: {error}"
            return
        job.state = "done"

    async def close(self) -> None:
        """Ends the jobs that run."""
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _json(status: int, **fields: object) -> Answer:
    return status, json.dumps(fields).encode()
