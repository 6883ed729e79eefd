"""Checks of packs are run against real services, and against listeners on loopback that misbehave."""

import pytest

from gridkeeper.probes.checks import check_named
from gridkeeper.probes.native import Target
from tests.probes.native.servers import Authority
from tests.realm.xrootd import xrootd


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
        name, service_port, /, *, timeout_s=5.0, hostname="localhost", address="127.0.0.1", url="", credential=None,
        **arguments,
    ):  # fmt: skip
        one = check_named(name)
        target = Target(hostname, address, service_port, url)
        return await one.run(target, one.parse(arguments), timeout_s, credential)

    return run


@pytest.fixture(scope="session")
def tls_xrootd(authority):
    """A real xrootd with TLS: roots://, https and third-party copies."""
    pair = authority.issue("localhost")
    with xrootd(pair=pair, ca_file=authority.file, lines="xrootd.tls capable session") as running:
        yield running
