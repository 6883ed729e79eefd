"""What a command imports before it does anything: each takes up to two seconds, which cron pays at every start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from gridkeeper.cli.main import COMMANDS, build_app

#: What the lake is read and written with, and what single checks need.
HEAVY = ("asyncssh", "deltalake", "dns", "duckdb", "httpx", "ibis", "pandas", "pyarrow")

_PROGRAM = """
import sys, django
django.setup()
from gridkeeper.cli.main import build_app
build_app()
print(*sorted(sys.modules))
"""


def test_the_command_line_starts_without_the_lake_and_without_the_checks(tmp_path: Path) -> None:
    own = {"DJANGO_SETTINGS_MODULE": "gridkeeper.settings", "GRIDKEEPER_DATA_DIR": str(tmp_path)}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRIDKEEPER_")} | own
    done = subprocess.run([sys.executable, "-c", _PROGRAM], env=environment, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    imported = set(done.stdout.split())
    assert "gridkeeper.probes.lake_commands" in imported
    assert imported.isdisjoint(HEAVY)


@pytest.mark.parametrize("module", COMMANDS)
def test_the_table_of_commands_names_what_each_module_adds(module: str) -> None:
    for name in COMMANDS[module]:
        assert set(get_command(build_app(name)).commands) == set(COMMANDS[module])
