"""A real ARC CE (A-REX with its REST interface) on loopback, running jobs by fork, with a CA of its own."""

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.realm import Daemon
from tests.realm.grid_ca import GridAuthority, Pair
from tests.services import free_port, require_service

_SCRIPTS = Path("/usr/share/arc")
#: What the CE publishes is renewed so often; the stock minute is longer than a test.
_INFO_EVERY_S = 2


@dataclass
class ArcCe:
    """The CE: `arex` runs jobs, `ws` answers requests. `url` is that of its REST interface."""

    folder: Path
    url: str
    authority: GridAuthority
    user: Pair
    stranger: Pair
    arex: Daemon
    ws: Daemon

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1].partition("/")[0])

    @property
    def job_folders(self) -> list[str]:
        """Session folders of the jobs that it still keeps."""
        return sorted(path.name for path in (self.folder / "session").iterdir())

    def show_certificate(self, pair: Pair) -> None:
        """The certificate that it shows from the next connection on: ARC reads the files for every one."""
        shutil.copy(pair.key, self.folder / "hostkey.pem")
        shutil.copy(pair.certificate, self.folder / "hostcert.pem")

    def start_ws(self) -> None:
        self.ws.start(self._is_answering, seconds=90)

    def wait_until_published(self, *, seconds: float = 90) -> None:
        """Until its information provider has run once."""
        end = time.monotonic() + seconds
        while not (self.folder / "control" / "info.xml").exists():
            if time.monotonic() > end:
                raise RuntimeError(f"A-REX publishes nothing; see {self.folder / 'log'}")
            time.sleep(0.1)

    def _is_answering(self) -> bool:
        context = ssl.create_default_context(capath=str(self.authority.folder))
        try:
            with closing(socket.create_connection(("127.0.0.1", self.port), timeout=1)) as plain:
                context.wrap_socket(plain, server_hostname="localhost").close()
        except OSError:
            return False
        return True


@contextmanager
def arc_ce(folder: Path) -> Iterator[ArcCe]:
    """Starts one in an empty folder that other users can enter; stops it and its jobs at the end."""
    # Only root may run jobs as somebody else.
    is_here = (_SCRIPTS / "arc-arex-ws-start").exists() and os.geteuid() == 0
    require_service(is_here, "nordugrid-arc-arex, and the right to start it")
    port = free_port()
    authority = GridAuthority(folder / "certificates", "ARC Test CA")
    ce = ArcCe(
        folder,
        f"https://localhost:{port}/arex",
        authority,
        authority.issue("Robot Probe"),
        authority.issue("Robot Stranger"),
        Daemon([folder / "start-arex"], folder / "arex.out", _environment(folder)),
        Daemon([folder / "start-ws"], folder / "ws.out", _environment(folder)),
    )
    ce.show_certificate(authority.issue("host/localhost", host="localhost"))
    _write_configuration(ce, port)
    try:
        # Both at once: each takes seconds to read its configuration.
        ce.arex.start(lambda: True)
        ce.start_ws()
        ce.wait_until_published()
        yield ce
    finally:
        ce.ws.kill()
        ce.arex.kill()


def _environment(folder: Path) -> dict[str, str]:
    """A-REX looks for ended jobs by a script that sleeps ten seconds: that very sleep is shorter here."""
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    (tools / "sleep").write_text('#!/bin/sh\n[ "$*" = 10 ] && set -- 0.5\nexec /usr/bin/sleep "$@"\n')
    (tools / "sleep").chmod(0o755)
    return {"ARC_CONFIG": str(folder / "arc.conf"), "PATH": f"{tools}:/usr/sbin:/usr/bin:/sbin:/bin"}


def _write_configuration(ce: ArcCe, port: int) -> None:
    folder = ce.folder
    for name in ("control", "session", "log", "run", "tmp"):
        (folder / name).mkdir()
    _open_up(folder / "session")
    (folder / "users").write_text(f'"{ce.user.subject}"\n')
    (folder / "arc.conf").write_text(_CONFIGURATION.format(folder=folder, port=port))
    # Without parameters there, its start makes some of 4096 bits, which takes minutes and outlives it.
    dh = ["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe4096"]
    parameters = folder / "control" / "dhparam.pem"
    subprocess.run([*dh, "-out", str(parameters)], check=True, capture_output=True)
    parameters.chmod(0o600)
    _adapt("arc-arex-start", folder / "start-arex", "<arex:gmconfig>",
           f"<arex:InfoproviderWakeupPeriod>{_INFO_EVERY_S}</arex:InfoproviderWakeupPeriod>")  # fmt: skip
    _adapt("arc-arex-ws-start", folder / "start-ws", "<tcp:Port>", "<tcp:Interface>127.0.0.1</tcp:Interface>")


def _open_up(folder: Path) -> None:
    """Lets the users of jobs come through to it."""
    for place in (folder, *folder.parents):
        if place.stat().st_uid == os.geteuid() and place != Path("/") and not place.stat().st_mode & 0o001:
            place.chmod(place.stat().st_mode | 0o011)


def _adapt(stock: str, own: Path, before: str, addition: str) -> None:
    """A copy of a start script whose configuration has one more element; -F keeps the server in the foreground."""
    text = (_SCRIPTS / stock).read_text().replace(before, addition + before).replace('exec $CMD "$@"', "exec $CMD -f")
    text = text.replace("mktemp -t arc.xml.", f"mktemp {own.parent}/tmp/arc.xml.{own.name.removeprefix('start-')}.")
    own.write_text(text)
    own.chmod(0o755)


_CONFIGURATION = """\
[common]
hostname = localhost
x509_host_key = {folder}/hostkey.pem
x509_host_cert = {folder}/hostcert.pem
x509_cert_dir = {folder}/certificates
[authgroup:testers]
file = {folder}/users
[mapping]
map_to_user = testers nobody:nogroup
[lrms]
lrms = fork
[arex]
controldir = {folder}/control
sessiondir = {folder}/session
logfile = {folder}/log/arex.log
pidfile = {folder}/run/arex.pid
joblog = {folder}/log/jobs.log
wakeupperiod = 1
[arex/ws]
wsurl = https://localhost:{port}/arex
logfile = {folder}/log/ws.log
pidfile = {folder}/run/ws.pid
[arex/ws/jobs]
allowaccess = testers
[infosys]
logfile = {folder}/log/infoprovider.log
[infosys/glue2]
admindomain_name = LOOPBACK
[infosys/cluster]
[queue:fork]
comment = Jobs run on the CE itself
"""
