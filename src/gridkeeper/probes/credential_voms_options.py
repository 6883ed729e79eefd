"""Which VOMS servers a robot's credential asks, for which VO, groups and roles. Pure."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from gridkeeper.people.distinguished_names import DistinguishedNameError, canonical_dn

#: Options of a robot's credential that are of VOMS.
VOMS_OPTIONS = ("voms_url", "voms_vo", "fqans", "voms_hours")
_MOST_SERVERS, _MOST_FQANS, _MOST_HOURS = 8, 50, 168
#: Nothing that would need escapes in a URL, nor a comma: the client of VOMS sends FQANs as they are, too.
_FQAN = re.compile(r"(?:/[A-Za-z0-9._-]+)+(?:/Role=[A-Za-z0-9._-]+)?(?:/Capability=NULL)?", re.ASCII)
_VO = re.compile(r"[A-Za-z0-9._-]{1,255}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9.:-]{1,255}", re.ASCII)


class VomsOptionError(ValueError):
    """An option of VOMS that cannot be one; the message says which, why, and what one looks like."""


@dataclass(frozen=True, slots=True)
class VomsServer:
    """A VOMS server. subject: that its certificate must have, "" any that bears its host name; vo: "" not told"""

    url: str
    subject: str = ""
    vo: str = ""


def parse_server(text: str) -> VomsServer:
    """An https:// address, or a line of a vomses file. Raises VomsOptionError.

    >>> parse_server('"dteam" "voms.example.org" "15004" "/DC=org/CN=voms.example.org" "dteam"').url
    'https://voms.example.org:15004'
    """
    text = text.strip()
    if text.startswith('"'):
        return _of_vomses(text)
    try:
        parts = urlsplit(text)
        is_address = parts.scheme == "https" and parts.hostname and parts.port != 0
    except ValueError as error:
        raise VomsOptionError(f"voms_url: {text[:80]!r} is no address: {error}.") from error
    if not is_address or parts.query or parts.fragment or "@" in parts.netloc or not text.isprintable() or " " in text:
        raise VomsOptionError(
            f"voms_url: {text[:80]!r} is neither an https:// address, like https://voms.example.org:8443/voms/dteam, "
            'nor a line of a vomses file: "dteam" "voms.example.org" "15004" "/DC=org/CN=voms.example.org" "dteam".'
        )
    return VomsServer(text.rstrip("/"))


def _of_vomses(text: str) -> VomsServer:
    """Nickname, host, port, subject of the server's certificate, VO, and perhaps a version."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise VomsOptionError(f"voms_url: {text[:80]!r} is no line of a vomses file: {error}.") from error
    if len(words) not in {5, 6}:
        raise VomsOptionError(f"voms_url: {text[:80]!r} has {len(words)} parts; a line of a vomses file has five.")
    _, host, port, subject, vo = words[:5]
    if not _HOST.fullmatch(host) or not port.isascii() or not port.isdigit() or not 0 < int(port[:6]) < 65536:
        raise VomsOptionError(f"voms_url: {host[:80]!r} and {port[:8]!r} are no host and port.")
    if not _VO.fullmatch(vo):
        raise VomsOptionError(f"voms_url: {vo[:80]!r} is no name of a VO.")
    try:
        canonical = canonical_dn(subject)
    except DistinguishedNameError as error:
        raise VomsOptionError(f"voms_url: {error}.") from error
    return VomsServer(f"https://{f'[{host}]' if ':' in host else host}:{int(port)}", canonical, vo)


def servers_of(options: Mapping[str, Any]) -> list[VomsServer]:
    """In the order in which they are tried; [] where proxies get no attributes. Raises VomsOptionError."""
    return [parse_server(text) for text in options.get("voms_url", [])]


def check_voms(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options with lists where one may stand alone; those of VOMS are checked. Raises VomsOptionError."""
    checked = dict(given)
    for name, most in (("voms_url", _MOST_SERVERS), ("fqans", _MOST_FQANS)):
        if name in given:
            checked[name] = _texts(name, given[name], most)
    servers, strangers = servers_of(checked), [name for name in VOMS_OPTIONS if name in checked]
    if strangers and not servers:
        raise VomsOptionError(f"{', '.join(strangers)}: give voms_url too, the VOMS server that is asked.")
    if bad := [fqan for fqan in checked.get("fqans", []) if len(fqan) > 255 or not _FQAN.fullmatch(fqan)]:
        raise VomsOptionError(f"fqans: {bad[0][:80]!r} is none; one looks like /dteam or /dteam/Role=lcgadmin.")
    if "voms_vo" in checked and not _VO.fullmatch(str(checked["voms_vo"])):
        raise VomsOptionError(f"voms_vo: {str(checked['voms_vo'])[:80]!r} is no name of a VO.")
    hours = checked.get("voms_hours", 1)
    if not isinstance(hours, int) or isinstance(hours, bool) or not 1 <= hours <= _MOST_HOURS:
        raise VomsOptionError(f"voms_hours is a whole number from 1 to {_MOST_HOURS}.")
    return checked


def _texts(name: str, value: Any, most: int) -> list[str]:
    """A list of texts, or one text with a line of each."""
    found = value.splitlines() if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise VomsOptionError(f"{name} is a text or a list of texts.")
    lines = [line.strip() for line in found if line.strip()]
    if not 0 < len(lines) <= most:
        raise VomsOptionError(f"{name} has {len(lines)} lines; 1 to {most} are wanted.")
    return lines


def wanted_fqans(options: Mapping[str, Any], vo: str) -> list[str]:
    """What the server is asked for: without FQANs the VO's own group, as the VOMS clients ask."""
    return list(options.get("fqans", [])) or [f"/{vo}"]


def vo_of(server: VomsServer, options: Mapping[str, Any], own: str) -> str:
    """The VO at that server: as it is given, else of the vomses line or the first FQAN, else the credential's own.

    >>> vo_of(VomsServer("https://voms.example.org"), {"fqans": ["/dteam/Role=lcgadmin"]}, "ops")
    'dteam'
    """
    group = next(iter(options.get("fqans", [])), "").split("/")[1:2]
    return str(options.get("voms_vo") or server.vo or "".join(group) or own)
