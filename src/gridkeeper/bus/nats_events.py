"""Events out: what changed, on the bus, for whoever has the right to listen there.

Packages say what there is to tell; how far each has been told stands in the stream itself, in its newest message. So an
event is sent at least once whatever is killed when, and the stream drops what comes again by its id.
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog
from nats.js.errors import NotFoundError

from gridkeeper.bus.events import BusEvent, sources
from gridkeeper.bus.nats import TROUBLE, Bus, BusError
from gridkeeper.config import Config

log = structlog.get_logger(__name__)

#: Format of the messages; raised when a reader would have to change.
FORMAT = 1
#: Ids that are remembered as told, so that a source may give an event again while it lies behind its cursor.
_REMEMBERED = 50_000

_cursors: dict[str, int] = {}
_told: OrderedDict[str, None] = OrderedDict()


def tell(config: Config, now: datetime) -> int:
    """Sends what is new of all sources; returns how many. Where the bus is away, the next call sends it."""
    if not config.bus_url:
        return 0
    if not _cursors.keys() >= sources.keys():
        found = _at_bus(config, _read_cursors)
        if found is None:
            return 0
        _cursors.update({name: one.end() if found[name] is None else found[name] for name, one in sources.items()})
    behind = {name: source.after(_cursors[name], now) for name, source in sources.items()}
    fresh = [(name, one) for name, events in behind.items() for one in events if f"{name}:{one.id}" not in _told]
    if fresh and _at_bus(config, lambda bus: _send(bus, fresh)) is None:
        return 0
    _cursors.update({name: events[-1].cursor for name, events in behind.items() if events})
    return len(fresh)


async def _send(bus: Bus, events: Sequence[tuple[str, BusEvent]]) -> int:
    for name, event in events:
        message_id = f"{name}:{event.id}"
        await bus.give(bus.names.event(name), _message(name, event), message_id)
        _told[message_id] = None
    while len(_told) > _REMEMBERED:
        _told.popitem(last=False)
    return len(events)


def forget_cursors() -> None:
    """Makes the next call ask the stream how far was told, as after a start."""
    _cursors.clear()
    _told.clear()


def _message(name: str, event: BusEvent) -> bytes:
    whole = {"format": FORMAT, "kind": name, "id": event.id, "cursor": event.cursor, **event.body}
    return json.dumps(whole, default=str).encode()


async def _read_cursors(bus: Bus) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for name in sources:
        try:
            message = await bus.jetstream.get_last_msg(bus.names.events, bus.names.event(name))
        except NotFoundError:
            found[name] = None
        else:
            found[name] = int(json.loads(message.data or b"{}")["cursor"])
    return found


def _at_bus(config: Config, work: Callable[[Bus], Any]) -> Any:
    """What the work gives at a connection of its own; None where the bus is away."""

    async def main() -> Any:
        bus = Bus(config, who="events")
        await bus.connect()
        try:
            async with asyncio.timeout(30):
                await bus.make_streams()
                return await work(bus)
        finally:
            await bus.close()

    try:
        return asyncio.run(main())
    except (BusError, *TROUBLE) as error:
        log.warning("events cannot be told yet", error=str(error))
        return None
