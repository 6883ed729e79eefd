"""Third-party copy over HTTP: the storage itself fetches a file from a partner, or sends one to it.

Source: "HTTP Third Party Copy", WLCG DOMA TPC (https://twiki.cern.ch/twiki/bin/view/LCG/HttpTpcTechnical): COPY with
`Source` (pull) or `Destination` (push); the body is a log of performance markers that ends in success or failure.
"""

import re
from dataclasses import dataclass, replace
from typing import Literal

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import Check, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.http_client import Request
from gridkeeper.probes.packs.samples import (
    Timings,
    cleaned,
    judge_content,
    name_of_sample,
    require_sizes,
    sample,
)
from gridkeeper.probes.packs.webdav import DavArguments, Door, folder_url

_LAST = re.compile(r"(success|failure)\s*:?\s*(.*)", re.IGNORECASE)
_MOVED = re.compile(r"\s*Stripe Bytes Transferred:\s*(\d{1,18})\s*", re.IGNORECASE)


class TpcArguments(DavArguments, frozen=True, kw_only=True):
    """mode: "pull", the tested storage fetches; "push", it sends; size_bytes: of the file.

    partner: URL of a folder of the other storage, "" the tested one itself
    """

    mode: Literal["pull", "push"] = "pull"
    partner: str = ""
    size_bytes: int = 4096

    def __post_init__(self) -> None:
        require_sizes("http-tpc", self.size_bytes)


@dataclass(frozen=True, slots=True)
class Transfer:
    """What the storage says of a copy. moved_bytes: of the last marker; None where it told none."""

    is_done: bool
    message: str
    moved_bytes: int | None


def parse_transfer(text: str) -> Transfer:
    """The log of a copy. Raises CheckFailedError where it ends without success or failure.

    >>> parse_transfer("Perf Marker\\n Stripe Bytes Transferred: 7\\nEnd\\nsuccess: Created")
    Transfer(is_done=True, message='Created', moved_bytes=7)
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    moved = [int(match[1]) for line in lines if (match := _MOVED.fullmatch(line))]
    last = _LAST.fullmatch(lines[-1]) if lines else None
    if last is None:
        said = f"the last line is {lines[-1][:200]!r}" if lines else "it is empty"
        raise CheckFailedError(
            Status.CRITICAL, f"the log of the copy says neither success nor failure: {said}", text[:2000]
        )
    return Transfer(last[1].lower() == "success", last[2][:300], moved[-1] if moved else None)


def _headers(request: Request, name: str, url: str) -> dict[str, str]:
    """Of a COPY; the partner is told our token, as `TransferHeader*` (section "Authorization" there)."""
    headers = {**request.headers, name: url, "Overwrite": "T", "Credential": "none"}
    if "Authorization" in headers:
        headers["TransferHeaderAuthorization"] = headers["Authorization"]
    return headers


async def _copy(door: Door, mode: str, source: str, destination: str, size_bytes: int) -> str:
    """Asks for the copy and judges its log. Gives the log."""
    active, name, other = (destination, "Source", source) if mode == "pull" else (source, "Destination", destination)
    request = door.request("COPY", active)
    request = replace(request, headers=_headers(request, name, other))
    # Some answer 412 or 5xx at once, most answer 201 or 202 before they know.
    response = await door.ask(request, (200, 201, 202), f"asking for the {mode} of {other}")
    if response.status == 201 and not response.text.strip():
        return "HTTP 201"
    done = parse_transfer(response.text)
    if not done.is_done:
        raise CheckFailedError(Status.CRITICAL, f"the {mode} of {other} failed: {done.message}", response.text[:4000])
    if done.moved_bytes is not None and done.moved_bytes > size_bytes:
        raise CheckFailedError(
            Status.CRITICAL, f"the storage says that it copied {done.moved_bytes} bytes of {size_bytes}", response.text
        )
    return response.text[:4000]


async def _check(target: Target, arguments: TpcArguments, run: Run) -> Outcome:
    here = folder_url(target, arguments)
    there = folder_url(target, _of_partner(arguments)) if arguments.partner else here
    source_folder, destination_folder = (there, here) if arguments.mode == "pull" else (here, there)
    source = f"{source_folder}{name_of_sample()}"
    destination = f"{destination_folder}{name_of_sample()}"
    door, content, timings = Door(target, arguments, run), sample(arguments.size_bytes), Timings()
    await door.ask(door.request("PUT", source, body=content), (200, 201, 204), f"writing the source {source}")
    try:
        with timings.of("copy"):
            log = await _copy(door, arguments.mode, source, destination, len(content))
        request = replace(door.request("GET", destination), most_bytes=len(content) + 1)
        read = await door.ask(request, (200,), f"reading the copy {destination}")
        judge_content(read.body, content, destination)
    except CheckFailedError as error:
        await cleaned(error, destination, _delete_if_there(door, destination))
        raise await cleaned(error, source, door.delete(source)) from error
    await door.delete(destination)
    await door.delete(source)
    text = f"{len(content)} bytes copied by {arguments.mode}, compared and deleted: {timings.text}"
    return Outcome(Status.OK, text, f"from: {source}\nto: {destination}\n\n{log}", timings.perfdata)


async def _delete_if_there(door: Door, url: str) -> None:
    """A copy that failed may have left a part, or nothing."""
    await door.ask(door.request("DELETE", url), (200, 202, 204, 404), f"deleting {url}")


def _of_partner(arguments: TpcArguments) -> DavArguments:
    """The arguments as they are for the partner."""
    return DavArguments(url=arguments.partner, verify=arguments.verify, ca_file=arguments.ca_file)


CHECKS = (Check("http-tpc", TpcArguments, _check),)
