"""What the tests said, as the matrix and its sisters read it: newest hard results, now or at an instant of the past,
each with the failure that it follows from."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Q

from gridkeeper.bus.facts import Facts, open_facts
from gridkeeper.bus.standing import Standing, failing_since, standing_at
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.portal.matrix_rules import Seen, is_telling
from gridkeeper.probes.cause_queries import causes_now, failing_now, places_of_services, rules_in_force
from gridkeeper.probes.causes import FAILED, Cause, Failing, explain
from gridkeeper.probes.models import LatestStatus, Test
from gridkeeper.selection.profiles import Profile

#: (metric, VO) -> newest hard result.
Results = dict[tuple[str, str], Seen]
#: (hostname, service type) -> its results.
Found = dict[tuple[str, str], Results]

#: What most cells say. One value for all of them: twelve thousand objects keep the garbage collector busy.
_PLAIN_OK = Seen(Status.OK)
#: How far back a failure of the past is followed to its beginning.
_LONGEST = timedelta(days=3)


class Wanted(NamedTuple):
    """service_type: "" for all. with_summaries: also the first lines that no cell shows, as exports want them."""

    profiles: Mapping[str, Profile]
    service_type: str = ""
    with_summaries: bool = False

    @property
    def views(self) -> set[str]:
        return {"", *(profile.owner for profile in self.profiles.values())}

    @property
    def validities(self) -> dict[str, int]:
        """Metric -> seconds."""
        return {line.test.name: line.test.validity_s for profile in self.profiles.values() for line in profile.lines}


def seen_now(wanted: Wanted, now: datetime) -> Found:
    """The results of today. What is older than its validity is not in it."""
    rows = LatestStatus.objects.filter(_fresh(wanted.validities, now), vo__in=wanted.views)
    rows = rows.exclude(hard_status=Status.MISSING)
    if wanted.service_type:
        rows = rows.filter(service_type=wanted.service_type)
    found: Found = defaultdict(dict)
    names = ("hostname", "service_type", "metric", "vo", "hard_status", "summary", "cause")
    statuses = list(Status)
    told: list[tuple[str, str, str, str]] = []
    for hostname, service_type, metric, vo, status, summary, cause in rows.values_list(*names):
        is_plain = status == 0 and not wanted.with_summaries and not is_telling(summary)
        found[hostname, service_type][metric, vo] = _PLAIN_OK if is_plain else Seen(statuses[status], summary, cause)
        if cause:
            told.append((hostname, service_type, cause, vo))
    if rules := rules_in_force():
        failing = failing_now()
        _add_causes(found, failing, explain(failing, rules, places_of_services()))
    else:
        _count_told(found, told)
    return found


def _count_told(found: Found, told: Iterable[tuple[str, str, str, str]]) -> None:
    """What was not run because of another test follows from that; no rule is needed, and no further query."""
    for (hostname, service_type, metric, vo), number in Counter(told).items():
        results = found[hostname, service_type]
        place = next((place for place in ((metric, vo), (metric, "")) if place in results), None)
        if place is not None:
            results[place] = results[place]._replace(follows=results[place].follows + number)


def _fresh(validities: Mapping[str, int], now: datetime) -> Q:
    """That a result is of one of these tests and within its validity."""
    by_validity: dict[int, list[str]] = defaultdict(list)
    for name, validity_s in validities.items():
        by_validity[validity_s].append(name)
    fresh = Q(pk__in=[])
    for validity_s, names in by_validity.items():
        fresh |= Q(metric__in=names, executed_at__gte=now - timedelta(seconds=validity_s))
    return fresh


def _add_causes(found: Found, failing: Iterable[Failing], causes: Mapping[int, Cause]) -> None:
    follows = Counter(cause.series for cause in causes.values())
    for item in failing:
        results = found.get((item.key.hostname, item.key.service_type), {})
        place = (item.key.metric, item.key.vo)
        cause, number = causes.get(item.series), follows.get(item.series, 0)
        if place in results and (cause or number):
            results[place] = results[place]._replace(root=_root(item.key, item.cause, cause), follows=number)


def _root(key: SeriesKey, told: str, cause: Cause | None) -> str:
    """Half a sentence; "" where the result itself names the cause already."""
    if cause is None:
        return ""
    here = (key.hostname, key.service_type, told)
    return "" if (cause.hostname, cause.service_type, cause.metric) == here else cause.sentence


def seen_at(wanted: Wanted, moment: datetime) -> Found:
    """The same of an instant of the past. The caller looks at the registry of that instant (`people.past.as_of`)."""
    standings, causes = past_causes(open_facts(), moment)
    follows = Counter(cause.series for cause in causes.values())
    views, validities = wanted.views, wanted.validities
    found: Found = defaultdict(dict)
    for item in standings:
        key = item.key
        if key.vo not in views or key.metric not in validities or wanted.service_type not in ("", key.service_type):
            continue
        cause = causes.get(item.series)
        found[key.hostname, key.service_type][key.metric, key.vo] = Seen(
            item.status, item.summary, item.cause, _root(key, item.cause, cause), follows.get(item.series, 0)
        )
    return found


def past_causes(facts: Facts, moment: datetime) -> tuple[list[Standing], dict[int, Cause]]:
    """What every series said at that instant, within its validity, and which failures followed from which."""
    validities = {name: timedelta(seconds=s) for name, s in Test.objects.values_list("name", "validity_s")}
    longest = max(validities.values(), default=timedelta(days=1))
    standings = [
        item
        for item in standing_at(facts, moment, longest)
        if item.executed_at >= moment - validities.get(item.key.metric, timedelta(0))
    ]
    return standings, explain(_failing_at(facts, standings, moment), rules_in_force(), places_of_services())


def _failing_at(facts: Facts, standings: Sequence[Standing], moment: datetime) -> list[Failing]:
    bad = [item for item in standings if item.status in FAILED]
    since = failing_since(facts, [item.series for item in bad], moment, _LONGEST)
    return [Failing(item.series, item.key, since.get(item.series, item.executed_at), item.cause) for item in bad]


def explained_of(series: Iterable[int]) -> dict[int, Seen]:
    """Of these failing series, as they are now, what they follow from and what follows from them."""
    wanted = set(series)
    if not wanted:
        return {}
    causes = causes_now()
    follows = Counter(cause.series for cause in causes.values())
    return {
        one: Seen(Status.CRITICAL, root=causes[one].sentence if one in causes else "", follows=follows.get(one, 0))
        for one in wanted
        if one in causes or one in follows
    }
