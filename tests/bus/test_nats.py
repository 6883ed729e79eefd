"""The bus of NATS as it is used: signing in, TLS, events out, what survives its crash."""

import asyncio
import json
from datetime import timedelta

import nkeys
import pytest
from django.conf import settings as django_settings
from nats.errors import Error as NatsError

from gridkeeper.bus.nats import Bus, BusError
from gridkeeper.bus.nats_events import forget_cursors, tell
from gridkeeper.bus.nats_permissions import of_scheduler, of_worker
from gridkeeper.core.status import Status
from gridkeeper.probes import places
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.models import WorkerState
from gridkeeper.probes.wire import VERSION, Beat
from gridkeeper.selection.models import GoodChange
from tests.builders import NOW, a_downtime, a_result, a_service
from tests.certificates import Authority
from tests.realm.nats import Nats

pytestmark = pytest.mark.service


def a_config(url: str, **fields):
    return django_settings.GRIDKEEPER.model_copy(update={"bus_url": url} | fields)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    server = Nats(tmp_path_factory.mktemp("nats")).start()
    yield server
    server.stop()


def an_nkey(path):
    seed = nkeys.encode_seed(b"\x07" * 32 if path.name == "scheduler" else b"\x09" * 32, nkeys.PREFIX_BYTE_USER)
    path.write_bytes(seed)
    return nkeys.from_seed(bytearray(seed)).public_key.decode()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that asks for TLS and nkeys, and lets a worker do a worker's work only."""
    folder = tmp_path_factory.mktemp("guarded")
    authority = Authority(folder, "ca")
    files = authority.issue(("CN", "bus"), host="127.0.0.1")
    config = a_config("")
    users = [
        f"{{ nkey: {an_nkey(folder / 'scheduler')}, {of_scheduler(config)} }}",
        f"{{ nkey: {an_nkey(folder / 'worker')}, {of_worker(config, 'w1')} }}",
    ]
    more = [
        f'tls {{ cert_file: "{files.certificate}", key_file: "{files.key}" }}',
        f"authorization {{ users = [\n{users[0]},\n{users[1]}\n] }}",
    ]
    server = Nats(folder, more=more).start()
    server.folder = folder
    yield server
    server.stop()


def _at(config, who, work):
    async def main():
        bus = Bus(config, who=who)
        await bus.connect()
        try:
            async with asyncio.timeout(20):
                return await work(bus)
        finally:
            await bus.close()

    return asyncio.run(main())


def test_tls_and_nkeys_let_in_who_has_them(guarded):
    secure = {"bus_ca": guarded.folder / "ca.pem", "bus_credentials": guarded.folder / "scheduler"}
    url = guarded.url.replace("nats:", "tls:")
    _at(a_config(url, **secure), "scheduler", lambda bus: bus.make_streams())
    with pytest.raises(BusError, match=r"(?i)authorization"):
        _at(a_config(url, **secure | {"bus_credentials": None}), "scheduler", lambda bus: bus.make_streams())
    with pytest.raises(BusError, match="certificate verify failed"):
        _at(a_config(url, **secure | {"bus_ca": None}), "scheduler", lambda bus: bus.make_streams())
    with pytest.raises(BusError, match="name a readable file"):
        _at(a_config(url, **secure | {"bus_credentials": guarded.folder / "none"}), "scheduler", lambda bus: bus)


def test_a_server_without_tls_gets_no_password_where_the_url_demands_it(plain):
    with pytest.raises(BusError, match=r"(?i)secure"):
        _at(a_config(plain.url.replace("nats:", "tls:")), "scheduler", lambda bus: bus.make_streams())


def test_a_worker_may_send_as_itself_alone(guarded):
    files = {"bus_ca": guarded.folder / "ca.pem"}
    url = guarded.url.replace("nats:", "tls:")
    _at(
        a_config(url, **files, bus_credentials=guarded.folder / "scheduler"),
        "scheduler",
        lambda bus: bus.make_streams(),
    )

    async def work(bus: Bus):
        await bus.give(bus.names.results_of("w1"), b"mine", "m1")
        for subject in (bus.names.results_of("w2"), bus.names.orders_of("w1"), bus.names.event("status")):
            with pytest.raises(NatsError):
                await bus.jetstream.publish(subject, b"not mine", timeout=0.3)
        with pytest.raises(NatsError):
            await bus.client.request("$JS.API.STREAM.LIST", timeout=0.3)

    _at(a_config(url, **files, bus_credentials=guarded.folder / "worker"), "w1", work)


def test_nobody_there_is_said_in_words():
    with pytest.raises(BusError, match=r"no connection to the bus at nats://127\.0\.0\.1:1"):
        _at(a_config("nats://127.0.0.1:1"), "scheduler", lambda bus: bus.make_streams())


def test_what_is_given_is_there_once_through_a_crash(tmp_path):
    server = Nats(tmp_path).start()

    async def work(bus: Bus):
        await bus.make_streams()
        subject = bus.names.results_of("w1")
        given = [asyncio.create_task(bus.give(subject, b"%d" % number, f"m{number}")) for number in range(300)]
        await asyncio.sleep(0.01)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        await asyncio.gather(*given)
        await asyncio.gather(*(bus.give(subject, b"again", f"m{number}") for number in range(50)))
        return (await bus.jetstream.stream_info(bus.names.results)).state.messages

    try:
        assert _at(a_config(server.url), "w1", work) == 300
    finally:
        server.stop()


async def _told(bus: Bus):
    info = await bus.jetstream.stream_info(bus.names.events)
    first, last = info.state.first_seq, info.state.last_seq
    found = [await bus.jetstream.get_msg(bus.names.events, number) for number in range(first, last + 1)]
    return [json.loads(message.data) for message in found]


@pytest.mark.django_db
def test_changes_are_told_once_whatever_ends_meanwhile(tmp_path):
    server = Nats(tmp_path).start()
    config = a_config(server.url)
    service = a_service()
    submit([a_result(service, "CE-old", executed_at=NOW)], now=NOW)
    forget_cursors()
    try:
        assert tell(config, NOW) == 0  # what was before is no news
        submit([a_result(service, "CE-js", executed_at=NOW, status=Status.CRITICAL, summary="broken")], now=NOW)
        assert tell(config, NOW) == 1
        later = NOW + timedelta(minutes=1)
        submit([a_result(service, "CE-js", executed_at=later, status=Status.CRITICAL, summary="still")], now=later)
        GoodChange.objects.create(vo="lhcb", site="SITE", is_good=False, reason="CE-js", at=later)
        a_downtime(service)
        places.save_seen([places.Seen(Beat(version=VERSION, worker="w2", boot="b", number=1), later)])
        places.save_states([("w2", WorkerState.SUSPECT, "its own network seems broken")], later)
        server.kill()
        assert tell(config, later) == 0
        server.start()
        assert tell(config, later) >= 4
        forget_cursors()  # as a restart does
        tell(config, later)
        tell(config, later)
        told = _at(config, "reader", _told)
    finally:
        server.stop()
    kinds = [one["kind"] for one in told]
    assert (kinds.count("status"), kinds.count("good"), kinds.count("worker")) == (1, 1, 2)
    assert "downtime" in kinds
    assert len({(one["kind"], one["id"]) for one in told}) == len(told)
    status = next(one for one in told if one["kind"] == "status")
    assert (status["status"], status["metric"], status["summary"]) == ("CRITICAL", "CE-js", "broken")
