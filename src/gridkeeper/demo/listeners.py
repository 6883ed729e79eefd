"""The sites of the demo as real listeners: one process, an address of 127.0.0.0/8 for each site.

What a service answers depends on the faults in force, which are read every half second. A site that is down, or a
service that refuses, has no listening socket at all.
"""

import asyncio
import contextlib
import json
import ssl
import time
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import structlog

from gridkeeper.demo.downtimes import DemoDowntime, sites_out
from gridkeeper.demo.faults import FaultError, read_faults
from gridkeeper.demo.topology import SSH_PORT, DemoService, DemoSite
from gridkeeper.demo.worker_node import now_utc, prepare, run_payload

log = structlog.get_logger(__name__)

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_POLL_S = 0.5
_SLOW_S = 4.0
_HANG_S = 120.0
#: Files of worker nodes are written again so often, for their time stamps grow old.
_REFRESH_S = 600.0
_FLAP_PERIOD_S, _FLAP_DOWN_S = 300.0, 120.0
_MOST_BODY_BYTES = 64 * 1024
_MOST_JOBS = 200
_JOB_TAKES_S = 0.3
_CLIENT_FAULTS = (
    ConnectionError, EOFError, TimeoutError, ValueError, asyncio.LimitOverrunError, ssl.SSLError,
)  # fmt: skip
_REASONS = {200: "OK", 201: "Created", 204: "No Content", 404: "Not Found", 503: "Service Unavailable"}


