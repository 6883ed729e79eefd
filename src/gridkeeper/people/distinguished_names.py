"""Subjects of certificates, in the two spellings that grids use, as one canonical text.

    /DC=org/DC=example/CN=Alice Rossi           OpenSSL's old one-line form, of GOCDB and of authorisation files
    CN=Alice Rossi,DC=example,DC=org            RFC 2253 and 4514, of Apache and nginx; most special part first

The canonical text is the slash form with the attributes' usual names. A slash or a plus sign inside a value that would
read as the beginning of another part is written with a backslash: a CA that signs `CN=x/CN=Alice` must not make a
second Alice.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from cryptography import x509

#: One part of a name: attributes with values, nearly always one.
Part = tuple[tuple[str, str], ...]

_NAMES = {
    "0.9.2342.19200300.100.1.1": "UID", "USERID": "UID", "0.9.2342.19200300.100.1.25": "DC",
    "DOMAINCOMPONENT": "DC", "2.5.4.3": "CN", "COMMONNAME": "CN", "2.5.4.5": "serialNumber",
    "SERIALNUMBER": "serialNumber", "2.5.4.6": "C", "COUNTRYNAME": "C", "2.5.4.7": "L", "LOCALITYNAME": "L",
    "2.5.4.8": "ST", "S": "ST", "STATEORPROVINCENAME": "ST", "2.5.4.9": "STREET", "2.5.4.10": "O",
    "ORGANIZATIONNAME": "O", "2.5.4.11": "OU", "ORGANIZATIONALUNITNAME": "OU", "1.2.840.113549.1.9.1": "emailAddress",
    "EMAILADDRESS": "emailAddress", "EMAIL": "emailAddress", "E": "emailAddress",
}  # fmt: skip
#: What stands around a subject and is not of it; other kinds of space are letters of a value.
_BLANKS = " \t\r\n"
_TYPE = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)\s*=")
#: Inside a value: what would read as the beginning of the next part.
_AMBIGUOUS = re.compile(r"[/+](?=\s*(?:[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)\s*=)")
_LONGEST = 500


class DistinguishedNameError(ValueError):
    """The text is no subject of a certificate; the message says what one looks like."""


def canonical_dn(text: str) -> str:
    """The subject in its canonical spelling. Raises DistinguishedNameError.

    >>> canonical_dn("CN=Alice Rossi, DC=example, DC=org")
    '/DC=org/DC=example/CN=Alice Rossi'
    >>> canonical_dn("/DC=org/Email=a@example.org/CN=host/ce.example.org")
    '/DC=org/emailAddress=a@example.org/CN=host/ce.example.org'
    """
    text = text.strip(_BLANKS)
    if not text or len(text) > _LONGEST or any(ord(letter) < 32 for letter in text):
        raise DistinguishedNameError(_advice(text))
    parts = _slash_parts(text) if text.startswith("/") else list(reversed(_comma_parts(text)))
    return _written(parts)


def subject_of(certificate: x509.Certificate) -> str:
    """The canonical subject of a certificate. Raises DistinguishedNameError for an empty one."""
    parts = [
        tuple((_name(each.oid.dotted_string), str(each.value)) for each in relative)
        for relative in certificate.subject.rdns
    ]
    if not parts:
        raise DistinguishedNameError("the certificate has no subject; ask its CA for one that names its holder")
    return _written(parts)


def spellings(canonical: str) -> list[str]:
    """How the same subject may stand in a table that people have filled: the slash form, RFC 4514 with and without
    spaces after commas.

    >>> spellings("/DC=org/CN=Rossi, Alice")
    ['/DC=org/CN=Rossi, Alice', 'CN=Rossi\\\\, Alice,DC=org', 'CN=Rossi\\\\, Alice, DC=org']
    """
    written = ["+".join(f"{name}={_escaped(value)}" for name, value in part) for part in _slash_parts(canonical)]
    written.reverse()
    return [canonical, ",".join(written), ", ".join(written)]


def _written(parts: Iterable[Sequence[tuple[str, str]]]) -> str:
    return "".join("/" + "+".join(f"{name}={_told_apart(value)}" for name, value in part) for part in parts)


def _told_apart(value: str) -> str:
    """With a backslash before what would read as the next part; the value's own backslashes are doubled, and a last
    space is written as a byte, since spaces around a subject are not of it."""
    told = _AMBIGUOUS.sub(r"\\\g<0>", value.replace("\\", "\\\\"))
    return told[:-1] + "\\x20" if told.endswith(" ") else told


def _slash_parts(text: str) -> list[Part]:
    """Of `/A=1/B=2+C=3`; what does not begin like a part belongs to the value before it."""
    before, *pieces = _split(text, "/")
    if before or not pieces:
        raise DistinguishedNameError(_advice(text))
    return [tuple(_attribute(each, text, unescape=_unescape_slash) for each in _split(piece, "+")) for piece in pieces]


def _split(text: str, mark: str) -> list[str]:
    """At each mark that begins a part: no backslash before it, an attribute's type after it."""
    pieces, start, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == mark and _TYPE.match(text, at + 1):
            pieces.append(text[start:at])
            start = at + 1
        at += 1
    return [*pieces, text[start:]]


