"""What a recomputation would change: its days judged twice, with it and without it. Stores nothing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from gridkeeper.availability import assignments, topology
from gridkeeper.availability.assignments import Day
from gridkeeper.availability.levels import MEASURES, Level
from gridkeeper.availability.recomputations import queries
from gridkeeper.availability.recomputations.effects import SiteDays, changed, summed
from gridkeeper.availability.recomputations.rules import Change
from gridkeeper.availability.rules import Seconds
from gridkeeper.availability.topology import Period
from gridkeeper.bus.facts import Facts, open_facts
from gridkeeper.lake.scan import connect, rows

#: Days that are judged for a preview; of a longer period the first ones.
MOST_DAYS = 31


def preview(change: Change, now: datetime) -> dict[str, Any]:
    """The site-days that would change so: `effects.summed`, and how many days of the period were looked at.

    {"site_days", "changes": [{"report", "day", "region", "site", "site_name", "before", "after"}], "days", "days_left"}

    Compared with what figures are made of now; of a recomputation in force it says what it does.
    """
    period = change.days_window
    others = [each for each in queries.changes_in_force(period) if each.key != change.key]
    return compare(change, others, [*others, change], now)


def compare(change: Change, before: Sequence[Change], after: Sequence[Change], now: datetime) -> dict[str, Any]:
    """The same between any two lists of recomputations, on the days and sites of `change`."""
    facts, names = open_facts(), topology.names()
    all_days = [day for day in change.days_window.days() if Period.of(day, now)]
    found: list[dict[str, Any]] = []
    for day in islice(all_days, MOST_DAYS):
        period = Period.of(day, now)
        if period is not None:
            whole = _near(assignments.day_of(period, [], names), change)
            both = [site_days(facts, replace(whole, changes=assignments.touching(each, period.window)))
                    for each in (before, after)]  # fmt: skip
            found += changed(*both)
    looked_at = min(len(all_days), MOST_DAYS)
    return summed(found) | {"days": looked_at, "days_left": len(all_days) - looked_at}


def _near(day: Day, change: Change) -> Day:
    """The part of the day's tree that the change can reach."""
    groups = set(getattr(change.said, "groups", ()))
    named = day.names.sites
    sites = {path.site for path in day.tree.named() if path.site}
    near = {site for site in sites if {site, named.get(site, site)} & groups} if groups else None
    reports = (change.reports or frozenset(day.reports)) & frozenset(day.reports)
    return replace(day, tree=day.tree.part(reports, near))


def site_days(facts: Facts, day: Day) -> SiteDays:
    """The seconds of every site of the day's tree, judged by what the day says."""
    found = {}
    for share in day.shares():
        with connect() as con:
            tree, judgement = assignments.judge_share(con, facts, day, share, with_hours=False)
            sites = {node: path for path, node in tree.named().items() if path.level is Level.SITE}
            for row in rows(judgement.figures.select("node", *MEASURES)):
                if path := sites.get(row["node"]):
                    place = (path.report, day.period.day.isoformat(), path.region, path.site)
                    found[place] = (day.names.sites.get(path.site, path.site), Seconds.of(row))
    return found
