"""What follows from what: which failures are causes, and which only their consequences. Pure.

A failure explains another where a rule says so (declared by people, or learned and accepted), where the cause reaches
it (same service, host, site or region), and where it did not begin after it. Chains end at their root: what follows
from a consequence follows from its cause.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status

#: What fails. MISSING and DOWNTIME explain nothing and need no explanation here.
FAILED = frozenset({Status.CRITICAL, Status.UNKNOWN})
#: Tests run at intervals: a cause may be noticed so long after its consequences.
DEFAULT_SLACK = timedelta(minutes=30)
#: From the farthest to the nearest; of several causes the farther-reaching one is named.
REACHES = ("region", "site", "host", "service")


class Failing(NamedTuple):
    """A series that fails, since when, and the metric that the engine gave as the reason ("" for none)."""

    series: int
    key: SeriesKey
    since: datetime
    cause: str = ""


class Rule(NamedTuple):
    """While `cause` fails on a `cause_type`, failures of `effect` on an `effect_type` in its reach follow from it.

    "" stands for every test, every service type. Source: `probes.models.CauseRule`.
    """

    cause: str
    cause_type: str
    effect: str
    effect_type: str
    reach: str

    @property
    def words(self) -> str:
        """The rule as half a sentence.

        >>> Rule("bdii", "Site-BDII", "", "", "site").words
        'every test at the same site follows from bdii'
        """
        effect = self.effect or "every test"
        kinds = f" of {self.effect_type}" if self.effect_type else ""
        return f"{effect}{kinds} {PLACE_WORDS[self.reach]} follows from {self.cause}"


PLACE_WORDS = {
    "service": "on the same service",
    "host": "on the same host",
    "site": "at the same site",
    "region": "in the same region",
}


class Placing(NamedTuple):
    """Where a service stands."""

    site: str
    region: str


@dataclass(frozen=True, slots=True)
class Cause:
    """The root of a failure. `rule`: why it is the cause, in words."""

    series: int
    metric: str
    hostname: str
    service_type: str
    site: str
    rule: str

    @property
    def sentence(self) -> str:
        """What the log page says."""
        return f"failed because {self.metric} fails on {self.service_type} {self.hostname}"


#: Where each service stands, by (hostname, service type).
Places = Mapping[tuple[str, str], Placing]


def explain(
    failing: Iterable[Failing], rules: Sequence[Rule], places: Places, *, slack: timedelta = DEFAULT_SLACK
) -> dict[int, Cause]:
    """The root cause of every failing series that has one; those that have none are causes themselves.

    A service that `places` does not know reaches no farther than its host. Rules that go round in a circle end at the
    failure that began first.
    """
    found = {item.series: item for item in failing}
    links = dict(_told(found))
    finders = [_finder(rule, found.values(), places, slack) for rule in rules]
    for item in found.values():
        if item.series in links:
            continue
        candidates = [hit for finder in finders if (hit := finder(item)) is not None]
        if candidates:
            links[item.series] = min(candidates, key=lambda hit: _rank(hit, found))
    return dict(_roots(links, found, places))


class _Link(NamedTuple):
    """One step towards the root."""

    series: int
    reach: str
    words: str


def _told(found: Mapping[int, Failing]) -> Iterable[tuple[int, _Link]]:
    """What the engine itself did not run because another test of the same service failed."""
    for item in found.values():
        if not item.cause:
            continue
        for vo in dict.fromkeys((item.key.vo, "")):
            series = SeriesKey(item.key.hostname, item.key.service_type, item.cause, vo).series
            if series in found and series != item.series:
                yield item.series, _Link(series, "service", f"not run while {item.cause} fails")
                break


def _finder(
    rule: Rule, failing: Iterable[Failing], places: Places, slack: timedelta
) -> Callable[[Failing], _Link | None]:
    """A function that finds the earliest failure that explains another by this rule."""
    causes: dict[tuple[str, ...], list[Failing]] = defaultdict(list)
    for item in failing:
        if item.key.metric == rule.cause and rule.cause_type in {"", item.key.service_type}:
            group = _group(item.key, rule.reach, places)
            if group is not None:
                causes[group].append(item)
    for items in causes.values():
        items.sort(key=lambda item: (item.since, item.series))

    def find(item: Failing) -> _Link | None:
        if rule.effect not in {"", item.key.metric} or rule.effect_type not in {"", item.key.service_type}:
            return None
        if item.key.metric == rule.cause and rule.cause_type in {"", item.key.service_type}:
            return None  # one failure of a test does not explain another of the same
        group = _group(item.key, rule.reach, places)
        for cause in causes.get(group, ()) if group is not None else ():
            if cause.key.vo in {"", item.key.vo} and cause.since <= item.since + slack:
                return _Link(cause.series, rule.reach, rule.words)
        return None

    return find


def _group(key: SeriesKey, reach: str, places: Places) -> tuple[str, ...] | None:
    """What a cause and its effects have in common at that reach; None where the service's place is not known."""
    if reach == "service":
        return (key.hostname, key.service_type)
    if reach == "host":
        return (key.hostname,)
    place = places.get((key.hostname, key.service_type))
    if place is None:
        return None
    return (place.site,) if reach == "site" else (place.region,)


def _rank(link: _Link, found: Mapping[int, Failing]) -> tuple[int, datetime, int]:
    return REACHES.index(link.reach), found[link.series].since, link.series


def _roots(links: Mapping[int, _Link], found: Mapping[int, Failing], places: Places) -> Iterable[tuple[int, Cause]]:
    for series, link in links.items():
        chain = [series]
        at = link.series
        while at in links and at not in chain:
            chain.append(at)
            at = links[at].series
        if at in chain:  # a circle: the first to fail is nobody's consequence
            circle = chain[chain.index(at) :]
            at = min(circle, key=lambda one: (found[one].since, one))
            if at == series:
                continue
        key = found[at].key
        place = places.get((key.hostname, key.service_type))
        yield series, Cause(at, key.metric, key.hostname, key.service_type, place.site if place else "", link.words)
