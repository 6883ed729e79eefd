"""One run of one instance: the test's kind decides how, and the answer becomes results."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.probes.checks import check_named
from gridkeeper.probes.credential_rules import CredentialError
from gridkeeper.probes.handing import handed, secrets_in
from gridkeeper.probes.instances import Instance
from gridkeeper.probes.jobs.adapters import adapter_named
from gridkeeper.probes.jobs.orders import JobOutcome, StageEnd
from gridkeeper.probes.jobs.orders import Stage as JobStage
from gridkeeper.probes.jobs.round_trip import run_job
from gridkeeper.probes.jobs.verdicts import riders_of, verdicts
from gridkeeper.probes.macros import MacroError, expand
from gridkeeper.probes.models import TestKind
from gridkeeper.probes.native import CheckArgumentError, Outcome
from gridkeeper.probes.native.check import FAILURES, Handed, Run, outcome_of, parse_arguments, without_secrets
from gridkeeper.probes.native.connect import address_of
from gridkeeper.probes.plugins import run_plugin
from gridkeeper.probes.results import SUMMARY_LIMIT, Result


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run says of one series; attempts and ids come later.

    cause: metric that failed and explains that this one has no result
    id: of the result, where whoever measured it made one (a worker elsewhere); "" lets the engine make it
    worker: where it was measured; "" is the engine's own
    """

    key: SeriesKey
    outcome: Outcome
    executed_at: datetime
    duration_ms: int
    cause: str = ""
    id: str = ""
    worker: str = ""


async def run_instance(instance: Instance, now: datetime) -> list[Measured]:
    """Runs the test and gives one measurement, or for a job those of its riders too."""
    if instance.test.kind == TestKind.JOB:
        return await _run_job(instance, now)
    started_s = time.monotonic()
    try:
        outcome = await _run(instance)
    except (MacroError, CheckArgumentError, CredentialError) as error:
        outcome = Outcome(Status.UNKNOWN, f"the test cannot run: {error}")
    return [Measured(instance.key, outcome, now, _ms_since(started_s))]


def _ms_since(started_s: float) -> int:
    return int((time.monotonic() - started_s) * 1000)


async def _run(instance: Instance) -> Outcome:
    if not instance.test.credential:
        return await _run_with(instance, None)
    async with handed(instance) as credential:
        return await _run_with(instance, credential)


async def _run_with(instance: Instance, credential: Handed | None) -> Outcome:
    test = instance.test
    if test.kind == TestKind.PLUGIN:
        return await _run_plugin(instance, credential)
    check = check_named(test.command)
    if not instance.prepared:  # the same for every run: an instance is made anew when anything of it changes
        instance.prepared.append(
            check.parse(expand(test.arguments or {}, macros_of(instance), instance.place.properties))
        )
    return await check.run(instance.place.target, instance.prepared[0], test.timeout_s, credential)


async def _run_plugin(instance: Instance, credential: Handed | None) -> Outcome:
    test, target = instance.test, instance.place.target
    words = test.arguments if isinstance(test.arguments, list) else []
    macros = macros_of(instance)
    if credential is not None:
        macros |= {"X509PROXY": credential.proxy_path, "TOKENFILE": credential.token_path}
    run = Run(test.timeout_s, secrets=secrets_in(credential) if credential is not None else [])
    try:
        async with asyncio.timeout(test.timeout_s):
            # The address is checked before the plugin starts; where it then connects is its own affair (decision 0010).
            macros["HOSTADDRESS"] = await address_of(target.hostname, target.address, run)
    except FAILURES as error:
        return outcome_of(error, run)
    argv = expand([test.command, *map(str, words)], macros, instance.place.properties)
    left_s = max(0.1, test.timeout_s - run.elapsed_s)
    outcome = await run_plugin(argv, timeout_s=left_s, limit_bytes=settings.GRIDKEEPER.log_limit_bytes)
    return without_secrets(outcome, run) if run.secrets else outcome


