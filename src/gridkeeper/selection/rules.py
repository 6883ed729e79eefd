"""Which services and sites are good for a VO, and why the others are not. Pure; `judge.py` brings the facts.

Source: Freedom of Choice, docs/howto/good-sites.md. Used by the pages, the API, the command and the preview of changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from gridkeeper.core.status import UP, Status

CERTIFIED = "Certified"


class Kind(StrEnum):
    """What keeps a service or a site out; the first four are about the site or the service itself, not its tests."""

    BLACK_LISTED = "black list"
    NOT_CERTIFIED = "not certified"
    NOTHING_CRITICAL = "nothing critical"
    NOT_SUPPORTED = "not supported"
    NOT_IN_PRODUCTION = "not in production"
    DOWNTIME = "downtime"
    TEST_FAILED = "test failed"
    RESULT_TOO_OLD = "result too old"
    NO_RESULT = "no result"


class ListWord(StrEnum):
    """The two lists of a VO."""

    WHITE = "white"
    BLACK = "black"


@dataclass(frozen=True, slots=True)
class Entry:
    """A list entry that holds at the instant of the judgement. expires_at None: until removed."""

    kind: ListWord
    reason: str
    author: str
    created_at: datetime
    expires_at: datetime | None = None
    id: int = 0

    @property
    def sentence(self) -> str:
        until = f" until {utc(self.expires_at)}" if self.expires_at else ""
        return f"on the {self.kind} list of the VO since {utc(self.created_at)}{until}, by {self.author}: {self.reason}"


@dataclass(frozen=True, slots=True)
class CriticalTest:
    """A test that must be good. vo: the view under which its results come, "" where they are the same for all."""

    name: str
    validity: timedelta
    vo: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """The newest hard result of a test on a service. since: first result in a row with that status, where known."""

    status: Status
    executed_at: datetime
    since: datetime | None = None
    cause: str = ""
    series: int = 0


@dataclass(frozen=True, slots=True)
class Outage:
    """A declared outage that holds at the instant of the judgement."""

    key: str
    end: datetime
    description: str = ""


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What is known of a service. observations: test name -> newest hard result; a test without one is not in it."""

    service_type: str
    hostname: str
    supports_vo: bool = True
    in_production: bool = True
    outages: tuple[Outage, ...] = ()
    tests: tuple[CriticalTest, ...] = ()
    observations: Mapping[str, Observation] = field(default_factory=dict)
    key: str = ""

    @property
    def name(self) -> str:
        return f"{self.service_type} {self.hostname}"

    @property
    def is_critical(self) -> bool:
        """True where the VO counts on it: it supports the VO, and its type has critical tests."""
        return self.supports_vo and bool(self.tests)


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What is known of a site. entries: its list entries that hold, at most one unless facts were loaded by hand."""

    name: str
    region: str = ""
    certification: str = CERTIFIED
    services: tuple[ServiceFacts, ...] = ()
    entries: tuple[Entry, ...] = ()
    key: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that excludes. The words that do not apply are empty; `sentence` says it all."""

    kind: Kind
    sentence: str
    service_type: str = ""
    hostname: str = ""
    test: str = ""
    status: Status | None = None
    since: datetime | None = None
    entry: Entry | None = None
    series: int = 0


