"""ARC CEs: what they say of themselves by REST. The jobs of this pack are `gridkeeper.probes.jobs.arc`'s."""

from dataclasses import replace
from datetime import UTC, datetime

from gridkeeper.core.status import Status
from gridkeeper.core.units import format_duration
from gridkeeper.probes.jobs.arc_rest import ArcRest
from gridkeeper.probes.jobs.glue import ComputingService, created_at, parse_info
from gridkeeper.probes.native.check import Arguments, Check, CheckFailedError, Outcome, Run, Target

#: A clock that is ahead of ours by more than this is a fault of its own.
_AHEAD_S = 300


class InfoArguments(Arguments, frozen=True, kw_only=True):
    """url: of the REST interface, "" takes the service's; ca_file: folder or file of trusted CAs.

    certificate, key: PEM files to act with where the run is handed no proxy
    warning_age_s, critical_age_s: of what the CE publishes of itself; ARC renews it every minute or so
    """

    url: str = ""
    ca_file: str = ""
    certificate: str = ""
    key: str = ""
    warning_age_s: float = 900
    critical_age_s: float = 3600


async def _check(target: Target, arguments: InfoArguments, run: Run) -> Outcome:
    rest = ArcRest(target, arguments, run)
    service = parse_info(await rest.info())
    # Its JSON has lost the times of creation (ARC 6.17): they are only in the XML form.
    made = created_at(await rest.info("xml"))
    outcome = judge_info(service, made, datetime.now(UTC), arguments)
    return replace(outcome, output=f"{outcome.output}\nTLS handshakes that the CE broke: {rest.broken_handshakes}")


def judge_info(service: ComputingService, made: datetime | None, now: datetime, arguments: InfoArguments) -> Outcome:
    """Health and state of the REST interface, queues, and age of the information."""
    output = _describe(service)
    rest = [item for item in service.endpoints if item.interface == "org.nordugrid.arcrest"]
    for endpoint in rest:
        if endpoint.health not in {"ok", ""}:
            text = f"the CE publishes of itself that its health is {endpoint.health}"
            raise CheckFailedError(Status.CRITICAL, text, output)
        if endpoint.serving in {"closed", "draining"}:
            raise CheckFailedError(Status.CRITICAL, f"the CE takes no jobs: it is {endpoint.serving}", output)
    if not service.queues:
        raise CheckFailedError(Status.CRITICAL, "the CE publishes no queue", output)
    status, words, perfdata = _judge_age(made, now, arguments)
    version = f"ARC {rest[0].version}, " if rest and rest[0].version else ""
    names = ", ".join(item.name for item in service.queues)[:200]
    running, waiting = (sum(getattr(item, name) for item in service.queues) for name in ("running", "waiting"))
    figures = f"jobs={service.total};;;0 running={running};;;0 waiting={waiting};;;0"
    return Outcome(status, f"{version}queues {names}; {words}", output, f"{perfdata} {figures}".strip())


def _judge_age(made: datetime | None, now: datetime, arguments: InfoArguments) -> tuple[Status, str, str]:
    if made is None:
        return Status.WARNING, "its information does not say how old it is", ""
    age_s = (now - made).total_seconds()
    perfdata = f"age={age_s:.0f}s;{arguments.warning_age_s:g};{arguments.critical_age_s:g}"
    if age_s < -_AHEAD_S:
        text = f"its information is from the future by {format_duration(-age_s)}: its clock or ours is wrong"
        return Status.WARNING, text, perfdata
    words = f"its information is {format_duration(max(0.0, age_s))} old"
    if age_s > arguments.critical_age_s:
        return Status.CRITICAL, f"{words}: A-REX or its information provider hangs", perfdata
    return (Status.WARNING if age_s > arguments.warning_age_s else Status.OK), words, perfdata


def _describe(service: ComputingService) -> str:
    lines = [f"service {service.name}"]
    lines += [f"endpoint {item.interface} {item.version}: {item.health or 'no health'}, {item.serving or 'no state'}"
              for item in service.endpoints]  # fmt: skip
    lines += [f"queue {item.name}: {item.serving or 'no state'}, {item.running} running, {item.waiting} waiting, "
              f"for {', '.join(sorted(item.vos)) or 'all VOs'}" for item in service.queues]  # fmt: skip
    return "\n".join(lines)


CHECKS: tuple[Check, ...] = (Check("arc-info", InfoArguments, _check),)
