"""TLS: the chain is trusted, the name fits, no certificate of it expires soon; also after STARTTLS."""

import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID
from django.conf import settings

from gridkeeper.core.status import Status
from gridkeeper.core.units import format_duration
from gridkeeper.probes.native.check import Arguments, Check, CheckArgumentError, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.connect import port_of
from gridkeeper.probes.native.starttls import DEFAULT_PORTS, PROTOCOLS, connect_starttls
from gridkeeper.probes.native.streams import TlsStream

_GRADES = (Status.OK, Status.WARNING, Status.CRITICAL)


class TlsArguments(Arguments, frozen=True, kw_only=True):
    """warning_days, critical_days: before expiry, of the server's certificate and of those that signed it.

    ca_file: trusted certificates, PEM file or folder of hashed names; "" those of the settings, else the system's
    starttls: smtp, ftp, ldap or postgres, where TLS begins on a connection of that protocol
    """

    warning_days: float = 14
    critical_days: float = 3
    ca_file: str = ""
    server_name: str = ""
    starttls: str = ""

    def __post_init__(self) -> None:
        if self.starttls and self.starttls not in PROTOCOLS:
            raise CheckArgumentError(f"tls: starttls {self.starttls!r} is none of {', '.join(PROTOCOLS)}")


@lru_cache(maxsize=64)
def verifying_context(ca_file: str, stamp: float) -> ssl.SSLContext:
    """A client context that verifies chain and name; `stamp` is the file's time of change, so that it is read anew."""
    return _verifying(ca_file)


def _verifying(ca_file: str) -> ssl.SSLContext:
    """ca_file: PEM file, or a folder of hashed names as /etc/grid-security/certificates; "" the system's."""
    try:
        if ca_file and Path(ca_file).is_dir():
            return ssl.create_default_context(capath=ca_file)
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise CheckFailedError(Status.UNKNOWN, f"cannot read the CA file {ca_file}: {error}") from error


@lru_cache(maxsize=1)
def unverifying_context() -> ssl.SSLContext:
    """To look at a certificate that a verifying handshake refused."""
    return _unverifying()


def _unverifying() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def context_of(ca_file: str) -> ssl.SSLContext:
    """A context that trusts what the file or folder holds; "" what the settings name, else the system."""
    wanted = trusted(ca_file)
    path = Path(wanted)
    return verifying_context(wanted, path.stat().st_mtime if wanted and path.exists() else 0.0)


def trusted(ca_file: str) -> str:
    return ca_file or str(settings.GRIDKEEPER.trusted_certificates or "")


def own_context(ca_file: str) -> ssl.SSLContext:
    """A context that verifies chain and name and is kept nowhere, for whoever limits its versions."""
    return _verifying(trusted(ca_file))


