from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.demo.catalogue import PROFILES, demo_tests
from gridkeeper.demo.faults import KINDS, PLAN, FaultError, change_fault, parse_fault, plan_faults, read_faults
from gridkeeper.demo.regions import REGIONS
from gridkeeper.demo.topology import PORTS, build_sites, sites_per_region


def test_all_sites_of_2006_come_in_the_numbers_of_the_table():
    assert sites_per_region(192) == {region.name: region.sites for region in REGIONS}
    assert sum(region.sites for region in REGIONS) == 192


def test_sixty_sites_keep_the_proportions():
    # 60 = 12 + 48 shared out by (23, 27, 10, ...) / 191
    counts = sites_per_region(60)
    assert counts["CERN"] == 1
    assert counts["Italy"] >= counts["UK/I"] >= counts["Central Europe"] >= counts["France"] >= 3


@given(st.integers(1, 600))
def test_every_size_is_met_exactly_and_no_region_is_forgotten(total):
    counts = sites_per_region(total)
    assert sum(counts.values()) == total
    assert all(count >= 1 for count in counts.values()) or total < len(REGIONS)


@given(st.integers(1, 600))
def test_names_addresses_and_hosts_are_each_sites_own(total):
    sites = build_sites(total)
    assert sites == build_sites(total)
    assert len({site.name for site in sites}) == total
    assert len({site.address for site in sites}) == total
    assert len({site.slug for site in sites}) == total
    assert all(ip_address(site.address) in ip_network("127.0.0.0/8") for site in sites)
    services = [(service.service_type, service.hostname) for site in sites for service in site.services]
    assert len(set(services)) == len(services)


def test_sites_of_the_reports_stand_under_their_names_with_their_ces():
    sites = {site.name: site for site in build_sites(192)}
    assert sites["TOKYO-LCG2"].services[0].hostname == "dgce0.icepp.jp"
    assert {"CERN-PROD", "RAL-LCG2", "IN2P3-CC", "FZK-LCG2", "INFN-T1", "SARA-MATRIX", "TRIUMF-LCG2"} <= set(sites)


def test_every_service_type_is_offered_and_served_by_a_profile():
    sites = build_sites(60)
    assert {service.service_type for site in sites for service in site.services} == set(PORTS)
    assert set(PROFILES["dteam"]) == set(PORTS)


def test_profiles_name_tests_that_exist_and_each_test_is_documented(tmp_path):
    tests = {test.name: test for test in demo_tests(tmp_path)}
    used = {word.rstrip("!") for by_type in PROFILES.values() for words in by_type.values() for word in words.split()}
    assert used == set(tests)
    assert all(test.meaning and test.procedure for test in tests.values())
    assert all(test.rides_in in tests for test in tests.values() if test.rides_in)


@pytest.mark.parametrize("total", [12, 60, 192])
def test_most_of_the_sites_start_without_a_fault_that_the_operations_vo_counts(total):
    sites = build_sites(total)
    counted = {"down", "js", "ca", "expired", "hang", "wrong", "flapping"}
    faults = plan_faults(sites)
    bad = [site for site, found in faults.items() if found[0].partition(":")[0] in counted]
    assert sites[0].name not in faults
    assert total < 60 or len(bad) / total <= 0.2


def test_the_plan_names_kinds_that_exist():
    assert all(parse_fault(fault) == fault for fault, _ in PLAN)


@pytest.mark.parametrize(
    ("text", "words"),
    [("explode", "there are down"), ("hang:XYZ", "after hang comes CE"), ("jl:nobody", "after jl comes dteam")],
)
def test_a_fault_that_does_not_exist_is_refused_with_those_that_do(text, words):
    with pytest.raises(FaultError, match=words):
        parse_fault(text)


def test_every_kind_has_a_full_form():
    assert parse_fault("hang") == "hang:SE"
    assert {parse_fault(kind).partition(":")[0] for kind in KINDS} == set(KINDS)


def test_faults_are_added_and_cleared_in_the_file(tmp_path):
    assert change_fault(tmp_path, "A", "down", ["A", "B"]) == ["down"]
    assert change_fault(tmp_path, "A", "ca", ["A", "B"]) == ["ca", "down"]
    assert read_faults(tmp_path) == {"A": ["ca", "down"]}
    assert change_fault(tmp_path, "A", "clear", ["A", "B"]) == []
    assert read_faults(tmp_path) == {}
    with pytest.raises(FaultError, match="there is no site 'C'"):
        change_fault(tmp_path, "C", "down", ["A", "B"])
