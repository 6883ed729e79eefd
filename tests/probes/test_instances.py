"""What is to be run, and with which words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.probes.instances import instances_of, load_instances, place_of, spec_of, stamp
from gridkeeper.probes.macros import MacroError, expand
from gridkeeper.probes.models import RunRequest
from gridkeeper.probes.requests import finish_request, return_requests, take_requests
from gridkeeper.registry.models import Certification
from gridkeeper.vos.models import VoSupport
from tests.builders import NOW, a_downtime, a_service, a_site, a_test, a_vo, in_profile

MACROS = {"HOSTNAME": "ce.example.org", "PORT": "", "VO": "lhcb"}


def _loaded():
    return sorted((i.key.hostname, i.key.metric, i.key.vo) for i in load_instances().values())


@pytest.fixture
def service(db):
    return a_service(hostname="ce.example.org", of=a_site(name="SITE"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("certification", "is_tested"),
    [
        (Certification.CERTIFIED, True),
        (Certification.UNCERTIFIED, True),
        (Certification.CANDIDATE, False),
        (Certification.SUSPENDED, False),
        (Certification.CLOSED, False),
    ],
)
def test_sites_that_have_left_or_not_come_are_not_tested(certification, is_tested):
    service = a_service(of=a_site(certification=certification))
    in_profile(a_vo(supported_by=[service]), a_test("ping", kind="native", command="tcp"))
    assert bool(load_instances()) is is_tested


@pytest.mark.parametrize(
    "change",
    [
        lambda service: type(service).objects.filter(pk=service.pk).update(is_monitored=False),
        lambda service: type(service).objects.filter(pk=service.pk).update(valid_until=NOW),
        lambda service: VoSupport.objects.filter(service=service).update(valid_until=NOW),
    ],
)
def test_what_is_not_monitored_gone_or_unsupported_is_not_tested(service, change):
    in_profile(a_vo(supported_by=[service]), a_test("ping", kind="native", command="tcp"))
    assert load_instances()
    change(service)
    assert not load_instances()


def test_a_service_in_downtime_is_tested(service):
    in_profile(a_vo(supported_by=[service]), a_test("ping", kind="native", command="tcp"))
    a_downtime(service)
    assert load_instances()


def test_a_test_of_every_vo_runs_once_and_one_per_vo_for_each(service):
    ping = a_test("ping", kind="native", command="tcp")
    jobs = a_test("jobs", kind="native", command="tcp", is_per_vo=True)
    for name in ("atlas", "lhcb"):
        vo = a_vo(name, supported_by=[service])
        in_profile(vo, ping)
        in_profile(vo, jobs)
    host = "ce.example.org"
    assert _loaded() == [(host, "jobs", "atlas"), (host, "jobs", "lhcb"), (host, "ping", "")]


def test_passive_and_disabled_tests_and_other_service_types_are_not_run(service):
    vo = a_vo(supported_by=[service])
    in_profile(vo, a_test("reported", kind="passive"))
    in_profile(vo, a_test("off", kind="native", is_enabled=False))
    in_profile(vo, a_test("elsewhere", kind="native"), type="SE")
    assert not load_instances()


def test_what_rides_in_a_job_comes_with_it_where_the_profile_has_it(service):
    vo = a_vo("lhcb", supported_by=[service])
    job = a_test("js", kind="job", is_per_vo=True)
    in_profile(vo, job)
    in_profile(vo, a_test("csh", rides_in=job, is_per_vo=True))
    a_test("rm", rides_in=job, is_per_vo=True)
    (instance,) = load_instances().values()
    assert (instance.key.metric, [rider.name for rider in instance.riders]) == ("js", ["csh"])
    assert instance.rider_key(instance.riders[0]).vo == "lhcb"


def test_dependencies_are_those_on_the_same_service(service):
    vo = a_vo("lhcb", supported_by=[service])
    first, second = a_test("first", kind="native"), a_test("second", kind="native", is_per_vo=True)
    second.depends_on.add(first, a_test("absent", kind="native"))
    in_profile(vo, first)
    in_profile(vo, second)
    by_metric = {instance.key.metric: instance for instance in load_instances().values()}
    assert by_metric["second"].blockers == ((by_metric["first"].series, "first"),)


@pytest.mark.parametrize(
    "change",
    [
        lambda service, test: service.save(),
        lambda service, test: test.depends_on.add(a_test("another")),
        lambda service, test: in_profile(a_vo("new"), test),
        lambda service, test: a_vo("new", supported_by=[service]),
    ],
)
def test_the_stamp_changes_with_whatever_may_change_what_runs(service, change):
    test = a_test("ping", kind="native")
    before = stamp()
    assert stamp() == before
    change(service, test)
    assert stamp() != before


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("", 0),
        ("https://ce.example.org", 443),
        ("http://ce.example.org:8080/x", 8080),
        ("ldap://ce.example.org/o=grid", 389),
        ("http://ce:port/", 0),
        ("http://[x/", 0),
        ("nonsense", 0),
    ],
)
def test_the_port_is_that_of_the_url(service, url, port):
    service.url = url
    place = place_of(service)
    assert (place.target.port, place.limit_key) == (port, "ce.example.org")


def test_a_place_with_an_address_is_limited_by_it(service):
    service.host_ip = "192.0.2.1"
    test = spec_of(a_test("ping", kind="native"))
    (instance,) = instances_of(place_of(service), "lhcb", [test], {})
    assert instance.place.limit_key == "192.0.2.1"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("$HOSTNAME$", "ce.example.org"),
        ("-H $HOSTNAME$:22 $VO$", "-H ce.example.org:22 lhcb"),
        (["$VO$", 1, None], ["lhcb", 1, None]),
        ({"a": {"b": "$VO$"}, "c": True}, {"a": {"b": "lhcb"}, "c": True}),
        ("$PROPERTY:queue name$", "short"),
        ("costs 5$ or $6", "costs 5$ or $6"),
        ("$lower$", "$lower$"),
    ],
)
def test_macros_are_filled_in_at_any_depth(value, expected):
    assert expand(value, MACROS, {"queue name": "short"}) == expected


def test_what_a_property_holds_is_not_filled_in_again():
    assert expand("$PROPERTY:evil$", MACROS, {"evil": "$HOSTNAME$; rm -rf /"}) == "$HOSTNAME$; rm -rf /"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("$NOPE$", "$NOPE$ is no macro; there are $HOSTNAME$ $PORT$ $VO$ $PROPERTY:key$"),
        ("$PORT$", "$PORT$: the registry has no value of it for this service"),
        ("$PROPERTY:x$", "the service has no property 'x'; set it in the registry"),
        ("$PROPERTY$", "$PROPERTY$ is no macro"),
        ("$VO:x$", "$VO:x$ is no macro"),
    ],
)
def test_a_macro_without_a_value_is_named(value, words):
    with pytest.raises(MacroError) as caught:
        expand([value], MACROS, {})
    assert words in str(caught.value)


@given(
    st.recursive(st.none() | st.text("$AVO:x ") | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
def test_arguments_without_macros_stay_as_they_are(value):
    try:
        expanded = expand(value, {"VO": "$VO$"}, {})
    except MacroError:
        return
    assert expanded == value


def test_requests_are_taken_once_and_returned_by_a_new_scheduler(service):
    test = a_test("ping", kind="native")
    RunRequest.objects.create(service=service, test=test, vo="lhcb", requested_at=NOW)
    (wanted,) = take_requests(NOW)
    assert (wanted.key.metric, wanted.key.vo) == ("ping", "")
    assert take_requests(NOW) == []
    assert return_requests() == 1
    (again,) = take_requests(NOW)
    finish_request(again, "OK: " + "x" * 600)
    assert return_requests() == 0
    assert RunRequest.objects.get().outcome == "OK: " + "x" * 496
