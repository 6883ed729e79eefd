"""SSH: the server proves with its host key that it is the one that is known; nobody logs in."""

import asyncio
import importlib
import socket

from gridkeeper.probes.native.check import Arguments, Check, Outcome, Run, Target
from gridkeeper.probes.native.connect import address_of, port_of


class HostKeyArguments(Arguments, frozen=True, kw_only=True):
    """fingerprints: accepted, as `ssh-keygen -lf` prints them ("SHA256:..."); none: any key; algorithms: asked for."""

    fingerprints: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ()


async def _host_key(target: Target, arguments: HostKeyArguments, run: Run) -> Outcome:
    await asyncio.to_thread(importlib.import_module, f"{__name__}.exchange")
    from gridkeeper.probes.packs.ssh.exchange import exchanged, judge

    port = port_of(target, arguments.port, 22)
    address = await address_of(target.hostname, target.address, run)
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    made.setblocking(False)
    try:
        with run.doing(f"connecting to {address} port {port}"):
            await asyncio.get_running_loop().sock_connect(made, (address, port))
        with run.doing("exchanging keys with the SSH server"):
            key = await exchanged(made, arguments.algorithms)
    finally:
        made.close()
    return judge(key, arguments.fingerprints)


CHECKS = (Check("ssh-host-key", HostKeyArguments, _host_key),)
