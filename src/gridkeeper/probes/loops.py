"""How event loops that run tests are set up: the engine's, and those of its further processes."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import uvloop
from django.db import DatabaseError, connections

_T = TypeVar("_T")

#: Threads that wait for DNS: a resolver that hangs must not keep the other tests from theirs.
_RESOLVERS = 64


def run_loop(main: Coroutine[None, None, _T]) -> _T:
    """Runs it on a loop of uvloop's, whose connections cost a third of asyncio's."""
    return uvloop.run(main)


def use_resolvers() -> None:
    """Gives the running loop threads enough for its look-ups."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolver"))


def collect_less() -> None:
    """Lets the garbage collector look rarely: a run makes hundreds of objects that end without it (6 % of the CPU)."""
    gc.set_threshold(50_000, 20, 50)


class DatabaseThread:
    """Asks the database for an event loop, one question after the other, in a thread of its own."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def __call__(self, function: Callable[..., _T], *arguments: Any) -> _T:
        """What the function gives. Raises what it raises."""

        def call() -> _T:
            try:
                return function(*arguments)
            except DatabaseError:
                connections.close_all()  # it may be broken; the next call opens another
                raise

        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    async def close(self) -> None:
        await self(connections.close_all)
        self._thread.shutdown()
