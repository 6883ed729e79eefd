"""Workers in two places, a real bus between: links are cut, bus and worker are killed. No false red, nothing lost."""

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest
from django.db import OperationalError, connection

from gridkeeper.bus import inbox
from gridkeeper.core.status import Status
from gridkeeper.probes.dispatch import Dispatch
from gridkeeper.probes.engine import Engine
from gridkeeper.probes.models import LatestStatus, Worker, WorkerState
from tests.builders import a_service, a_site, a_test, a_vo, an_ngi, in_profile
from tests.realm import inside
from tests.realm.places import HOSTS, Realm, realm

pytestmark = [
    pytest.mark.service,
    pytest.mark.faults,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300),
]

PORT = 7000
#: How long a service takes to answer, so that there are always runs under way.
ANSWER_S = 0.2


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    with realm(tmp_path_factory.mktemp("places"), {"w1": "NGI_A", "w2": "NGI_B"}) as made:
        yield made


@pytest.fixture
def load(places, settings):
    """Two tests on every host, every second."""
    update = {
        "bus_url": places.nats.url, "denied_networks": [], "worker_beat_s": 0.3, "worker_lease_s": 3.0,
        "embedded_worker": False, "probe_per_host": 10,
    }  # fmt: skip
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update=update)
    vo = a_vo()
    site = a_site(ngi=an_ngi(name="NGI_C"))
    for number, address in enumerate(HOSTS):
        a_vo(supported_by=[a_service(of=site, hostname=f"ce{number}.example.org", host_ip=address)])
    arguments = {"port": PORT, "expect": "hello"}
    for name in ("tcp-1", "tcp-2"):
        in_profile(vo, a_test(name, kind="native", command="tcp", interval_s=1, timeout_s=2, arguments=arguments))
    return places


class Counted(Dispatch):
    """Notes what the engine asked for, and what it was answered."""

    def __init__(self, config):
        super().__init__(config)
        self.begun: list[tuple[int, datetime]] = []
        self.cancelled: list[tuple[int, datetime]] = []

    async def execute(self, instance, now):
        self.begun.append((instance.series, now))
        try:
            return await super().execute(instance, now)
        except asyncio.CancelledError:
            self.cancelled.append((instance.series, now))
            raise


class Play:
    """What a scene may look at while the engine runs."""

    def __init__(self, engine: Engine, dispatch: Counted) -> None:
        self.engine, self.dispatch = engine, dispatch
        self.reds: list[str] = []

    async def until(self, condition: Callable[[], object], seconds: float = 60) -> None:
        """Waits for it to hold in the database; notes every status meanwhile that is not OK."""
        end = time.monotonic() + seconds
        while not await asyncio.to_thread(self._look, condition):
            assert time.monotonic() < end, await asyncio.to_thread(_standing)
            await asyncio.sleep(0.1)

    def _look(self, condition):
        try:
            self.reds += [f"{row} {row.summary} {row.worker}" for row in LatestStatus.objects.exclude(status=Status.OK)]
            return condition()
        except OperationalError:
            return False  # the database of the tests lies in memory, where a reader meets a writer's lock at once
        finally:
            connection.close()

    async def rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        await self.until(lambda: time.monotonic() > end)

    async def fresh_from(self, *workers: str) -> None:
        """Waits until each of them has measured something anew."""
        since = datetime.now(UTC)  # results bear the scheduler's time of asking, which is this process's
        await self.until(
            lambda: (
                set(workers) <= set(LatestStatus.objects.filter(executed_at__gt=since).values_list("worker", flat=True))
            )
        )


def _standing():
    try:
        return [(row.name, row.state, row.state_reason) for row in Worker.objects.all()], LatestStatus.objects.count()
    finally:
        connection.close()


