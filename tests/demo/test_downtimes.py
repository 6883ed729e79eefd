from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.demo.downtimes import plan_downtimes, sites_out
from gridkeeper.demo.faults import plan_faults
from gridkeeper.demo.topology import build_sites

BEGUN = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("sites", "downtimes"), [(1, 0), (5, 0), (6, 1), (12, 2), (60, 9), (192, 9)])
def test_the_larger_the_demo_the_more_downtimes(sites, downtimes):
    assert len(plan_downtimes(build_sites(sites), BEGUN)) == downtimes


@given(st.integers(1, 200))
def test_no_site_has_both_a_fault_and_a_downtime(total):
    sites = build_sites(total)
    planned = plan_downtimes(sites, BEGUN)
    assert not {item.site.name for item in planned} & set(plan_faults(sites))
    assert sites[0] not in {item.site for item in planned}


def test_a_demo_of_sixty_shows_every_kind():
    planned = plan_downtimes(build_sites(60), BEGUN)
    current = [item for item in planned if BEGUN in item.window]
    assert {item.is_outage for item in current} == {True, False}
    assert any(item.window.start > BEGUN for item in planned)
    assert any(item.window.end < BEGUN for item in planned)
    # Scheduled means declared a day before or earlier.
    notice = {item.window.start - item.declared_at >= timedelta(hours=24) for item in planned}
    assert notice == {True, False}


def test_a_site_is_out_while_its_outage_lasts_and_not_for_a_warning():
    planned = plan_downtimes(build_sites(60), BEGUN)
    outage = next(item for item in planned if item.is_outage)
    warning = next(item for item in planned if not item.is_outage)
    assert outage.site.name in sites_out(planned, outage.window.start)
    assert outage.site.name not in sites_out(planned, outage.window.end)
    assert warning.site.name not in sites_out(planned, warning.window.start)
