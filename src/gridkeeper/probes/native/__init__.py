"""Checks that run in process: no fork, one coroutine each.

`CHECKS` names them. A check takes a Target, its own arguments (a struct that refuses what it does not know) and a
deadline, and gives an Outcome; what goes wrong on the way is an Outcome with the cause in words, not an exception.
"""

from gridkeeper.probes.native.check import Check, CheckArgumentError, Outcome, Target
from gridkeeper.probes.native.dns import DNS
from gridkeeper.probes.native.http import HTTP
from gridkeeper.probes.native.ssh import SSH
from gridkeeper.probes.native.tcp import TCP
from gridkeeper.probes.native.tls import TLS

CHECKS: dict[str, Check] = {check.name: check for check in (TCP, HTTP, TLS, DNS, SSH)}

__all__ = ["CHECKS", "Check", "CheckArgumentError", "Outcome", "Target"]
