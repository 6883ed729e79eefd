"""Checks of storage over WebDAV: the folder is there; a file is written, read, compared by checksum, and deleted."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import Arguments, Check, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.http_client import Request, Response, follow, split, with_credential
from gridkeeper.probes.packs.samples import (
    CHECKSUMS,
    Timings,
    checksum_of,
    cleaned,
    judge_content,
    name_of_sample,
    require_checksum,
    require_sizes,
    sample,
)

_SCHEMES = {"dav": "http", "davs": "https", "http": "http", "https": "https"}
_DIGEST = re.compile(r"\s*([A-Za-z0-9-]+)=(:[A-Za-z0-9+/=]*:|[A-Za-z0-9+/=]+)\s*")
_REDIRECTS = 5


class DavArguments(Arguments, frozen=True, kw_only=True):
    """url: of the folder, "" the service's (davs:// is https); folder: replaces its path; verify, ca_file: of TLS."""

    url: str = ""
    folder: str = ""
    verify: bool = True
    ca_file: str = ""


class CopyArguments(DavArguments, frozen=True, kw_only=True):
    """size_bytes: of the file; checksum: asked from the server, "" none; need_checksum: a server without one is red."""

    size_bytes: int = 4096
    checksum: str = "adler32"
    need_checksum: bool = True

    def __post_init__(self) -> None:
        require_sizes("webdav-copy", self.size_bytes)
        require_checksum("webdav-copy", self.checksum)


def folder_url(target: Target, arguments: DavArguments) -> str:
    """The https (or http) URL of the folder to work in, with a slash at its end."""
    url = arguments.url or target.url
    scheme, separator, rest = url.partition("://")
    if not separator:
        port = f":{arguments.port or target.port}" if arguments.port or target.port else ""
        scheme, rest = "https", f"{target.hostname}{port}/"
    if scheme not in _SCHEMES:
        raise CheckFailedError(
            Status.UNKNOWN, f"{url!r} is no WebDAV URL: give the test a `url` with https:// or davs://"
        )
    parts = split(f"{_SCHEMES[scheme]}://{rest}")
    path = arguments.folder or parts.path
    if re.search(r"[\s?#\x00-\x1f]", path):
        raise CheckFailedError(Status.UNKNOWN, f"{path!r} is no path of a folder")
    return f"{parts.scheme}://{parts.netloc}/{path.strip('/')}{'/' if path.strip('/') else ''}"


