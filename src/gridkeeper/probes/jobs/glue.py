"""What a CE says of itself in GLUE 2 (JSON as ARC writes it): endpoints, queues, figures. Nothing of it is trusted.

Source: GFD.147, "GLUE Specification v. 2.0", ComputingService, ComputingEndpoint, ComputingShare.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import CheckFailedError

#: Deeper than any real document.
_DEEPEST = 40
_CREATED = re.compile(r'CreationTime="(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z"', re.ASCII)
_OPEN = frozenset({"production", "queueing", "testing", ""})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An interface of the CE."""

    interface: str
    health: str
    serving: str
    version: str


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue of the CE. vos: for whom it is; empty: for all that the CE takes."""

    name: str
    serving: str
    vos: frozenset[str]
    running: int
    waiting: int

    def takes(self, vo: str) -> bool:
        return self.serving in _OPEN and (not self.vos or vo in self.vos or not vo)


@dataclass(frozen=True, slots=True)
class ComputingService:
    """A CE as it describes itself."""

    name: str
    endpoints: tuple[Endpoint, ...]
    queues: tuple[Queue, ...]
    total: int


def parse_info(text: str) -> ComputingService:
    """The first computing service of a GLUE 2 document in JSON. Raises CheckFailedError where there is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckFailedError(Status.CRITICAL, "what the CE says of itself is no JSON", text[:4000]) from error
    found = next((item for item in _all(document, "ComputingService") if isinstance(item, dict)), None)
    if found is None:
        text = "the CE answers, but describes no computing service: is its information provider running?"
        raise CheckFailedError(Status.CRITICAL, text, str(document)[:4000])
    return ComputingService(
        _word(found, "Name"),
        tuple(_endpoint(item) for item in _all(found, "ComputingEndpoint") if isinstance(item, dict)),
        tuple(_queue(item) for item in _all(found, "ComputingShare") if isinstance(item, dict)),
        _number(found, "TotalJobs"),
    )


def created_at(xml: str) -> datetime | None:
    """When the newest entry of a GLUE 2 document in XML was made; None where it does not say."""
    times = []
    for stamp in _CREATED.findall(xml):
        try:
            times.append(datetime.fromisoformat(stamp).replace(tzinfo=UTC))
        except ValueError:
            continue  # 31 February: no time
    return max(times, default=None)


def _endpoint(item: dict[str, Any]) -> Endpoint:
    return Endpoint(
        _word(item, "InterfaceName"), _word(item, "HealthState"), _word(item, "ServingState"),
        _word(item, "ImplementationVersion"),
    )  # fmt: skip


def _queue(item: dict[str, Any]) -> Queue:
    rules = [rule for policy in _all(item, "MappingPolicy") for rule in _all(policy, "Rule")]
    vos = frozenset(str(rule)[3:] for rule in rules if str(rule).lower().startswith("vo:"))
    name = _word(item, "MappingQueue") or _word(item, "Name")
    return Queue(name, _word(item, "ServingState"), vos, _number(item, "RunningJobs"), _number(item, "WaitingJobs"))


def _all(node: Any, name: str, depth: int = 0) -> Iterator[Any]:
    """Every value under that name: ARC writes one as an object and several as a list."""
    if depth > _DEEPEST:
        return
    if isinstance(node, list):
        for item in node:
            yield from _all(item, name, depth + 1)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == name:
                yield from value if isinstance(value, list) else [value]
            else:
                yield from _all(value, name, depth + 1)


def _word(item: dict[str, Any], name: str) -> str:
    value = item.get(name)
    return str(value)[:200].strip() if isinstance(value, str | int) else ""


def _number(item: dict[str, Any], name: str) -> int:
    value = _word(item, name)
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else 0
