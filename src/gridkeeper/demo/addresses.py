"""The demo's addresses on loopback: a network 127.N.0.0/16 for each demo that runs on this machine."""

import contextlib
import errno
import socket
from collections.abc import Iterator, Sequence

from gridkeeper.demo.state import DemoError
from gridkeeper.demo.topology import FIRST_NETWORK, LAST_NETWORK, DemoSite

#: Bound, and never listened on, while a demo runs: says to other demos that the network is taken.
CLAIM_PORT = 2119


@contextlib.contextmanager
def claimed(preferred: int | None) -> Iterator[int]:
    """A network that no other demo has while the context lasts; the preferred one where it is free.

    Raises DemoError where there is none: all are taken, or this system has only 127.0.0.1.
    """
    order = [number for number in range(FIRST_NETWORK, LAST_NETWORK + 1) if number != preferred]
    for number in [preferred, *order] if preferred else order:
        claim = socket.socket()
        try:
            claim.bind((f"127.{number}.255.254", CLAIM_PORT))
        except OSError as error:
            claim.close()
            if error.errno == errno.EADDRINUSE:
                continue
            raise DemoError(
                f"127.{number}.255.254 cannot be used: {error.strerror}. The demo needs all of 127.0.0.0/8 on "
                "loopback, as Linux has it; on other systems run it in a Linux container"
            ) from error
        with contextlib.closing(claim):
            yield number
        return
    raise DemoError(f"all networks 127.{FIRST_NETWORK} to 127.{LAST_NETWORK} are taken; stop one of the demos that run")


def require_free(sites: Sequence[DemoSite]) -> None:
    """Raises DemoError where something else listens on a port that a site needs, e.g. on all addresses."""
    for site in sites:
        for port in site.ports:
            with contextlib.closing(socket.socket()) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((site.address, port))
                except OSError as error:
                    text = f"{site.address} port {port} cannot be used: {error.strerror}"
                    raise DemoError(f"{text}; stop what listens there, or on that port of all addresses") from error
