"""Every kind of job is run against computing elements on loopback."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gridkeeper.probes.jobs.adapters import adapter_named
from gridkeeper.probes.jobs.orders import Rider
from gridkeeper.probes.jobs.round_trip import run_job
from gridkeeper.probes.native import Target
from gridkeeper.probes.native.check import Handed
from gridkeeper.probes.spawning import close_spawner
from tests.realm.arc import arc_ce


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"denied_networks": []})


@pytest.fixture(scope="session")
def ce():
    """A real ARC CE. Not below pytest's own folder: other users must get in, which the next pytest would forbid."""
    with tempfile.TemporaryDirectory(prefix="gridkeeper-arc-") as folder, arc_ce(Path(folder)) as running:
        yield running


@pytest.fixture
def arc_job(ce):
    """Sends a job through it."""

    async def run(riders=("wn",), *, timeout_s=40.0, proxy=None, **arguments):
        adapter = adapter_named("arc")
        return await run_job(
            adapter, Target("localhost", "127.0.0.1", ce.port, ce.url),
            adapter.arguments(ca_file=str(ce.authority.folder), **arguments),
            vo="lhcb", riders=[Rider(f"CE-{name}", name) for name in riders], timeout_s=timeout_s,
            now=datetime.now(UTC), credential=Handed(str(proxy or ce.authority.proxy(ce.user))),
        )  # fmt: skip

    return run


@pytest.fixture
async def fork_job():
    """Sends a job to this machine."""

    async def run(*riders, timeout_s=30.0, **arguments):
        adapter = adapter_named("fork")
        return await run_job(
            adapter,
            Target("localhost"),
            adapter.arguments(**arguments),
            vo="lhcb",
            riders=riders,
            timeout_s=timeout_s,
            now=datetime.now(UTC),
        )

    yield run
    close_spawner()
