"""Learning causes from outages: `probes.cause_learning`."""

from datetime import timedelta

import pytest

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.windows import Window
from gridkeeper.probes.cause_learning import Outage, learn
from gridkeeper.probes.causes import Placing
from tests.builders import NOW

SITES = [f"S{number}" for number in range(6)]
PLACES = {(f"{kind.lower()}.{site}", kind): Placing(site, "North") for site in SITES for kind in ("BDII", "CE", "SRM")}
WINDOW = Window(NOW - timedelta(days=14), NOW)


def key(kind, metric, site):
    return SeriesKey(f"{kind.lower()}.{site}", kind, metric)


SERIES = [
    key(kind, metric, site)
    for site in SITES
    for kind, metric in (("BDII", "bdii"), ("CE", "js"), ("SRM", "put"), ("CE", "wn"))
]


def outage(series, day, *, minutes=0, lasts=60):
    start = WINDOW.start + timedelta(days=day, minutes=minutes)
    return Outage(series, start, start + timedelta(minutes=lasts))


def pairs(outages):
    return {(rule.cause[0], rule.effect[0], rule.reach) for rule in learn(outages, SERIES, PLACES, WINDOW)}


def test_jobs_that_fail_in_every_outage_of_the_bdii_follow_from_it():
    outages = [outage(key("BDII", "bdii", site), day) for day, site in enumerate(SITES, 1)]
    outages += [outage(key("CE", "js", site), day, minutes=5) for day, site in enumerate(SITES, 1)]
    outages += [outage(key("CE", "js", site), 10 + day / 10) for day, site in enumerate(SITES)]
    assert pairs(outages) == {("bdii", "js", "site")}
    found = learn(outages, SERIES, PLACES, WINDOW)[0]
    assert (found.support, found.confidence, found.cause) == (6, 1.0, ("bdii", "BDII"))


def test_too_few_outages_prove_nothing():
    outages = [outage(key("BDII", "bdii", site), day) for day, site in enumerate(SITES[:4], 1)]
    outages += [outage(key("CE", "js", site), day) for day, site in enumerate(SITES[:4], 1)]
    assert pairs(outages) == set()


def test_what_fails_all_the_time_follows_from_nothing():
    outages = [outage(key("BDII", "bdii", site), day) for day, site in enumerate(SITES, 1)]
    outages += [outage(key("CE", "js", site), 0, minutes=20 * step, lasts=10) for site in SITES for step in range(1000)]
    assert pairs(outages) == set()


@pytest.mark.parametrize(("minutes", "expected"), [(5, ("bdii", "js", "site")), (-5, ("js", "bdii", "site"))])
def test_of_two_that_always_fail_together_the_first_is_the_cause(minutes, expected):
    outages = [outage(key("BDII", "bdii", site), day) for day, site in enumerate(SITES, 1)]
    outages += [outage(key("CE", "js", site), day, minutes=minutes) for day, site in enumerate(SITES, 1)]
    assert pairs(outages) == {expected}


def test_tests_of_one_service_are_paired_on_the_service_only():
    outages = [outage(key("CE", "js", site), day) for day, site in enumerate(SITES, 1)]
    outages += [outage(key("CE", "wn", site), day, minutes=1) for day, site in enumerate(SITES, 1)]
    assert pairs(outages) == {("js", "wn", "service")}


def test_an_effect_at_another_site_is_no_effect():
    outages = [outage(key("BDII", "bdii", site), day) for day, site in enumerate(SITES, 1)]
    outages += [outage(key("CE", "js", SITES[day % 6]), day) for day, _ in enumerate(SITES, 1)]
    assert pairs(outages) == set()
