"""Checks a second and CPU of a check: ours through the whole engine, Nagios Core 4 and Icinga 2, on the same listeners.

    python -m benchmarks.nagios_icinga [--json] [--quick] [--native]

Everybody runs Debian's check_dummy, check_tcp and check_http against the same server, saturated: each service is due
every second. Ours stores every result durably; theirs keep the newest in memory. Then our native TCP and HTTP checks,
and the blackbox exporter's HTTP probe, asked for as fast as it answers. All take turns, and
who is compared runs one after the other: a machine is not equally fast all the time. The median round counts.
"""

import asyncio
import json
import multiprocessing
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.engine_runs import Rate, make_tests, median_pair, row, run_engine, set_up, show, tree_cpu_s
from benchmarks.native_rate import serve

PLUGINS = Path("/usr/lib/nagios/plugins")
#: What the native checks do that is compared with a plugin, and their arguments beside the port.
NATIVE: dict[str, tuple[str, dict[str, str]]] = {"check_tcp": ("tcp", {}), "check_http": ("http", {"expect": "hello"})}
_BLACKBOX = """
modules:
  http:
    prober: http
    timeout: 5s
    http: {preferred_ip_protocol: ip4, fail_if_body_not_matches_regexp: ["hello"]}
"""


def argvs(port: int) -> dict[str, list[str]]:
    """The plugins with their arguments; each names the host by Nagios's macro."""
    return {
        "check_dummy": [str(PLUGINS / "check_dummy"), "0", "fine"],
        "check_tcp": [str(PLUGINS / "check_tcp"), "-H", "$HOSTADDRESS$", "-p", str(port)],
        "check_http": [str(PLUGINS / "check_http"), "-I", "$HOSTADDRESS$", "-p", str(port), "-s", "hello"],
    }


def ours(kind: str, command: str, arguments: Any, seconds: float, processes: int = 0) -> Rate:
    """The engine with nothing but this test."""
    from gridkeeper.probes.models import LatestStatus, Test

    Test.objects.update(kind=kind, command=command, arguments=arguments)
    LatestStatus.objects.all().delete()
    return run_engine(seconds, processes)


