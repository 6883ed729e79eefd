"""The authority's list of revoked certificates (CRL, RFC 5280 section 5): reachable, signed, fresh, host not on it."""

from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from gridkeeper.core.status import Status
from gridkeeper.core.units import format_duration
from gridkeeper.probes.native.check import Arguments, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.connect import port_of
from gridkeeper.probes.native.http_client import Request, follow
from gridkeeper.probes.native.starttls import DEFAULT_PORTS
from gridkeeper.probes.native.tls import TlsArguments, connect_verified

_MOST_BYTES = 64 << 20


class RevocationArguments(Arguments, frozen=True, kw_only=True):
    """url: of the list; "" takes the one that the server's certificate names.

    warning_left_s: before the list must be renewed; later than that is critical
    warning_age_days: since it was made, 0 leaves that out
    ca_file, starttls: as of `tls`
    """

    url: str = ""
    warning_left_s: int = 86_400
    warning_age_days: float = 0
    ca_file: str = ""
    starttls: str = ""


async def check_revocations(target: Target, arguments: RevocationArguments, run: Run) -> Outcome:
    """Judges the list that `url` or the server's certificate names."""
    chain: list[x509.Certificate] = []
    if not arguments.url:
        chain = await _chain(target, arguments, run)
    url = arguments.url or _named_in(chain[0])
    crl = await _fetched(target, url, run)
    issuer = chain[1] if len(chain) > 1 else None
    if issuer is not None:
        _require_signed(crl, issuer, url)
    if chain and crl.get_revoked_certificate_by_serial_number(chain[0].serial_number) is not None:
        raise CheckFailedError(
            Status.CRITICAL, f"the certificate of {target.hostname} (serial {chain[0].serial_number:x}) is revoked", url
        )
    return judge_list(crl, datetime.now(UTC), arguments, url)


async def _chain(target: Target, arguments: RevocationArguments, run: Run) -> list[x509.Certificate]:
    limits = TlsArguments(ca_file=arguments.ca_file, starttls=arguments.starttls)
    port = port_of(target, arguments.port, DEFAULT_PORTS.get(arguments.starttls, 443))
    stream = await connect_verified(target, port, run, limits)
    try:
        return [x509.load_der_x509_certificate(one) for one in stream.chain or [stream.certificate]]
    finally:
        stream.close()


def _named_in(certificate: x509.Certificate) -> str:
    """The first http URL of its distribution points. Raises CheckFailedError where there is none."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        points = None
    for point in points or ():
        for name in point.full_name or ():
            if isinstance(name, x509.UniformResourceIdentifier) and name.value.startswith(("http://", "https://")):
                return name.value
    raise CheckFailedError(Status.UNKNOWN, "the certificate names no list of revoked ones; give the test a `url`")


async def _fetched(target: Target, url: str, run: Run) -> x509.CertificateRevocationList:
    response = await follow(target, Request("GET", url, most_bytes=_MOST_BYTES), run)
    if response.status != 200:
        raise CheckFailedError(Status.CRITICAL, f"the list of revoked certificates: HTTP {response.status} from {url}")
    if response.is_cut:
        raise CheckFailedError(Status.UNKNOWN, f"the list of revoked certificates at {url} is longer than 64 MiB")
    try:
        if response.body.lstrip().startswith(b"-----BEGIN"):
            return x509.load_pem_x509_crl(response.body)
        return x509.load_der_x509_crl(response.body)
    except ValueError as error:
        text = f"what {url} gives is no list of revoked certificates"
        raise CheckFailedError(Status.CRITICAL, text, f"{error}\n{response.text[:500]}") from error


def _require_signed(crl: x509.CertificateRevocationList, issuer: x509.Certificate, url: str) -> None:
    try:
        is_valid = crl.issuer == issuer.subject and crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise CheckFailedError(Status.UNKNOWN, f"the signature of {url} cannot be verified: {error}") from error
    if not is_valid:
        name = issuer.subject.rfc4514_string()
        raise CheckFailedError(Status.CRITICAL, f"the list of revoked certificates at {url} is not signed by {name}")


def judge_list(crl: x509.CertificateRevocationList, now: datetime, arguments: RevocationArguments, url: str) -> Outcome:
    """OK, WARNING or CRITICAL by age and by the time until the next one must be there."""
    age_s = (now - crl.last_update_utc).total_seconds()
    made = f"made {crl.last_update_utc:%Y-%m-%d %H:%M} UTC"
    output = f"{url}\nissuer: {crl.issuer.rfc4514_string()}\n{made}\nrevoked: {len(crl)}"
    perfdata = f"age={age_s:.0f}s revoked={len(crl)};;;0"
    if crl.next_update_utc is None:
        return Outcome(
            Status.WARNING, f"the list of revoked certificates, {made}, does not say until when", output, perfdata
        )
    left_s = (crl.next_update_utc - now).total_seconds()
    perfdata = f"{perfdata} left={left_s:.0f}s;{arguments.warning_left_s}:;0:"
    until = f"{crl.next_update_utc:%Y-%m-%d %H:%M} UTC"
    if age_s < -300:
        return Outcome(
            Status.CRITICAL, f"the list of revoked certificates is not valid before {made[5:]}", output, perfdata
        )
    if left_s <= 0:
        text = f"the list of revoked certificates expired {format_duration(-left_s)} ago, {until}"
        return Outcome(Status.CRITICAL, text, output, perfdata)
    text = f"the list of revoked certificates is {format_duration(max(0.0, age_s))} old, valid until {until}"
    is_old = bool(arguments.warning_age_days) and age_s > arguments.warning_age_days * 86_400
    status = Status.WARNING if is_old or left_s < arguments.warning_left_s else Status.OK
    return Outcome(status, text, output, perfdata)
