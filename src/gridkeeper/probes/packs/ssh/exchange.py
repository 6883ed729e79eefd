"""The exchange of keys with an SSH server, by asyncssh. Imported when it is first needed: that takes a second."""

import socket
from collections.abc import Sequence

import asyncssh

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import FAILURES, CheckFailedError, Outcome

#: Keys that can be forged, or nearly (RFC 9142, NIST SP 800-131A).
_WEAK = frozenset({"ssh-dss"})
_FEWEST_RSA_BITS = 2048
# It would say several lines about every connection.
asyncssh.set_log_level("WARNING")


async def exchanged(made: socket.socket, algorithms: Sequence[str]) -> asyncssh.SSHKey:
    """The key that the server proved to have. Raises CheckFailedError."""
    try:
        # No configuration of whoever runs this, and no algorithm that it would choose.
        key = await asyncssh.get_server_host_key(sock=made, config=None, server_host_key_algs=algorithms)
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


def judge(key: asyncssh.SSHKey, fingerprints: Sequence[str]) -> Outcome:
    fingerprint = key.get_fingerprint()
    algorithm = key.get_algorithm()
    output = f"{algorithm} {fingerprint}"
    if fingerprints and fingerprint not in fingerprints:
        wanted = " or ".join(fingerprints)
        text = f"the host key has changed: it is {fingerprint} ({algorithm}), wanted {wanted}"
        raise CheckFailedError(Status.CRITICAL, text, output)
    bits = getattr(getattr(key, "pyca_key", None), "key_size", 0)
    if algorithm in _WEAK or (algorithm == "ssh-rsa" and 0 < bits < _FEWEST_RSA_BITS):
        raise CheckFailedError(
            Status.WARNING, f"the host key is weak: {algorithm} of {bits} bits, {fingerprint}", output
        )
    known = " as wanted" if fingerprints else ""
    return Outcome(Status.OK, f"host key {fingerprint} ({algorithm}){known}", output)
