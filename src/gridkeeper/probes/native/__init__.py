"""Checks that run in process: no fork, one coroutine each.

A check takes a Target, its own arguments (a struct that refuses what it does not know) and a deadline, and gives an
Outcome; what goes wrong on the way is an Outcome with the cause in words, not an exception. The basic ones live here;
the others come with the packs (`gridkeeper.probes.packs`), and `gridkeeper.probes.checks` names them all.
"""

from gridkeeper.probes.native.check import Check, CheckArgumentError, Outcome, Target
from gridkeeper.probes.native.dns import DNS
from gridkeeper.probes.native.http import HTTP
from gridkeeper.probes.native.ldap import LDAP
from gridkeeper.probes.native.ssh import SSH
from gridkeeper.probes.native.tcp import TCP
from gridkeeper.probes.native.tls import TLS

BASIC: dict[str, Check] = {check.name: check for check in (TCP, HTTP, TLS, DNS, SSH, LDAP)}

__all__ = ["BASIC", "Check", "CheckArgumentError", "Outcome", "Target"]
