"""VOMS over HTTPS: an attribute certificate for the robot.

Source: VOMS server, "REST interface": `GET /generate-ac?lifetime=SECONDS&fqans=...` with a client certificate.
"""

import binascii
from base64 import b64decode
from urllib.parse import urlencode, urlsplit

from lxml import etree

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import Arguments, Check, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.http_client import Request, Response, fetch
from gridkeeper.probes.native.tls import TlsArguments
from gridkeeper.probes.packs.voms.myproxy import check_myproxy

_LEAST_AC_BYTES = 100


class VomsArguments(Arguments, frozen=True, kw_only=True):
    """url: of the VO's server, "" takes the service's, e.g. https://voms.example.org:15000; fqans: asked for

    lifetime_s: asked for; verify, ca_file: of its certificate
    """

    url: str = ""
    fqans: tuple[str, ...] = ()
    lifetime_s: int = 3600
    verify: bool = True
    ca_file: str = ""


async def _check(target: Target, arguments: VomsArguments, run: Run) -> Outcome:
    proxy = run.credential.proxy_path if run.credential is not None else ""
    if not proxy:
        raise CheckFailedError(Status.UNKNOWN, "the test needs a proxy: set its credential, and give the VO one")
    query: dict[str, str] = {"lifetime": str(arguments.lifetime_s)}
    if arguments.fqans:
        query["fqans"] = ",".join(arguments.fqans)
    request = Request(
        "GET", f"{_base(target, arguments)}/generate-ac?{urlencode(query)}", verify=arguments.verify,
        ca_file=arguments.ca_file, certificate=proxy,
    )  # fmt: skip
    with run.doing("asking for an attribute certificate"):
        response = await fetch(target, request, run)
    return _judged(response)


def _base(target: Target, arguments: VomsArguments) -> str:
    url = arguments.url or target.url
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or target.hostname, arguments.port or parts.port or target.port or 15000
    except ValueError as error:
        raise CheckFailedError(Status.UNKNOWN, f"{url!r} is no URL: {error}") from error
    return f"https://{host}:{port}"


def _judged(response: Response) -> Outcome:
    try:
        root = etree.fromstring(response.body, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        text = f"HTTP {response.status} with something that is no answer of VOMS"
        raise CheckFailedError(Status.CRITICAL, text, f"{error}\n{response.text[:2000]}") from error
    refusal = " ".join("".join(map(str, node.itertext())).strip() for node in root.iter("message"))[:300]
    code = next((str(node.text) for node in root.iter("code")), "")[:80]
    granted = next((str(node.text or "") for node in root.iter("ac")), "")
    if response.status != 200 or not granted:
        why = ": ".join(filter(None, [code, refusal])) or "no reason given"
        raise CheckFailedError(
            Status.CRITICAL, f"VOMS gives no attributes, HTTP {response.status}: {why}", response.text[:2000]
        )
    try:
        size = len(b64decode("".join(granted.split()), validate=True))
    except (binascii.Error, ValueError) as error:
        raise CheckFailedError(Status.CRITICAL, f"the attribute certificate is no base64: {error}") from error
    if size < _LEAST_AC_BYTES:
        raise CheckFailedError(Status.CRITICAL, f"the attribute certificate has {size} bytes only")
    if refusal:
        return Outcome(Status.WARNING, f"VOMS gives attributes, with a warning: {refusal}", perfdata=f"size={size}B")
    return Outcome(Status.OK, f"VOMS gives an attribute certificate of {size} bytes", perfdata=f"size={size}B")


CHECKS = (Check("voms", VomsArguments, _check), Check("myproxy", TlsArguments, check_myproxy))