@dataclass(frozen=True, slots=True)
class Call:
    """An HTTP request."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    body: bytes


@dataclass(slots=True)
class Job:
    """A job on a demo CE."""

    vo: str
    tests: list[str]
    state: str = "queued"
    reason: str = ""
    output: list[dict[str, Any]] = field(default_factory=list)


class SiteListeners:
    """The listeners of one site."""

    def __init__(self, site: DemoSite, folder: Path) -> None:
        self.site = site
        self._folder = folder
        self._node = folder / site.slug / "wn"
        self._faults: frozenset[str] = frozenset()
        self._servers: dict[str, asyncio.Server] = {}
        self._certificates: dict[str, str] = {}
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._prepared_s = 0.0

    async def apply(self, faults: Sequence[str], now: datetime) -> None:
        """Brings sockets and files to what the faults ask for."""
        changed = frozenset(faults) != self._faults
        self._faults = frozenset(faults)
        if changed or time.monotonic() - self._prepared_s > _REFRESH_S:
            prepare(self._folder, self.site, faults, now)
            self._prepared_s = time.monotonic()
        for service in self.site.services:
            await self._apply_to(service, service.service_type, service.port)
        await self._apply_to(self.site.services[0], "ssh", SSH_PORT)

    async def _apply_to(self, service: DemoService, name: str, port: int) -> None:
        is_wanted = not self._is_closed(name)
        certificate = self._certificate(name) if service.url.startswith("https") and name != "ssh" else ""
        is_stale = self._certificates.get(name, certificate) != certificate
        if name in self._servers and (not is_wanted or is_stale):
            await self._close(name)
        if is_wanted and name not in self._servers:
            self._certificates[name] = certificate
            context = self._context(certificate) if certificate else None
            handler = self._handler(name)
            self._servers[name] = await asyncio.start_server(
                handler, self.site.address, port, ssl=context, limit=_MOST_BODY_BYTES
            )

    def _is_closed(self, name: str) -> bool:
        if "down" in self._faults or f"refuse:{name}" in self._faults:
            return True
        return f"flapping:{name}" in self._faults and time.time() % _FLAP_PERIOD_S < _FLAP_DOWN_S

    def _certificate(self, name: str) -> str:
        return next((kind for kind in ("expired", "expiring") if f"{kind}:{name}" in self._faults), "good")

    def _context(self, certificate: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / self.site.slug / f"{certificate}.pem")
        return context

    async def _close(self, name: str) -> None:
        server = self._servers.pop(name)
        server.close()

    async def close(self) -> None:
        for name in list(self._servers):
            await self._close(name)
        for task in self._tasks:
            task.cancel()

    def _handler(self, name: str) -> Handler:
        """What speaks on the service's port, behind the faults that act on every protocol."""
        speak = self._speak_http if name in {"CE", "SE", "SRM", "FTS", "VOMS"} else self._speak_banner

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                if f"hang:{name}" in self._faults:
                    await asyncio.sleep(_HANG_S)
                if f"slow:{name}" in self._faults:
                    await asyncio.sleep(_SLOW_S)
                await speak(name, reader, writer)
            except _CLIENT_FAULTS:
                return  # the client went away or spoke nonsense: a demo site does not mind
            except asyncio.CancelledError:
                return  # at the end; Python 3.11 would log a cancelled handler as an error
            finally:
                writer.transport.abort() if name in self._closing else writer.close()

        return handle

    async def _speak_banner(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        banners = {
            "ssh": "SSH-2.0-OpenSSH_9.2p1 demo\r\n", "LFC": "LFC 1.5.10 ready\n", "RB": "Network Server ready\n",
            "MyProxy": "VERSION=MYPROXYv2\n", "Site-BDII": "BDII o=grid\n", "Top-BDII": "BDII o=grid\n",
        }  # fmt: skip
        text = "this is something else\n" if f"wrong:{name}" in self._faults else banners[name]
        writer.write(text.encode())
        await writer.drain()

    async def _speak_http(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(20):
            call = await _read_call(reader)
        if f"wrong:{name}" in self._faults:
            status, body = 200, b"<html>It works!</html>"
        elif name == "CE":
            status, body = self._ce(call)
        else:
            status, body = self._storage(name, call)
        reason = _REASONS[status]
        head = f"HTTP/1.1 {status} {reason}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    def _storage(self, name: str, call: Call) -> tuple[int, bytes]:
        """SE, SRM, FTS and VOMS: small answers that the tests look into."""
        path = call.path.strip("/")
        match name, path, call.method:
            case "FTS", "channels", "GET":
                return 200, f"CHANNEL CERN-{self.site.name}\nCHANNEL {self.site.name}-STAR\n".encode()
            case "SRM", "put", "POST":
                (self._node / "storage" / "srm-file").write_bytes(call.body)
                return 201, f"stored {len(call.body)} bytes".encode()
            case "SRM", "get", "GET":
                stored = self._node / "storage" / "srm-file"
                return (200, stored.read_bytes()) if stored.exists() else (404, b"no such file")
            case _, "", "GET":
                return 200, f"{name} of {self.site.name} is ready for {' '.join(self.site.vos)}".encode()
        return 404, b"nothing here"

    def _ce(self, call: Call) -> tuple[int, bytes]:
        """The job protocol: match, jobs, state, output, clean-up."""
        parts = call.path.strip("/").split("/")
        match call.method, parts:
            case "POST", ["match"]:
                return self._match(json.loads(call.body or b"{}"))
            case "POST", ["jobs"]:
                return self._submit(json.loads(call.body or b"{}"))
            case "GET", ["jobs", job_id] if job_id in self._jobs:
                job = self._jobs[job_id]
                return 200, json.dumps({"state": job.state, "reason": job.reason}).encode()
            case "GET", ["jobs", job_id, "output"] if job_id in self._jobs:
                return 200, "\n".join(json.dumps(line) for line in self._jobs[job_id].output).encode()
            case "DELETE", ["jobs", job_id] if job_id in self._jobs:
                del self._jobs[job_id]
                return 204, b""
        return 404, json.dumps({"reason": "no such job or command"}).encode()

    def _match(self, body: Mapping[str, Any]) -> tuple[int, bytes]:
        vo = str(body.get("vo", ""))
        is_open = vo in self.site.vos and f"jl:{vo}" not in self._faults
        queues = [f"{self.site.services[0].hostname}:2119/jobmanager-lcgpbs-{vo}"] if is_open else []
        return 200, json.dumps({"queues": queues}).encode()

    def _submit(self, body: Mapping[str, Any]) -> tuple[int, bytes]:
        if "js" in self._faults:
            return 503, json.dumps({"reason": "Failed to create a delegation id: gatekeeper out of memory"}).encode()
        job_id = uuid.uuid4().hex[:12]
        job = Job(str(body.get("vo", "")), [str(test) for test in body.get("tests", [])][:50])
        self._jobs[job_id] = job
        while len(self._jobs) > _MOST_JOBS:
            self._jobs.popitem(last=False)
        task = asyncio.create_task(self._execute(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return 201, json.dumps({"id": job_id, "state": job.state}).encode()

    async def _execute(self, job: Job) -> None:
        await asyncio.sleep(_JOB_TAKES_S)
        job.state = "running"
        try:
            job.output = await asyncio.to_thread(run_payload, self._node, job.vo, job.tests, now_utc())
        except OSError as error:
            job.state, job.reason = "failed", f"the payload failed: {error}"
            return
        job.state = "done"


async def _read_call(reader: asyncio.StreamReader) -> Call:
    first = (await reader.readuntil(b"\r\n")).decode("latin-1").split()
    length = 0
    while line := (await reader.readuntil(b"\r\n")).strip():
        name, _, value = line.decode("latin-1").partition(":")
        if name.lower() == "content-length":
            length = min(int(value), _MOST_BODY_BYTES)
    method, target = [*first, "GET", "/"][:2]
    parts = urlsplit(target)
    return Call(method, parts.path, parse_qs(parts.query), await reader.readexactly(length))


async def serve_sites(sites: Sequence[DemoSite], data_dir: Path, stop: asyncio.Event) -> None:
    """Serves all sites until `stop` is set. Certificates must have been made (`certificates.make_certificates`)."""
    folder = sites_folder(data_dir)
    listeners = [SiteListeners(site, folder) for site in sites]
    try:
        while not stop.is_set():
            faults = read_faults(data_dir)
            for item in listeners:
                await item.apply(faults.get(item.site.name, ()), now_utc())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_S):
                    await stop.wait()
    finally:
        for item in listeners:
            await item.close()


def sites_folder(data_dir: Path) -> Path:
    """Where the files of the demo's sites lie."""
    return data_dir / "demo-sites"
