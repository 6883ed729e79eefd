"""DNS: a name resolves, to what is expected, at the system's resolvers or at a named server."""

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import Arguments, Check, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.connect import address_of


class DnsArguments(Arguments, frozen=True, kw_only=True):
    """name: "" asks for the target's host name; server: a resolver to ask, at `port` (53); expect: values."""

    name: str = ""
    type: str = "A"
    server: str = ""
    expect: tuple[str, ...] = ()


async def _check(target: Target, arguments: DnsArguments, run: Run) -> Outcome:
    name = arguments.name or target.hostname
    server = await address_of(arguments.server, _given(target, arguments.server), run) if arguments.server else ""
    try:
        question = dns.name.from_text(name), dns.rdatatype.from_text(arguments.type)
    except (dns.exception.DNSException, ValueError) as error:
        raise CheckFailedError(Status.UNKNOWN, f"{arguments.type} of {name} cannot be asked for: {error}") from error
    with run.doing(f"asking {server or 'the resolvers of this machine'} for {arguments.type} of {name}"):
        try:
            resolver = _resolver(server, arguments.port, run.timeout_s)
            answer = await resolver.resolve(*question)
        except dns.resolver.NXDOMAIN as error:
            raise CheckFailedError(Status.CRITICAL, f"the name {name} does not exist") from error
        except dns.resolver.NoAnswer as error:
            raise CheckFailedError(Status.CRITICAL, f"{name} has no {arguments.type} record") from error
        except dns.exception.Timeout as error:
            raise TimeoutError from error
        except dns.exception.DNSException as error:
            raise CheckFailedError(Status.CRITICAL, f"{name}: {error}") from error
    values = sorted(item.to_text() for item in answer)
    missing = [value for value in arguments.expect if value not in values]
    if missing:
        raise CheckFailedError(Status.CRITICAL, f"{name} is {', '.join(values)}, not {', '.join(missing)}")
    return Outcome(Status.OK, f"{name} is {', '.join(values)}", f"TTL {answer.rrset.ttl if answer.rrset else 0} s")


def _given(target: Target, server: str) -> str:
    """The service itself may be the server: then its registered address counts."""
    return target.address if server == target.hostname else ""


def _resolver(server: str, port: int, timeout_s: float) -> dns.asyncresolver.Resolver:
    resolver = dns.asyncresolver.Resolver(configure=not server)
    if server:
        resolver.nameservers = [server]
        resolver.port = port or 53
    resolver.lifetime = timeout_s
    return resolver


DNS = Check("dns", DnsArguments, _check)
