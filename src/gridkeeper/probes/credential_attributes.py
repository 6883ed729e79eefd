"""Attribute certificates of VOMS: who may act for which VO in which groups and roles, and until when.

Pure. Source: RFC 5755 section 4.1; VOMS writes the groups and roles (FQANs) into an attribute of its own, and names VO
and server as the policy authority: `dteam://voms.example.org:15004`. The signature is left to the services that are
shown the certificate: they know whom they trust for the VO.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509

from gridkeeper.probes.native.ber import SEQUENCE, SET, BerError, elements, encode, parts

#: 1.3.6.1.4.1.8005.100.100.4, FQANs of VOMS, as DER without tag and length.
FQANS_OID = bytes.fromhex("2b06010401be45646404")
_INTEGER, _OCTETS, _TIME = 0x02, 0x04, 0x18
#: baseCertificateID of a holder; GeneralNames of a policy authority; directoryName and URI of a GeneralName.
_BASE, _AUTHORITY, _DIRECTORY_NAME, _URI = 0xA0, 0xA0, 0xA4, 0x86
_WIDE = {0x1E: "utf-16-be", 0x1C: "utf-32-be"}
_MOST_FQANS = 1000
#: What VOMS writes behind every group for compatibility, and means nothing.
_EMPTY_PARTS = ("/Capability=NULL", "/Role=NULL")

#: A distinguished name as it is compared: without case, kind of string and width of blanks (RFC 5280 section 7.1).
Name = tuple[frozenset[tuple[bytes, str]], ...]


class AttributesError(ValueError):
    """Bytes that are no attribute certificate of VOMS; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What an attribute certificate says.

    server: host:port of the VOMS server; fqans: the first one counts most, without empty roles and capabilities
    holder, serial: name and serial number of the certificate that it belongs to
    """

    vo: str
    server: str
    fqans: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    holder: Name
    serial: int

    def is_of(self, certificate: x509.Certificate) -> bool:
        """True where it was made out for that certificate.

        The name should be its issuer's (RFC 5755 section 4.2.2); old VOMS servers write its subject, and every grid
        service takes either.
        """
        names = {_name(name.public_bytes()) for name in (certificate.issuer, certificate.subject)}
        return self.holder in names and self.serial == certificate.serial_number


def plain_fqan(fqan: str) -> str:
    """Without an empty role and capability.

    >>> plain_fqan("/dteam/Role=NULL/Capability=NULL"), plain_fqan("/dteam/Role=lcgadmin/Capability=NULL")
    ('/dteam', '/dteam/Role=lcgadmin')
    """
    for empty in _EMPTY_PARTS:
        fqan = fqan.removesuffix(empty)
    return fqan


def read_attributes(der: bytes) -> Attributes:
    """Reads one attribute certificate. Raises AttributesError."""
    try:
        return _read(der)
    except ValueError as error:
        raise AttributesError(f"it is no attribute certificate of VOMS: {error}") from error


def read_extension(der: bytes) -> tuple[Attributes, ...]:
    """Reads the VOMS extension of a proxy: SEQUENCE of SEQUENCE of attribute certificate. Raises AttributesError."""
    try:
        lists = list(elements(_inside(der, SEQUENCE)))
        found = [content for _, inner in lists for _, content in elements(inner)]
    except BerError as error:
        raise AttributesError(f"the VOMS extension cannot be read: {error}") from error
    return tuple(read_attributes(encode(SEQUENCE, content)) for content in found)


def _read(der: bytes) -> Attributes:
    if len(list(elements(der))) != 1:
        raise BerError("something follows it")
    info = _inside(_inside(der, SEQUENCE), SEQUENCE)
    _version, holder, _issuer, _algorithm, _serial, validity, attributes = parts(info, 7)[:7]
    name, serial = _holder(holder[1])
    start, end = (_moment(*each) for each in parts(validity[1], 2)[:2])
    authority, fqans = _granted(attributes[1])
    vo, _, server = authority.partition("://")
    if not vo or not server:
        raise BerError(f"its authority {authority[:80]!r} is not written vo://host:port")
    return Attributes(vo, server, fqans, start, end, name, serial)


def _inside(data: bytes, tag: int) -> bytes:
    """The content of the first element, which must be of that kind."""
    found, content = parts(data, 1)[0]
    if found != tag:
        raise BerError(f"an element {found:#x} where {tag:#x} is wanted")
    return content


def _holder(holder: bytes) -> tuple[Name, int]:
    base = parts(_inside(holder, _BASE), 2)
    serial = base[1][1]
    if base[1][0] != _INTEGER or not 0 < len(serial) <= 64:
        raise BerError("its holder has no serial number")
    name = _inside(base[0][1], _DIRECTORY_NAME)
    return _name(name), int.from_bytes(serial, "big", signed=True)


def _name(der: bytes) -> Name:
    """Of the DER of a Name."""
    return tuple(
        frozenset(_attribute(pair) for _, pair in elements(relative))
        for _, relative in elements(_inside(der, SEQUENCE))
    )


def _attribute(pair: bytes) -> tuple[bytes, str]:
    (_, kind), (tag, value) = parts(pair, 2)[:2]
    text = value.decode(_WIDE.get(tag, "utf-8"), errors="backslashreplace")
    return kind, " ".join(text.casefold().split())


def _moment(tag: int, content: bytes) -> datetime:
    if tag != _TIME:
        raise BerError(f"a time of the kind {tag:#x}")
    return datetime.strptime(content.decode("ascii"), "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _granted(attributes: bytes) -> tuple[str, tuple[str, ...]]:
    """The policy authority and the FQANs."""
    for _, attribute in elements(attributes):
        (_, kind), (tag, values) = parts(attribute, 2)[:2]
        if kind == FQANS_OID and tag == SET:
            syntax = _inside(values, SEQUENCE)
            authority = _inside(_inside(syntax, _AUTHORITY), _URI).decode("ascii")
            fqans = tuple(_fqans(parts(syntax, 2)[1][1]))
            if fqans and authority.isprintable():
                return authority, fqans
    raise BerError("it grants no group of a VO")


def _fqans(values: bytes) -> Iterator[str]:
    for count, (tag, content) in enumerate(elements(values)):
        fqan = content.decode("utf-8")
        if tag != _OCTETS or count >= _MOST_FQANS or not fqan.startswith("/") or not fqan.isprintable():
            raise BerError(f"a group that is none: {fqan[:80]!r}")
        yield plain_fqan(fqan)
