"""What scheduler and workers say to each other; and what others might say in their names."""

import contextlib
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import RESULT_STATUSES, Status
from gridkeeper.probes.instances import Instance, Place, TestSpec
from gridkeeper.probes.native import Outcome
from gridkeeper.probes.native.check import Target
from gridkeeper.probes.running import Measured
from gridkeeper.probes.wire import (
    Answer,
    Beat,
    Head,
    Order,
    Tickets,
    WireError,
    answer_of,
    decode,
    encode,
    instance_of,
    measured_of,
    order_of,
)
from gridkeeper.probes.worker_keys import WorkerKey, WorkerKeyError, seal

ASKED = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
TICKETS = Tickets("the scheduler's secret")


def a_spec(name: str = "tcp", **fields) -> TestSpec:
    defaults = {
        "name": name, "kind": "native", "command": "tcp", "arguments": {"expect": "hello"}, "is_per_vo": False,
        "interval_s": 60, "timeout_s": 10, "max_attempts": 1, "retry_interval_s": 10, "depends_on": ("dns",),
        "stage": "",
    }  # fmt: skip
    return TestSpec(**defaults | fields)


def an_instance(**fields) -> Instance:
    place = Place(
        1, Target("ce.example.org", "192.0.2.1", 443, "https://ce.example.org/"), "CE", "SITE", "", {"q": "x"}
    )
    return Instance(SeriesKey("ce.example.org", "CE", "tcp"), a_spec(**fields), place, (a_spec("rider"),))


def an_order(instance: Instance, **fields) -> Order:
    head = Head("r1", instance.series, "w1", ASKED, **fields)
    return order_of(instance, head, TICKETS)


def test_an_order_arrives_as_it_was_meant():
    instance = an_instance()
    order = decode(Order, encode(an_order(instance)))
    assert instance_of(order) == instance


@given(st.sampled_from(RESULT_STATUSES), st.text(), st.text(), st.integers(-(2**40), 2**40))
def test_an_answer_arrives_at_the_time_at_which_it_was_asked_for(status, summary, perfdata, duration_ms):
    instance = an_instance()
    order = an_order(instance)
    skewed = datetime(1999, 1, 1, tzinfo=UTC)
    said = [Measured(instance.key, Outcome(status, summary, summary, perfdata), skewed, duration_ms)]
    answer = decode(Answer, encode(answer_of(order, said)))
    (item,) = measured_of(answer, TICKETS.head_of(answer), instance)
    assert (item.executed_at, item.worker, item.id) == (ASKED, "w1", "r1")
    assert item.outcome.status == status
    assert item.duration_ms >= 0


def test_half_a_surrogate_of_a_hostile_server_is_no_trouble():
    instance = an_instance()
    said = [Measured(instance.key, Outcome(Status.OK, "\ud800 evil \0", "\udfff"), ASKED, 1)]
    assert decode(Answer, encode(answer_of(an_order(instance), said))).said[0].summary == "? evil \0"


def _answer(instance, **changes) -> Answer:
    said = [Measured(instance.key, Outcome(Status.OK, "fine"), ASKED, 1)]
    return msgspec.structs.replace(answer_of(an_order(instance), said), **changes)


def test_what_was_never_asked_is_not_believed():
    instance = an_instance()
    good = _answer(instance)
    assert TICKETS.head_of(good).worker == "w1"
    forged = encode(Head("r1", instance.series, "w1", datetime(2030, 1, 1, tzinfo=UTC)))
    for answer in (
        msgspec.structs.replace(good, head=forged),
        msgspec.structs.replace(good, ticket=b"0" * 16),
        msgspec.structs.replace(good, ticket=b""),
        _answer(instance, ticket=Tickets("another").of(good.head)),
    ):
        with pytest.raises(WireError, match="no order of ours"):
            TICKETS.head_of(answer)


@pytest.mark.parametrize(
    "said",
    [
        [],
        [["other.example.org", "CE", "tcp", ""], 0, "", "", "", 1, ""],
        [["ce.example.org", "CE", "tcp", ""], 4, "", "", "", 1, ""],
        [["ce.example.org", "CE", "tcp", ""], 99, "", "", "", 1, ""],
    ],
)
def test_a_worker_reports_only_what_it_was_asked(said):
    instance = an_instance()
    raw = msgspec.msgpack.decode(encode(_answer(instance))) | {"said": [said] if said else []}
    answer = decode(Answer, msgspec.msgpack.encode(raw))
    with pytest.raises(WireError, match="it reports"):
        measured_of(answer, TICKETS.head_of(answer), instance)


@given(st.binary(max_size=300), st.sampled_from([Order, Answer, Beat, Head]))
def test_noise_is_refused_in_words(noise, kind):
    with contextlib.suppress(WireError):
        decode(kind, noise)


def test_another_release_is_named():
    instance = an_instance()
    with pytest.raises(WireError, match="bring both to the same release"):
        decode(Answer, encode(_answer(instance, version=2)))
    lacking = msgspec.structs.replace(an_order(instance), test={"name": "tcp"})
    with pytest.raises(WireError, match="another release"):
        instance_of(lacking)


def test_only_the_worker_that_it_is_for_opens_a_credential(tmp_path):
    mine, other = WorkerKey(tmp_path / "mine" / "key"), WorkerKey(tmp_path / "other" / "key")
    sealed = seal(b"a proxy", mine.public, b"order 1")
    assert mine.open(sealed, b"order 1") == b"a proxy"
    assert b"a proxy" not in sealed
    assert seal(b"a proxy", mine.public, b"order 1") != sealed
    for key, thing, context in (
        (other, sealed, b"order 1"),
        (mine, sealed, b"order 2"),
        (mine, sealed[:-1] + bytes([sealed[-1] ^ 1]), b"order 1"),
        (mine, sealed[:10], b"order 1"),
    ):
        with pytest.raises(WorkerKeyError, match="not sealed for this worker"):
            key.open(thing, context)


def test_a_key_is_kept_and_nobody_else_may_read_it(tmp_path):
    path = tmp_path / "worker" / "key"
    first = WorkerKey(path)
    assert WorkerKey(path).public == first.public
    assert path.stat().st_mode & 0o077 == 0
    path.write_bytes(b"short")
    with pytest.raises(WorkerKeyError, match="move it away"):
        WorkerKey(path)
    with pytest.raises(WorkerKeyError, match="no public key"):
        seal(b"", "nonsense", b"")