@dataclass(frozen=True, slots=True)
class Door:
    """The server as the steps use it: the settings that all requests share."""

    target: Target
    arguments: DavArguments
    run: Run

    def request(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Request:
        """Redirects of the door to its pools take the request along."""
        made = Request(
            method, url, headers or {}, body, self.arguments.verify, self.arguments.ca_file, asks_first=bool(body),
            travels=True,
        )  # fmt: skip
        return with_credential(made, self.run)

    async def ask(self, request: Request, wanted: tuple[int, ...], doing: str) -> Response:
        """The answer, where its status is a wanted one. Raises CheckFailedError that says what was refused."""
        response = await self.answer(request, doing)
        if response.status not in wanted:
            raise refused(response, doing)
        return response

    async def answer(self, request: Request, doing: str) -> Response:
        """The answer, whatever its status. A failure on the way names the step."""
        try:
            with self.run.taking(doing):
                return await follow(self.target, request, self.run, redirects=_REDIRECTS)
        except CheckFailedError as error:
            raise CheckFailedError(error.status, f"{error.summary} while {doing}", error.output) from error

    async def delete(self, url: str) -> None:
        await self.ask(self.request("DELETE", url), (200, 202, 204), f"deleting {url}")


#: What the statuses mean to whom runs a storage (RFC 4918 section 11).
_MEANINGS = {
    401: "the server wants to know who we are", 403: "not authorised", 404: "not found",
    405: "the server does not allow the method here", 409: "the folder does not exist", 411: "it wants a length",
    412: "a precondition failed", 413: "too large", 423: "locked", 500: "the server failed", 502: "a pool failed",
    503: "overloaded or switched off", 507: "no space left",
}  # fmt: skip


def refused(response: Response, doing: str) -> CheckFailedError:
    """An answer that is none of the wanted ones, in words."""
    meaning = f" ({_MEANINGS[response.status]})" if response.status in _MEANINGS else ""
    said = f"HTTP {response.status} {response.reason}".rstrip()
    return CheckFailedError(Status.CRITICAL, f"{said}{meaning} while {doing}", response.text[:2000])


async def _folder(target: Target, arguments: DavArguments, run: Run) -> Outcome:
    url = folder_url(target, arguments)
    door = Door(target, arguments, run)
    response = await door.ask(
        door.request("PROPFIND", url, {"Depth": "0"}), (207,), f"asking for the properties of {url}"
    )
    if "collection" not in response.text:
        raise CheckFailedError(Status.CRITICAL, f"{url} is no folder", response.text[:2000])
    return Outcome(Status.OK, f"{url} is a folder of a WebDAV server", response.text[:2000])


async def _copy(target: Target, arguments: CopyArguments, run: Run) -> Outcome:
    url = f"{folder_url(target, arguments)}{name_of_sample()}"
    door = Door(target, arguments, run)
    content, timings = sample(arguments.size_bytes), Timings()
    with timings.of("put"):
        await door.ask(door.request("PUT", url, body=content), (200, 201, 204), f"writing {url}")
    try:
        with timings.of("get"):
            read = await door.ask(
                replace(door.request("GET", url), most_bytes=len(content) + 1), (200,), f"reading {url}"
            )
            judge_content(read.body, content, url)
        note = ""
        if arguments.checksum:
            with timings.of("checksum"):
                note = await _compare_checksum(door, url, content, arguments)
    except CheckFailedError as error:
        raise await cleaned(error, url, door.delete(url)) from error
    with timings.of("delete"):
        await door.delete(url)
    await _require_gone(door, url)
    text = f"{len(content)} bytes written, read and deleted again: {timings.text}{note}"
    return Outcome(Status.OK, text, f"file: {url}", timings.perfdata)


async def _require_gone(door: Door, url: str) -> None:
    response = await door.answer(door.request("HEAD", url), f"looking whether {url} is gone")
    if response.status not in {404, 410}:
        raise CheckFailedError(Status.CRITICAL, f"{url} was deleted and is still there: HTTP {response.status}")


async def _compare_checksum(door: Door, url: str, content: bytes, arguments: CopyArguments) -> str:
    """Raises CheckFailedError where the server's is another; a note for the summary where it has none."""
    wanted = arguments.checksum.lower()
    request = door.request("HEAD", url, {"Want-Digest": wanted})
    response = await door.ask(request, (200,), f"asking for the checksum of {url}")
    found = parse_digest(response.headers.get("digest", ""))
    if wanted not in found:
        if arguments.need_checksum:
            raise CheckFailedError(Status.CRITICAL, f"the server gives no {wanted} checksum of {url} (RFC 3230)")
        return f"; no {wanted} checksum"
    if found[wanted].lstrip("0") != checksum_of(wanted, content).lstrip("0"):
        raise CheckFailedError(
            Status.CRITICAL, f"the server's {wanted} of {url} is {found[wanted]}, wanted {checksum_of(wanted, content)}"
        )
    return ""


def parse_digest(header: str) -> dict[str, str]:
    """Checksums of a `Digest` header in hexadecimal (RFC 3230; adler32 and crc32 are hexadecimal there, others base64).

    >>> parse_digest("adler32=0A1b2c3d,md5=1B2M2Y8AsgTpgAmY7PhCfg==")
    {'adler32': '0a1b2c3d', 'md5': 'd41d8cd98f00b204e9800998ecf8427e'}
    """
    found = {}
    for part in header[:4000].split(","):
        match = _DIGEST.fullmatch(part)
        if match is not None and match[1].lower() in CHECKSUMS:
            name, value = match[1].lower(), match[2].strip(":")
            digits = value.lower() if name in {"adler32", "crc32"} else _hex_of(value)
            if re.fullmatch(r"[0-9a-f]+", digits):
                found[name] = digits
    return found


def _hex_of(value: str) -> str:
    """Some servers send hexadecimal where base64 is due; no base64 of a checksum looks like that."""
    if re.fullmatch(r"(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64})", value):
        return value.lower()
    try:
        return base64.b64decode(value, validate=True).hex()
    except ValueError:
        return ""


CHECKS = (
    Check("webdav", DavArguments, _folder),
    Check("webdav-copy", CopyArguments, _copy),
)
