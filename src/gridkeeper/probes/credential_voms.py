"""Attributes from VOMS servers for a robot: what makes a proxy one of a member of a VO.

Source: the REST interface of VOMS servers as their own client speaks it (voms-api-java: RESTServiceURLBuilder,
RESTVOMSResponse): `GET /generate-ac?fqans=...&lifetime=SECONDS` with the client's certificate, answered by
`<voms><ac>BASE64</ac></voms>` or `<voms><error><code/><message/></error></voms>`, both perhaps with warnings.
"""

import asyncio
import binascii
import os
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from lxml import etree

from gridkeeper.probes.credential_attributes import Attributes, AttributesError, plain_fqan, read_attributes
from gridkeeper.probes.credential_proxies import Robot, require_valid, robot_pem
from gridkeeper.probes.credential_rules import CredentialError
from gridkeeper.probes.credential_voms_options import VomsServer, servers_of, vo_of, wanted_fqans
from gridkeeper.probes.native.check import FAILURES, Run, Target, outcome_of
from gridkeeper.probes.native.http_client import Request, Response, fetch

#: Of one server; the next one is tried then.
TIMEOUT_S = 10.0
#: Clocks of servers differ.
_SKEW = timedelta(minutes=5)
_MOST_BYTES = 1 << 18
_MOST_WORDS = 200
#: What to do about an error, by its code; names from voms-api-java, RESTVOMSResponse.
_ADVICE = {
    "NoSuchUser": "have {subject} registered as a member of the VO",
    "SuspendedUser": "ask the managers of the VO to lift the suspension of {subject}; it may have to sign the AUP",
    "BadRequest": "are the FQANs of the credential those of the VO?",
}
_USUAL_ADVICE = "ask those who run the server"


@dataclass(frozen=True, slots=True)
class Granted:
    """What a server gave. der: the attribute certificate; warnings: its words beside it, "" never among them"""

    der: bytes = field(repr=False)
    attributes: Attributes
    warnings: tuple[str, ...] = ()


async def request_attributes(
    robot: Robot, options: Mapping[str, Any], *, vo: str, lifetime: timedelta, now: datetime
) -> Granted:
    """Attributes from the first server that gives them. vo: of the credential; the options may name another.

    Servers are reached as tests reach services: GRIDKEEPER_DENIED_NETWORKS holds. Raises CredentialError with what
    each server said, and ProxyError where the robot's certificate is not valid.
    """
    require_valid(robot, now)
    failures = []
    with _client_file(robot) as path:
        for server in servers_of(options):
            name = vo_of(server, options, vo)
            try:
                response = await _asked(server, _query(options, name, lifetime), path)
                granted = read_answer(response, robot)
                _require_usable(granted.attributes, robot, name, wanted_fqans(options, name), now)
            except CredentialError as error:
                failures.append(f"{urlsplit(server.url).netloc}: {error}")
            else:
                return granted
    raise CredentialError(f"no VOMS attributes: {'; '.join(failures)}")


@contextmanager
def _client_file(robot: Robot) -> Iterator[str]:
    """The robot's certificate and key as a file, which OpenSSL wants: in memory, so that no disk ever holds the key."""
    number = os.memfd_create("robot", os.MFD_CLOEXEC)
    try:
        with open(number, "wb", closefd=False) as file:
            file.write(robot_pem(robot))
        yield f"/proc/self/fd/{number}"
    finally:
        os.close(number)


def _query(options: Mapping[str, Any], vo: str, lifetime: timedelta) -> str:
    """Slashes and commas stay as they are: not every server reads escapes. `check_voms` lets no other signs through."""
    if not vo:
        raise CredentialError("which VO is asked for is not known; give voms_vo or fqans")
    return f"fqans={','.join(wanted_fqans(options, vo))}&lifetime={lifetime.total_seconds():.0f}"


async def _asked(server: VomsServer, query: str, certificate: str) -> Response:
    request = Request(
        "GET", f"{server.url}/generate-ac?{query}", {"Accept": "text/xml, application/xml"}, most_bytes=_MOST_BYTES,
        certificate=certificate, server_subject=server.subject,
    )  # fmt: skip
    run = Run(TIMEOUT_S)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await fetch(Target(urlsplit(server.url).hostname or ""), request, run)
    except FAILURES as error:
        raise CredentialError(outcome_of(error, run).summary) from error


def read_answer(response: Response, robot: Robot) -> Granted:
    """What the server said. Raises CredentialError for a refusal with its words, and for what is no answer of VOMS."""
    root = _root(response)
    error = root.find("error")
    if error is not None:
        code = _words(error.find("code"))
        advice = _ADVICE.get(code, _USUAL_ADVICE).format(subject=robot.subject)
        said = ": ".join(filter(None, [code, _words(error.find("message"))])) or "an error without words"
        raise CredentialError(f"{said}; {advice}")
    text = root.findtext("ac") or ""
    if response.status != 200 or not text.strip():
        raise CredentialError(f"HTTP {response.status} without attributes; {_USUAL_ADVICE}")
    try:
        der = b64decode("".join(text.split()), validate=True)
        attributes = read_attributes(der)
    except (binascii.Error, AttributesError) as error:
        raise CredentialError(f"what it gave cannot be read: {error}; {_USUAL_ADVICE}") from error
    return Granted(der, attributes, tuple(filter(None, map(_words, root.findall("warning")))))


def _root(response: Response) -> Any:
    """The answer's `voms`. No entity is resolved and nothing else fetched; a document type is refused altogether."""
    if response.is_cut:
        raise CredentialError(f"its answer is longer than {_MOST_BYTES} bytes; is it a VOMS server?")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(response.body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        text = f"HTTP {response.status} with something that is no XML; is it the address of a VOMS server?"
        raise CredentialError(text) from error
    document: Any = root.getroottree().docinfo
    if root.tag != "voms" or document.doctype:
        raise CredentialError(f"HTTP {response.status} with XML that is no answer of VOMS; is the address right?")
    return root


def _words(node: Any) -> str:
    """The text in an element, on one line and not too long; old servers write a warning without `message`."""
    if node is None:
        return ""
    return " ".join("".join(map(str, node.itertext())).split())[:_MOST_WORDS]


def _require_usable(attributes: Attributes, robot: Robot, vo: str, wanted: Sequence[str], now: datetime) -> None:
    """A server may be wrong, and services would refuse the proxy without a word why."""
    if not attributes.is_of(robot.certificate):
        raise CredentialError(f"it gave attributes of somebody else than {robot.subject}; {_USUAL_ADVICE}")
    if attributes.vo != vo:
        raise CredentialError(f"it gave attributes of the VO {attributes.vo[:80]}, not {vo}; is voms_vo right?")
    if not attributes.not_before - _SKEW <= now < attributes.not_after:
        raise CredentialError(
            f"it gave attributes from {attributes.not_before:%Y-%m-%d %H:%M} to {attributes.not_after:%Y-%m-%d %H:%M} "
            "UTC, which is not now; is its clock right, and ours?"
        )
    if missing := [fqan for fqan in wanted if plain_fqan(fqan) not in attributes.fqans]:
        raise CredentialError(f"it does not grant {', '.join(missing)[:_MOST_WORDS]}; have {robot.subject} given it")
