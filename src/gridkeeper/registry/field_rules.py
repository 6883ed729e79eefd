"""What a value of a field may be: one rule a field, pure functions from text to the problem ("" where there is none).

Actions ask only about what is changed: imported entries hold values of other times, and an edit of the telephone is not
refused for the URL of 2006.
"""

import ipaddress
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from gridkeeper.registry.countries import COUNTRIES

#: XML cannot carry these, so no text holds them; lines and tabs are fine in descriptions.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_LINE_BREAK = re.compile(r"[\r\n\t]")
_EMAIL = re.compile(
    r"[^@\s<>\"',;:()\[\]\\]+@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*", re.IGNORECASE
)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)
_TELEPHONE = re.compile(r"[0-9+()/.,;:\-\s]*(?:(?:ext|x|int|or|and)[0-9+()/.,;:\-\s]*)*", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"(?:[A-Za-z][A-Za-z0-9.-]*|\d+(?:\.\d+)*)=.+", re.DOTALL)
#: What a browser would run or open from the reader's own machine.
_DANGEROUS = {"javascript", "data", "vbscript", "file", "about", "blob", "view-source"}


def emails_problem(text: str) -> str:
    """One address, or several separated by ; or ,.

    >>> emails_problem("grid@example.org; noc@example.org")
    ''
    >>> emails_problem("nobody")
    'nobody is no e-mail address; write name@host.domain, several separated by ; or ,.'
    """
    for address in (part.strip() for part in re.split(r"[;,]", text)):
        if address and not _EMAIL.fullmatch(address):
            return f"{address[:80]} is no e-mail address; write name@host.domain, several separated by ; or ,."
    return ""


def hostname_problem(text: str) -> str:
    """A full host name.

    >>> hostname_problem("ce.example.org"), hostname_problem("two words")
    ('', 'two words is no host name; write it in full, like ce01.example.org.')
    """
    labels = text.removesuffix(".").split(".")
    if len(text) <= 253 and all(_LABEL.fullmatch(label) for label in labels):
        return ""
    return f"{text[:80]} is no host name; write it in full, like ce01.example.org."


def _url_problem(text: str, schemes: tuple[str, ...]) -> str:
    try:
        parts = urlsplit(text)
        is_fine = parts.scheme.lower() in schemes and bool(parts.hostname) and not re.search(r"\s", text)
        _ = parts.port  # raises where it is no number
    except ValueError:
        is_fine = False
    wanted = " or ".join(f"{scheme}://" for scheme in schemes)
    return "" if is_fine else f"{text[:80]} is no address that can be used here; begin it with {wanted} and a host."


def web_url_problem(text: str) -> str:
    """An address for a browser.

    >>> web_url_problem("https://www.example.org/grid")
    ''
    """
    return _url_problem(text, ("https", "http"))


def ldap_url_problem(text: str) -> str:
    """An address of an information system: ldap://host:2170/base.

    >>> ldap_url_problem("ldap://bdii.example.org:2170/mds-vo-name=X,o=grid")
    ''
    """
    return _url_problem(text, ("ldap", "ldaps"))


def service_url_problem(text: str) -> str:
    """An address that a grid client understands: any protocol, or host:port/path; nothing that a browser would run.

    >>> service_url_problem("gsiftp://se.example.org:2811/"), service_url_problem("ce.example.org:2119/jobmanager-pbs")
    ('', '')
    >>> service_url_problem("javascript:alert(1)")
    'javascript: is not allowed in an address; write protocol://host:port/path or host:port/path.'
    """
    scheme = re.sub(r"\s", "", text).partition(":")[0].lower()
    if scheme in _DANGEROUS:
        return f"{scheme}: is not allowed in an address; write protocol://host:port/path or host:port/path."
    if re.search(r"[\s<>\"]", text):
        return "An address holds no blanks, quotes or angle brackets; write %20 for a blank."
    return ""


def dn_problem(text: str) -> str:
    """The subject of a certificate, in either spelling.

    >>> dn_problem("/DC=org/DC=example/CN=host.example.org"), dn_problem("CN=host.example.org, O=Grid")
    ('', '')
    """
    advice = "write it like /DC=org/DC=example/CN=host.example.org."
    if text.startswith("/"):
        # a value may hold slashes (CN=host/name), a part without = belongs to the one before it
        is_fine = bool(_ATTRIBUTE.fullmatch(text[1:].split("/")[0]))
    else:
        is_fine = all(_ATTRIBUTE.fullmatch(part.strip()) for part in re.split(r"(?<!\\),", text))
    return "" if is_fine else f"{text[:80]} is no subject of a certificate; {advice}"


