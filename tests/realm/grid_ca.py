"""A grid CA for tests: a folder of trusted certificates as IGTF lays it out, robots, hosts and proxies."""

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

#: RFC 3820 section 3.8: proxyCertInfo with the policy "inherit all"; critical.
_PROXY_CERT_INFO = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.14")
_INHERIT_ALL = bytes.fromhex("300c300a06082b06010505071501")


@dataclass(frozen=True)
class Pair:
    """PEM files of a certificate and its key, and its subject as the grid writes it."""

    certificate: Path
    key: Path
    subject: str


class GridAuthority:
    """A certification authority; `folder` is what X509_CERT_DIR names."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._private = folder.parent / f"{folder.name}-private"
        self._private.mkdir()
        self._key = rsa.generate_private_key(65537, 2048)
        self._name = _name(name)
        builder = self._builder(self._name, self._key, days=30)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        signed = (
            builder.add_extension(x509.BasicConstraints(True, None), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / "ca.pem"
        self.file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        self._lay_out(name)

    def _lay_out(self, name: str) -> None:
        """Hashed names, which OpenSSL looks for, and the policy that Globus wants beside them."""
        words = ["openssl", "x509", "-noout", "-in", str(self.file)]
        for kind in ("-subject_hash", "-subject_hash_old"):
            found = subprocess.run([*words, kind], check=True, capture_output=True, text=True).stdout.strip()
            (self.folder / f"{found}.0").symlink_to(self.file.name)
            (self.folder / f"{found}.signing_policy").write_text(
                f"access_id_CA X509 '/DC=org/DC=gridkeeper/CN={name}'\npos_rights globus CA:sign\n"
                "cond_subjects globus '\"/DC=org/DC=gridkeeper/*\"'\n"
            )

    def issue(self, common_name: str, *, days: float = 5, host: str = "") -> Pair:
        """A certificate for so many days from now (negative: expired); for a server where `host` names one."""
        key = rsa.generate_private_key(65537, 2048)
        builder = self._builder(_name(common_name), key, days)
        if host:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        stem = f"{len(list(self._private.iterdir()))}-{common_name.replace('/', '-').replace(' ', '-')}"
        pair = Pair(self._private / f"{stem}.crt", self._private / f"{stem}.key", _dn(common_name))
        pair.certificate.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        _write_private(pair.key, _pem_of(key))
        return pair

    def proxy(self, of: Pair, *, hours: float = 12) -> Path:
        """A proxy of a certificate (RFC 3820) in one file, as grid tools expect it; negative hours: expired."""
        issuer = x509.load_pem_x509_certificate(of.certificate.read_bytes())
        signer = serialization.load_pem_private_key(of.key.read_bytes(), None)
        assert isinstance(signer, rsa.RSAPrivateKey)
        key = rsa.generate_private_key(65537, 2048)
        serial = x509.random_serial_number()
        subject = x509.Name([*issuer.subject, x509.NameAttribute(NameOID.COMMON_NAME, str(serial))])
        now = datetime.now(UTC)
        usage = x509.KeyUsage(True, False, True, False, False, False, False, False, False)
        signed = (
            x509.CertificateBuilder(issuer.subject, subject, key.public_key(), serial)
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + timedelta(hours=hours))
            .add_extension(usage, critical=True)
            .add_extension(x509.UnrecognizedExtension(_PROXY_CERT_INFO, _INHERIT_ALL), critical=True)
            .sign(signer, hashes.SHA256())
        )
        path = self._private / f"proxy-{serial}.pem"
        parts = signed.public_bytes(serialization.Encoding.PEM), _pem_of(key), of.certificate.read_bytes()
        _write_private(path, b"".join(parts))
        return path

    def _builder(self, subject: x509.Name, key: rsa.RSAPrivateKey, days: float) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )


def _name(common_name: str) -> x509.Name:
    parts = [(NameOID.DOMAIN_COMPONENT, "org"), (NameOID.DOMAIN_COMPONENT, "gridkeeper")]
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in [*parts, (NameOID.COMMON_NAME, common_name)]])


def _dn(common_name: str) -> str:
    return f"/DC=org/DC=gridkeeper/CN={common_name}"


def _pem_of(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _write_private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
