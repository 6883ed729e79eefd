"""Dispatcher and workers over a real bus: places by rule, quorum, and what is replayed, doubled, forged or late."""

import asyncio
import contextlib
import threading
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

import msgspec
import pytest
from django.conf import settings as django_settings

from gridkeeper.bus.nats import Bus
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.probes import handing
from gridkeeper.probes.credential_store import store_secret
from gridkeeper.probes.dispatch import Dispatch
from gridkeeper.probes.instances import Instance, Place, TestSpec
from gridkeeper.probes.models import Credential, CredentialKind, CredentialUse, PlaceStatus, Worker
from gridkeeper.probes.native import Outcome
from gridkeeper.probes.native.check import Target
from gridkeeper.probes.running import Measured
from gridkeeper.probes.wire import Answer, decode, encode
from gridkeeper.probes.worker import Worker as Working
from tests.builders import a_site, a_test, a_vo, an_ngi
from tests.realm.nats import Nats

pytestmark = [pytest.mark.service, pytest.mark.django_db(transaction=True)]

SKEWED = datetime(1999, 1, 1, tzinfo=UTC)


_names = count()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Nats(tmp_path_factory.mktemp("nats")).start()
    yield made
    made.stop()


@pytest.fixture
def config(server, tmp_path):
    """Each test has subjects and streams of its own."""
    update = {
        "bus_url": server.url, "bus_name": f"t{next(_names)}", "worker_beat_s": 0.1, "worker_lease_s": 3.0,
        "data_dir": tmp_path / "scheduler",
    }  # fmt: skip
    return django_settings.GRIDKEEPER.model_copy(update=update)


class Says:
    """An executor that says what it is told to, with a clock that is years off."""

    def __init__(self, status=Status.OK, wait_s=0.0):
        self.status, self.wait_s, self.runs, self.secrets = status, wait_s, [], []

    async def execute(self, instance, now):
        self.runs.append(instance.key.hostname)
        await asyncio.sleep(self.wait_s)
        async with handing.handed(instance) as credential:
            if credential is not None:
                with open(credential.token_path, encoding="ascii") as file:  # noqa: ASYNC230, PTH123
                    self.secrets.append(file.read())
        return [Measured(instance.key, Outcome(self.status, f"it is {self.status.name}"), SKEWED, 1)]


def an_instance(name="tcp", host="ce.example.org", **fields):
    spec = {
        "name": name, "kind": "native", "command": "tcp", "arguments": {}, "is_per_vo": False, "interval_s": 60,
        "timeout_s": 10, "max_attempts": 1, "retry_interval_s": 10, "depends_on": (), "stage": "",
    }  # fmt: skip
    place = Place(1, Target(host, "192.0.2.1"), "CE", "SITE", "", {})
    return Instance(SeriesKey(host, "CE", name, fields.pop("vo", "")), TestSpec(**spec | fields), place)


