"""Results on their way from the engine to the database: kept until they are stored, whatever the database does."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

import structlog
from django.db import DataError, IntegrityError, InterfaceError, OperationalError

from gridkeeper.probes.results import Result

log = structlog.get_logger(__name__)

#: Results are handed on when so many wait, or so often.
BATCH, FLUSH_S = 2000, 0.3
#: Most results in one transaction.
_MOST = 5000
#: Before the database is asked again after it refused.
_PAUSE_S = 1.0
#: What says that a result itself cannot be stored; anything else is the database's trouble, and passes.
_REFUSALS = (ValueError, TypeError, OverflowError, DataError, IntegrityError)


class Outbox:
    """The results that wait. `store` puts a batch into the database; it returns when the batch is durable."""

    def __init__(
        self,
        store: Callable[[Sequence[Result]], Awaitable[None]],
        stored: Callable[[Sequence[str]], None] = lambda ids: None,
    ) -> None:
        """stored: told the ids of what is durable, and of what is dropped because it can never be."""
        self._store = store
        self._told = stored
        self._waiting: list[Result] = []
        self._size = _MOST
        self._is_full = asyncio.Event()
        self._lock = asyncio.Lock()
        self.stored = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, result: Result) -> None:
        self._waiting.append(result)
        if len(self._waiting) >= BATCH:
            self._is_full.set()

    async def run(self) -> None:
        """Stores what comes, for ever."""
        while True:
            with contextlib.suppress(TimeoutError):  # the time is up: store what there is
                async with asyncio.timeout(FLUSH_S):
                    await self._is_full.wait()
            self._is_full.clear()
            await self.flush()

    async def flush(self) -> None:
        """Stores everything that waits now; where the database is busy or away, the results stay.

        What comes meanwhile waits for the next time: many small batches cost more than few large ones.
        A batch that is refused is halved until the result that cannot be stored is alone; that one is dropped, and the
        log has it.
        """
        async with self._lock:
            remaining = len(self._waiting)
            while remaining:
                batch = self._waiting[: min(self._size, remaining)]
                try:
                    await self._store(batch)
                except _REFUSALS:
                    if len(batch) == 1:
                        log.exception("a result cannot be stored and is dropped", result=repr(batch[0])[:2000])
                        self._told([batch[0].id])
                        del self._waiting[0]
                        remaining -= 1
                    self._size = max(1, len(batch) // 2)
                    continue
                except (OperationalError, InterfaceError, OSError) as error:
                    log.warning("results cannot be stored yet", waiting=len(self._waiting), error=str(error))
                    await asyncio.sleep(_PAUSE_S)
                    return
                except Exception:
                    log.exception("results cannot be stored yet", waiting=len(self._waiting))
                    await asyncio.sleep(_PAUSE_S)
                    return
                self._told([result.id for result in batch])
                del self._waiting[: len(batch)]
                remaining -= len(batch)
                self.stored += len(batch)
                self._size = min(_MOST, self._size * 2)
