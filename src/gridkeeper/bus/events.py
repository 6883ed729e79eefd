"""What packages have to tell the bus; `bus.nats_events` sends it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

#: Told in one go; the rest comes with the next.
MOST = 2000


@dataclass(frozen=True, slots=True)
class BusEvent:
    """One change.

    id: the same whenever it is told again; cursor: how far its source is told with it
    """

    id: str
    cursor: int
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """Events of one kind.

    name: last word of the subject, "status"
    after: the events behind a cursor, in its order, `MOST` at most; some may have been told before
    end: the cursor of now, for a stream that holds nothing yet: what was before is no news
    """

    name: str
    after: Callable[[int, datetime], Sequence[BusEvent]]
    end: Callable[[], int]


sources: dict[str, Source] = {}


def provide(*more: Source) -> None:
    """A package says what it has to tell; called while the program starts."""
    sources.update({source.name: source for source in more})
