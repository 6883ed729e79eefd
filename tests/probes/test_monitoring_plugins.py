"""The whole package monitoring-plugins, unmodified: every check that can run here does, by the same way as in tests."""

import asyncio
import os
import ssl
import struct
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from gridkeeper.core.status import Status
from gridkeeper.probes.plugins import run_plugin
from gridkeeper.probes.spawning import close_spawner
from tests.certificates import Authority
from tests.probes.native.servers import listening
from tests.services import require_service

FOLDER = Path("/usr/lib/nagios/plugins")
pytestmark = pytest.mark.service

#: Not checks, or of hardware and services that no free server for Linux stands in for; each is still started, below.
UNUSABLE = {
    "utils.pm": "a library", "utils.sh": "a library",
    "check_curl": "lacks liburiparser, which the package does not bring", "check_ircd": "an IRC server",
    "check_dns": "asks at port 53 only", "check_dig": "wants dig, which the package does not bring",
    "check_breeze": "a wireless bridge", "check_dhcp": "needs raw sockets", "check_fping": "needs raw sockets",
    "check_icmp": "needs raw sockets", "check_host": "needs raw sockets", "check_rta_multi": "needs raw sockets",
    "check_ping": "needs raw sockets", "check_ide_smart": "a disk", "check_sensors": "sensors of the board",
    "check_hpjd": "a printer", "check_wave": "a wireless bridge", "check_ifoperstatus": "a switch with SNMP",
    "check_ifstatus": "a switch with SNMP", "check_snmp": "a device with SNMP", "check_oracle": "Oracle",
    "check_flexlm": "FLEXlm", "check_game": "a game server", "check_nwstat": "NetWare", "check_overcr": "Over-CR",
    "check_nt": "NSClient", "check_nscp_api": "NSClient++", "check_disk_smb": "Samba", "check_rpc": "a portmapper",
    "check_radius": "RADIUS", "check_real": "RealServer", "check_by_ssh": "an account on another host",
    "check_dbi": "a database", "check_mysql_query": "a database", "check_pgsql": "tested with its server",
    "check_mysql": "a database", "check_ldap": "tested with its server", "check_ldaps": "tested with its server",
    "check_mailq": "a mail system", "check_apt": "writes lists of packages", "check_ups": "a UPS",
    "check_nntps": "as check_nntp, within TLS", "check_ntp_peer": "control messages of ntpd",
    "check_ntp": "superseded by check_ntp_time",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A plugin with its arguments. {port}, {tls}, {udp}, {folder} are filled in"""

    plugin: str
    arguments: str
    status: str
    says: str


CASES = [
    Case("check_tcp", "-H 127.0.0.1 -p {ftp} -e 220", "OK", "TCP OK"),
    Case("check_tcp", "-H 127.0.0.1 -p 1", "CRITICAL", "refused"),
    Case("check_udp", "-H 127.0.0.1 -p {echo} -s ping -e ping", "OK", "UDP OK"),
    Case("check_http", "-I 127.0.0.1 -p {http} -u /", "OK", "HTTP/1.1 200"),
    Case("check_http", "-I 127.0.0.1 -p {http} -u /missing", "WARNING", "404"),
    Case("check_ftp", "-H 127.0.0.1 -p {ftp}", "OK", "FTP OK"),
    Case("check_smtp", "-H 127.0.0.1 -p {smtp}", "OK", "SMTP OK"),
    Case("check_pop", "-H 127.0.0.1 -p {pop}", "OK", "POP OK"),
    Case("check_imap", "-H 127.0.0.1 -p {imap}", "OK", "IMAP OK"),
    Case("check_nntp", "-H 127.0.0.1 -p {nntp}", "OK", "NNTP OK"),
    Case("check_jabber", "-H 127.0.0.1 -p {jabber}", "OK", "JABBER OK"),
    Case("check_clamd", "-H 127.0.0.1 -p {clamd}", "OK", "CLAMD OK"),
    Case("check_ssh", "-p {ssh} 127.0.0.1", "OK", "SSH OK"),
    Case("check_time", "-H 127.0.0.1 -p {time} -w 5 -c 10", "OK", "TIME OK"),
    Case("check_simap", "-H 127.0.0.1 -p {imaps}", "OK", "SIMAP OK"),
    Case("check_spop", "-H 127.0.0.1 -p {pops}", "OK", "SPOP OK"),
    Case("check_ssmtp", "-H 127.0.0.1 -p {smtps}", "OK", "SSMTP OK"),
    Case("check_ntp_time", "-H 127.0.0.1 -p {ntp} -w 5 -c 10", "OK", "NTP OK"),
    Case("check_dummy", "0 fine", "OK", "OK: fine"),
    Case("check_dummy", "1 warm", "WARNING", "WARNING: warm"),
    Case("check_dummy", "2 hot", "CRITICAL", "CRITICAL: hot"),
    Case("check_dummy", "3 dark", "UNKNOWN", "UNKNOWN: dark"),
    Case("check_disk", "-w 1 -c 1 -p {folder}", "OK", "DISK OK"),
    Case("check_load", "-w 1000,1000,1000 -c 2000,2000,2000", "OK", "load average"),
    Case("check_procs", "-w 1:100000 -c 1:100000", "OK", "PROCS OK"),
    Case("check_swap", "-w 1 -c 1 -n ok", "OK", "SWAP OK"),
    Case("check_users", "-w 1000 -c 2000", "OK", "USERS OK"),
    Case("check_file_age", "-w 3600 -c 7200 -f {folder}/young", "OK", "FILE_AGE OK"),
    Case("check_file_age", "-w 1 -c 2 -W 0 -C 0 -f {folder}/old", "CRITICAL", "FILE_AGE CRITICAL"),
    Case("check_log", "-F {folder}/log -O {folder}/seen -q nothing-like-it", "OK", ""),
    Case("check_cluster", "-s -l nodes -d 0,0,2 -w 1 -c 2", "OK", "CLUSTER OK"),
    Case("check_mrtg", "-F {folder}/mrtg -a AVG -v 1 -w 1000 -c 2000 -e 60", "OK", ""),
    Case("check_mrtgtraf", "-F {folder}/mrtg -a AVG -w 1000,1000 -c 2000,2000 -e 60", "OK", "Traffic OK"),
    Case("check_nagios", "-e 5 -F {folder}/nagioslog -C no-such-daemon", "CRITICAL", ""),
    Case("negate", "-o CRITICAL /usr/lib/nagios/plugins/check_dummy 0 fine", "CRITICAL", "fine"),
    Case("urlize", "http://example.org/ /usr/lib/nagios/plugins/check_dummy 1 warm", "WARNING", "warm"),
]


def _scripted(banner: bytes, answers: dict[bytes, bytes]) -> Callable:
    """A server of lines: says its banner, and answers what begins with a known word."""

    async def serve(reader, writer):
        writer.write(banner)
        while line := await reader.readline():
            answer = next((text for word, text in answers.items() if line.upper().startswith(word)), b"500 what?\r\n")
            writer.write(answer)
            await writer.drain()
            if line.upper().startswith((b"QUIT", b"A1 LOGOUT")):
                break
        writer.close()

    return serve


async def _http(reader, writer):
    head = await reader.readuntil(b"\r\n\r\n")
    word = b"404 Not Found" if b"missing" in head else b"200 OK"
    writer.write(b"HTTP/1.1 " + word + b"\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
    await writer.drain()
    writer.close()


async def _time(_reader, writer):
    writer.write(struct.pack(">I", int(time.time()) + 2_208_988_800))
    writer.close()


async def _jabber(reader, writer):
    await reader.readuntil(b">")
    writer.write(b"<?xml version='1.0'?><stream:stream xmlns='jabber:client'>")
    await writer.drain()
    await reader.read()
    writer.close()


async def _clamd(reader, writer):
    await reader.readexactly(4)
    writer.write(b"PONG\n")
    await writer.drain()
    await reader.read()


SMTP = _scripted(b"220 mail ESMTP\r\n", {b"HELO": b"250 mail\r\n", b"EHLO": b"250 mail\r\n", b"QUIT": b"221 bye\r\n"})
IMAP = _scripted(b"* OK IMAP4 ready\r\n", {b"A1 LOGOUT": b"* BYE\r\nA1 OK done\r\n"})
POP = _scripted(b"+OK POP3 ready\r\n", {b"QUIT": b"+OK bye\r\n"})
SERVERS = {
    "ftp": _scripted(b"220 FTP ready\r\n", {b"QUIT": b"221 bye\r\n"}), "smtp": SMTP, "imap": IMAP, "pop": POP,
    "nntp": _scripted(b"200 news ready\r\n", {b"QUIT": b"205 bye\r\n"}), "http": _http, "time": _time,
    "ssh": _scripted(b"SSH-2.0-OpenSSH_9.2\r\n", {b"SSH-": b""}), "jabber": _jabber, "clamd": _clamd,
}  # fmt: skip
TLS_SERVERS = {"imaps": IMAP, "pops": POP, "smtps": SMTP}


class _Udp(asyncio.DatagramProtocol):
    """Answers each datagram by a function."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self.answer = answer

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(self.answer(data), address)


def _ntp(data: bytes) -> bytes:
    """RFC 5905: a server of stratum 2 with our own clock."""
    now = time.time() + 2_208_988_800
    stamp = struct.pack(">II", int(now), int((now % 1) * 2**32))
    head = struct.pack(">BBbbII4s", 0x24, 2, 3, -20, 0, 0, bytes([192, 0, 2, 1]))
    return head + stamp + data[40:48] + stamp + stamp


UDP_SERVERS = {"echo": lambda data: data, "ntp": _ntp}


@pytest.fixture
def folder(tmp_path):
    """Files that the plugins' user may read."""
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == os.geteuid() and path != Path("/") and not path.stat().st_mode & 0o001:
            path.chmod(path.stat().st_mode | 0o055)
    for name, text in {
        "young": "x" * 100,
        "old": "x" * 100,
        "log": "fine\n",
        "seen": "",
        "nagioslog": "[1] x\n",
    }.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o666)
    now = int(time.time())
    (tmp_path / "mrtg").write_text(f"{now} 10 10\n{now} 10 10 20 20\n{now - 300} 10 10 20 20\n")
    (tmp_path / "mrtg").chmod(0o644)
    os.utime(tmp_path / "old", (now - 7200, now - 7200))
    tmp_path.chmod(0o777)
    return tmp_path


