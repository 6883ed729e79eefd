"""What a version would change, found by making it, looking, and taking it back: services, metrics and figures."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db import transaction

from gridkeeper.availability import topology
from gridkeeper.availability.models import ProfileKind
from gridkeeper.availability.profiles.checks import reports_with
from gridkeeper.availability.topology import Period
from gridkeeper.core.windows import DAY, as_utc


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would follow on the day that was looked at.

    sentences: who would be judged more and less, and from when
    figures: `recomputations.effects.summed`: site-days whose figures would be others; None: none was made
    """

    day: date
    sentences: Sequence[str]
    figures: dict[str, Any] | None = None


def foresee(
    act: Callable[[date], Any], *, kind: str, name: str, valid_from: date, now: datetime, with_figures: bool = True
) -> Foreseen:
    """Judges one day twice, as it is and with `act(valid_from)` done; what it does is taken back.

    The day is yesterday, or today for what is to hold from today on; for later days it is seen as if it held yesterday.
    Raises what the action raises.
    """
    today = as_utc(now).date()
    period = (Period.of(today, now) if valid_from == today else None) or Period.of(today - DAY, now)
    assert period is not None  # yesterday is always over
    before = _Seen.on(period, _reports(kind, name), with_figures)
    with transaction.atomic():
        act(min(valid_from, period.day))
        after = _Seen.on(period, _reports(kind, name), with_figures)
        transaction.set_rollback(True)
    reports = sorted(before.reports | after.reports)
    sentences = [sentence for report in reports for sentence in _sentences(report, before, after)]
    if kind != ProfileKind.REPORT and not reports:
        sentences = ["No report names it, so no figure changes."]
    when = _when(valid_from, today)
    return Foreseen(period.day, [*when, *sentences], _figures(before, after) if with_figures else None)


def _when(valid_from: date, today: date) -> list[str]:
    if valid_from > today:
        return [f"It holds from {valid_from} on; no day that is over changes."]
    if valid_from < today:
        return [f"The figures of {(today - valid_from).days + 1} days, since {valid_from}, are made anew."]
    return []


def _reports(kind: str, name: str) -> frozenset[str]:
    if kind == ProfileKind.REPORT:
        return frozenset({name})
    return frozenset(reports_with(ProfileKind(kind), name))


@dataclass(frozen=True, slots=True)
class _Seen:
    """The reports of a day: their metrics as (site, service type, host, metric), and the seconds of their sites."""

    reports: frozenset[str]
    metrics: dict[str, frozenset[tuple[str, str, str, str]]]
    sites: Mapping[tuple[str, str, str, str], Any]
    names: topology.Names

    @classmethod
    def on(cls, period: Period, reports: frozenset[str], with_figures: bool) -> "_Seen":
        # Imported here: what judges needs Ibis, for which no page is to wait that does not judge.
        from gridkeeper.availability import assignments
        from gridkeeper.availability.recomputations import queries
        from gridkeeper.availability.recomputations.preview import site_days
        from gridkeeper.bus.facts import open_facts

        names = topology.names()
        day = assignments.day_of(period, queries.changes_in_force(period.window), names)
        day = replace(day, tree=day.tree.part(reports))
        metrics: dict[str, set[tuple[str, str, str, str]]] = {report: set() for report in reports}
        for line in day.tree.expected:
            path = line.path
            metrics[path.report].add((path.site, path.service_type, path.hostname, path.metric))
        sites = site_days(open_facts(), day) if with_figures and not day.tree.is_empty else {}
        return cls(reports, {report: frozenset(found) for report, found in metrics.items()}, sites, names)


def _figures(before: _Seen, after: _Seen) -> dict[str, Any]:
    from gridkeeper.availability.recomputations.effects import changed, summed

    return summed(changed(before.sites, after.sites)) | {"days": 1, "days_left": 0}


def _sentences(report: str, before: _Seen, after: _Seen) -> list[str]:
    """What joins and what leaves a report: sites first, then services, then metrics."""
    old, new = before.metrics.get(report, frozenset()), after.metrics.get(report, frozenset())
    said, told = [], set()
    for noun, width in (("site", 1), ("service", 3), ("metric", 4)):
        was, would_be = {each[:width] for each in old}, {each[:width] for each in new}
        for verb, difference in (("joins", would_be - was), ("leaves", was - would_be)):
            # What joins with its whole site, or service, is told by that.
            own = {each for each in difference if not any(each[:shorter] in told for shorter in (1, 3))}
            if own:
                said.append(f"{report}: {_counted(len(own), noun, verb)}: {_listed(_names(own, after.names))}.")
            told |= difference
    return said or [f"{report}: the same {len(new)} metrics of {len({each[0] for each in new})} sites are judged."]


def _counted(number: int, noun: str, verb: str) -> str:
    plural = {"joins": "join", "leaves": "leave"}
    return f"1 {noun} {verb}" if number == 1 else f"{number} {noun}s {plural[verb]}"


def _names(nodes: Iterable[Sequence[str]], names: topology.Names) -> list[str]:
    return sorted(" ".join([names.sites.get(words[0], words[0]), *words[1:]]) for words in nodes)


def _listed(names: Sequence[str], most: int = 6) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
