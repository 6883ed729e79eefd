"""The rules of good sites, as tables and laws."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.status import Status
from gridkeeper.selection.rules import (
    CriticalTest,
    Entry,
    Kind,
    ListWord,
    Observation,
    Outage,
    ServiceFacts,
    SiteFacts,
    judge_service,
    judge_site,
)
from tests.builders import NOW

HOUR = timedelta(hours=1)
JS = CriticalTest("CE-js", 24 * HOUR, "lhcb")
CA = CriticalTest("CE-ca", 24 * HOUR)


def an_observation(status=Status.OK, age=HOUR, since=None, cause=""):
    return Observation(status, NOW - age, since, cause)


def a_ce(**fields):
    defaults = {
        "service_type": "CE",
        "hostname": "ce.a.org",
        "tests": (JS,),
        "observations": {"CE-js": an_observation()},
    }
    return ServiceFacts(**defaults | fields)


def a_site(*services, **fields):
    return SiteFacts(**{"name": "SITE-A", "services": services or (a_ce(),)} | fields)


def an_entry(kind):
    return Entry(ListWord(kind), "power works", "carol", NOW - HOUR)


def verdict_of(site):
    return judge_site(site, vo="lhcb", at=NOW)


@pytest.mark.parametrize(
    ("observation", "kind", "words"),
    [
        (an_observation(Status.OK), None, ""),
        (an_observation(Status.WARNING), None, ""),
        # valid for 24 h, to the second
        (an_observation(Status.OK, age=24 * HOUR), None, ""),
        (
            an_observation(Status.OK, age=24 * HOUR + timedelta(seconds=1)),
            Kind.RESULT_TOO_OLD,
            "CE-js on ce.a.org has no result since 2026-03-09 11:59 UTC (was OK)",
        ),
        (
            an_observation(Status.CRITICAL, since=NOW - 3 * HOUR),
            Kind.TEST_FAILED,
            "CE-js on ce.a.org is CRITICAL since 2026-03-10 09:00 UTC",
        ),
        (
            an_observation(Status.UNKNOWN, cause="CE-jl"),
            Kind.TEST_FAILED,
            "CE-js on ce.a.org is UNKNOWN since 2026-03-10 11:00 UTC because of CE-jl",
        ),
        (an_observation(Status.MISSING), Kind.NO_RESULT, "CE-js on ce.a.org has no result"),
        (None, Kind.NO_RESULT, "CE-js on ce.a.org has no result"),
    ],
)
def test_a_critical_test_passes_with_a_fresh_ok_or_warning_only(observation, kind, words):
    observations = {"CE-js": observation} if observation else {}
    found = judge_service(a_ce(observations=observations), vo="lhcb", certification="Certified", at=NOW)
    assert [(each.kind, each.sentence) for each in found.reasons] == ([(kind, words)] if kind else [])
    assert found.is_good is (kind is None)


@pytest.mark.parametrize(
    ("fields", "certification", "words"),
    [
        ({"supports_vo": False}, "Certified", "CE ce.a.org does not support lhcb"),
        ({"in_production": False}, "Certified", "CE ce.a.org is not in production"),
        ({}, "Suspended", "the site is not certified (suspended)"),
        (
            {"outages": (Outage("d1", NOW + HOUR, "power works"),)},
            "Certified",
            "CE ce.a.org is in downtime until 2026-03-10 13:00 UTC (power works)",
        ),
    ],
)
def test_each_condition_excludes_a_service_by_itself(fields, certification, words):
    found = judge_service(a_ce(**fields), vo="lhcb", certification=certification, at=NOW)
    assert [each.sentence for each in found.reasons] == [words]


def test_an_exclusion_gives_all_its_reasons_not_just_the_first():
    bad = a_ce(
        in_production=False,
        outages=(Outage("d1", NOW + HOUR),),
        tests=(JS, CA),
        observations={"CE-js": an_observation(Status.CRITICAL)},
    )
    kinds = [reason.kind for reason in verdict_of(a_site(bad, certification="Candidate")).reasons]
    assert kinds == [Kind.NOT_CERTIFIED, Kind.NOT_IN_PRODUCTION, Kind.DOWNTIME, Kind.TEST_FAILED, Kind.NO_RESULT]


def test_a_site_is_good_iff_all_its_critical_services_are():
    bad = a_ce(hostname="ce2.a.org", observations={})
    assert verdict_of(a_site(a_ce())).is_good
    assert not verdict_of(a_site(a_ce(), bad)).is_good
    # no critical test of its type, or not for this VO: it does not count
    assert verdict_of(a_site(a_ce(), replace(bad, tests=()))).is_good
    assert verdict_of(a_site(a_ce(), replace(bad, supports_vo=False))).is_good


@pytest.mark.parametrize("services", [(), (a_ce(tests=()),), (a_ce(supports_vo=False),)])
def test_a_site_that_offers_nothing_critical_is_not_good(services):
    found = judge_site(SiteFacts(name="SITE-A", services=services), vo="lhcb", at=NOW)
    assert found.sentence == "excluded: offers nothing critical for lhcb"


def test_a_white_listed_site_is_in_and_still_shows_what_speaks_against_it():
    found = verdict_of(a_site(a_ce(observations={}), entries=(an_entry("white"),)))
    assert found.is_good
    assert found.sentence.startswith("good: on the white list of the VO since 2026-03-10 11:00 UTC, by carol: power")
    assert [reason.kind for reason in found.reasons] == [Kind.NO_RESULT]


def test_a_black_listed_site_is_out_and_the_entry_is_the_first_reason():
    found = verdict_of(a_site(entries=(an_entry("black"),)))
    assert not found.is_good
    assert found.reasons[0].entry == an_entry("black")
    assert found.sentence == ("excluded: on the black list of the VO since 2026-03-10 11:00 UTC, by carol: power works")


_observations = st.builds(
    an_observation,
    st.sampled_from([s for s in Status if s <= Status.MISSING]),
    st.timedeltas(timedelta(0), 48 * HOUR),
)
_services = st.builds(
    ServiceFacts,
    service_type=st.sampled_from(["CE", "SRM"]),
    hostname=st.sampled_from(["a.org", "b.org", "c.org"]),
    supports_vo=st.booleans(),
    in_production=st.booleans(),
    outages=st.sampled_from([(), (Outage("d1", NOW + HOUR),)]),
    tests=st.sampled_from([(), (JS,), (JS, CA)]),
    observations=st.dictionaries(st.sampled_from(["CE-js", "CE-ca"]), _observations),
)
_sites = st.builds(
    SiteFacts,
    name=st.just("SITE-A"),
    certification=st.sampled_from(["Certified", "Suspended"]),
    services=st.lists(_services, max_size=4).map(tuple),
    entries=st.lists(st.sampled_from(["white", "black"]).map(an_entry), max_size=2).map(tuple),
)


@given(_sites)
def test_law_black_beats_everything(site):
    listed = replace(site, entries=(*site.entries, an_entry("black")))
    assert not verdict_of(listed).is_good


@given(_sites)
def test_law_white_beats_everything_but_black(site):
    listed = replace(site, entries=(*site.entries, an_entry("white")))
    assert verdict_of(listed).is_good is not any(entry.kind == "black" for entry in site.entries)


@given(_sites)
def test_law_an_excluded_site_has_a_reason_and_a_good_one_none_unless_listed(site):
    found = verdict_of(site)
    assert found.is_good or found.reasons
    assert not found.is_good or not found.reasons or found.entry
    assert all(reason.sentence for reason in found.reasons)


@given(_sites)
def test_law_one_more_critical_test_never_adds_a_site_that_had_critical_services(site):
    more = CriticalTest("CE-new", HOUR)
    asked = tuple(replace(s, tests=(*s.tests, more)) if s.tests else s for s in site.services)
    assert verdict_of(site).is_good or not verdict_of(replace(site, services=asked)).is_good


@given(_sites)
def test_law_an_outage_never_adds_a_site(site):
    down = tuple(replace(s, outages=(*s.outages, Outage("d2", NOW + HOUR))) for s in site.services)
    assert verdict_of(site).is_good or not verdict_of(replace(site, services=down)).is_good


@given(_sites, st.randoms())
def test_law_the_order_of_services_does_not_matter(site, random):
    shuffled = list(site.services)
    random.shuffle(shuffled)
    turned = verdict_of(replace(site, services=tuple(shuffled)))
    assert turned.is_good is verdict_of(site).is_good
    assert set(turned.reasons) == set(verdict_of(site).reasons)
