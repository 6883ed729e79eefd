"""The role `tasks`: moves facts to the lake, runs what comes back, and works off the queue of background tasks.

The mover, the queue and the periodic jobs of each package have a thread of their own, so that a long computation
keeps none of the others waiting.
"""

import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from secrets import token_hex

import structlog
from django.apps import apps
from django.db import close_old_connections, connections
from django.utils import timezone
from django_tasks_db.management.commands.db_worker import Worker

from gridkeeper.bus import mover
from gridkeeper.bus.periodic import Periodic
from gridkeeper.lake import scan
from gridkeeper.lake.store import open_lake

log = structlog.get_logger(__name__)

_MOVER_PAUSE_S = 2.0
_PERIODIC_PAUSE_S = 1.0
#: After an error of the queue's worker, whose loop ends with it.
_WORKER_PAUSE_S = 5.0


def run_tasks(stop: threading.Event) -> None:
    """Works until `stop` is set; finishes what is under way first."""
    scan.preload()  # before the threads, which would all come to it at once
    worker = _Worker()
    loops: dict[str, Callable[[], None]] = {
        "mover": lambda: _repeat(stop, _MOVER_PAUSE_S, _move_if_due),
        "worker": lambda: _repeat(stop, _WORKER_PAUSE_S, worker.run),
    }
    for name, jobs in gather().items():
        loops[name] = partial(_run_periodic, stop, jobs)
    threads = [threading.Thread(target=loop, name=name) for name, loop in loops.items()]
    log.info("tasks started")
    for thread in threads:
        thread.start()
    stop.wait()
    worker.running = False
    for thread in threads:
        thread.join()
    log.info("tasks stopped")


def gather() -> dict[str, list[Periodic]]:
    """The periodic jobs by package: of every one that has a `tasks.py` with a `PERIODIC`."""
    ours = [config for config in apps.get_app_configs() if config.name.startswith("gridkeeper.")]
    modules = {
        config.label: import_module(f"{config.name}.tasks") for config in ours if find_spec(f"{config.name}.tasks")
    }
    return {label: list(module.PERIODIC) for label, module in modules.items() if getattr(module, "PERIODIC", None)}


def _move_if_due() -> None:
    if not mover.is_due(timezone.now()):
        return
    moved = mover.move(open_lake())
    if moved.batches:
        log.info("moved to the lake", batches=moved.batches, rows=moved.rows, repeated=moved.repeated)


def _run_periodic(stop: threading.Event, jobs: Iterable[Periodic]) -> None:
    due = dict.fromkeys(jobs, timezone.now())
    _repeat(stop, _PERIODIC_PAUSE_S, lambda: run_due(due, stop))


def run_due(due: dict[Periodic, datetime], stop: threading.Event) -> None:
    """Runs the jobs whose time has come and notes in `due` when each is to run next."""
    for job, at in list(due.items()):
        now = timezone.now()
        if now >= at and not stop.is_set():
            due[job] = now + job.every
            _guarded(job.name, partial(job.run, now))


def _repeat(stop: threading.Event, pause_s: float, work: Callable[[], None]) -> None:
    name = threading.current_thread().name
    while not stop.is_set():
        _guarded(name, work)
        stop.wait(pause_s)
    connections.close_all()


def _guarded(name: str, work: Callable[[], None]) -> None:
    """One failure ends neither this loop nor another: it is logged with its traceback and tried again in its turn."""
    close_old_connections()
    try:
        work()
    except Exception:  # whatever a job raises, a locked database included
        log.exception("failed; it will be tried again", job=name)
        connections.close_all()


class _Worker(Worker):  # type: ignore[misc]
    """The worker of django-tasks without signal handlers, which belong to the main thread."""

    def __init__(self) -> None:
        super().__init__(
            queue_names=["*"],
            excluded_queue_names=[],
            interval=1.0,
            batch=False,
            backend_name="default",
            startup_delay=False,
            max_tasks=None,
            worker_id=f"tasks-{token_hex(8)}",
        )
