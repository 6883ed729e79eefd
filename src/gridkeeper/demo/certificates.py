"""The demo's certification authority and the certificates of its services: good, expiring, expired."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gridkeeper.demo.topology import DemoSite

CA_FILE = "ca.pem"
#: How long each kind of certificate is valid, from the start of the demo: from, until.
VALIDITY: dict[str, tuple[timedelta, timedelta]] = {
    "good": (timedelta(days=-30), timedelta(days=335)),
    "expiring": (timedelta(days=-358), timedelta(days=7)),
    "expired": (timedelta(days=-368), timedelta(days=-3)),
}


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "gridkeeper demo"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


class Authority:
    """A certification authority that lives as long as the demo runs; its key is never written."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self._folder = folder
        self._now = now
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._sign_itself()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CA_FILE).write_bytes(_pem(self._certificate))

    def _sign_itself(self) -> x509.Certificate:
        name = _name("Demo CA")
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - timedelta(days=730))
            .not_valid_after(self._now + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def issue(self, site: DemoSite) -> None:
        """Writes `good.pem`, `expiring.pem` and `expired.pem` (key and chain) into the site's folder."""
        folder = self._folder / site.slug
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        hosts = {service.hostname for service in site.services}
        for kind, (start, end) in VALIDITY.items():
            certificate = self._sign(key, sorted(hosts), self._now + start, self._now + end)
            path = folder / f"{kind}.pem"
            path.touch(mode=0o600)
            path.write_bytes(private + _pem(certificate) + _pem(self._certificate))

    def _sign(
        self, key: ec.EllipticCurvePrivateKey, hosts: Iterable[str], start: datetime, end: datetime
    ) -> x509.Certificate:
        names = list(hosts)
        return (
            x509.CertificateBuilder()
            .subject_name(_name(names[0]))
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=signs_certificates, crl_sign=signs_certificates, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def make_certificates(folder: Path, sites: Iterable[DemoSite]) -> None:
    """A new authority and certificates for all sites. They are made anew at every start: nothing of them is kept."""
    authority = Authority(folder, datetime.now(UTC).replace(microsecond=0))
    for site in sites:
        authority.issue(site)