@contextlib.asynccontextmanager
async def playing(config) -> AsyncIterator[Play]:
    async def answer(_reader, writer):
        await asyncio.sleep(ANSWER_S)
        writer.write(b"hello\n")
        writer.close()

    servers = [await asyncio.start_server(answer, host, PORT) for host in HOSTS]
    stop = threading.Event()
    dispatch = Counted(config)
    engine = Engine(executor=dispatch)
    task = asyncio.create_task(engine.run(stop))
    play = Play(engine, dispatch)
    try:
        await play.until(lambda: LatestStatus.objects.count() == 2 * len(HOSTS))
        yield play
    finally:
        stop.set()
        await task
        for server in servers:
            server.close()


def play(load: Realm, settings, scene) -> Play:
    """Runs the scene in the hub, with an engine under load; afterwards every run has exactly one result."""

    async def main():
        async with playing(settings.GRIDKEEPER) as made:
            await scene(made)
        return made

    made = inside(load.hub, lambda: asyncio.run(main()))
    _, rows = inbox.pending("results")
    stored = Counter(zip(rows.column("series").to_pylist(), rows.column("executed_at").to_pylist(), strict=True))
    wanted = set(made.dispatch.begun) - set(made.dispatch.cancelled)
    assert len(wanted) > 20
    assert [one for one in wanted if stored[one] != 1] == [], "lost or doubled"
    assert [one for one in stored if one not in set(made.dispatch.begun)] == []
    assert rows.num_rows == len(set(rows.column("id").to_pylist()))
    return made


def _state(name: str) -> str:
    return Worker.objects.get(name=name).state


def test_a_worker_whose_network_breaks_turns_nothing_red_and_is_named(load, settings):
    async def scene(at: Play):
        await at.fresh_from("w1", "w2")
        load.cut("w2", "services")
        await at.until(lambda: _state("w2") == WorkerState.SUSPECT)
        await at.fresh_from("w1")
        load.mend("w2", "services")
        await at.until(lambda: _state("w2") == WorkerState.OK)
        await at.fresh_from("w1", "w2")

    made = play(load, settings, scene)
    assert made.reds == []
    doubted = Worker.history.filter(name="w2", state=WorkerState.SUSPECT).earliest("history_id")
    assert "its own network seems broken" in doubted.state_reason
    assert Worker.objects.get(name="w1").state == WorkerState.OK


def test_a_worker_that_is_cut_off_from_the_bus_is_lost_and_its_results_are_not(load, settings):
    async def scene(at: Play):
        await at.fresh_from("w1", "w2")
        load.cut("w2", "bus")
        await at.until(lambda: _state("w2") == WorkerState.LOST)
        await at.fresh_from("w1")
        load.mend("w2", "bus")
        await at.until(lambda: _state("w2") == WorkerState.OK)
        await at.fresh_from("w2")

    made = play(load, settings, scene)
    assert made.reds == []
    assert Worker.history.filter(name="w2", state=WorkerState.LOST).exists()


def test_a_bus_that_is_killed_under_load_loses_and_doubles_nothing(load, settings):
    async def scene(at: Play):
        await at.fresh_from("w1", "w2")
        for pause_s in (0.0, 2.0):
            await asyncio.to_thread(load.nats.kill)
            await at.rest(pause_s)
            await asyncio.to_thread(load.nats.start)
            await at.fresh_from("w1", "w2")

    made = play(load, settings, scene)
    assert made.reds == []
    assert {worker.state for worker in Worker.objects.all()} == {WorkerState.OK}


def test_a_worker_that_is_killed_in_the_middle_of_its_runs_costs_no_result(load, settings):
    async def scene(at: Play):
        await at.fresh_from("w1", "w2")
        await asyncio.to_thread(load.workers["w2"].kill)
        await at.until(lambda: _state("w2") == WorkerState.LOST)
        await at.fresh_from("w1")
        await asyncio.to_thread(load.launch, "w2", "NGI_B")
        await at.until(lambda: _state("w2") == WorkerState.OK)
        await at.fresh_from("w2")

    made = play(load, settings, scene)
    assert made.reds == []
