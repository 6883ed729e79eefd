"""The client certificate behind a request: from a proxy that we trust, or from our own TLS connection.

Both ways are off unless they are configured (docs/administration.md). A certificate that is there and not in order is
an error with its reason, never just "nobody".
"""

from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any

import structlog
from cryptography import x509
from django.conf import settings
from django.http import HttpRequest

from gridkeeper.people.distinguished_names import DistinguishedNameError, canonical_dn, subject_of

log = structlog.get_logger(__name__)

#: Where gunicorn keeps the connection of a request; a header cannot set it, for those begin with HTTP_.
_CONNECTION = "gunicorn.socket"


class CertificateError(Exception):
    """A certificate was shown, and it opens nothing; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """subject: its canonical spelling (people.distinguished_names)"""

    subject: str


def is_offered() -> bool:
    """True where this installation takes certificates at all."""
    return bool(settings.GRIDKEEPER.client_dn_header or settings.GRIDKEEPER.tls_client_ca)


def certificate_of(request: HttpRequest, now: datetime) -> Certificate | None:
    """The verified certificate of the client; None where it showed none.

    Raises CertificateError where one was shown that is not in order, and for a proxy's header from somebody else.
    """
    subject = _of_proxy(request) or _of_connection(request, now)
    return Certificate(subject) if subject else None


def _of_proxy(request: HttpRequest) -> str:
    config = settings.GRIDKEEPER
    if not config.client_dn_header:
        return ""
    sent = request.headers.get(config.client_dn_header, "").strip()
    result = request.headers.get(config.client_verify_header, "").strip()
    if not sent and result in {"", "NONE"}:
        return ""
    if not _is_trusted(request.META.get("REMOTE_ADDR", "")):
        log.warning(
            "certificate header from a stranger", address=request.META.get("REMOTE_ADDR", ""), path=request.path
        )
        raise CertificateError(f"the header {config.client_dn_header} is for our proxy alone; leave it out")
    if result == "NONE":
        return ""
    if result != "SUCCESS":
        raise CertificateError(_in_words(result))
    return _canonical(sent)


def _is_trusted(address: str) -> bool:
    try:
        peer = ip_address(address)
    except ValueError:
        return False
    peer = getattr(peer, "ipv4_mapped", None) or peer
    return any(peer in network for network in settings.GRIDKEEPER.trusted_proxies)


def _in_words(result: str) -> str:
    reason = result.partition(":")[2].strip()[:200] or "it was not verified"
    remedy = "renew it" if "expired" in reason else "use one of a CA that this installation trusts"
    return f"your certificate was not accepted: {reason}; {remedy}"


def _canonical(subject: str) -> str:
    try:
        return canonical_dn(subject)
    except DistinguishedNameError as error:
        raise CertificateError(f"the subject of your certificate cannot be read: {error}") from error


def _of_connection(request: HttpRequest, now: datetime) -> str:
    """OpenSSL has verified the chain when the connection was made, and refused what is not in order then."""
    connection: Any = request.META.get(_CONNECTION)
    if settings.GRIDKEEPER.tls_client_ca is None or not hasattr(connection, "getpeercert"):
        return ""
    encoded = connection.getpeercert(binary_form=True)
    if not encoded:
        return ""
    certificate = x509.load_der_x509_certificate(encoded)
    if now >= certificate.not_valid_after_utc:  # a connection may outlive it
        raise CertificateError(_in_words("FAILED:certificate has expired"))
    try:
        return subject_of(certificate)
    except DistinguishedNameError as error:
        raise CertificateError(str(error)) from error