class Stage:
    """A dispatcher, its workers, and everything that goes over the bus between them."""

    def __init__(self, config, dispatch):
        self.config, self.dispatch = config, dispatch
        self.kept, self.instances, self.orders, self.answers = [], {}, [], []

    async def open(self):
        await self.dispatch.open(lambda _, measured: self.kept.append(list(measured)), self.instances.get)

    async def run(self, instance):
        self.instances[instance.series] = instance
        now = datetime.now(UTC)
        measured = await self.dispatch.execute(instance, now)
        assert {item.executed_at for item in measured} <= {now}
        return measured

    async def ready(self, *names):
        await self.until(lambda: set(names) <= {one.name for one in self.dispatch._roster.candidates()})

    async def until(self, condition, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def stage(config, workers, regions=("NGI_A", "NGI_B", "NGI_C")):
    """workers: name -> executor"""
    stop = threading.Event()
    made = Stage(config, Dispatch(config))
    await made.open()
    tasks = []
    for (name, executor), region in zip(workers.items(), regions, strict=False):
        update = {"worker_name": name, "worker_region": region, "data_dir": config.data_dir.parent / name}
        working = Working(config.model_copy(update=update), executor=executor)
        tasks.append(asyncio.create_task(working.run(stop)))
    ear = Bus(config, who="ear")
    await ear.connect()
    made.ear = ear
    await ear.client.subscribe(f"{config.bus_name}.work.*", cb=partial(_note, made.orders))
    await ear.client.subscribe(f"{config.bus_name}.results.*", cb=partial(_note, made.answers))
    try:
        await made.ready(*workers)
        yield made
    finally:
        stop.set()
        await asyncio.gather(*tasks)
        await made.dispatch.close()
        await ear.close()


async def _note(notes, message):
    notes.append((message.subject, message.data))


def test_two_regions_decide_together_and_each_opinion_is_kept(config):
    a_test("tcp", places={"count": 2, "distinct": "region", "elsewhere": 1})
    a_site(name="SITE", ngi=an_ngi(name="NGI_A"))
    said = {"w1": Says(), "w2": Says(Status.CRITICAL)}

    async def main():
        async with stage(config, said) as at:
            (mixed,) = await at.run(an_instance())
            said["w1"].status = Status.CRITICAL
            (red,) = await at.run(an_instance())
            return mixed, red

    mixed, red = asyncio.run(main())
    assert (mixed.outcome.status, red.outcome.status) == (Status.OK, Status.CRITICAL)
    assert mixed.outcome.summary == "it is OK (1 of 2 places see it otherwise: w2)"
    assert "w2: CRITICAL it is CRITICAL" in mixed.outcome.output
    rows = PlaceStatus.objects.filter(series=an_instance().series)
    assert {(row.worker, row.status) for row in rows} == {("w1", 2), ("w2", 2)}
    assert dict(Worker.objects.values_list("name", "region")) == {"w1": "NGI_A", "w2": "NGI_B"}


def test_a_failure_of_a_single_place_is_confirmed_by_others(config):
    said = {"w1": Says(Status.CRITICAL), "w2": Says(), "w3": Says()}

    async def main():
        async with stage(config, said) as at:
            alone = [(await at.run(an_instance(host=f"h{number}")))[0].outcome.status for number in range(20)]
            for one in said.values():
                one.status = Status.CRITICAL
            return alone, (await at.run(an_instance()))[0]

    alone, red = asyncio.run(main())
    assert set(alone) == {Status.OK}
    assert red.outcome.status == Status.CRITICAL
    assert said["w1"].runs


def test_what_is_replayed_or_doubled_is_run_and_counted_once(config):
    said = {"w1": Says(wait_s=0.2)}

    async def main():
        async with stage(config, said) as at:
            running = asyncio.create_task(at.run(an_instance()))
            await at.until(lambda: at.orders)
            for _ in range(3):  # the order comes again while it runs, without the id by which the bus would know it
                await at.ear.jetstream.publish(*at.orders[0])
            (item,) = await running
            await at.until(lambda: at.answers)
            for _ in range(3):  # the answer before its result is durable, and after
                await at.ear.jetstream.publish(*at.answers[0])
            at.dispatch.stored([item.id])
            await at.ear.jetstream.publish(*at.answers[0])
            await at.ear.jetstream.publish(*at.orders[0])
            for number in range(5):  # and old ones between new ones
                await asyncio.gather(at.run(an_instance(host=f"h{number}")), at.ear.jetstream.publish(*at.answers[0]))
            await asyncio.sleep(0.5)
            return item, at.kept

    item, kept = asyncio.run(main())
    assert said["w1"].runs.count("ce.example.org") == 1
    assert (kept, item.worker) == ([], "w1")


def test_what_was_never_asked_is_refused(config):
    said = {"w1": Says(), "w2": Says()}

    async def main():
        async with stage(config, said) as at:
            (item,) = await at.run(an_instance())
            at.dispatch.stored([item.id])
            subject, payload = at.answers[0]
            answer = decode(Answer, payload)
            other = subject[:-1] + ("1" if subject.endswith("2") else "2")
            forged = [
                (subject, b"noise"),
                (subject, encode(msgspec.structs.replace(answer, ticket=b"x" * 16))),
                (subject, encode(msgspec.structs.replace(answer, version=9))),
                (other, payload),
            ]
            for one in forged:
                await at.ear.jetstream.publish(*one)
            await at.ear.client.publish(at.ear.names.beat_of("w1"), b"noise")
            await asyncio.sleep(0.5)
            (again,) = await at.run(an_instance())
            left = (await at.ear.jetstream.stream_info(at.ear.names.results)).state.messages
            return at.kept, again, left

    kept, again, left = asyncio.run(main())
    assert (kept, again.outcome.status) == ([], Status.OK)
    assert left <= 1  # the newest is not stored yet


def test_a_scheduler_that_ends_meanwhile_gets_the_answer_after_its_restart(config):
    said = {"w1": Says(wait_s=1.0)}

    async def main():
        async with stage(config, said) as at:
            instance = an_instance()
            asked_at = datetime.now(UTC)
            running = asyncio.create_task(at.run(instance))
            await at.until(lambda: said["w1"].runs)
            running.cancel()
            await asyncio.wait([running])
            await at.dispatch.close()
            at.dispatch = Dispatch(config)
            await at.open()
            await at.until(lambda: at.kept)
            ((item,),) = at.kept
            assert abs(item.executed_at - asked_at) < timedelta(seconds=1)
            await at.dispatch.close()  # before it was stored: it comes again, as the same result
            at.kept.clear()
            at.dispatch = Dispatch(config)
            await at.open()
            info = await at.ear.jetstream.consumer_info(at.ear.names.results, "scheduler")
            assert info.num_ack_pending + info.num_pending >= 1
            return item

    item = asyncio.run(main())
    assert (item.worker, item.outcome.status) == ("w1", Status.OK)


def test_who_is_retired_is_asked_nothing(config):
    said = {"w1": Says(), "w2": Says()}

    async def main():
        async with stage(config, said) as at:
            at.dispatch._roster.member("w2").is_enabled = False
            return {(await at.run(an_instance(host=f"h{number}")))[0].worker for number in range(10)}

    assert asyncio.run(main()) == {"w1"}


def test_without_a_worker_there_is_no_result_and_no_failure(config):
    async def main():
        short = config.model_copy(update={"worker_lease_s": 0.3})
        async with stage(short, {}) as at:
            return await at.run(an_instance())

    assert asyncio.run(main()) == []


def test_a_credential_travels_sealed_and_is_handed_to_the_run_alone(config):
    vo = a_vo("lhcb")
    credential = Credential.objects.create(name="token", vo=vo, kind=CredentialKind.STATIC, options={"need": "token"})
    store_secret(credential, {"text": "very-secret-token"})
    said = {"w1": Says()}

    async def main():
        async with stage(config, said) as at:
            (item,) = await at.run(an_instance(credential="token", vo="lhcb", is_per_vo=True))
            (lacking,) = await at.run(an_instance(credential="proxy", vo="lhcb", is_per_vo=True, host="other"))
            return item, lacking, at.orders

    item, lacking, orders = asyncio.run(main())
    assert item.outcome.status == Status.OK
    assert said["w1"].secrets == ["very-secret-token"]
    assert not any(b"very-secret-token" in payload for _, payload in orders)
    assert CredentialUse.objects.get().worker == "w1"
    assert (lacking.outcome.status, len(orders)) == (Status.UNKNOWN, 1)
    assert "there is no proxy" in lacking.outcome.summary
