"""The lifetime of the host certificate at every known endpoint of a service (the seeds' "GOC certificate lifetime")."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import FAILURES, Arguments, Outcome, Run, Target, outcome_of
from gridkeeper.probes.native.starttls import connect_starttls
from gridkeeper.probes.native.tls import TlsArguments, certificate_of, context_with, judge_expiry, unverifying_context

#: Schemes of URLs behind which TLS is certain: port, and what is spoken before it (`native.starttls`).
_SCHEMES: dict[str, tuple[int, str]] = {
    "https": (443, ""), "davs": (443, ""), "s3s": (443, ""), "srm": (8443, ""), "httpg": (8443, ""), "wss": (443, ""),
    "ldaps": (636, ""), "smtps": (465, ""), "imaps": (993, ""), "myproxy": (7512, ""), "voms": (15000, ""),
    "amqps": (5671, ""), "stomp+ssl": (61612, ""), "stomps": (61612, ""), "mqtts": (8883, ""), "tls": (443, ""),
}  # fmt: skip
_MOST_ENDPOINTS = 100
#: At once, against what is mostly one host.
_AT_ONCE = 4
_GRADES = (Status.OK, Status.UNKNOWN, Status.WARNING, Status.CRITICAL)


class EndpointsArguments(Arguments, frozen=True, kw_only=True):
    """urls: of all endpoints, with blanks between them; those without TLS are left out. Limits as of `tls`."""

    urls: str = ""
    warning_days: float = 14
    critical_days: float = 3


@dataclass(frozen=True, slots=True, order=True)
class _Endpoint:
    host: str
    port: int
    starttls: str

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


async def check_endpoints(target: Target, arguments: EndpointsArguments, run: Run) -> Outcome:
    """The worst of all endpoints; the output has a line for each."""
    endpoints, is_cut = _endpoints(f"{target.url} {arguments.urls}")
    if not endpoints:
        return Outcome(Status.OK, "no known endpoint speaks TLS", "", "endpoints=0;;;0")
    places = asyncio.Semaphore(_AT_ONCE)

    async def look(endpoint: _Endpoint) -> Outcome:
        async with places:
            return await _look(target, endpoint, arguments, run)

    run.stage = f"looking at the certificates of {len(endpoints)} endpoints"
    judged = await asyncio.gather(*map(look, endpoints))
    return _summed(endpoints, judged, is_cut=is_cut)


def _endpoints(urls: str) -> tuple[list[_Endpoint], bool]:
    """Those that speak TLS, each once; and whether there were more than are looked at."""
    found: set[_Endpoint] = set()
    for url in urls.split():
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            continue  # no URL: the registry's own checks say so
        if parts.scheme in _SCHEMES and host:
            default, starttls = _SCHEMES[parts.scheme]
            found.add(_Endpoint(host, port or default, starttls))
    return sorted(found)[:_MOST_ENDPOINTS], len(found) > _MOST_ENDPOINTS


async def _look(target: Target, endpoint: _Endpoint, arguments: EndpointsArguments, run: Run) -> Outcome:
    """Lifetime at one endpoint. It is not verified: what expires is said, whoever signed it."""
    place = Target(endpoint.host, target.address if endpoint.host == target.hostname else "", endpoint.port)
    # A clock and a stage of its own: the others go on meanwhile. What is left of the time is shared.
    own = Run(round(max(0.1, run.timeout_s - run.elapsed_s - 0.1), 1), credential=run.credential)
    proxy = run.credential.proxy_path if run.credential else ""
    try:
        async with asyncio.timeout(own.timeout_s):
            tls = context_with(proxy, verify=False) if proxy else unverifying_context()
            stream = await connect_starttls(place, endpoint.port, own, tls, protocol=endpoint.starttls)
            try:
                certificate = certificate_of(stream)
            finally:
                stream.close()
    except FAILURES as error:
        return outcome_of(error, own)
    limits = TlsArguments(warning_days=arguments.warning_days, critical_days=arguments.critical_days)
    return judge_expiry(certificate, datetime.now(UTC), limits)


def _summed(endpoints: Sequence[_Endpoint], judged: Sequence[Outcome], *, is_cut: bool) -> Outcome:
    both = sorted(zip(endpoints, judged, strict=True), key=lambda pair: _GRADES.index(pair[1].status), reverse=True)
    endpoint, worst = both[0]
    bad = sum(outcome.status != Status.OK for outcome in judged)
    counted = f"{len(judged)}{' and more' if is_cut else ''} endpoint{'s' if len(judged) > 1 else ''}"
    if bad:
        summary = f"{endpoint}: {worst.summary}; {bad} of {counted} are not as they should be"
    else:
        summary = f"{counted}, {_first_to_expire(both)}"
    output = "\n".join(f"{outcome.status.name:8} {place}: {outcome.summary}" for place, outcome in both)
    left = [_days(outcome) for outcome in judged]
    known = [days for days in left if days is not None]
    days = f" days={min(known):.2f}" if known else ""
    return Outcome(worst.status, summary, output, f"endpoints={len(judged)};;;0 bad={bad};;;0{days}")


def _first_to_expire(both: Sequence[tuple[_Endpoint, Outcome]]) -> str:
    place, outcome = min(both, key=lambda pair: _days(pair[1]) or 0.0)
    return f"the first to expire is that of {place}: {outcome.summary}"


def _days(outcome: Outcome) -> float | None:
    """Days that are left, from the outcome's perfdata; None where no certificate was seen."""
    _, found, rest = outcome.perfdata.partition("days=")
    return float(rest.partition(";")[0]) if found else None
