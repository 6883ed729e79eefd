"""Native checks in a further process: they say what they say here, and a process that breaks down costs no result."""

import asyncio
import os
import signal
from dataclasses import replace

import pytest

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.probes.instances import Instance, Place, TestSpec
from gridkeeper.probes.local import Local
from gridkeeper.probes.native import Target
from tests.builders import NOW
from tests.probes.native.servers import listening


def an_instance(port, **fields):
    spec = TestSpec("tcp", "native", "tcp", {"port": port, "expect": "hello"}, False, 60, 5, 1, 10, (), "")
    place = Place(1, Target("ce.example.org", "127.0.0.1"), "CE", "SITE", "", {"queue": "long"})
    return Instance(SeriesKey("ce.example.org", "CE", "tcp"), replace(spec, **fields), place)


def test_it_says_the_same_and_outlives_its_process(monkeypatch, settings, tmp_path):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "gridkeeper.settings")  # not the tests': it is another process
    monkeypatch.setenv("GRIDKEEPER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("GRIDKEEPER_DENIED_NETWORKS", '["192.0.2.0/24"]')
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"denied_networks": []})

    async def hello(_reader, writer):
        await asyncio.sleep(0.02)
        writer.write(b"hello\n")
        writer.close()

    async def silence(_reader, _writer):
        await asyncio.sleep(60)

    async def main():
        local = Local(1)
        async with listening(hello) as port, listening(silence) as silent:
            good, unfit, hanging = an_instance(port), an_instance(port, arguments={"nonsense": 1}), an_instance(silent)
            many = await asyncio.gather(*(local.execute(good, NOW) for _ in range(20)), local.execute(unfit, NOW))
            run = asyncio.create_task(local.execute(hanging, NOW))
            await asyncio.sleep(0.2)
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run
            (child,) = local._children
            lost = asyncio.create_task(local.execute(good, NOW))
            await asyncio.sleep(0)
            os.kill(child._process.pid, signal.SIGKILL)
            after = await lost
            await local.close()
        return many, after

    (*good, (unfit,)), (after,) = asyncio.run(main())
    assert {(item.outcome.status, item.outcome.summary) for (item,) in good} == {(Status.OK, after.outcome.summary)}
    assert (unfit.outcome.status, unfit.outcome.summary[:20]) == (Status.UNKNOWN, "the test cannot run:")
    assert after.outcome.status == Status.OK
