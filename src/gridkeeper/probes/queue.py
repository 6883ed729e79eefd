"""Runs that are due and wait: first come, first served, and never more than so many at once against one host."""

from collections import defaultdict, deque
from typing import NamedTuple


class Place(NamedTuple):
    """A run that may start: it has one of its host's places, which `release` gives back."""

    series: int
    host: str
    due_s: float


class Queue:
    """A host's places are handed on as they become free, so a slow host keeps nobody else waiting."""

    def __init__(self, per_host: int) -> None:
        self._per_host = per_host
        self._ready: deque[Place] = deque()
        self._waiting: dict[str, deque[Place]] = {}
        self._busy: dict[str, int] = defaultdict(int)
        self._queued: set[int] = set()

    def add(self, series: int, host: str, due_s: float) -> None:
        """Queues a run; one that is queued already is not queued twice."""
        if series in self._queued:
            return
        self._queued.add(series)
        place = Place(series, host, due_s)
        if self._busy[host] >= self._per_host:
            self._waiting.setdefault(host, deque()).append(place)
            return
        self._busy[host] += 1
        self._ready.append(place)

    def take(self) -> Place | None:
        """The next run that may start; None where none may."""
        if not self._ready:
            return None
        place = self._ready.popleft()
        self._queued.discard(place.series)
        return place

    def release(self, host: str) -> None:
        """Gives back a place at a host; the next that waits for it has it at once."""
        waiting = self._waiting.get(host)
        if waiting:
            self._ready.append(waiting.popleft())
            return
        self._waiting.pop(host, None)
        self._busy[host] -= 1
        if not self._busy[host]:
            del self._busy[host]
