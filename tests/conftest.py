"""What every test may rely on."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache

# The browser driver keeps an event loop in this thread, which Django would take for an async view.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"


@pytest.fixture(scope="session", autouse=True)
def _remove_data_folder() -> Iterator[None]:
    yield
    shutil.rmtree(settings.GRIDKEEPER.data_dir, ignore_errors=True)


@pytest.fixture(autouse=True)
def _empty_lake() -> Iterator[None]:
    """Each test begins with an empty lake, as it does with an empty database."""
    yield
    shutil.rmtree(Path(settings.GRIDKEEPER.lake), ignore_errors=True)


@pytest.fixture(autouse=True)
def _nothing_counted() -> Iterator[None]:
    """Attempts to sign in are counted by address and name: those of another test do not count."""
    yield
    cache.clear()