def macros_of(instance: Instance) -> dict[str, str]:
    """Values of the macros for an instance; empty where the registry has none."""
    place = instance.place
    return {
        "HOSTNAME": place.target.hostname,
        "HOSTADDRESS": place.target.address or place.target.hostname,
        "PORT": str(place.target.port or ""),
        "URL": place.target.url,
        "PATH": _path_of(place.target.url),
        "ENDPOINTS": " ".join(place.endpoints) or place.target.hostname,
        "VO": instance.key.vo,
        "SITE": place.site,
        "SITEBDII": place.site_bdii,
    }


def _path_of(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


async def _run_job(instance: Instance, now: datetime) -> list[Measured]:
    started_s = time.monotonic()
    try:
        async with handed(instance) as credential:
            done = await _job_of(instance, credential, now)
    except (MacroError, CheckArgumentError, CredentialError) as error:
        outcome = Outcome(Status.UNKNOWN, f"the test cannot run: {error}")
        done = JobOutcome(None, {JobStage.MATCH: StageEnd(outcome)})
    took_ms = _ms_since(started_s)
    keys = {rider.name: instance.rider_key(rider) for rider in instance.riders} | {instance.test.name: instance.key}
    return [
        Measured(keys[said.metric], said.outcome, now, said.duration_ms, said.cause)
        for said in verdicts(instance.test.name, instance.riders, done, took_ms)
    ]


async def _job_of(instance: Instance, credential: Handed | None, now: datetime) -> JobOutcome:
    """The round trip. Riders' arguments have macros too; those of stages are nobody's."""
    test, place = instance.test, instance.place
    adapter = adapter_named(test.command)
    macros = macros_of(instance)
    arguments = parse_arguments(adapter.name, adapter.arguments, expand(test.arguments or {}, macros, place.properties))
    riders = [
        replace(rider, arguments=expand(rider.arguments, macros, place.properties))
        for rider in riders_of(instance.riders)
    ]
    return await run_job(
        adapter, place.target, arguments, vo=instance.key.vo, riders=riders, timeout_s=test.timeout_s,
        now=now, credential=credential,
    )  # fmt: skip


def _no_result(cause: str, why: str) -> Outcome:
    return Outcome(Status.UNKNOWN, f"no result: {cause} failed", f"{cause}: {why}")


def blocked(instance: Instance, cause: str, now: datetime) -> list[Measured]:
    """What is said of an instance, and of what rides in it, that is not run because `cause` failed."""
    outcome = _no_result(cause, "see its log")
    keys = [instance.key, *(instance.rider_key(rider) for rider in instance.riders)]
    return [Measured(key, outcome, now, 0, cause) for key in keys]


#: Characters that are below every limit that the settings allow (1024 bytes), whatever they are.
_SHORT = 256
#: Largest duration that the lake holds.
_LONGEST_MS = 2**31 - 1


def stored_form(item: Measured, *, result_id: str, worker: str, is_hard: bool) -> Result:
    """The measurement as a result: whatever the other side sent, the database and the lake can hold it."""
    outcome = item.outcome
    return Result(
        id=result_id,
        key=item.key,
        status=outcome.status,
        executed_at=item.executed_at,
        duration_ms=min(item.duration_ms, _LONGEST_MS),
        summary=_text(outcome.summary).replace("\n", " ")[:SUMMARY_LIMIT],
        output=_limited(_text(outcome.output)),
        perfdata=_limited(_text(outcome.perfdata)),
        worker=worker,
        is_hard=is_hard,
        cause=item.cause,
    )


def _text(text: str) -> str:
    """Without zero bytes and half surrogates, which no database takes."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def _limited(text: str) -> str:
    """The text up to the limit of the settings, in bytes; a cut says so."""
    if len(text) <= _SHORT:
        return text
    limit = settings.GRIDKEEPER.log_limit_bytes
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    return encoded[:limit].decode(errors="ignore") + f"\n… cut: {len(encoded)} bytes in all"


def attempts_allowed(instance: Instance) -> Mapping[int, int]:
    """Most attempts by series: the instance's and its riders'."""
    allowed = {instance.rider_key(rider).series: rider.max_attempts for rider in instance.riders}
    return allowed | {instance.series: instance.test.max_attempts}
