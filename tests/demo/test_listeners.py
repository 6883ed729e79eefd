"""The listeners for real, asked by the checks that the demo's tests use."""

import asyncio

import pytest

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.demo import addresses
from gridkeeper.demo.catalogue import demo_tests
from gridkeeper.demo.certificates import make_certificates
from gridkeeper.demo.listeners import SiteListeners, sites_folder
from gridkeeper.demo.topology import build_sites
from gridkeeper.demo.worker_node import now_utc
from gridkeeper.probes.instances import Instance, Place, TestSpec
from gridkeeper.probes.native import Target
from gridkeeper.probes.running import run_instance


@pytest.fixture(scope="module")
def site():
    """CERN, on a network that no demo on this machine has."""
    with addresses.claimed(None) as network:
        yield build_sites(1, network)[0]


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"denied_networks": []})


@pytest.fixture
def ask(tmp_path, site):
    """Runs a demo test against the listeners of the first site with some faults; status and summary by metric."""
    folder = sites_folder(tmp_path)
    make_certificates(folder, [site])
    specs = {
        test.name: TestSpec(
            test.name, test.kind, test.command, dict(test.arguments), test.is_per_vo, 60, test.timeout_s, 1, 60,
            test.depends_on, test.stage,
        )
        for test in demo_tests(folder)
    }  # fmt: skip
    riders = {test.name for test in demo_tests(folder) if test.rides_in}

    def run(name, service_type, *faults, vo="lhcb", timeout_s=None):
        service = site.service(service_type)
        target = Target(service.hostname, site.address, service.port, service.url)
        spec = specs[name]
        if timeout_s:
            fields = {field: getattr(spec, field) for field in TestSpec.__dataclass_fields__}
            spec = TestSpec(**fields | {"timeout_s": timeout_s})
        carried = tuple(specs[rider] for rider in sorted(riders)) if name == "CE-js" else ()
        key = SeriesKey(service.hostname, service_type, name, vo if spec.is_per_vo else "")
        instance = Instance(key, spec, Place(1, target, service_type, site.name, "", {}), carried)

        async def main():
            listeners = SiteListeners(site, folder)
            await listeners.apply(faults, now_utc())
            try:
                return await run_instance(instance, now_utc())
            finally:
                await listeners.close()

        measured = asyncio.run(main())
        return {item.key.metric: (item.outcome.status.name, item.outcome.summary, item.cause) for item in measured}

    return run


NATIVE = [
    ("SE-http", "SE"), ("SE-cert", "SE"), ("SRM-put", "SRM"), ("SRM-get", "SRM"), ("SRM-cert", "SRM"),
    ("FTS-channels", "FTS"), ("FTS-info", "FTS"), ("LFC-tcp", "LFC"), ("RB-tcp", "RB"), ("BDII-tcp", "Site-BDII"),
    ("BDII-tcp", "Top-BDII"), ("MyProxy-tcp", "MyProxy"), ("VOMS-http", "VOMS"), ("VOMS-cert", "VOMS"),
    ("CE-ssh", "CE"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "service_type"), NATIVE)
def test_a_healthy_site_is_green(ask, name, service_type):
    status, summary, _ = ask(name, service_type)[name]
    assert status == "OK", summary


@pytest.mark.parametrize(
    ("name", "service_type", "fault", "status", "words"),
    [
        ("SE-http", "SE", "down", "CRITICAL", "connection refused"),
        ("SE-http", "SE", "refuse:SE", "CRITICAL", "connection refused"),
        ("SRM-put", "SRM", "wrong:SRM", "CRITICAL", "wanted 201"),
        ("SRM-put", "SRM", "expired:SRM", "CRITICAL", "certificate"),
        ("SRM-cert", "SRM", "expired:SRM", "CRITICAL", "expired 3 d"),
        ("SE-cert", "SE", "expiring:SE", "WARNING", "expires in"),
        ("LFC-tcp", "LFC", "wrong:LFC", "CRITICAL", "did not say 'LFC'"),
        ("CE-ssh", "CE", "down", "CRITICAL", "connection refused"),
    ],
)
def test_a_fault_turns_its_test_and_names_the_cause(ask, name, service_type, fault, status, words):
    found = ask(name, service_type, fault)[name]
    assert found[0] == status
    assert words in found[1]


def test_a_service_that_hangs_is_timed_out_with_what_it_was_waited_for(ask):
    status, summary, _ = ask("SE-http", "SE", "hang:SE", timeout_s=1)["SE-http"]
    assert status == "CRITICAL"
    assert "timed out after 1 s while" in summary


def test_a_service_that_is_slow_gets_a_warning(ask):
    status, summary, _ = ask("SRM-get", "SRM", "slow:SRM")["SRM-get"]
    assert (status, summary[:5]) == ("WARNING", "slow:")


def test_a_job_brings_back_what_rides_in_it(ask):
    found = ask("CE-js", "CE")
    assert {status for status, _, _ in found.values()} == {"OK"}, found
    assert found["CE-ver"][1] in {"2 7 0", "2 6 0"}
    assert len(found) == 13


@pytest.mark.parametrize(
    ("fault", "metric", "words"),
    [
        ("ca", "CE-ca", "1.5, wanted 1.9"),
        ("crl", "CE-crl", "72 h old"),
        ("csh", "CE-csh", "command not found"),
        ("rgma", "CE-rgma", "missing"),
        ("swdir:lhcb", "CE-swdir", "does not exist"),
    ],
)
def test_a_wrong_file_on_the_worker_node_fails_the_test_that_looks_at_it(ask, fault, metric, words):
    found = ask("CE-js", "CE", fault)
    assert found["CE-js"][0] == "OK"
    assert found[metric][0] == "CRITICAL"
    assert words in found[metric][1]


@pytest.mark.parametrize(("fault", "failed"), [("jl:lhcb", "CE-jl"), ("js", "CE-js"), ("down", "CE-jl")])
def test_what_comes_after_a_failed_stage_has_no_result_and_names_the_stage(ask, fault, failed):
    found = ask("CE-js", "CE", fault)
    assert found[failed][0] == "CRITICAL"
    assert {found[name][0] for name in ("CE-rm", "CE-ca")} == {"UNKNOWN"}
    assert {found[name][2] for name in ("CE-rm", "CE-ca")} == {failed}
    assert Status.CRITICAL.name not in {found[name][0] for name in found if name != failed}


def test_a_vo_that_the_site_does_not_serve_finds_no_queue(ask):
    assert ask("CE-js", "CE", vo="cms")["CE-jl"][0] == "CRITICAL"
