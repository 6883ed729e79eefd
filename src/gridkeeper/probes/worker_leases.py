"""Leases: a worker, or a run, counts as alive until its lease ends. Pure; seconds of this side's monotonic clock.

No clock of anybody else is ever compared with ours. While we ourselves are cut off from the bus nobody can renew, so
no lease ends.
"""

import math
from collections.abc import Hashable
from typing import Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)


class Leases(Generic[_K]):
    """Deadlines by key. Each is granted for `lease_s` unless said otherwise, and renewed by signs of life."""

    def __init__(self, lease_s: float) -> None:
        self._lease_s = lease_s
        self._until: dict[_K, float] = {}
        self._is_paused = False

    def __contains__(self, key: object) -> bool:
        return key in self._until

    def grant(self, key: _K, now_s: float, lease_s: float | None = None) -> None:
        """Begins or renews; a renewal never shortens."""
        self._until[key] = max(self._until.get(key, -math.inf), now_s + (lease_s or self._lease_s))

    def end(self, key: _K) -> None:
        self._until.pop(key, None)

    def expired(self, now_s: float) -> list[_K]:
        """Those whose time is over; they stay until they are ended or renewed."""
        if self._is_paused:
            return []
        return [key for key, until in self._until.items() if until <= now_s]

    def pause(self) -> None:
        """We cannot hear anybody: no lease ends."""
        self._is_paused = True

    def resume(self, now_s: float) -> None:
        """We hear again: everybody has a whole lease to give a sign of life."""
        if not self._is_paused:
            return
        self._is_paused = False
        for key in self._until:
            self.grant(key, now_s)
