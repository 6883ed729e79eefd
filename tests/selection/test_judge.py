"""Good sites from the database and the facts, now and at an instant of the past."""

from datetime import timedelta

import pytest

from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.models import ProfileEntry
from gridkeeper.selection.actions import add_to_list, remove_from_list, set_critical
from gridkeeper.selection.errors import UnknownVoError
from gridkeeper.selection.judge import answer, good_sites
from tests.builders import NOW, a_downtime, a_result, a_service, a_site, a_test, a_vo, in_profile

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def grid():
    """Two sites with a CE each for lhcb; CE-js is critical, run with lhcb's view, CE-ca is not critical."""

    class Grid:
        good, other = a_site(name="GOOD"), a_site(name="OTHER")
        good_ce = a_service(of=good, hostname="ce.good.org")
        other_ce = a_service(of=other, hostname="ce.other.org")
        lhcb = a_vo("lhcb", supported_by=[good_ce, other_ce])
        js, ca = a_test("CE-js", is_per_vo=True), a_test("CE-ca")

    in_profile(Grid.lhcb, Grid.js)
    in_profile(Grid.lhcb, Grid.ca, critical=False)
    return Grid


def say(service, status=Status.OK, at=NOW, metric="CE-js", vo="lhcb", **fields):
    submit([a_result(service, metric, vo, status=status, executed_at=at, **fields)], now=at)


def change(subject, at=NOW - MINUTE, **fields):
    """Changes an audited row as if it had been made long ago and changed at that instant."""
    subject.history.update(history_date=NOW - 30 * HOUR)
    for name, value in fields.items():
        setattr(subject, name, value)
    subject._history_date = at
    subject.save()


def sides(at, vo="lhcb"):
    return {verdict.site.name: verdict.is_good for verdict in good_sites(vo, at)}


def why(name, at, vo="lhcb"):
    return [
        reason.sentence for verdict in good_sites(vo, at) if verdict.site.name == name for reason in verdict.reasons
    ]


def test_good_sites_come_from_the_latest_results(grid):
    say(grid.good_ce)
    say(grid.other_ce, Status.CRITICAL)
    assert sides(NOW) == {"GOOD": True, "OTHER": False}
    assert why("OTHER", NOW) == ["CE-js on ce.other.org is CRITICAL since 2026-03-10 12:00 UTC"]


def test_only_the_vos_own_view_counts(grid):
    say(grid.good_ce, vo="atlas")
    assert why("GOOD", NOW) == ["CE-js on ce.good.org has no result"]


def test_a_soft_failure_excludes_nobody(grid):
    say(grid.good_ce, at=NOW - MINUTE)
    say(grid.good_ce, Status.CRITICAL, is_hard=False)
    assert sides(NOW)["GOOD"]


def test_a_vo_without_a_profile_uses_the_operations_vos(grid, settings):
    biomed = a_vo("biomed", supported_by=[grid.good_ce])
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"operations_vo": "lhcb"})
    say(grid.good_ce)
    found = answer(biomed.name, NOW)
    assert found.profile.owner == "lhcb"
    assert [verdict.site.name for verdict in found.good] == ["GOOD"]


def test_an_unknown_vo_is_an_error_that_names_the_known_ones(grid):
    with pytest.raises(UnknownVoError, match="there is no VO 'lhbc'; known are lhcb"):
        good_sites("lhbc", NOW)


def test_an_hour_ago_gives_that_hours_results(grid):
    say(grid.good_ce, at=NOW - 2 * HOUR)
    say(grid.other_ce, Status.CRITICAL, at=NOW - 3 * HOUR)
    say(grid.other_ce, Status.CRITICAL, at=NOW - 2 * HOUR)
    before = [(verdict.site.name, verdict.is_good, verdict.reasons) for verdict in good_sites("lhcb", NOW - HOUR)]
    say(grid.good_ce, Status.CRITICAL)
    say(grid.other_ce)
    assert sides(NOW) == {"GOOD": False, "OTHER": True}
    assert sides(NOW - HOUR) == {"GOOD": True, "OTHER": False}
    after = [(verdict.site.name, verdict.is_good, verdict.reasons) for verdict in good_sites("lhcb", NOW - HOUR)]
    assert after == before
    assert why("OTHER", NOW - HOUR) == ["CE-js on ce.other.org is CRITICAL since 2026-03-10 09:00 UTC"]


