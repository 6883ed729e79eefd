"""Squid, as it serves CVMFS and Frontier: it fetches an object, and the second time it comes from its cache."""

import re
from collections.abc import Mapping

from gridkeeper.core.status import Status
from gridkeeper.core.units import format_duration
from gridkeeper.probes.native.check import Arguments, Check, CheckArgumentError, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.connect import port_of
from gridkeeper.probes.native.http_client import Request, Response, fetch, split
from gridkeeper.probes.packs.samples import Timings

_PORT = 3128
_X_CACHE = re.compile(r"\b(TCP_)?(?:[A-Z_]*?)(HIT|MISS)\b", re.IGNORECASE)
#: What an error page of Squid says of itself (`X-Squid-Error: ERR_CONNECT_FAIL 111`), for first-level operators.
_ERRORS = {
    "ERR_ACCESS_DENIED": "its access list forbids it",
    "ERR_CONNECT_FAIL": "it cannot connect to the origin",
    "ERR_DNS_FAIL": "it cannot look up the origin's name",
    "ERR_READ_TIMEOUT": "the origin does not answer it",
    "ERR_READ_ERROR": "its connection to the origin broke",
    "ERR_ZERO_SIZE_OBJECT": "the origin answered it with nothing",
    "ERR_CANNOT_FORWARD": "it knows no way to the origin",
    "ERR_TOO_BIG": "the object is too big for it",
}


class SquidArguments(Arguments, frozen=True, kw_only=True):
    """fetch: http URL to ask for through the proxy; expect: text in what comes back.

    need_hit: a second request must come from the cache; most_age_s: of the object in the cache, 0 any
    most_bytes: read of the object
    """

    fetch: str
    expect: str = ""
    need_hit: bool = True
    most_age_s: float = 0
    most_bytes: int = 1 << 20

    def __post_init__(self) -> None:
        try:
            parts = split(self.fetch)
        except CheckFailedError as error:
            raise CheckArgumentError(f"squid: fetch: {error.summary}") from error
        if parts.scheme != "http" or not self.fetch.isascii() or re.search(r"\s", self.fetch):
            raise CheckArgumentError(f"squid: fetch: {self.fetch!r} must be an http URL, which a proxy can cache")


async def _check(target: Target, arguments: SquidArguments, run: Run) -> Outcome:
    proxy = Target(target.hostname, target.address, port_of(target, arguments.port, _PORT))
    request = Request("GET", arguments.fetch, most_bytes=arguments.most_bytes, proxy=proxy)
    timings = Timings()
    with run.taking("fetching through the proxy"), timings.of("first"):
        first = _judge(await fetch(target, request, run), arguments)
    cached = was_hit(first.headers)
    if arguments.need_hit and not cached:
        with run.taking("fetching a second time, from the cache"), timings.of("second"):
            second = _judge(await fetch(target, request, run), arguments)
        _require_hit(second, arguments)
        first, cached = second, True
    age = _judge_age(first.headers, arguments)
    where = {True: "from the cache", False: "not from the cache", None: "without saying whether from the cache"}[cached]
    text = f"{len(first.body)} bytes of {arguments.fetch} {where}{age}"
    perfdata = f"{timings.perfdata} size={len(first.body)}B;;;0"
    return Outcome(Status.OK, text, _describe(first), perfdata)


def _judge(response: Response, arguments: SquidArguments) -> Response:
    """Raises CheckFailedError where it is not the object."""
    if response.status != 200:
        raise CheckFailedError(Status.CRITICAL, _refusal(response, arguments.fetch), _describe(response))
    if arguments.expect not in response.text:
        raise CheckFailedError(
            Status.CRITICAL, f"the proxy gave something else for {arguments.fetch}: it lacks {arguments.expect!r}",
            _describe(response),
        )  # fmt: skip
    if not proxy_of(response.headers):
        raise CheckFailedError(
            Status.CRITICAL, "no proxy answered: the answer has neither Via nor X-Cache, as a web server's has not",
            _describe(response),
        )  # fmt: skip
    return response


def _refusal(response: Response, url: str) -> str:
    said = f"HTTP {response.status} {response.reason}".rstrip()
    error = response.headers.get("x-squid-error", "").partition(" ")[0]
    if error:
        return f"the proxy cannot fetch {url}: {_ERRORS.get(error, error[:60])} ({said})"
    if proxy_of(response.headers):
        return f"the origin answered {said} for {url} through the proxy"
    return f"no proxy: {said} for {url}"


def proxy_of(headers: Mapping[str, str]) -> str:
    """Who answered for the origin, as it says itself; "" where the headers name none."""
    return headers.get("via", "") or headers.get("x-cache", "") or headers.get("x-cache-lookup", "")


def was_hit(headers: Mapping[str, str]) -> bool | None:
    """Whether the object came from the cache, by X-Cache (the nearest proxy's word is the last) or Age; None: unsaid.

    >>> was_hit({"x-cache": "MISS from parent, HIT from squid.example.org"})
    True
    """
    words = _X_CACHE.findall(headers.get("x-cache", ""))
    if words:
        return bool(words[-1][1].upper() == "HIT")
    age = headers.get("age", "")
    return True if age.isascii() and age.isdigit() and age.strip("0") else None


def _require_hit(response: Response, arguments: SquidArguments) -> None:
    if was_hit(response.headers):
        return
    control = response.headers.get("cache-control", "")
    why = f"; the origin says Cache-Control: {control[:100]}" if control else ""
    raise CheckFailedError(
        Status.WARNING, f"the proxy fetches {arguments.fetch} and does not keep it: the second answer was a MISS{why}",
        _describe(response),
    )  # fmt: skip


def _judge_age(headers: Mapping[str, str], arguments: SquidArguments) -> str:
    """How old the object is by `Age`, for the summary. Raises CheckFailedError where it is too old."""
    given = headers.get("age", "")
    if not (given.isascii() and given.isdigit() and len(given) < 12):
        return ""
    age_s = int(given)
    if arguments.most_age_s and age_s > arguments.most_age_s:
        raise CheckFailedError(
            Status.CRITICAL, f"the cache gives an object that is {format_duration(age_s)} old, "
            f"limit {format_duration(arguments.most_age_s)}: it does not ask the origin again",
        )  # fmt: skip
    return f", {format_duration(age_s)} old"


def _describe(response: Response) -> str:
    headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    return f"{response.url}\nHTTP {response.status} {response.reason}\n{headers}\n\n{response.text[:1000]}"


CHECKS = (Check("squid", SquidArguments, _check),)
