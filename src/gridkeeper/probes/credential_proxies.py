"""Proxy certificates, RFC 3820: made from a robot's certificate and key, without asking anybody.

Pure: `now` and the randomness of keys come in. The file that a proxy is handed in holds the proxy, its key and the
certificates above it, in that order, as every grid client expects it.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from gridkeeper.people.distinguished_names import subject_of
from gridkeeper.probes.credential_attributes import Attributes, read_extension

#: RFC 3820 section 3.8: ProxyCertInfo; and its language "id-ppl-inheritAll" (3.8.2) without a path length.
PROXY_CERT_INFO = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.14")
INHERIT_ALL = bytes.fromhex("300c300a06082b06010505071501")
#: Attribute certificates of VOMS: SEQUENCE of SEQUENCE of AttributeCertificate.
VOMS_ATTRIBUTES = x509.ObjectIdentifier("1.3.6.1.4.1.8005.100.100.5")
#: A proxy is valid since a little earlier: clocks of services differ.
_SKEW = timedelta(minutes=5)
_RSA_BITS = 2048

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class ProxyError(ValueError):
    """A certificate or key cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Robot:
    """A robot's certificate with its key, and the intermediate certificates above it."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def subject(self) -> str:
        """As grids write it: /DC=org/CN=Robot."""
        return subject_of(self.certificate)

    @property
    def not_after(self) -> datetime:
        return self.certificate.not_valid_after_utc


def parse_robot(pem: bytes, password: str = "") -> Robot:
    """Reads a PEM text of certificate, key and perhaps a chain, in any order. Raises ProxyError."""
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise ProxyError(f"it holds no certificate in PEM that can be read ({error})") from error
    key = _key_in(pem, password)
    own = next((item for item in certificates if _public(item.public_key()) == _public(key.public_key())), None)
    if own is None:
        raise ProxyError("the key belongs to none of the certificates; give the pair that was issued together")
    return Robot(own, key, tuple(item for item in certificates if item is not own))


def _key_in(pem: bytes, password: str) -> PrivateKey:
    start = pem.find(b"-----BEGIN")
    while start >= 0:
        if b"PRIVATE KEY-----" in pem[start:].split(b"\n", 1)[0]:
            break
        start = pem.find(b"-----BEGIN", start + 1)
    if start < 0:
        raise ProxyError("it holds no private key in PEM; put certificate and key into one text")
    try:
        key = serialization.load_pem_private_key(pem[start:], password.encode() or None)
    except TypeError as error:
        hint = "give its password" if not password else "leave the password empty"
        raise ProxyError(f"the key cannot be opened: {error}; {hint}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ProxyError(f"the key cannot be opened: {error}; is the password right?") from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ProxyError("the key is neither RSA nor of an elliptic curve; grid services take no other")
    return key


def _public(key: object) -> bytes:
    formats = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(*formats)  # type: ignore[attr-defined, no-any-return]


def robot_pem(robot: Robot) -> bytes:
    """Certificate, key and chain as they are sealed; the key without its password, which the sealing replaces."""
    return b"".join([_pem(robot.certificate), _key_pem(robot.key), *map(_pem, robot.chain)])


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy as it is handed to a run. pem: certificate, key, the certificates above, in that order"""

    pem: bytes = field(repr=False)
    not_after: datetime
    subject: str


def new_proxy_key() -> rsa.RSAPrivateKey:
    """RSA: some storage and job services accept no other for proxies."""
    return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)


def make_proxy(
    robot: Robot, *, now: datetime, lifetime: timedelta, key: PrivateKey, attributes: Sequence[bytes] = ()
) -> Proxy:
    """A proxy that may do all that the robot may, for `lifetime` at most: it never outlives the robot's certificate.

    Source: RFC 3820 section 3. attributes: attribute certificates of VOMS in DER. Raises ProxyError where the robot's
    certificate is not valid now.
    """
    require_valid(robot, now)
    serial = secrets.randbits(31) | 1
    subject = _child_of(robot.certificate.subject, str(serial))
    not_after = min(now + lifetime, robot.not_after)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(robot.certificate.subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(max(now - _SKEW, robot.certificate.not_valid_before_utc))
        .not_valid_after(not_after)
        .add_extension(x509.UnrecognizedExtension(PROXY_CERT_INFO, INHERIT_ALL), critical=True)
        .add_extension(_USAGE, critical=True)
    )
    if attributes:
        der = _sequence(_sequence(b"".join(attributes)))
        builder = builder.add_extension(x509.UnrecognizedExtension(VOMS_ATTRIBUTES, der), critical=False)
    signed = builder.sign(robot.key, hashes.SHA256())
    pem = b"".join([_pem(signed), _key_pem(key), _pem(robot.certificate), *map(_pem, robot.chain)])
    return Proxy(pem, signed.not_valid_after_utc, subject_of(signed))


def require_valid(robot: Robot, now: datetime) -> None:
    """Raises ProxyError unless the robot's certificate is valid at `now`."""
    if not robot.certificate.not_valid_before_utc <= now < robot.not_after:
        raise ProxyError(
            f"the certificate of {robot.subject} is valid from {robot.certificate.not_valid_before_utc:%Y-%m-%d %H:%M} "
            f"to {robot.not_after:%Y-%m-%d %H:%M} UTC only; ask its CA for a new one and enter it"
        )


def proxy_end(pem: bytes) -> datetime:
    """When a proxy that was made elsewhere ends: the earliest end in its chain, and of its attributes of a VO.

    Raises ProxyError.
    """
    robot = parse_robot(pem)
    ends = [item.not_valid_after_utc for item in (robot.certificate, *robot.chain)]
    return min([*ends, *(granted.not_after for granted in attributes_in(pem))])


def attributes_in(pem: bytes) -> tuple[Attributes, ...]:
    """What attributes of VOs a proxy bears, in itself or in a proxy above it. Raises ProxyError."""
    try:
        extensions = [
            extension.value.public_bytes()
            for certificate in x509.load_pem_x509_certificates(pem)
            for extension in certificate.extensions
            if extension.oid == VOMS_ATTRIBUTES
        ]
        return tuple(granted for der in extensions for granted in read_extension(der))
    except (ValueError, x509.DuplicateExtension) as error:
        raise ProxyError(f"its attributes of a VO cannot be read: {error}") from error


#: RFC 3820 section 3.7: a proxy signs; it must not be a CA.
_USAGE = x509.KeyUsage(
    digital_signature=True, key_encipherment=True, content_commitment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
)  # fmt: skip


def _child_of(name: x509.Name, common_name: str) -> x509.Name:
    """RFC 3820 section 3.4: the issuer's subject and one more CN, nothing else touched."""
    own = x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    return x509.Name([*name.rdns, own])


def _sequence(content: bytes) -> bytes:
    """DER of a SEQUENCE with that content."""
    size = len(content)
    if size < 0x80:
        return bytes([0x30, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x30, 0x80 | len(octets)]) + octets + content


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: PrivateKey) -> bytes:
    # "RSA PRIVATE KEY": clients built on old Globus code read nothing newer.
    formats = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, *formats)
