"""Connecting to a target: the address is found once, compared with the denied networks, and used as it is."""

import asyncio
import ssl
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from django.conf import settings

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import CheckFailedError, Run, Target
from gridkeeper.probes.native.streams import PlainStream, TlsStream, open_plain, open_tls


def require_allowed(address: str) -> None:
    """Raises CheckFailedError where a setting forbids tests to reach the address (decision 0010)."""
    try:
        parsed = _parsed(address)
    except ValueError as error:
        raise CheckFailedError(Status.UNKNOWN, f"{address!r} is no IP address; correct it in the registry") from error
    for network in settings.GRIDKEEPER.denied_networks:
        if parsed in network:
            raise CheckFailedError(
                Status.UNKNOWN, f"{address} lies in {network}, which GRIDKEEPER_DENIED_NETWORKS forbids tests to reach"
            )


@lru_cache(maxsize=10_000)
def _parsed(address: str) -> IPv4Address | IPv6Address:
    """The address; one of IPv4 in the clothes of IPv6 as what it is."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        return parsed.ipv4_mapped
    return parsed


async def address_of(hostname: str, given: str, run: Run) -> str:
    """The address to connect to: the given one, else the first that DNS names. Checked against denied networks."""
    if given:
        require_allowed(given)
        return given
    try:
        ip_address(hostname)
    except ValueError:
        address = await _resolve(hostname, run)
    else:
        address = hostname
    require_allowed(address)
    return address


async def _resolve(hostname: str, run: Run) -> str:
    with run.doing(f"looking up {hostname}"):
        try:
            found = await asyncio.get_running_loop().getaddrinfo(hostname, None)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise CheckFailedError(Status.CRITICAL, f"the host name {hostname} cannot be looked up: {why}") from error
    return str(found[0][4][0])


def port_of(target: Target, wanted: int, default: int = 0) -> int:
    """The test's port, else the target's, else the default. Raises CheckFailedError where none is known."""
    port = wanted or target.port or default
    if not 0 < port < 65536:
        raise CheckFailedError(
            Status.UNKNOWN, "no port is known: give the test a `port`, or the service a URL with one"
        )
    return port


async def connect(target: Target, port: int, run: Run) -> PlainStream:
    """An open connection without TLS."""
    address = await address_of(target.hostname, target.address, run)
    with run.doing(f"connecting to {address} port {port}"):
        return await open_plain(address, port)


async def connect_tls(target: Target, port: int, run: Run, tls: ssl.SSLContext, server_name: str = "") -> TlsStream:
    """An open connection with TLS. server_name: that the certificate must bear; "" the target's host name."""
    address = await address_of(target.hostname, target.address, run)
    with run.doing(f"connecting by TLS to {address} port {port}"):
        return await open_tls(address, port, tls, server_name or target.hostname, run.timeout_s)
