"""The basic checks by name. Apart from the package, whose values the models and commands use without DNS and TLS."""

from gridkeeper.probes.native.check import Check
from gridkeeper.probes.native.dns import DNS
from gridkeeper.probes.native.http import HTTP
from gridkeeper.probes.native.ldap import LDAP
from gridkeeper.probes.native.ssh import SSH
from gridkeeper.probes.native.tcp import TCP
from gridkeeper.probes.native.tls import TLS

BASIC: dict[str, Check] = {check.name: check for check in (TCP, HTTP, TLS, DNS, SSH, LDAP)}
