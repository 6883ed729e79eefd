"""Hooks of the web role's gunicorn; `gridkeeper web` names this module as its configuration."""

import logging
import os
import sys
from typing import Any


def worker_exit(_server: Any, worker: Any) -> None:
    """Ends a web process that has finished in order, without taking the interpreter apart.

    In a forked process that is a race which now and then has DuckDB's binding print pages of "leaked instance" on the
    console. Everything that is kept is in the database by then. A worker that failed goes gunicorn's own way.
    """
    error = sys.exc_info()[1]
    has_finished = isinstance(error, SystemExit) and error.code in {0, None}
    if worker.booted and has_finished:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