def test_an_hour_ago_gives_that_hours_rules_lists_and_registry(grid):
    say(grid.good_ce, at=NOW - 2 * HOUR)
    say(grid.other_ce, at=NOW - 2 * HOUR)
    entry = add_to_list(
        Actor.system(), vo=grid.lhcb, site=grid.other, kind="black", reason="too slow", now=NOW - 90 * MINUTE
    )
    then = NOW - HOUR
    assert sides(then) == {"GOOD": True, "OTHER": False}
    # since then everything has changed
    remove_from_list(Actor.system(), entry=entry, reason="fixed", now=NOW - MINUTE)
    set_critical(Actor.system(), vo=grid.lhcb, service_type="CE", test="CE-ca", is_critical=True, now=NOW - MINUTE)
    change(grid.good, certification="Suspended")
    assert sides(NOW) == {"GOOD": False, "OTHER": False}
    assert "the site is not certified (suspended)" in why("GOOD", NOW)
    assert why("OTHER", NOW) == ["CE-ca on ce.other.org has no result"]
    assert sides(then) == {"GOOD": True, "OTHER": False}


def test_a_flag_changed_since_stands_as_it_was(grid):
    say(grid.good_ce, at=NOW - 2 * HOUR)
    change(grid.good_ce, in_production=False)
    assert not sides(NOW)["GOOD"]
    assert sides(NOW - HOUR)["GOOD"]


def test_a_downtime_counts_as_it_was_declared_by_then(grid):
    say(grid.good_ce, at=NOW - 2 * HOUR)
    downtime = a_downtime(grid.good_ce, declared_at=NOW - 30 * MINUTE, start=NOW - 2 * HOUR, end=NOW + HOUR)
    assert why("GOOD", NOW) == ["CE ce.good.org is in downtime until 2026-03-10 13:00 UTC (Power works)"]
    assert sides(NOW - HOUR)["GOOD"]
    change(downtime, cancelled_at=NOW - MINUTE)
    assert sides(NOW)["GOOD"]
    assert not sides(NOW - 10 * MINUTE)["GOOD"]


def test_a_downtime_prolonged_since_stands_as_it_was(grid):
    say(grid.good_ce, at=NOW - 3 * HOUR)
    downtime = a_downtime(grid.good_ce, start=NOW - 3 * HOUR, end=NOW - 2 * HOUR)
    change(downtime, end=NOW + HOUR)
    assert not sides(NOW)["GOOD"]
    assert sides(NOW - HOUR)["GOOD"]


def test_a_disabled_test_excludes_nobody_and_did_before(grid):
    say(grid.good_ce, Status.CRITICAL, at=NOW - 2 * HOUR)
    in_profile(grid.lhcb, a_test("CE-jl"))
    submit([a_result(grid.good_ce, "CE-jl", executed_at=NOW - 2 * HOUR)], now=NOW)
    change(grid.js, is_enabled=False)
    assert sides(NOW)["GOOD"]
    assert not sides(NOW - HOUR)["GOOD"]


def test_a_shorter_validity_does_not_change_the_past(grid):
    say(grid.good_ce, at=NOW - 2 * HOUR)
    change(grid.js, validity_s=60)
    assert not sides(NOW)["GOOD"]
    assert sides(NOW - HOUR)["GOOD"]


@pytest.mark.parametrize(("severity", "is_good"), [("OUTAGE", False), ("WARNING", True)])
def test_only_an_outage_excludes(grid, severity, is_good):
    say(grid.good_ce)
    a_downtime(grid.good_ce, severity=severity)
    assert sides(NOW)["GOOD"] is is_good


def test_an_expired_entry_no_longer_holds_and_did_before(grid):
    say(grid.good_ce, at=NOW - 2 * HOUR)
    add_to_list(
        Actor.system(), vo=grid.lhcb, site=grid.good, kind="black", reason="x",
        expires_at=NOW - MINUTE, now=NOW - 90 * MINUTE,
    )  # fmt: skip
    assert sides(NOW)["GOOD"]
    assert not sides(NOW - HOUR)["GOOD"]


def test_the_answer_for_now_costs_few_queries_however_many_sites(grid, django_assert_max_num_queries):
    say(grid.good_ce)
    for _ in range(10):
        a_site()
    with django_assert_max_num_queries(16):
        good_sites("lhcb", NOW)


def test_critical_tests_of_yesterday_are_closed_not_overwritten(grid):
    set_critical(Actor.system(), vo=grid.lhcb, service_type="CE", test="CE-js", is_critical=False, now=NOW)
    rows = ProfileEntry.objects.filter(vo=grid.lhcb, test=grid.js).order_by("valid_from")
    assert [(row.is_critical, row.valid_until) for row in rows] == [(True, NOW), (False, None)]