def context_with(certificate: str, key: str = "", *, ca_file: str = "", verify: bool = True) -> ssl.SSLContext:
    """A context that also shows a certificate of ours. Kept nowhere: its key may belong to one run alone.

    certificate: PEM file with its chain, and with its key where `key` is "" (a proxy). Raises CheckFailedError.
    """
    context = _verifying(trusted(ca_file)) if verify else _unverifying()
    try:
        context.load_cert_chain(certificate, key or None, password=_no_password)
    except (OSError, ssl.SSLError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise CheckFailedError(Status.UNKNOWN, f"cannot use the client certificate {certificate}: {why}") from error
    return context


def _no_password() -> str:
    """Without it OpenSSL would ask at the terminal for the password of a locked key, and wait."""
    return ""


def certificate_of(stream: TlsStream) -> x509.Certificate:
    """The certificate that the server showed. Raises CheckFailedError where it is none."""
    try:
        return x509.load_der_x509_certificate(stream.certificate)
    except ValueError as error:
        raise CheckFailedError(Status.CRITICAL, f"the server's certificate cannot be read: {error}") from error


async def _check(target: Target, arguments: TlsArguments, run: Run) -> Outcome:
    port = port_of(target, arguments.port, DEFAULT_PORTS.get(arguments.starttls, 443))
    stream = await connect_verified(target, port, run, arguments)
    try:
        certificate = certificate_of(stream)
        chain = stream.chain
    finally:
        stream.close()
    now = datetime.now(UTC)
    return _with_chain(judge_expiry(certificate, now, arguments), chain, now, arguments)


async def connect_verified(target: Target, port: int, run: Run, arguments: TlsArguments) -> TlsStream:
    """A connection whose certificate is trusted, bears the name and is valid. Raises CheckFailedError where not."""
    context = context_of(arguments.ca_file)
    name = arguments.server_name
    try:
        return await connect_starttls(target, port, run, context, protocol=arguments.starttls, server_name=name)
    except ssl.SSLCertVerificationError as error:
        raise await refusal(target, port, run, error, name, arguments.starttls) from error


def _with_chain(outcome: Outcome, chain: list[bytes], now: datetime, arguments: TlsArguments) -> Outcome:
    """Worse where a certificate that signed the server's ends sooner than the limits allow."""
    for signer in chain[1:]:
        certificate = x509.load_der_x509_certificate(signer)
        judged = judge_expiry(certificate, now, arguments)
        if judged.status != Status.OK and outcome.status in {Status.OK, Status.WARNING}:
            name = certificate.subject.rfc4514_string()
            text = f"{outcome.summary}; that of its authority {name} {judged.summary.removeprefix('the certificate ')}"
            worse = max(outcome.status, judged.status, key=_GRADES.index)
            outcome = replace(outcome, status=worse, summary=text)
    return outcome


async def refusal(
    target: Target, port: int, run: Run, error: ssl.SSLCertVerificationError, server_name: str = "", starttls: str = ""
) -> CheckFailedError:
    """Why the server's certificate was refused: looks at it once more, without verifying, to say when it expired."""
    stream = await connect_starttls(
        target, port, run, unverifying_context(), protocol=starttls, server_name=server_name
    )  # fmt: skip
    try:
        certificate = certificate_of(stream)
    finally:
        stream.close()
    return refused(certificate, error, datetime.now(UTC))


def refused(certificate: x509.Certificate, error: ssl.SSLCertVerificationError, now: datetime) -> CheckFailedError:
    """Why that certificate was refused, in words; also for protocols that begin TLS in their own way."""
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
        expiry = judge_expiry(certificate, now, TlsArguments())
        return CheckFailedError(Status.CRITICAL, expiry.summary, expiry.output)
    why = error.verify_message or str(error)
    return CheckFailedError(Status.CRITICAL, f"the certificate is not trusted: {why}", describe(certificate))


def judge_expiry(certificate: x509.Certificate, now: datetime, arguments: TlsArguments) -> Outcome:
    """OK, WARNING or CRITICAL by the time that is left."""
    left = certificate.not_valid_after_utc - now
    when = f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    days = left / timedelta(days=1)
    limits = f"{arguments.warning_days:g}:;{arguments.critical_days:g}:"
    perfdata = f"lifetime={int(left.total_seconds())}s days={days:.2f};{limits}"
    output = describe(certificate)
    if certificate.not_valid_before_utc > now:
        begin = f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        return Outcome(Status.CRITICAL, f"the certificate is not valid before {begin}", output, perfdata)
    if days <= 0:
        ago = format_duration(-left.total_seconds())
        return Outcome(Status.CRITICAL, f"the certificate expired {ago} ago, {when}", output, perfdata)
    text = f"the certificate expires in {format_duration(left.total_seconds())}, {when}"
    status = Status.OK
    if days < arguments.critical_days:
        status = Status.CRITICAL
    elif days < arguments.warning_days:
        status = Status.WARNING
    return Outcome(status, text, output, perfdata)


def describe(certificate: x509.Certificate) -> str:
    """Subject, issuer, names, validity: what an administrator asks first."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = ", ".join(str(name.value) for name in extension.value)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        names = ", ".join(str(item.value) for item in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME))
    return "\n".join(
        [
            f"subject: {certificate.subject.rfc4514_string()}",
            f"issuer: {certificate.issuer.rfc4514_string()}",
            f"names: {names}",
            f"serial: {certificate.serial_number:x}",
            f"valid: {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} to "
            f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC",
        ]
    )


TLS = Check("tls", TlsArguments, _check)