def _comma_parts(text: str) -> list[Part]:
    """Of `B=2+C=3,A=1`, values by RFC 4514: backslash escapes, or in quotes as RFC 1779 had it."""
    parts: list[list[str]] = [[""]]
    is_quoted = False
    at = 0
    while at < len(text):
        letter = text[at]
        if letter == "\\":
            parts[-1][-1] += text[at : at + 2]
            at += 2
            continue
        is_quoted ^= letter == '"'
        if letter in ",;" and not is_quoted:
            parts.append([""])
        elif letter == "+" and not is_quoted:
            parts[-1].append("")
        else:
            parts[-1][-1] += letter
        at += 1
    return [tuple(_attribute(each, text, unescape=_unescape_comma) for each in part) for part in parts]


def _attribute(text: str, whole: str, *, unescape: Callable[[str], str]) -> tuple[str, str]:
    found = _TYPE.match(text)
    value = unescape(text[found.end() :]) if found else ""
    if not found or not value:
        raise DistinguishedNameError(_advice(whole))
    return _name(found[1]), value


def _name(word: str) -> str:
    return _NAMES.get(word.upper(), word.upper())


def _unescape_slash(value: str) -> str:
    r"""OpenSSL writes what is not ASCII as `\xC3\xA9`, byte by byte."""
    return re.sub(r"(?:\\x[0-9A-Fa-f]{2})+|\\[\\/+]", lambda found: _meant(found[0], "\\x"), value)


def _unescape_comma(value: str) -> str:
    value = _trimmed(value)
    if len(value) > 1 and value.startswith('"') and value.endswith('"'):
        value = value[1:-1]
    return re.sub(r"(?:\\[0-9A-Fa-f]{2})+|\\.", lambda found: _meant(found[0], "\\"), value)


def _meant(escaped: str, mark: str) -> str:
    """A character after its backslash, or the text of bytes that are written in hexadecimal."""
    digits = escaped.replace(mark, "")
    if len(escaped) == 2:
        return escaped[1]
    try:
        return bytes.fromhex(digits).decode()
    except UnicodeDecodeError as error:
        raise DistinguishedNameError(f"the bytes {digits} in the subject are no UTF-8 text") from error


def _trimmed(value: str) -> str:
    """Without spaces around; one after a backslash is the value's own."""
    bare = value.strip(" ")
    backslashes = len(bare) - len(bare.rstrip("\\"))
    return bare + " " if backslashes % 2 else bare


def _escaped(value: str) -> str:
    first, last = re.match(r"[ #]", value), re.search(r"(?<=.) $", value)
    value = re.sub(r'([,+"\\<>;=])', r"\\\1", value)
    return ("\\" if first else "") + (value[:-1] + "\\ " if last else value)


def _advice(text: str) -> str:
    return f"{text[:80]!r} is no subject of a certificate; write it like /DC=org/DC=example/CN=Alice Rossi"
