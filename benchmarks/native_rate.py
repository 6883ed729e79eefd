"""Native HTTP checks a second through the whole engine, against a bare asyncio loop that sends the same requests.

    python -m benchmarks.native_rate [--json] [--quick]

The server is a process of its own on loopback, and answers from memory. The reference opens a connection, writes the
request, reads to the end and closes, as many at once as the engine; it looks at nothing but the first line. The same
run measures the rate of plugins: of check_http, which does the same check, and of check_dummy, which does nothing.
"""

import asyncio
import json
import multiprocessing
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.engine_runs import Rate, cpu_s, make_tests, median_pair, row, run_engine, set_up, show
from benchmarks.plugin_rate import PLUGIN

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nhello"
REQUEST = b"GET / HTTP/1.1\r\nHost: ce000.example.org\r\nUser-Agent: bench\r\nAccept: */*\r\nConnection: close\r\n\r\n"
CONCURRENCY = 64
GOAL, GOAL_PLUGINS = 0.5, 5.0
PLUGINS = (
    (PLUGIN, ["0", "fine"], "a plugin that checks nothing; native is bound by connect and send on one core, plugins use all"),
    (
        PLUGIN.with_name("check_http"), ["-I", "$HOSTADDRESS$", "-p", "PORT", "-s", "hello"],
        "the same check as a plugin, through the same engine",
    ),
)  # fmt: skip


class _Answering(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"\r\n\r\n"):
            self._transport.write(ANSWER)
            self._transport.close()


def serve(pipe: Connection) -> None:
    """The server: every loopback address, a free port."""

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(_Answering, "0.0.0.0", 0, backlog=1024)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(main())  # it must not be the narrowest place


def run_bare(port: int, seconds: float) -> Rate:
    """The reference: asyncio streams, nothing else."""
    count = 0

    async def work(end: float, host: str) -> None:
        nonlocal count
        while time.perf_counter() < end:
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(REQUEST)
            if not (await reader.read()).startswith(b"HTTP/1.1 200"):
                raise SystemExit("the server does not answer")
            writer.close()
            count += 1

    async def main() -> None:
        end = time.perf_counter() + seconds
        await asyncio.gather(*(work(end, f"127.3.0.{number + 1}") for number in range(CONCURRENCY)))

    started, begin = cpu_s(), time.perf_counter()
    asyncio.run(main())
    return Rate(count / (time.perf_counter() - begin), (cpu_s() - started) / count * 1000)


def run_plugins(plugin: Path, words: list[str], seconds: float) -> Rate:
    """The same engine with the same services, but a plugin as their tests."""
    from gridkeeper.probes.models import LatestStatus, Test

    before = list(Test.objects.values_list("pk", "kind", "command", "arguments"))
    Test.objects.update(kind="plugin", command=str(plugin), arguments=words)
    LatestStatus.objects.all().delete()
    rate = run_engine(seconds)
    for pk, kind, command, arguments in before:
        Test.objects.filter(pk=pk).update(kind=kind, command=command, arguments=arguments)
    return rate


def measure(port: int, seconds: float, rounds: int) -> list[dict[str, object]]:
    """Each round measures everything once, since a shared machine is not equally fast all the time."""
    plugins = [
        (plugin, [word.replace("PORT", str(port)) for word in words], note)
        for plugin, words, note in PLUGINS
        if plugin.exists()
    ]
    bare_pairs, plugin_pairs = [], {plugin: [] for plugin, *_ in plugins}
    for _ in range(rounds):
        bare = run_bare(port, seconds / 2)
        engine = run_engine(seconds)
        bare_pairs.append((engine, bare))
        for plugin, words, _note in plugins:
            plugin_pairs[plugin].append((engine, run_plugins(plugin, words, seconds)))
    engine, bare = median_pair(bare_pairs)
    cost = "without the server; schedule, attempts, inbox and projection included"
    rows = [
        row(
            "native HTTP checks", engine.per_s, "/s", bare.per_s, goal=GOAL, note="a bare asyncio loop; results stored"
        ),
        row("CPU of a native check", engine.cpu_ms, "ms", bare.cpu_ms, goal=None, note=cost, is_rate=False),
    ]
    for plugin, _words, note in plugins:
        engine, slow = median_pair(plugin_pairs[plugin])
        name = f"native HTTP against {plugin.name}"
        rows.append(row(name, engine.per_s, "/s", slow.per_s, goal=GOAL_PLUGINS, note=note))
    return rows


def main(options: list[str]) -> None:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    port = ours.recv()
    with tempfile.TemporaryDirectory(prefix="gridkeeper-bench-") as folder:
        set_up(folder)
        make_tests("native", "http", {"port": port, "expect": "hello"}, "", tests=40)
        rows = measure(port, 3.0, 1) if "--quick" in options else measure(port, 5.0, 3)
    server.terminate()
    server.join()
    if "--json" not in options:
        show(rows)
    print(json.dumps(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
