"""Certificates of a CA that lives as long as a test: good ones, and every bad kind."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_OIDS = {"DC": NameOID.DOMAIN_COMPONENT, "O": NameOID.ORGANIZATION_NAME, "CN": NameOID.COMMON_NAME}


@dataclass(frozen=True)
class Files:
    """PEM files of a certificate and its key."""

    certificate: Path
    key: Path


class Authority:
    """A certification authority."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, _name((("DC", "org"), ("CN", name)))
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        signed = self._builder(self.name, self.key, days=30).add_extension(x509.BasicConstraints(True, 0), True)
        self.file.write_bytes(_pem(signed.sign(self.key, hashes.SHA256())))

    def issue(self, *subject: tuple[str, str], days: int = 1, host: str = "") -> Files:
        """A certificate for `days` from now; a negative number is one that has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(_name(subject), key, days)
        if host:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), False)
        stem = f"{len(list(self.folder.iterdir()))}"
        files = Files(self.folder / f"{stem}.crt", self.folder / f"{stem}.key")
        files.certificate.write_bytes(_pem(builder.sign(self.key, hashes.SHA256())))
        formats = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, *formats))
        return files

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: int) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days))
        )


def _name(parts: tuple[tuple[str, str], ...]) -> x509.Name:
    return x509.Name([x509.NameAttribute(_OIDS[kind], value) for kind, value in parts])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
