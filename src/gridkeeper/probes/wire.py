"""What scheduler and workers say to each other: orders, answers, signs of life; and the tickets that bind them.

A ticket is the scheduler's own seal on the head of an order. It comes back with the answer: so whoever may write to
the bus can report only what was asked of him, of the series and at the time that the order says.
"""

import dataclasses
import hmac
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import RESULT_STATUSES, Status
from gridkeeper.probes.instances import Instance, Place, TestSpec
from gridkeeper.probes.native import Outcome
from gridkeeper.probes.running import Measured

#: Raised when an older worker could not understand us any more.
VERSION = 1
_T = TypeVar("_T")


class WireError(ValueError):
    """A message that is none of ours, is of another version or was altered; the message says which."""


class Head(msgspec.Struct, frozen=True, array_like=True):
    """What an order and its answer have in common.

    round: the runs of one series that decide together; asked_at: when it began, by the scheduler's clock
    series: of the instance; worker: who is to run it
    quorum: of the rule; is_trial: the worker is in doubt, and what it says does not count
    """

    round: str
    series: int
    worker: str
    asked_at: datetime
    quorum: int = 0
    is_trial: bool = False

    @property
    def run(self) -> str:
        """Names this run among all."""
        return f"{self.round}.{self.worker}"


class Order(msgspec.Struct, frozen=True):
    """A run that a worker is to do. secret: credential, sealed for it; b"" where none is needed."""

    version: int
    head: bytes
    ticket: bytes
    key: tuple[str, str, str, str]
    test: dict[str, Any]
    target: dict[str, Any]
    place: dict[str, Any]
    riders: list[dict[str, Any]] = []
    secret: bytes = b""


class Said(msgspec.Struct, frozen=True, array_like=True):
    """One measurement of an answer."""

    key: tuple[str, str, str, str]
    status: int
    summary: str
    output: str
    perfdata: str
    duration_ms: int
    cause: str


class Answer(msgspec.Struct, frozen=True):
    """What a run said."""

    version: int
    head: bytes
    ticket: bytes
    said: list[Said]


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's sign of life, with all that it says of itself.

    boot: made anew at every start; number: counts the beats of one start
    running: runs under way; spooled: answers that the bus has not taken yet
    clock_s: its clock, to be shown and never used; is_leaving: it has been told to stop
    trouble: what keeps it from taking runs, in words
    """

    version: int
    worker: str
    boot: str
    number: int
    running: list[str] = []
    spooled: int = 0
    done: int = 0
    capacity: int = 1
    clock_s: float = 0.0
    trouble: str = ""
    is_leaving: bool = False
    software: str = ""
    public_key: str = ""
    region: str = ""
    network: str = ""
    vos: list[str] = []
    labels: dict[str, str] = {}


_encoder = msgspec.msgpack.Encoder()


def encode(message: msgspec.Struct) -> bytes:
    return _encoder.encode(message)


def decode(kind: type[_T], payload: bytes) -> _T:
    """Raises WireError."""
    try:
        message = msgspec.msgpack.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"this is no {kind.__name__}: {error}") from error
    version = getattr(message, "version", VERSION)
    if version != VERSION:
        raise WireError(
            f"{kind.__name__} of version {version}, this is version {VERSION}: bring both to the same release"
        )
    return message


class Tickets:
    """Makes and checks tickets. They outlast a restart of the scheduler, as its secret key does."""

    def __init__(self, secret_key: str) -> None:
        self._key = hmac.digest(secret_key.encode(), b"gridkeeper tickets of runs", "sha256")

    def of(self, head: bytes) -> bytes:
        return hmac.digest(self._key, head, "sha256")[:16]

    def head_of(self, answer: Answer) -> Head:
        """Raises WireError for an answer to what was never asked."""
        if not hmac.compare_digest(self.of(answer.head), answer.ticket):
            raise WireError("this answers no order of ours")
        return decode(Head, answer.head)


def order_of(instance: Instance, head: Head, tickets: Tickets, secret: bytes = b"") -> Order:
    place, packed = instance.place, encode(head)
    key = instance.key
    return Order(
        VERSION,
        packed,
        tickets.of(packed),
        (key.hostname, key.service_type, key.metric, key.vo),
        _fields(instance.test),
        _fields(place.target),
        {name: value for name, value in _fields(place).items() if name != "target"},
        [_fields(rider) for rider in instance.riders],
        secret,
    )


def instance_of(order: Order) -> Instance:
    """The instance as this side knows it: fields that only one side has are left at their defaults.

    Raises WireError.
    """
    try:
        place = msgspec.convert(order.place | {"target": order.target}, Place)
        riders = tuple(msgspec.convert(rider, TestSpec) for rider in order.riders)
        return Instance(SeriesKey(*order.key), msgspec.convert(order.test, TestSpec), place, riders)
    except (TypeError, ValueError) as error:
        raise WireError(f"an order of another release: {error}; bring worker and scheduler to the same one") from error


def _fields(value: Any) -> dict[str, Any]:
    """The fields that make the value, as plain as they are sent."""
    wanted = {field.name for field in dataclasses.fields(value) if field.init}
    return {name: msgspec.to_builtins(getattr(value, name), builtin_types=(bytes,)) for name in wanted}


def answer_of(order: Order, measured: list[Measured]) -> Answer:
    said = [
        Said(
            (item.key.hostname, item.key.service_type, item.key.metric, item.key.vo),
            item.outcome.status.value,
            _text(item.outcome.summary),
            _text(item.outcome.output),
            _text(item.outcome.perfdata),
            item.duration_ms,
            item.cause,
        )
        for item in measured
    ]
    return Answer(VERSION, order.head, order.ticket, said)


def _text(text: str) -> str:
    """Without half surrogates, which no encoding takes."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def measured_of(answer: Answer, head: Head, instance: Instance) -> list[Measured]:
    """The measurements of an answer, at the time when they were asked for: a worker's clock counts for nothing.

    Raises WireError where it reports of what it was not asked.
    """
    allowed = {instance.key, *(instance.rider_key(rider) for rider in instance.riders)}
    found: list[Measured] = []
    for said in answer.said:
        key = SeriesKey(*said.key)
        if key not in allowed or said.status not in RESULT_STATUSES:
            raise WireError(f"it reports {said.status} of {key}, which it was not asked")
        outcome = Outcome(Status(said.status), said.summary, said.output, said.perfdata)
        result_id = head.round if key == instance.key else f"{head.round}-{len(found)}"
        asked_at, duration_ms = head.asked_at.astimezone(UTC), max(0, said.duration_ms)
        found.append(Measured(key, outcome, asked_at, duration_ms, said.cause, result_id, head.worker))
    if not found:
        raise WireError("it reports nothing")
    return found