async def _serving(stack: AsyncExitStack, folder: Path) -> dict[str, int]:
    """Port of every server by its name."""
    files = Authority(folder, "CA").issue(("CN", "127.0.0.1"), host="127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    ports = {}
    for name, serve in SERVERS.items():
        ports[name] = await stack.enter_async_context(listening(serve))
    for name, serve in TLS_SERVERS.items():
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        stack.push_async_callback(server.wait_closed)
        stack.callback(server.close)
        ports[name] = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    for name, answer in UDP_SERVERS.items():
        made = await loop.create_datagram_endpoint(partial(_Udp, answer), local_addr=("127.0.0.1", 0))
        transport = made[0]
        stack.callback(transport.close)
        ports[name] = transport.get_extra_info("sockname")[1]
    return ports


async def _run(case: Case, values: dict[str, object]):
    words = case.arguments.format(**values).split()
    return await run_plugin([str(FOLDER / case.plugin), *words], timeout_s=30, limit_bytes=65536)


async def test_every_check_that_can_run_here_runs_unmodified(folder):
    require_service((FOLDER / "check_tcp").exists(), "monitoring-plugins")
    async with AsyncExitStack() as stack:
        values = {"folder": folder, **await _serving(stack, folder)}
        outcomes = await asyncio.gather(*(_run(case, values) for case in CASES))
    close_spawner()
    wrong = [
        f"{case.plugin} {case.arguments}: {outcome.status.name} {outcome.summary!r} {outcome.output[-300:]!r}"
        for case, outcome in zip(CASES, outcomes, strict=True)
        if outcome.status.name != case.status or case.says not in outcome.summary
    ]
    assert not wrong, "\n".join(wrong)


async def test_the_others_end_in_order_and_say_what_is_missing():
    """They are started without arguments: each says how it is used, or what it lacks, and none hangs."""
    require_service((FOLDER / "check_tcp").exists(), "monitoring-plugins")
    names = [name for name in UNUSABLE if name.startswith("check_") and (FOLDER / name).exists()]
    names.remove("check_apt")  # it would work for ten seconds
    argv = [[str(FOLDER / name)] for name in names]
    outcomes = await asyncio.gather(*(run_plugin(words, timeout_s=30, limit_bytes=4096) for words in argv))
    close_spawner()
    assert {outcome.status for outcome in outcomes} <= {Status.UNKNOWN, Status.CRITICAL, Status.OK, Status.WARNING}
    assert all(outcome.summary for outcome in outcomes)


def test_no_plugin_of_the_package_is_forgotten():
    require_service((FOLDER / "check_tcp").exists(), "monitoring-plugins")
    known = {case.plugin for case in CASES} | set(UNUSABLE)
    assert sorted({path.name for path in FOLDER.iterdir()} - known) == []
