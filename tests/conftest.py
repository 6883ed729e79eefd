"""What every test may rely on."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings
from django.core.cache import cache

# No test asserts a time, and a busy machine generates input slowly. The same code is tried with the same input, so that
# what fails has been broken by the change at hand; `make fuzz` tries other input each time.
hypothesis.settings.register_profile(
    "calm", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], derandomize=True
)
hypothesis.settings.register_profile(
    "fuzz", parent=hypothesis.settings.get_profile("calm"), derandomize=False, max_examples=1000, print_blob=True
)
hypothesis.settings.load_profile("fuzz" if "GRIDKEEPER_FUZZ" in os.environ else "calm")
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


#: Fixtures of pytest-django, and of ours, by which a test comes to the database.
_DATABASE_FIXTURES = {"db", "transactional_db", "live_server", "client", "admin_client"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On a database of their own (`tests.on_postgres`) only those tests run that touch one."""
    if not os.environ.get("TEST_DATABASE_URL"):
        return
    touching = [item for item in items if _touches_database(item)]
    kept = set(touching)
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = touching


def _touches_database(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("django_db") is not None or bool(fixtures & _DATABASE_FIXTURES)
