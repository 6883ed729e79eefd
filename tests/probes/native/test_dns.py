"""DNS against a resolver of our own that answers as it is told."""

import asyncio
import socket
from contextlib import asynccontextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from tests.services import free_port


class _Resolver(asyncio.DatagramProtocol):
    def __init__(self, answer):
        self._answer = answer

    def connection_made(self, transport):
        self._transport = transport

    def datagram_received(self, data, address):
        answer = self._answer(data)
        if answer is not None:
            self._transport.sendto(answer, address)


@asynccontextmanager
async def resolving(answer):
    """A resolver on loopback that gives `answer(query bytes)`; yields its port."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Resolver(answer), ("127.0.0.1", 0), family=socket.AF_INET
    )
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


def _with(*records, rcode=dns.rcode.NOERROR):
    def answer(data):
        response = dns.message.make_response(dns.message.from_wire(data), recursion_available=True)
        response.set_rcode(rcode)
        response.answer += [dns.rrset.from_text(*record) for record in records]
        return response.to_wire()

    return answer


_A = ("ce.example.org.", 300, "IN", "A", "192.0.2.7")


@pytest.mark.parametrize(
    ("answer", "arguments", "status", "summary"),
    [
        (_with(_A), {}, "OK", "ce.example.org is 192.0.2.7"),
        (_with((*_A, "192.0.2.1")), {}, "OK", "ce.example.org is 192.0.2.1, 192.0.2.7"),
        (_with(_A), {"expect": ["192.0.2.7"]}, "OK", "ce.example.org is 192.0.2.7"),
        (_with(_A), {"expect": ["192.0.2.9"]}, "CRITICAL", "ce.example.org is 192.0.2.7, not 192.0.2.9"),
        (
            _with(("_grid.example.org.", 60, "IN", "SRV", "0 0 443 ce.example.org.")),
            {"name": "_grid.example.org", "type": "SRV"}, "OK", "_grid.example.org is 0 0 443 ce.example.org.",
        ),
        (_with(), {}, "CRITICAL", "ce.example.org has no A record"),
        (_with(rcode=dns.rcode.NXDOMAIN), {}, "CRITICAL", "the name ce.example.org does not exist"),
        (lambda _: None, {}, "CRITICAL", "timed out after 0.5 s while asking 127.0.0.1 for A of ce.example.org"),
        (lambda _: b"nonsense", {}, "CRITICAL", "timed out after 0.5 s while asking 127.0.0.1 for A of ce.example.org"),
    ],
)  # fmt: skip
async def test_an_answer_is_judged(check, answer, arguments, status, summary):
    async with resolving(answer) as port:
        outcome = await check("dns", 0, timeout_s=0.5, server="127.0.0.1", port=port, **arguments)
    assert (outcome.status.name, outcome.summary) == (status, summary)


async def test_a_resolver_that_refuses_is_said(check):
    async with resolving(_with(rcode=dns.rcode.SERVFAIL)) as port:
        outcome = await check("dns", 0, timeout_s=0.5, server="127.0.0.1", port=port)
    assert outcome.status.name == "CRITICAL"
    assert "SERVFAIL" in outcome.summary


async def test_the_service_itself_may_be_the_resolver(check):
    async with resolving(_with(_A)) as port:
        outcome = await check("dns", 0, server="ce.example.org", port=port)
    assert outcome.status.name == "OK"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ({"server": "no-such-host.invalid"}, "CRITICAL", "no-such-host.invalid cannot be looked up"),
        ({"server": "127.0.0.1", "type": "X"}, "UNKNOWN", "X of ce.example.org cannot be asked for: DNS"),
        ({"server": "127.0.0.1", "name": "a..b"}, "UNKNOWN", "A of a..b cannot be asked for: A DNS label is empty."),
        (
            {"server": "127.0.0.1", "name": "x" * 300},
            "UNKNOWN",
            "cannot be asked for: A DNS label is > 63 octets long.",
        ),
    ],
)
async def test_nonsense_is_said(check, arguments, status, words):
    outcome = await check("dns", 0, timeout_s=0.5, port=free_port(), **arguments)
    assert outcome.status.name == status
    assert words in outcome.summary


async def test_a_resolver_in_a_denied_network_is_not_asked(check, settings):
    denied = type(settings.GRIDKEEPER)(denied_networks=["127.0.0.0/8"]).denied_networks
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"denied_networks": denied})
    outcome = await check("dns", 0, server="127.0.0.1")
    assert outcome.status.name == "UNKNOWN"
    assert "127.0.0.1 lies in 127.0.0.0/8" in outcome.summary