def _networks(text: str) -> Iterator[str]:
    for part in re.split(r"[;,\s]+", text.strip()):
        if part:
            yield part


def _range_problem(text: str, version: int) -> str:
    for part in _networks(text):
        try:
            if ipaddress.ip_network(part, strict=False).version != version:
                raise ValueError(part)
        except ValueError:
            example = "192.0.2.0/24 or 192.0.2.0/255.255.255.0" if version == 4 else "2001:db8::/32"
            return f"{part[:80]} is no IPv{version} range; write {example}, several separated by blanks."
    return ""


def ip_range_problem(text: str) -> str:
    """IPv4 networks.

    >>> ip_range_problem("192.0.2.0/255.255.255.0 198.51.100.0/24")
    ''
    """
    return _range_problem(text, 4)


def ipv6_range_problem(text: str) -> str:
    """IPv6 networks."""
    return _range_problem(text, 6)


def _address_problem(text: str, version: int) -> str:
    for part in _networks(text):
        try:
            if ipaddress.ip_address(part.split("/")[0]).version != version:
                raise ValueError(part)
        except ValueError:
            return f"{part[:80]} is no IPv{version} address, like {'192.0.2.7' if version == 4 else '2001:db8::7'}."
    return ""


def ip_problem(text: str) -> str:
    """An IPv4 address."""
    return _address_problem(text, 4)


def ipv6_problem(text: str) -> str:
    """An IPv6 address; its prefix may follow (2001:db8::7/64)."""
    return _address_problem(text, 6)


def timezone_problem(text: str) -> str:
    """A name of the IANA list."""
    return "" if text in available_timezones() else f"{text[:80]} is no time zone; use an IANA name like Europe/Rome."


def country_code_problem(text: str) -> str:
    """A code of ISO 3166-1."""
    return "" if text in COUNTRIES else f"{text[:80]} is no code of a country; use two letters of ISO 3166, like IT."


def telephone_problem(text: str) -> str:
    """Digits and what stands between them; several separated by ; or ,.

    >>> telephone_problem("+39 06 1234-567 ext 12; +39 06 7654321")
    ''
    """
    return "" if _TELEPHONE.fullmatch(text) else f"{text[:80]} is no telephone number; write it like +39 06 1234567."


def domain_problem(text: str) -> str:
    """A domain, or several separated by blanks or commas."""
    return next((problem for part in _networks(text) if (problem := hostname_problem(part))), "")


Rule = Callable[[str], str]
#: The rule of a field by its name; `url` means the address of a service or endpoint.
RULES: Mapping[str, Rule] = {
    **dict.fromkeys(
        (
            "email", "rod_email", "helpdesk_email", "security_email", "contact_email", "alarm_email", "csirt_email",
            "emergency_email",
        ),
        emails_problem,
    ),
    **dict.fromkeys(("contact_tel", "csirt_tel", "emergency_tel"), telephone_problem),
    "home_url": web_url_problem,
    "giis_url": ldap_url_problem,
    "url": service_url_problem,
    "host_dn": dn_problem,
    "host_ip": ip_problem,
    "host_ipv6": ipv6_problem,
    "ip_range": ip_range_problem,
    "ipv6_range": ipv6_range_problem,
    "hostname": hostname_problem,
    "domain": domain_problem,
    "timezone": timezone_problem,
    "country_code": country_code_problem,
}  # fmt: skip
#: Texts that may have several lines.
_LONG = {"description"}


def text_problem(text: str, *, is_long: bool = False) -> str:
    """Any text: what XML cannot carry is refused, and line breaks where the field has one line."""
    if _CONTROL.search(text):
        return "It holds control characters, which no feed can carry; take them out."
    if not is_long and _LINE_BREAK.search(text):
        return "It has several lines; write it in one."
    return ""


def field_problem(name: str, value: Any) -> str:
    """What is wrong with the value of that field, or ""; "nothing given" is no problem here."""
    if isinstance(value, float) and not math.isfinite(value):
        return "It is no number; write degrees like 41.9."
    if not isinstance(value, str) or not value:
        return ""
    rule = RULES.get(name)
    return text_problem(value, is_long=name in _LONG) or (rule(value) if rule else "")
