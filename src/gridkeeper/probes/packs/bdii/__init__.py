"""BDII: the information system of a site or of the whole grid, over LDAP (port 2170)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from gridkeeper.core.status import Status
from gridkeeper.core.units import format_duration
from gridkeeper.probes.native.check import Arguments, Check, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.connect import port_of
from gridkeeper.probes.native.ldap import describe, judge_count, require_filter
from gridkeeper.probes.native.ldap_client import NO_SUCH_OBJECT, Answer, Entry, LdapConnection, open_ldap
from gridkeeper.probes.packs.bdii.glue import ATTRIBUTES, Finding, creation_time, findings, ldap_time

_PORT = 2170
_STATISTICS = "(objectClass=UpdateStats)"
#: A server's clock that is so far ahead of ours makes ages worthless.
_MOST_AHEAD_S = 300
_SHOWN = 50
_MOST_ENTRIES = 500_000


@asynccontextmanager
async def _bdii(target: Target, port: int, run: Run) -> AsyncIterator[LdapConnection]:
    connection = await open_ldap(target, port_of(target, port, _PORT), run)
    try:
        yield connection
    finally:
        connection.close()


def _require(answer: Answer, base: str) -> None:
    """Raises CheckFailedError for a search that did not succeed. One that was cut did."""
    if answer.code == NO_SUCH_OBJECT:
        raise CheckFailedError(Status.CRITICAL, f"the BDII answers, but has no {base}: nothing is published there")
    if answer.code and not answer.is_cut:
        raise CheckFailedError(Status.CRITICAL, f"the BDII answers, but not for {base}: {answer.words}")


class BdiiArguments(Arguments, frozen=True, kw_only=True):
    """bases: roots that the BDII must have; o=glue is GLUE 2, o=grid is GLUE 1.3."""

    bases: tuple[str, ...] = ("o=glue",)


async def _reachable(target: Target, arguments: BdiiArguments, run: Run) -> Outcome:
    found: list[Entry] = []
    async with _bdii(target, arguments.port, run) as connection:
        for base in arguments.bases:
            answer = await connection.search(base, scope="base")
            _require(answer, base)
            if not answer.entries:
                raise CheckFailedError(Status.CRITICAL, f"the BDII answers, but {base} is empty")
            found += answer.entries
    return Outcome(Status.OK, f"the BDII answers for {', '.join(arguments.bases)}", describe(found))


class FreshnessArguments(Arguments, frozen=True, kw_only=True):
    """warning_age_s, critical_age_s: of the last update; base: of the entries whose making counts where no
    statistics are kept."""

    warning_age_s: int = 1800
    critical_age_s: int = 7200
    base: str = "o=glue"


async def _freshness(target: Target, arguments: FreshnessArguments, run: Run) -> Outcome:
    async with _bdii(target, arguments.port, run) as connection:
        statistics = await connection.search("o=infosys", _STATISTICS, ("*", "modifyTimestamp"))
        if statistics.code not in {0, NO_SUCH_OBJECT}:
            _require(statistics, "o=infosys")
        entries: Sequence[Entry] = statistics.entries
        times = [time for entry in entries if (time := ldap_time(entry.first("modifyTimestamp"))) is not None]
        what = "last update"
        if not times:
            answer = await connection.search(
                arguments.base, "(GLUE2EntityCreationTime=*)", ("GLUE2EntityCreationTime",), most_entries=_MOST_ENTRIES
            )
            _require(answer, arguments.base)
            entries, what = answer.entries, "newest entry"
            times = [time for entry in entries if (time := creation_time(entry)) is not None]
    if not times:
        raise CheckFailedError(Status.UNKNOWN, "the BDII answers, but says nowhere when it was last updated")
    return _judge_age(max(times), datetime.now(UTC), what, arguments, describe(list(entries[:3])))


def _judge_age(newest: datetime, now: datetime, what: str, arguments: FreshnessArguments, output: str) -> Outcome:
    age_s = (now - newest).total_seconds()
    perfdata = f"age={age_s:.0f}s;{arguments.warning_age_s};{arguments.critical_age_s};0"
    if age_s < -_MOST_AHEAD_S:
        ahead = format_duration(-age_s)
        text = f"the BDII answers, but its {what} is {ahead} in the future: its clock or ours is wrong"
        return Outcome(Status.WARNING, text, output, perfdata)
    old = f"{newest:%Y-%m-%d %H:%M:%S} UTC, {format_duration(max(0.0, age_s))} ago"
    if age_s > arguments.warning_age_s:
        status = Status.CRITICAL if age_s > arguments.critical_age_s else Status.WARNING
        text = f"the BDII answers, but its {what} is {format_duration(age_s)} old ({newest:%Y-%m-%d %H:%M:%S} UTC)"
        return Outcome(status, text, output, perfdata)
    return Outcome(Status.OK, f"{what} {old}", output, perfdata)


class EntriesArguments(Arguments, frozen=True, kw_only=True):
    """base, filter: what is counted; warning_entries, critical_entries: fewer are bad."""

    base: str = "o=glue"
    filter: str = "(objectClass=GLUE2Endpoint)"
    warning_entries: int = 1
    critical_entries: int = 1

    def __post_init__(self) -> None:
        require_filter("bdii-entries", self.filter)


async def _entries(target: Target, arguments: EntriesArguments, run: Run) -> Outcome:
    async with _bdii(target, arguments.port, run) as connection:
        # "1.1" is no attribute at all (RFC 4511 section 4.5.1.8): names alone are enough to count.
        answer = await connection.search(arguments.base, arguments.filter, ("1.1",), most_entries=_MOST_ENTRIES)
    _require(answer, arguments.base)
    outcome = judge_count(
        answer, arguments.warning_entries, arguments.critical_entries, arguments.base, describe(answer.entries)
    )
    if outcome.status == Status.OK:
        return outcome
    return Outcome(outcome.status, f"the BDII answers, but publishes {outcome.summary}", outcome.output,
                   outcome.perfdata)  # fmt: skip


class GlueArguments(Arguments, frozen=True, kw_only=True):
    """bases: what is looked at, those that are missing are left out; site: that must be published; "" any."""

    bases: tuple[str, ...] = ("o=glue", "o=grid")
    site: str = ""


async def _glue(target: Target, arguments: GlueArguments, run: Run) -> Outcome:
    entries: list[Entry] = []
    async with _bdii(target, arguments.port, run) as connection:
        for base in arguments.bases:
            answer = await connection.search(base, "(objectClass=*)", ATTRIBUTES, most_entries=_MOST_ENTRIES)
            if answer.code != NO_SUCH_OBJECT:
                _require(answer, base)
            entries += answer.entries
    if not entries:
        text = f"the BDII answers, but publishes nothing below {', '.join(arguments.bases)}"
        raise CheckFailedError(Status.CRITICAL, text)
    return judge_findings(findings(entries, datetime.now(UTC), site=arguments.site), len(entries))


def judge_findings(found: Sequence[Finding], entries: int) -> Outcome:
    """The worst finding is the status; the summary names the first, the output lists them."""
    errors = sum(item.status == Status.CRITICAL for item in found)
    perfdata = f"entries={entries};;;0 errors={errors};;0;0 warnings={len(found) - errors};0;;0"
    lines = [f"{item.status.name}: {item.text}{f' [{item.dn}]' if item.dn else ''}" for item in found[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(f"and {len(found) - _SHOWN} more")
    if not found:
        return Outcome(Status.OK, f"{entries} entries, all sane", "", perfdata)
    counted = f"{errors} errors and {len(found) - errors} warnings in {entries} entries"
    return Outcome(found[0].status, f"{found[0].text}; {counted}", "\n".join(lines), perfdata)


CHECKS = (
    Check("bdii", BdiiArguments, _reachable),
    Check("bdii-freshness", FreshnessArguments, _freshness),
    Check("bdii-entries", EntriesArguments, _entries),
    Check("bdii-glue", GlueArguments, _glue),
)
