"""Runs tests on a PostgreSQL of their own: `python -m tests.on_postgres [pytest's arguments]`.

Without arguments: everything that keeps state in the database and needs no browser and no other server; of the
engine, which is slow, its ways through the database.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.services import postgres

STATE = (
    "tests/people", "tests/web", "tests/registry", "tests/vos", "tests/feeds", "tests/subscriptions", "tests/selection",
    "tests/api", "tests/availability/profiles", "tests/availability/publishing", "tests/availability/recomputations",
    "tests/availability/reports", "tests/availability/test_compute.py",
    *(f"tests/probes/test_engine.py::{name}" for name in (
        "test_it_runs_what_is_due_and_stores_what_it_said",
        "test_what_was_measured_is_stored_when_it_is_told_to_stop",
        "test_who_asked_is_told_when_the_test_leaves_the_profile_before_it_runs",
    )),
)  # fmt: skip
#: Long, and no other on another database: random requests, and a client in an environment of its own.
LEFT_OUT = ("tests/api/test_openapi.py", "tests/api/gocdb/test_fedcloudclient.py")


def main(arguments: list[str]) -> int:
    """pytest's exit status."""
    wanted = arguments or ["-n", "2", "--dist", "loadgroup", *STATE, *(f"--ignore={name}" for name in LEFT_OUT)]
    with tempfile.TemporaryDirectory(prefix="gridkeeper-postgres-") as folder, postgres(Path(folder)) as url:
        environment = os.environ | {"TEST_DATABASE_URL": url}
        return subprocess.run([sys.executable, "-m", "pytest", *wanted], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
