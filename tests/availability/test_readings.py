"""Several days read of the registry at once have the trees that each of them has by itself."""

from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridkeeper.availability.relations import tree_rows
from gridkeeper.availability.topology import Period, Reading, tree_of
from gridkeeper.core.windows import DAY, Window
from gridkeeper.people.past import is_same
from gridkeeper.registry.models import CertificationChange, Service, Site
from gridkeeper.vos.models import VoSupport
from tests.builders import NOW, a_service, a_site, a_test, a_vo, an_ngi, in_profile

pytestmark = pytest.mark.django_db

FIRST = Window.of_day(NOW.date()).start
DAYS = 6
PERIODS = [Period.of((FIRST + number * DAY).date(), FIRST + 60 * DAY) for number in range(DAYS)]
WHOLE = Window(FIRST, FIRST + DAYS * DAY)


@pytest.fixture
def grid(settings):
    """Two sites of two regions with two services each, a VO that judges by two metrics."""
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"operations_vo": "dteam"})
    regions = [an_ngi(name=name) for name in ("Italy", "France")]
    sites = [a_site(name=f"S{number}", ngi=region) for number, region in enumerate(regions)]
    services = [a_service(of=site, hostname=f"ce{number}.{site.name}") for site in sites for number in range(2)]
    vo = a_vo("dteam", supported_by=services)
    entries = [in_profile(vo, a_test(name)) for name in ("submit", "version")]
    return {"regions": regions, "sites": sites, "services": services, "entries": entries, "vo": vo}


def _since(changed, at):
    """Lets what was just saved hold since that instant."""
    new, old = changed.history.order_by("-history_id")[:2]
    records = type(new).objects
    records.filter(pk=new.pk).update(history_date=at)
    records.filter(pk=old.pk).update(history_until=at)


def _certification(grid, at):
    site = grid["sites"][0]
    CertificationChange.objects.create(site=site, old="Certified", new="Suspended", changed_at=at, reason="x")
    Site.objects.filter(pk=site.pk).update(certification="Suspended")


def _ends(row, at):
    type(row).objects.filter(pk=row.pk).update(valid_until=at)


def _begins(row, at):
    type(row).objects.filter(pk=row.pk).update(valid_from=at)


def _another_vo(grid, at):
    """It begins at midnight, and ceases to be served by a site three days later at noon."""
    midnight = at.replace(hour=0)
    vo = a_vo("lhcb", supported_by=grid["services"][:2])
    in_profile(vo, grid["entries"][0].test)
    _begins(vo, midnight)
    VoSupport.objects.filter(vo=vo, service=grid["services"][0]).update(valid_until=midnight + 2.5 * DAY)


def _moves(grid, at):
    site = grid["sites"][1]
    site.ngi = grid["regions"][0]
    site.save()
    _since(site, at)


def _leaves_production(grid, at):
    service = grid["services"][2]
    service.in_production = False
    service.save()
    _since(service, at)


EVENTS = {
    "a site is suspended": _certification,
    "a service ends": lambda grid, at: _ends(grid["services"][0], at),
    "a service begins": lambda grid, at: _begins(grid["services"][1], at),
    "a site ends": lambda grid, at: _ends(grid["sites"][1], at),
    "support ends": lambda grid, at: _ends(VoSupport.objects.get(service=grid["services"][3]), at),
    "a metric is not critical any more": lambda grid, at: _ends(grid["entries"][0], at),
    "a metric becomes critical": lambda grid, at: _begins(grid["entries"][1], at),
    "another VO begins": _another_vo,
    "the VO ends": lambda grid, at: _ends(grid["vo"], at),
    "a site moves": _moves,
    "a service leaves production": _leaves_production,
}

moments = st.integers(-2, DAYS * 8 + 2).map(lambda eighths: FIRST + eighths * DAY / 8)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happened=st.dictionaries(st.sampled_from(sorted(EVENTS)), moments, max_size=3))
def test_days_read_together_have_the_trees_that_they_have_alone(grid, happened):
    with transaction.atomic():
        for what, at in happened.items():
            EVENTS[what](grid, at)
        reading = Reading(WHOLE)
        for period in PERIODS:
            together, alone = tree_of(period, reading=reading), tree_of(period)
            assert together.numbers == alone.numbers, period.day
            assert together.expected == alone.expected, period.day
            assert tree_rows(together) == tree_rows(alone), period.day
        transaction.set_rollback(True)
    for rows in grid.values():
        for row in rows if isinstance(rows, list) else [rows]:
            row.refresh_from_db()


def test_what_begins_and_ends_for_a_vo_that_came_later_is_seen(grid):
    _another_vo(grid, FIRST + 2 * DAY)
    reading = Reading(WHOLE)
    for period in PERIODS:
        assert tree_of(period, reading=reading).expected == tree_of(period).expected, period.day


def test_a_day_like_the_one_before_has_its_nodes(grid):
    reading = Reading(WHOLE)
    trees = [tree_of(period, reading=reading) for period in PERIODS]
    assert all(tree.blocks is trees[0].blocks for tree in trees)
    assert tree_of(PERIODS[0]).blocks is not trees[0].blocks


def test_tables_are_the_same_between_two_records(grid):
    _leaves_production(grid, FIRST + DAY)
    hour = timedelta(hours=1)
    assert is_same((Service, Site), FIRST, FIRST + DAY - hour)
    assert is_same((Service, Site), FIRST + DAY, FIRST + 2 * DAY)
    assert not is_same((Site, Service), FIRST, FIRST + DAY)
    assert not is_same((Site, Service), FIRST + DAY + hour, FIRST + DAY - hour)
    _begins(grid["services"][0], FIRST + 3 * DAY)
    grid["services"][0].history.update(valid_from=FIRST + 3 * DAY)
    assert not is_same((Service,), FIRST + 2 * DAY, FIRST + 4 * DAY)
