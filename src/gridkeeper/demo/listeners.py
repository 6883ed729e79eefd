"""The sites of the demo as real listeners: one process, an address of 127.0.0.0/8 for each site.

What a service answers depends on the faults in force, which are read every half second. A site that is down, or a
service that refuses, has no listening socket at all.
"""

import asyncio
import contextlib
import resource
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path

from gridkeeper.demo.downtimes import DemoDowntime, sites_out
from gridkeeper.demo.faults import FaultsFile
from gridkeeper.demo.services import MOST_BODY_BYTES, SiteServices
from gridkeeper.demo.topology import SSH_PORT, DemoSite
from gridkeeper.demo.worker_node import now_utc, prepare

#: Written once every site listens; who starts the sites waits for it.
READY_FILE = "demo-sites.ready"
_POLL_S = 0.5
_SLOW_S = 4.0
_HANG_S = 120.0
#: Files of worker nodes are written again so often, for their time stamps grow old.
_REFRESH_S = 600.0
_FLAP_PERIOD_S, _FLAP_DOWN_S = 300.0, 120.0
_CLIENT_FAULTS = (ConnectionError, EOFError, TimeoutError, ValueError, asyncio.LimitOverrunError, ssl.SSLError)

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class SiteListeners:
    """The listening sockets of one site, and the files of its worker nodes."""

    def __init__(self, site: DemoSite, folder: Path) -> None:
        self.site = site
        self._folder = folder
        self._services = SiteServices(site, folder / site.slug / "wn")
        self._servers: dict[str, asyncio.Server] = {}
        self._certificates: dict[str, str] = {}
        self._talks: set[asyncio.Task[None]] = set()
        self._prepared_s = -_REFRESH_S

    async def apply(self, faults: Sequence[str], now: datetime) -> None:
        """Brings sockets and files to what the faults ask for. Raises OSError where an address cannot be bound."""
        is_changed = frozenset(faults) != self._services.faults
        self._services.faults = frozenset(faults)
        if is_changed or time.monotonic() - self._prepared_s > _REFRESH_S:
            prepare(self._folder, self.site, faults, now)
            self._prepared_s = time.monotonic()
        for service in self.site.services:
            is_tls = service.url.startswith("https")
            certificate = self._certificate(service.service_type) if is_tls else ""
            await self._apply_to(service.service_type, service.port, certificate)
        await self._apply_to("ssh", SSH_PORT, "")

    async def _apply_to(self, name: str, port: int, certificate: str) -> None:
        is_wanted = not self._is_closed(name)
        is_stale = self._certificates.get(name, certificate) != certificate
        if name in self._servers and (not is_wanted or is_stale):
            self._servers.pop(name).close()
        if is_wanted and name not in self._servers:
            self._certificates[name] = certificate
            context = self._context(certificate) if certificate else None
            self._servers[name] = await asyncio.start_server(
                self._handler(name), self.site.address, port, ssl=context, limit=MOST_BODY_BYTES
            )

    def _is_closed(self, name: str) -> bool:
        faults = self._services.faults
        if "down" in faults or f"refuse:{name}" in faults:
            return True
        return f"flapping:{name}" in faults and time.time() % _FLAP_PERIOD_S < _FLAP_DOWN_S

    def _certificate(self, name: str) -> str:
        faults = self._services.faults
        return next((kind for kind in ("expired", "expiring") if f"{kind}:{name}" in faults), "good")

    def _context(self, certificate: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / self.site.slug / f"{certificate}.pem")
        return context

    def _handler(self, name: str) -> Handler:
        """What speaks on the service's port, behind the faults that act on every protocol."""

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._talks.add(task)
            try:
                if f"hang:{name}" in self._services.faults:
                    await asyncio.sleep(_HANG_S)
                if f"slow:{name}" in self._services.faults:
                    await asyncio.sleep(_SLOW_S)
                await self._services.speak(name, reader, writer)
            except _CLIENT_FAULTS:
                return  # the client went away or spoke nonsense: a site does not mind
            except asyncio.CancelledError:
                return  # at the end; Python 3.11 would log a cancelled handler as an error
            finally:
                self._talks.discard(task)
                writer.close()

        return handle

    async def close(self) -> None:
        """Closes every socket and ends every conversation and job."""
        for name in list(self._servers):
            self._servers.pop(name).close()
        talks = list(self._talks)
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await self._services.close()


async def serve_sites(
    sites: Sequence[DemoSite], downtimes: Sequence[DemoDowntime], data_dir: Path, stop: asyncio.Event
) -> None:
    """Serves all sites until `stop` is set. Certificates must have been made (`certificates.make_certificates`).

    Raises OSError where an address cannot be bound.
    """
    _allow_many_sockets()
    folder = sites_folder(data_dir)
    listeners = [SiteListeners(site, folder) for site in sites]
    file = FaultsFile(data_dir)
    try:
        while not stop.is_set():
            faults = file.current()
            out = sites_out(downtimes, now_utc())
            for item in listeners:
                found = list(faults.get(item.site.name, ()))
                await item.apply([*found, "down"] if item.site.name in out else found, now_utc())
            (data_dir / READY_FILE).touch()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_S):
                    await stop.wait()
    finally:
        (data_dir / READY_FILE).unlink(missing_ok=True)
        for item in listeners:
            await item.close()


def _allow_many_sockets() -> None:
    """Lifts our soft limit of open files to the hard one: hundreds of sites have thousands of sockets."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def sites_folder(data_dir: Path) -> Path:
    """Where the files of the demo's sites lie."""
    return data_dir / "demo-sites"
