"""Installations for the command line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with all tables and nothing else, to be copied: making the tables takes several seconds."""
    folder = tmp_path_factory.mktemp("migrated") / "data"
    names = [name for name in os.environ if not name.startswith(("GRIDKEEPER_", "DJANGO_"))]
    environment = {name: os.environ[name] for name in names} | {"GRIDKEEPER_DATA_DIR": str(folder)}
    subprocess.run([sys.executable, "-m", "gridkeeper.cli.main", "migrate"], env=environment, check=True, timeout=200)
    return folder
