"""DNS: a name resolves, to what is expected, at the system's resolvers or at a named server."""

import dns.asyncresolver
import dns.exception
import dns.rdatatype
import dns.resolver

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import Arguments, Check, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.connect import require_allowed


class DnsArguments(Arguments, frozen=True, kw_only=True):
    """name: "" asks for the target's host name; server: address of a resolver, at `port` (53); expect: values."""

    name: str = ""
    type: str = "A"
    server: str = ""
    expect: tuple[str, ...] = ()


async def _check(target: Target, arguments: DnsArguments, run: Run) -> Outcome:
    name = arguments.name or target.hostname
    resolver = dns.asyncresolver.Resolver(configure=not arguments.server)
    if arguments.server:
        require_allowed(arguments.server)
        resolver.nameservers = [arguments.server]
        resolver.port = arguments.port or 53
    resolver.lifetime = run.timeout_s
    with run.doing(f"asking for {arguments.type} of {name}"):
        try:
            answer = await resolver.resolve(name, dns.rdatatype.from_text(arguments.type))
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


DNS = Check("dns", DnsArguments, _check)