def blackbox(port: int, seconds: float) -> Rate:
    """The exporter's HTTP probe, asked for over connections that stay open, so that asking costs it little."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "blackbox.yml").write_text(_BLACKBOX)
        # No client has had a port of this address, so that none waits there for its last packets.
        address = f"127.9.0.1:{port + 1 if port < 65_000 else port - 1}"
        argv = [str(peers.BLACKBOX), f"--config.file={folder}/blackbox.yml", f"--web.listen-address={address}",
                "--log.level=error"]  # fmt: skip
        with peers.process(argv, folder) as pid:
            return asyncio.run(_ask(address, port, pid, seconds))


async def _ask(address: str, port: int, pid: int, seconds: float) -> Rate:
    host, _, own_port = address.partition(":")
    for _ in range(100):
        try:
            (await asyncio.open_connection(host, int(own_port)))[1].close()
            break
        except OSError:
            await asyncio.sleep(0.1)
    else:
        raise SystemExit("the blackbox exporter does not listen")
    count, end = 0, time.perf_counter() + seconds

    async def work(number: int) -> None:
        nonlocal count
        reader, writer = await asyncio.open_connection(host, int(own_port))
        path = f"/probe?module=http&target=http://127.3.0.{number + 1}:{port}/"
        while time.perf_counter() < end:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if b"content-length: " in head:
                body = await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
            else:
                body = await reader.readuntil(b"0\r\n\r\n")
            if b"probe_success 1" not in re.sub(rb"\r\n[0-9a-f]+\r\n", b"", body):  # chunks end anywhere
                raise SystemExit(f"the blackbox exporter's probe failed: {body[-500:]!r}")
            count += 1
        writer.close()

    used, begin = tree_cpu_s(pid), time.perf_counter()
    await asyncio.gather(*(work(number) for number in range(32)))
    return Rate(count / (time.perf_counter() - begin), (tree_cpu_s(pid) - used) / count * 1000)


def contenders(port: int, seconds: float) -> dict[str, Callable[[], Rate]]:
    """Everything that is measured, in the order of one round: who is compared runs one after the other."""
    cores = max(1, (os.cpu_count() or 1))
    found: dict[str, Callable[[], Rate]] = {}
    for name, argv in argvs(port).items():
        for peer in (peers.icinga, peers.nagios):
            found[f"{peer.__name__} {name}"] = partial(_in_folder, peer, argv, seconds)
        found[f"ours {name}"] = partial(ours, "plugin", argv[0], argv[1:], seconds)
        kind, more = NATIVE.get(name, ("", {}))
        for processes in (cores, 0) if kind else ():
            arguments = {"port": port, **more}
            found[f"ours native {kind}, {processes}"] = partial(ours, "native", kind, arguments, seconds, processes)
    found["blackbox http"] = partial(blackbox, port, seconds)
    return found


def _in_folder(peer: Callable[[list[str], Path, float], Rate], argv: list[str], seconds: float) -> Rate:
    with tempfile.TemporaryDirectory() as folder:
        return peer(argv, Path(folder), seconds)


def measure(port: int, seconds: float, rounds: int, names: Collection[str] = ()) -> dict[str, list[Rate]]:
    """Every round measures everything once, or what has one of these names."""
    seen: dict[str, list[Rate]] = {}
    for number in range(rounds):
        for name, run in contenders(port, seconds).items():
            if names and name not in names:
                continue
            rate = run()
            seen.setdefault(name, []).append(rate)
            sys.stderr.write(f"round {number + 1}: {name}: {rate.per_s:.0f} /s at {rate.cpu_ms:.2f} ms\n")
    return seen


def rows_of(seen: dict[str, list[Rate]]) -> list[dict[str, object]]:
    """Each row is the round whose ratio is the middle one."""
    rows = []

    def compare(name: str, mine: str, other: str, goal: float | None, note: str) -> None:
        ours, theirs = median_pair(list(zip(seen[mine], seen[other], strict=True)))
        cost = f"CPU {ours.cpu_ms:.2f} ms against {theirs.cpu_ms:.2f} ms a check"
        rows.append(row(name, ours.per_s, "/s", theirs.per_s, goal=goal, note=f"{cost}{note}"))

    for plugin in ("check_dummy", "check_tcp", "check_http") if "ours check_dummy" in seen else ():
        for peer, goal in (("nagios", 1.0), ("icinga", 1.2)):
            compare(
                f"{plugin} against {peer}", f"ours {plugin}", f"{peer} {plugin}", goal, "; ours stores every result"
            )
    cores = max(1, (os.cpu_count() or 1))
    for plugin, (kind, _) in NATIVE.items():
        text = f"native {kind} against nagios {plugin}"
        compare(text, f"ours native {kind}, {cores}", f"nagios {plugin}", 8.0, f"; {cores} processes for native checks")
        compare(f"{text}, one process", f"ours native {kind}, 0", f"nagios {plugin}", None, "; the engine's own alone")
    pairs = [
        (Rate(1000 / ours.cpu_ms, ours.cpu_ms), Rate(1000 / theirs.cpu_ms, theirs.cpu_ms))
        for ours, theirs in zip(seen["ours native http, 0"], seen["blackbox http"], strict=True)
    ]
    mine, other = median_pair(pairs)
    rows.append(
        row("native http a CPU second against blackbox", mine.per_s, "/s", other.per_s, goal=1.5,
            note="ours schedules and stores, too; the listener is not counted")
    )  # fmt: skip
    return rows


def _native() -> set[str]:
    """Names of what native checks are compared in, themselves included."""
    ours = {f"ours native {kind}, {number}" for kind, _ in NATIVE.values() for number in (0, os.cpu_count() or 1)}
    return ours | {f"nagios {plugin}" for plugin in NATIVE} | {"blackbox http"}


def main(options: list[str]) -> None:
    missing = [str(path) for path in (peers.NAGIOS, peers.ICINGA, peers.BLACKBOX, PLUGINS) if not path.exists()]
    if missing:
        raise SystemExit(f"{', '.join(missing)}: missing; install nagios4-core, icinga2, prometheus-blackbox-exporter")
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    port = here.recv()
    with tempfile.TemporaryDirectory(prefix="gridkeeper-bench-") as folder:
        set_up(folder)
        make_tests("plugin", str(PLUGINS / "check_dummy"), ["0", "fine"], "", tests=40)
        seconds, rounds = (4.0, 1) if "--quick" in options else (6.0, 3)
        rows = rows_of(measure(port, seconds, rounds, _native() if "--native" in options else ()))
    server.terminate()
    server.join()
    if "--json" not in options:
        show(rows)
    print(json.dumps(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