@dataclass(frozen=True, slots=True)
class ServiceVerdict:
    """Whether a service is good for the VO; if not, every reason."""

    service: ServiceFacts
    reasons: tuple[Reason, ...]

    @property
    def is_good(self) -> bool:
        return not self.reasons

    @property
    def good_until(self) -> datetime | None:
        """When it is good no longer unless newer results come; None where it is not good now."""
        if not self.is_good:
            return None
        seen = self.service.observations
        return min(seen[test.name].executed_at + test.validity for test in self.service.tests)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a site is good for the VO.

    reasons: what speaks against it. A site on the white list is good although it may have some.
    services: the verdicts of the services that the VO counts on
    entry: the list entry that decided, where one did
    """

    site: SiteFacts
    is_good: bool
    reasons: tuple[Reason, ...]
    services: tuple[ServiceVerdict, ...]
    entry: Entry | None = None

    @property
    def good_until(self) -> datetime | None:
        """Until when this may be believed if nothing newer is heard: results go stale, entries expire.

        None where the site is not good, or is on the white list without an end.
        """
        if not self.is_good:
            return None
        if self.entry:
            return self.entry.expires_at
        return min(until for each in self.services if (until := each.good_until) is not None)

    @property
    def sentence(self) -> str:
        """In or out, and why, in one line."""
        if self.is_good:
            return f"good: {self.entry.sentence}" if self.entry else "good"
        return "excluded: " + "; ".join(reason.sentence for reason in self.reasons)


def utc(moment: datetime) -> str:
    """The instant as sentences of exclusions write it.

    >>> from datetime import UTC
    >>> utc(datetime(2026, 3, 10, 11, 4, tzinfo=UTC))
    '2026-03-10 11:04 UTC'
    """
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def judge_service(service: ServiceFacts, *, vo: str, certification: str, at: datetime) -> ServiceVerdict:
    """Good iff it supports the VO, is in production at a certified site, has no outage, and every critical test passes.

    A test passes with a fresh OK or WARNING. Every condition that fails gives a reason, not just the first.
    """
    reasons = [*_of_the_site(certification), *_of_the_service(service, vo)]
    for test in service.tests:
        reasons += _of_the_test(service, test, service.observations.get(test.name), at)
    return ServiceVerdict(service, tuple(reasons))


def judge_site(site: SiteFacts, *, vo: str, at: datetime) -> Verdict:
    """Good iff all services that the VO counts on are, and there is at least one; the lists overrule that, black first.

    `at` is the instant of the judgement, at which list entries and outages in the facts hold.
    """
    critical = [service for service in site.services if service.is_critical]
    verdicts = tuple(judge_service(service, vo=vo, certification=site.certification, at=at) for service in critical)
    found = dict.fromkeys(reason for verdict in verdicts for reason in verdict.reasons)
    if not critical:
        found = dict.fromkeys([*_of_the_site(site.certification), _nothing_critical(vo)])
    black, white = _entry(site, ListWord.BLACK), _entry(site, ListWord.WHITE)
    if black:
        found = {Reason(Kind.BLACK_LISTED, black.sentence, since=black.created_at, entry=black): None} | found
    is_good = not black and (white is not None or not found)
    return Verdict(site, is_good, tuple(found), verdicts, black or white)


def _entry(site: SiteFacts, kind: ListWord) -> Entry | None:
    return next((entry for entry in site.entries if entry.kind == kind), None)


def _nothing_critical(vo: str) -> Reason:
    return Reason(Kind.NOTHING_CRITICAL, f"offers nothing critical for {vo}")


def _of_the_site(certification: str) -> list[Reason]:
    if certification == CERTIFIED:
        return []
    return [Reason(Kind.NOT_CERTIFIED, f"the site is not certified ({certification.lower()})")]


def _of_the_service(service: ServiceFacts, vo: str) -> list[Reason]:
    def reason(kind: Kind, words: str, status: Status | None = None) -> Reason:
        return Reason(kind, f"{service.name} {words}", service.service_type, service.hostname, status=status)

    reasons = []
    if not service.supports_vo:
        reasons.append(reason(Kind.NOT_SUPPORTED, f"does not support {vo}"))
    if not service.in_production:
        reasons.append(reason(Kind.NOT_IN_PRODUCTION, "is not in production"))
    for outage in service.outages:
        words = f" ({outage.description})" if outage.description else ""
        reasons.append(reason(Kind.DOWNTIME, f"is in downtime until {utc(outage.end)}{words}", Status.DOWNTIME))
    return reasons


def _of_the_test(service: ServiceFacts, test: CriticalTest, seen: Observation | None, at: datetime) -> Sequence[Reason]:
    def reason(kind: Kind, words: str, status: Status, since: datetime | None) -> tuple[Reason]:
        sentence = f"{test.name} on {service.hostname} {words}"
        series = seen.series if seen else 0
        names = (service.service_type, service.hostname, test.name)
        return (Reason(kind, sentence, *names, status=status, since=since, series=series),)

    if seen is None:
        return reason(Kind.NO_RESULT, "has no result", Status.MISSING, None)
    if seen.executed_at < at - test.validity:
        was = "" if seen.status is Status.MISSING else f" (was {seen.status.name})"
        words = f"has no result since {utc(seen.executed_at)}{was}"
        return reason(Kind.RESULT_TOO_OLD, words, Status.MISSING, seen.executed_at)
    if seen.status is Status.MISSING:  # only soft results so far
        return reason(Kind.NO_RESULT, "has no result", Status.MISSING, None)
    if seen.status in UP:
        return ()
    since = seen.since or seen.executed_at
    words = f"is {seen.status.name} since {utc(since)}" + (f" because of {seen.cause}" if seen.cause else "")
    return reason(Kind.TEST_FAILED, words, seen.status, since)
