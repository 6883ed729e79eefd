"""Certificates: lifetime at every known endpoint of a service, and the list of revoked ones of their authority."""

from gridkeeper.probes.native.check import Check
from gridkeeper.probes.packs.tls.endpoints import EndpointsArguments, check_endpoints
from gridkeeper.probes.packs.tls.revocation import RevocationArguments, check_revocations

CHECKS = (
    Check("tls-endpoints", EndpointsArguments, check_endpoints),
    Check("tls-crl", RevocationArguments, check_revocations),
)
