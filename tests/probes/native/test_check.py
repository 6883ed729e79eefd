"""What all native checks have in common: arguments, denied networks, time limits."""

import pytest

from gridkeeper.core.status import Status
from gridkeeper.probes.native import CheckArgumentError
from gridkeeper.probes.native.basic import BASIC
from tests.probes.native.servers import listening, saying


def test_there_is_a_check_for_what_everything_has():
    assert sorted(BASIC) == ["dns", "http", "ldap", "ssh", "tcp", "tls"]


@pytest.mark.parametrize("name", BASIC)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"prot": 1}, "`prot`"),
        ({"port": "many"}, "`$.port`"),
        ({"port": [1]}, "`$.port`"),
        (["-p", "22"], "got `array`"),
        ("x", "got `str`"),
    ],
)
def test_it_rejects_arguments_that_it_does_not_know_and_names_those_that_it_takes(name, arguments, words):
    with pytest.raises(CheckArgumentError) as caught:
        BASIC[name].parse(arguments)
    assert words in str(caught.value)
    assert "it takes port, warning_s, critical_s" in str(caught.value)


def test_a_number_may_come_as_text_as_macros_make_it():
    assert BASIC["tcp"].parse({"port": "443", "warning_s": "0.5"}).port == 443


@pytest.mark.parametrize(
    ("networks", "hostname", "address", "words"),
    [
        (["127.0.0.0/8"], "ce.example.org", "127.0.0.1", "127.0.0.1 lies in 127.0.0.0/8"),
        (["127.0.0.0/8"], "127.0.0.5", "", "127.0.0.5 lies in 127.0.0.0/8"),
        (["127.0.0.0/8"], "localhost", "", "GRIDKEEPER_DENIED_NETWORKS forbids tests to reach"),
        (["127.0.0.0/8"], "ce.example.org", "::ffff:127.0.0.1", "lies in 127.0.0.0/8"),
        (["169.254.0.0/16"], "ce.example.org", "169.254.169.254", "169.254.169.254 lies in 169.254.0.0/16"),
        (["::1/128"], "ce.example.org", "::1%lo", "lies in ::1/128"),
    ],
)
@pytest.mark.parametrize("name", ["tcp", "http", "tls", "ssh"])
async def test_it_connects_to_no_denied_network(check, settings, name, networks, hostname, address, words):
    denied = type(settings.GRIDKEEPER)(denied_networks=[*networks, "::1/128"]).denied_networks
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"denied_networks": denied})
    connections = []

    async def answer(_reader, _writer):
        connections.append(1)

    async with listening(answer) as port:
        outcome = await check(name, port, hostname=hostname, address=address)
    assert (outcome.status, connections) == (Status.UNKNOWN, [])
    assert words in outcome.summary


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"address": "not an address"}, "UNKNOWN", "'not an address' is no IP address; correct it in the registry"),
        ({"address": "", "hostname": "no-such-host.invalid"}, "CRITICAL", "no-such-host.invalid cannot be looked up"),
        ({"address": "", "hostname": "a" * 70 + ".example"}, "CRITICAL", "cannot be looked up"),
        ({"address": "", "hostname": "a\0b"}, "CRITICAL", "cannot be looked up"),
    ],
)
async def test_an_address_that_is_none_is_said(check, fields, status, words):
    outcome = await check("tcp", 80, **fields)
    assert outcome.status.name == status
    assert words in outcome.summary


async def test_without_a_port_it_says_where_to_give_one(check):
    outcome = await check("tcp", 0)
    assert (outcome.status, outcome.summary) == (
        Status.UNKNOWN,
        "no port is known: give the test a `port`, or the service a URL with one",
    )


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        ({"warning_s": 60.0}, Status.OK),
        ({"warning_s": 0.0, "critical_s": 60.0}, Status.WARNING),
        ({"warning_s": 0.0, "critical_s": 0.0}, Status.CRITICAL),
    ],
)
async def test_slow_is_a_warning_or_critical_by_its_limits(check, limits, status):
    async with listening(saying(b"hello")) as port:
        outcome = await check("tcp", port, **limits)
    assert outcome.status == status
    assert outcome.summary.startswith("slow: ") is (status != Status.OK)
    assert outcome.perfdata.startswith("time=0.")
