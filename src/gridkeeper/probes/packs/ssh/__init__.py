"""SSH: the server proves with its host key that it is the one that is known; nobody logs in."""

import asyncio
import socket

import asyncssh

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import FAILURES, Arguments, Check, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.connect import address_of, port_of

#: Keys that can be forged, or nearly (RFC 9142, NIST SP 800-131A).
_WEAK = frozenset({"ssh-dss"})
_FEWEST_RSA_BITS = 2048
# It would say several lines about every connection.
asyncssh.set_log_level("WARNING")


class HostKeyArguments(Arguments, frozen=True, kw_only=True):
    """fingerprints: accepted, as `ssh-keygen -lf` prints them ("SHA256:..."); none: any key; algorithms: asked for."""

    fingerprints: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ()


async def _host_key(target: Target, arguments: HostKeyArguments, run: Run) -> Outcome:
    port = port_of(target, arguments.port, 22)
    address = await address_of(target.hostname, target.address, run)
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    made.setblocking(False)
    try:
        with run.doing(f"connecting to {address} port {port}"):
            await asyncio.get_running_loop().sock_connect(made, (address, port))
        with run.doing("exchanging keys with the SSH server"):
            key = await _exchanged(made, arguments)
    finally:
        made.close()
    return _judge(key, arguments)


async def _exchanged(made: socket.socket, arguments: HostKeyArguments) -> asyncssh.SSHKey:
    """The key that the server proved to have. Raises CheckFailedError."""
    try:
        # No configuration of whoever runs this, and no algorithm that it would choose.
        key = await asyncssh.get_server_host_key(
            sock=made, config=None, server_host_key_algs=arguments.algorithms or ()
        )
    except asyncssh.KeyExchangeFailed as error:
        text = f"no algorithm in common with the SSH server: {error.reason}"
        raise CheckFailedError(Status.CRITICAL, text[:400]) from error
    except FAILURES:
        raise
    except Exception as error:  # the library hands on whatever its parsers raise for hostile bytes
        text = f"the SSH server did not exchange keys: {getattr(error, 'reason', '') or error}"
        raise CheckFailedError(Status.CRITICAL, text[:400]) from error
    if key is None:
        raise CheckFailedError(Status.CRITICAL, "the SSH server shows no host key")
    return key


def _judge(key: asyncssh.SSHKey, arguments: HostKeyArguments) -> Outcome:
    fingerprint = key.get_fingerprint()
    algorithm = key.get_algorithm()
    output = f"{algorithm} {fingerprint}"
    if arguments.fingerprints and fingerprint not in arguments.fingerprints:
        wanted = " or ".join(arguments.fingerprints)
        text = f"the host key has changed: it is {fingerprint} ({algorithm}), wanted {wanted}"
        raise CheckFailedError(Status.CRITICAL, text, output)
    bits = getattr(getattr(key, "pyca_key", None), "key_size", 0)
    if algorithm in _WEAK or (algorithm == "ssh-rsa" and 0 < bits < _FEWEST_RSA_BITS):
        raise CheckFailedError(
            Status.WARNING, f"the host key is weak: {algorithm} of {bits} bits, {fingerprint}", output
        )
    known = " as wanted" if arguments.fingerprints else ""
    return Outcome(Status.OK, f"host key {fingerprint} ({algorithm}){known}", output)


CHECKS = (Check("ssh-host-key", HostKeyArguments, _host_key),)
