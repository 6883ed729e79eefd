"""perfSONAR: the pScheduler API of a measurement host.

Source: pScheduler REST API, https://docs.perfsonar.net/pscheduler_ref_api.html (resources `api`, `status`,
`clock`, `tests`).
"""

from typing import Any
from urllib.parse import urlsplit

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import Arguments, Check, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.http_client import Request, fetch_json


class PschedulerArguments(Arguments, frozen=True, kw_only=True):
    """url: of the API, "" makes https://HOST/pscheduler; tests: that it must offer (latency, throughput, trace)

    daemons: whether it must say that its own run; "status" is not answered by every version
    warning_offset_s, critical_offset_s: of its clock, as it says itself; verify, ca_file: of its certificate
    """

    url: str = ""
    tests: tuple[str, ...] = ("throughput", "trace")
    daemons: bool = True
    warning_offset_s: float = 0.1
    critical_offset_s: float = 1.0
    verify: bool = True
    ca_file: str = ""


async def _check(target: Target, arguments: PschedulerArguments, run: Run) -> Outcome:
    base = (arguments.url or _base(target, arguments)).rstrip("/")

    async def ask(resource: str) -> Any:
        request = Request("GET", f"{base}/{resource}", verify=arguments.verify, ca_file=arguments.ca_file)
        with run.doing(f"asking for {resource}"):
            status, answer = await fetch_json(target, request, run)
        if status != 200:
            raise CheckFailedError(Status.CRITICAL, f"{base}/{resource} answers HTTP {status}", str(answer)[:2000])
        return answer

    version = await ask("api")
    if not isinstance(version, int) or isinstance(version, bool):
        raise CheckFailedError(Status.CRITICAL, f"{base}/api is no pScheduler: it says {str(version)[:80]!r}")
    if arguments.daemons:
        _require_daemons(await ask("status"))
    offered = _names(await ask("tests"))
    missing = [name for name in arguments.tests if name not in offered]
    if missing:
        raise CheckFailedError(
            Status.CRITICAL, f"it offers no {' and no '.join(missing)} test", f"it offers: {', '.join(sorted(offered))}"
        )
    return _of_clock(await ask("clock"), version, offered, arguments)


def _base(target: Target, arguments: PschedulerArguments) -> str:
    try:
        parts = urlsplit(target.url)
        if parts.scheme in {"http", "https"} and "pscheduler" in parts.path:
            return target.url
    except ValueError:
        pass  # an address that cannot be read is as good as none: the host's name is known
    port = arguments.port or target.port
    return f"https://{target.hostname}{f':{port}' if port else ''}/pscheduler"


def _require_daemons(answer: Any) -> None:
    """The API answers while scheduler, runner, ticker, archiver or database are gone: then nothing is measured."""
    services = answer.get("services") if isinstance(answer, dict) else None
    if not isinstance(services, dict):
        raise CheckFailedError(Status.UNKNOWN, "it says nothing of its services", str(answer)[:2000])
    gone = [
        str(name)[:40] for name, one in services.items() if not isinstance(one, dict) or one.get("running") is not True
    ]
    if gone:
        verb = "does" if len(gone) == 1 else "do"
        text = f"pScheduler answers, but its {', '.join(sorted(gone)[:10])} {verb} not run: nothing is measured"
        raise CheckFailedError(Status.CRITICAL, text, str(answer)[:2000])


def _names(answer: Any) -> set[str]:
    """The last words of the addresses that the list of tests holds."""
    if not isinstance(answer, list):
        raise CheckFailedError(Status.CRITICAL, "its list of tests is no list", str(answer)[:2000])
    return {str(item).rstrip("/").rpartition("/")[2] for item in answer}


def _of_clock(clock: Any, version: int, offered: set[str], arguments: PschedulerArguments) -> Outcome:
    if not isinstance(clock, dict) or not isinstance(clock.get("synchronized"), bool):
        raise CheckFailedError(Status.UNKNOWN, "it does not say whether its clock is synchronised", str(clock)[:2000])
    if not clock["synchronized"]:
        raise CheckFailedError(Status.CRITICAL, "its clock is not synchronised: no latency it measures means anything")
    offset = clock.get("offset")
    offset_s = abs(float(offset)) if isinstance(offset, int | float) and not isinstance(offset, bool) else 0.0
    limits = f"{arguments.warning_offset_s:g};{arguments.critical_offset_s:g};0"
    perfdata = f"offset={offset_s:.6f}s;{limits} tests={len(offered)};;;0"
    text = f"pScheduler API {version}, {len(offered)} tests, clock off by {offset_s:.3f} s"
    if offset_s > arguments.critical_offset_s:
        return Outcome(Status.CRITICAL, f"{text}, limit {arguments.critical_offset_s:g} s", perfdata=perfdata)
    if offset_s > arguments.warning_offset_s:
        return Outcome(Status.WARNING, f"{text}, limit {arguments.warning_offset_s:g} s", perfdata=perfdata)
    return Outcome(Status.OK, text, perfdata=perfdata)


CHECKS = (Check("pscheduler", PschedulerArguments, _check),)
