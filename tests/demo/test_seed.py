from datetime import timedelta

import pytest
from django.contrib.auth import authenticate
from django.utils import timezone

from gridkeeper.availability.models import Recomputation, RecomputationState
from gridkeeper.availability.topology import Period, tree_of
from gridkeeper.demo.catalogue import demo_tests
from gridkeeper.demo.downtimes import plan_downtimes
from gridkeeper.demo.faults import plan_faults
from gridkeeper.demo.seed import ACCOUNTS, home_of_alice, password_of, seed
from gridkeeper.demo.topology import build_sites
from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.permission import is_permitted
from gridkeeper.probes.instances import load_instances
from gridkeeper.probes.models import ProfileEntry, Test
from gridkeeper.registry.models import Downtime, Ngi, Service, Site
from gridkeeper.selection.models import ListEntry
from gridkeeper.vos.models import Vo, VoSupport

pytestmark = pytest.mark.django_db
SITES = build_sites(24)
COUNTED = (Ngi, Site, Service, Vo, VoSupport, Test, ProfileEntry, Downtime, ListEntry, User)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def seeded(settings, now):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"operations_vo": "dteam"})
    seed(SITES, now)


def test_the_registry_holds_what_the_topology_says(seeded):
    assert set(Site.objects.values_list("name", flat=True)) == {site.name for site in SITES}
    addresses = {(service.hostname, site.address) for site in SITES for service in site.services}
    assert set(Service.objects.values_list("hostname", "host_ip")) == addresses


def test_a_second_start_adds_and_changes_nothing(seeded, now):
    def state():
        records = sum(model.history.count() for model in (Site, Service, Test, Vo, ProfileEntry))
        return [model.objects.count() for model in COUNTED], records

    before = state()
    seed(SITES, now)
    assert state() == before


def test_another_network_is_told_to_the_registry(seeded, now):
    seed(build_sites(24, 77), now)
    assert all(address.startswith("127.77.") for address in Service.objects.values_list("host_ip", flat=True))


def test_every_test_is_run_or_rides_in_a_job_that_is(seeded, tmp_path):
    instances = load_instances().values()
    run = {instance.test.name for instance in instances}
    riding = {rider.name for instance in instances for rider in instance.riders}
    assert run | riding == {test.name for test in demo_tests(tmp_path)}
    assert {instance.key.vo for instance in instances if instance.test.name == "CE-js"} == {
        "dteam", "lhcb", "atlas", "biomed",
    }  # fmt: skip


def test_the_accounts_can_sign_in_and_may_what_the_console_says(seeded):
    assert all(authenticate(username=name, password=password_of(name)) for name in ACCOUNTS)
    home = Site.objects.get(name=home_of_alice(SITES).name)
    elsewhere = Site.objects.get(name="CERN-PROD")
    lhcb, atlas = Vo.objects.get(name="lhcb"), Vo.objects.get(name="atlas")

    def may(name, permission, subject):
        return is_permitted(Actor(User.objects.get(username=name), "web"), permission, subject)

    assert [may(name, "registry.edit_site", home) for name in ("alice", "bob", "carol", "admin")] == [
        True, True, False, True,
    ]  # fmt: skip
    assert [may(name, "registry.edit_site", elsewhere) for name in ("alice", "bob", "carol", "admin")] == [
        False, False, False, True,
    ]  # fmt: skip
    assert [may("carol", "selection.edit_lists", vo) for vo in (lhcb, atlas)] == [True, False]


def test_each_list_of_lhcb_has_a_site_for_which_it_matters(settings, now):
    sites = build_sites(60)
    seed(sites, now)
    black, white = ListEntry.objects.get(kind="black"), ListEntry.objects.get(kind="white")
    assert plan_faults(sites)[white.site.name] == ["jl:lhcb"]
    assert black.site.name not in plan_faults(sites)


def test_downtimes_are_declared_as_planned(seeded, now):
    planned = plan_downtimes(SITES, now)
    declared = Downtime.objects.filter(recurrence=None)
    assert declared.count() == len(planned) == 24 // 6
    assert {(item.start, item.end) for item in declared} == {(item.window.start, item.window.end) for item in planned}


def test_somebody_waits_for_a_recomputation(seeded):
    asked = Recomputation.objects.get()
    assert (asked.state, asked.author.username) == (RecomputationState.REQUESTED, "alice")
    assert asked.end - asked.start == timedelta(hours=3)


def test_the_federation_has_a_report_by_tiers_with_functions_and_weights(seeded, now):
    tree = tree_of(Period.of((now - timedelta(days=3)).date(), now), report="federation")
    regions = {path.region for path in tree.numbers if path.region}
    assert regions == {str(item.town.tier) for item in SITES}
    functions = {path.function for path in tree.numbers if path.function}
    assert {"compute", "storage", "information"} <= functions
    assert len(tree.weights) == len(SITES)
    assert tree_of(Period.of((now - timedelta(days=3)).date(), now), report="lhcb-core").expected
