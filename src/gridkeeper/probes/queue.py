"""Runs that are due and wait: by priority, and never more than so many at once against one host or one site."""

import heapq
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

#: A run of priority 1 goes before one of priority 0 that has waited this much longer: nobody waits for ever.
SECONDS_A_PRIORITY = 10.0


class Place(NamedTuple):
    """A run that may start: it has one of its host's places and one of its site's, which `release` gives back.

    rank: when it is due, less what its priority is worth; the lowest goes first
    order: of arrival, where ranks are equal
    """

    rank: float
    order: int
    series: int
    host: str
    site: str
    due_s: float


class Queue:
    """Places are handed on as they become free, so a slow host or a large site keeps nobody else waiting."""

    def __init__(self, per_host: int, per_site: int = 0) -> None:
        """per_host, per_site: runs at once; 0 is no limit."""
        self._per_host = per_host or 1 << 30
        self._per_site = per_site or 1 << 30
        self._ready: list[Place] = []
        self._at_host: dict[str, list[Place]] = {}
        self._at_site: dict[str, list[Place]] = {}
        self._hosts: dict[str, int] = defaultdict(int)
        self._sites: dict[str, int] = defaultdict(int)
        self._queued: set[int] = set()
        self._orders = count()

    def __len__(self) -> int:
        """Runs that wait, whatever for."""
        return len(self._queued)

    @property
    def ready(self) -> int:
        """Of these, how many wait only for us."""
        return len(self._ready)

    def add(self, series: int, host: str, due_s: float, *, site: str = "", priority: float = 0) -> None:
        """Queues a run; one that is queued already is not queued twice."""
        if series in self._queued:
            return
        self._queued.add(series)
        rank = due_s - priority * SECONDS_A_PRIORITY
        self._offer(Place(rank, next(self._orders), series, host, site, due_s))

    def _offer(self, place: Place) -> bool:
        """Makes a run ready, or lets it wait for the first of its places that is not free. True: it is ready."""
        if self._hosts[place.host] >= self._per_host:
            heapq.heappush(self._at_host.setdefault(place.host, []), place)
        elif self._sites[place.site] >= self._per_site:
            heapq.heappush(self._at_site.setdefault(place.site, []), place)
        else:
            self._hosts[place.host] += 1
            self._sites[place.site] += 1
            heapq.heappush(self._ready, place)
            return True
        return False

    def take(self) -> Place | None:
        """The next run that may start; None where none may."""
        if not self._ready:
            return None
        place = heapq.heappop(self._ready)
        self._queued.discard(place.series)
        return place

    def release(self, place: Place) -> None:
        """Gives the places of a run back; the next that waits for them has them at once."""
        for counts, name in ((self._hosts, place.host), (self._sites, place.site)):
            counts[name] -= 1
            if not counts[name]:
                del counts[name]
        for waiting, name in ((self._at_host, place.host), (self._at_site, place.site)):
            for found in _popped(waiting, name):
                # One place came free. Who moves on to wait for the other kind of place does not take it.
                if self._offer(found):
                    break

    def waiting(self) -> tuple[int, int]:
        """How many wait for a place at their host, and at their site."""
        return sum(map(len, self._at_host.values())), sum(map(len, self._at_site.values()))


def _popped(waiting: dict[str, list[Place]], name: str) -> Iterator[Place]:
    """Those that waited there when we came, best first; what is not taken stays."""
    for _ in range(len(waiting.get(name, ()))):
        found = heapq.heappop(waiting[name])
        if not waiting[name]:
            del waiting[name]
        yield found
