"""Every native check is run against listeners on loopback."""

import pytest

from gridkeeper.probes.native import Target
from gridkeeper.probes.native.basic import BASIC
from tests.probes.native.servers import Authority


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"denied_networks": []})


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def check():
    """Runs a check by name against a service on a port of loopback."""

    async def run(
        name, service_port, /, *, timeout_s=5.0, hostname="ce.example.org", address="127.0.0.1", url="", **arguments
    ):
        one = BASIC[name]
        target = Target(hostname, address, service_port, url)
        return await one.run(target, one.parse(arguments), timeout_s)

    return run
