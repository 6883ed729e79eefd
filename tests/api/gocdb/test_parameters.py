"""What each parameter selects; what is refused, with which status and which words."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from gridkeeper.api.gocdb.methods import METHODS, PARAMETERS
from gridkeeper.registry.models import CertificationChange, DowntimeService, RoleGrant
from tests.api.gocdb.asking import PRIVATE, ask, names, refused
from tests.builders import a_downtime, a_scope, a_service, a_service_group, a_site, a_user, an_ngi

pytestmark = pytest.mark.django_db


@pytest.fixture
def sites():
    swiss, slovene = an_ngi(name="NGI_CH"), an_ngi(name="NGI_SI")
    return [
        a_site(
            name="RAL-LCG2", ngi=swiss, country="Switzerland", scopes=["EGI", "wlcg"], properties={"VO": "a", "P": "1"}
        ),
        a_site(name="RAL-2", ngi=swiss, certification="Candidate", scopes=["EGI"], properties={"VO": "b"}),
        a_site(name="ral-lcg2", ngi=slovene, certification="Closed", infrastructure="Test", properties={"VO": "a"}),
        a_site(name="100%*?[x]", ngi=slovene, country="Slovenia", certification="Suspended"),
    ]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [0, 1, 2, 3]),
        ({"sitename": "RAL-LCG2"}, [0]),
        ({"sitename": "RAL%"}, [0, 1]),
        ({"sitename": "%2"}, [0, 1, 2]),
        ({"sitename": "%L%-%2%"}, [0, 1]),
        ({"sitename": "100%*?[x]"}, [3]),
        ({"sitename": "%[x]"}, [3]),
        ({"sitename": "RAL_LCG2"}, []),
        ({"sitename": "%_%"}, []),
        ({"sitename": "RAL-?%"}, []),
        ({"sitename": ""}, []),
        ({"roc": "NGI_CH"}, [0, 1]),
        ({"country": "Slovenia"}, [3]),
        ({"certification_status": "Certified"}, [0]),
        ({"exclude_certification_status": "Closed"}, [0, 1, 3]),
        ({"production_status": "Test"}, [2]),
        ({"roc": "NGI_CH", "certification_status": "Candidate"}, [1]),
        ({"scope": ""}, [0, 1, 2, 3]),
        ({"scope": "EGI"}, [0, 1]),
        ({"scope": "egi"}, []),
        ({"scope": "EGI,wlcg"}, [0]),
        ({"scope": "EGI,wlcg", "scope_match": "all"}, [0]),
        ({"scope": " wlcg , EGI,", "scope_match": "any"}, [0, 1]),
        ({"scope": ","}, [0, 1, 2, 3]),
        ({"scope": "nobody"}, []),
        ({"extensions": "(VO=a)"}, [0, 2]),
        ({"extensions": "(VO=)"}, [0, 1, 2]),
        ({"extensions": "AND(VO=a)(P=1)"}, [0]),
        ({"extensions": "OR(VO=a)(VO=b)"}, [0, 1, 2]),
        ({"extensions": "NOT(VO=a)"}, [1, 3]),
        ({"extensions": "(VO=)NOT(VO=b)"}, [0, 2]),
        ({"extensions": "(VO=a)OR(VO=b)", "roc": "NGI_CH"}, [0, 1]),
        ({"extensions": "(VO=A)"}, []),
    ],
)
def test_sites_are_selected_by(client, sites, parameters, expected):
    found = ask(client, "get_site_list", **parameters)

    assert [item.get("NAME") for item in found] == [sites[index].name for index in expected]


def test_without_scope_the_default_scope_counts_and_an_empty_one_asks_for_all(client, sites):
    a_scope("wlcg", is_default=True)

    assert len(ask(client, "get_site_list")) == 1
    assert len(ask(client, "get_site_list", scope="")) == 4


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, ["a.example.org", "b.example.org", "c.example.org"]),
        ({"hostname": "b.example.org"}, ["b.example.org"]),
        ({"hostname": "%.example.org"}, ["a.example.org", "b.example.org", "c.example.org"]),
        ({"service_type": "SRM"}, ["b.example.org"]),
        ({"monitored": "N"}, ["c.example.org"]),
        ({"monitored": "y"}, ["a.example.org", "b.example.org"]),
        ({"sitename": "TWO"}, ["c.example.org"]),
        ({"roc": "NGI_CH", "country": "Switzerland"}, ["a.example.org", "b.example.org"]),
        ({"scope": "EGI"}, ["a.example.org"]),
        ({"extensions": "(K=v)"}, ["b.example.org"]),
    ],
)
def test_services_are_selected_by(client, parameters, expected):
    one = a_site(name="ONE", ngi=an_ngi(name="NGI_CH"), country="Switzerland")
    a_service(of=one, hostname="a.example.org", scopes=["EGI"])
    a_service(of=one, hostname="b.example.org", type="SRM", properties={"K": "v"})
    a_service(of=a_site(name="TWO"), hostname="c.example.org", is_monitored=False)

    assert names(ask(client, "get_service", **parameters), "HOSTNAME") == expected


DAY = timedelta(days=1)


@pytest.fixture
def downtimes():
    """Three around the present, of three services; one service of the running one is back already."""
    now = timezone.now().replace(microsecond=0)
    here = a_site(name="HERE", ngi=an_ngi(name="NGI_CH"), country="Switzerland", properties={"S": "1"})
    there = a_site(name="THERE", certification="Uncertified")
    kinds = {
        "past": a_service(of=here, hostname="past", scopes=["EGI"]),
        "running": a_service(of=here, hostname="running", type="SRM", properties={"K": "v"}),
        "back": a_service(of=there, hostname="back", is_monitored=False),
        "next": a_service(of=there, hostname="next", in_production=False),
    }
    a_downtime(
        kinds["past"],
        key="1G0",
        start=now - 40 * DAY,
        end=now - 39 * DAY,
        severity="WARNING",
        declared_at=now - 50 * DAY,
    )
    running = a_downtime(
        kinds["running"], kinds["back"], key="2G0", start=now - DAY, end=now + DAY, declared_at=now - DAY / 2,
        classification="UNSCHEDULED",
    )  # fmt: skip
    DowntimeService.objects.filter(service=kinds["back"]).update(end=now - DAY / 4)
    a_downtime(kinds["next"], key="3G0", start=now + 2 * DAY, end=now + 3 * DAY, declared_at=now - 2 * DAY)
    return {"now": now, "id": str(running.pk)}


def day(days):
    return lambda facts: f"{facts['now'] + days * DAY:%Y-%m-%d}"


ALL = ["past", "running", "back", "next"]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, ALL),
        ({"ongoing_only": "yes"}, ["running"]),
        ({"ongoing_only": "no"}, ALL),
        ({"ongoing_only": "yes", "topentity": "HERE"}, ["running"]),
        ({"startdate": day(-30)}, ["running", "back", "next"]),
        ({"enddate": day(-30)}, ["past"]),
        ({"enddate": day(1)}, ["past", "back"]),
        ({"windowstart": day(-30)}, ["running", "back", "next"]),
        ({"windowend": day(0)}, ["past", "running", "back"]),
        ({"windowstart": day(-30), "windowend": day(0)}, ["running", "back"]),
        ({"windowend": "9999-12-31"}, ALL),
        ({"windowstart": "0001-01-01"}, ALL),
        ({"topentity": "next"}, ["next"]),
        ({"topentity": "HERE"}, ["past", "running"]),
        ({"topentity": "NGI_CH"}, ["past", "running"]),
        ({"topentity": "Switzerland"}, ["past", "running"]),
        ({"topentity": "nowhere"}, []),
        ({"scope": "EGI"}, ["past"]),
        ({"all_lastmonth": ""}, ["running", "back", "next"]),
        ({"all_lastmonth": "1", "topentity": "THERE"}, ["back", "next"]),
        ({"site_extensions": "(S=1)"}, ["past", "running"]),
        ({"service_extensions": "(K=v)"}, ["running"]),
        ({"site_extensions": "(S=1)", "service_extensions": "NOT(K=v)"}, ["past"]),
        ({"id": lambda facts: facts["id"]}, ["running", "back"]),
        ({"id": "3G0"}, ["next"]),
        ({"id": "99999999999999999999"}, []),
        ({"sitelist": "HERE, THERE"}, ALL),
        ({"sitelist": "THERE"}, ["back", "next"]),
        ({"sitelist": ""}, []),
        ({"servicelist": "past,next"}, ["past", "next"]),
        ({"ngilist": "NGI_CH,NGI_SI"}, ["past", "running"]),
        ({"severity": "WARNING"}, ["past"]),
        ({"classification": "UNSCHEDULED"}, ["running", "back"]),
        ({"production": "N"}, ["next"]),
        ({"monitored": "Y"}, ["past", "running", "next"]),
        ({"certification_status": "Uncertified"}, ["back", "next"]),
        ({"service_type_list": "SRM,nothing"}, ["running"]),
    ],
)
@pytest.mark.parametrize("method", ["get_downtime", "get_downtime_nested_services"])
def test_downtimes_are_selected_by(client, downtimes, method, parameters, expected):
    sent = {name: value(downtimes) if callable(value) else value for name, value in parameters.items()}
    root = ask(client, method, **sent)

    assert [found.text for found in root.iter("HOSTNAME")] == expected


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [({}, ["running", "back"]), ({"interval": "3"}, ["running", "back", "next"]), ({"interval": "0.25"}, []),
     ({"interval": "100", "id": "1G0"}, ["past"]), ({"interval": "100", "scope": "EGI"}, ["past"])],
)  # fmt: skip
def test_downtimes_to_broadcast_are_those_declared_lately(client, downtimes, parameters, expected):
    assert names(ask(client, "get_downtime_to_broadcast", **parameters), "HOSTNAME") == expected


def test_certification_changes_are_selected_by_site_and_days(reader):
    site, other = a_site(name="ONE"), a_site(name="TWO")
    for days, changed in ((1, site), (2, site), (3, other)):
        moment = datetime(2026, 3, days, 12, tzinfo=UTC)
        CertificationChange.objects.create(site=changed, changed_at=moment, old="", new=f"Certified{days}")

    def found(**parameters):
        return names(ask(reader, "get_cert_status_changes", PRIVATE, **parameters), "NEW_STATUS")

    assert found() == ["Certified1", "Certified2", "Certified3"]
    assert found(site="ONE") == ["Certified1", "Certified2"]
    assert found(startdate="2026-03-02", enddate="2026-03-03") == ["Certified2"]


def test_statuses_are_selected_by_status_and_region(reader, sites):
    assert names(ask(reader, "get_cert_status_date", PRIVATE, roc="NGI_CH"), "name") == ["RAL-LCG2", "RAL-2"]
    assert names(ask(reader, "get_cert_status_date", PRIVATE, certification_status="Suspended"), "name") == [
        "100%*?[x]"
    ]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"forename": "Ann"}, ["Ann"]),
        ({"surname": "Le%"}, ["Ann"]),
        ({"dn": "/C=CH/CN=Ann Lee"}, ["Ann"]),
        ({"dn": "/C=CH"}, []),
        ({"dnlike": "%/CN=Ann%"}, ["Ann"]),
        ({"roletype": "COD Staff,Nothing"}, ["Ann"]),
        ({"roletype": "Site Security Officer"}, []),
        ({"dn": "/CN=unconfirmed"}, []),
    ],
)
def test_people_are_selected_by(officer, full, parameters, expected):
    full.person.identities.create(kind="X.509", identifier="/CN=unconfirmed", added_at=timezone.now())

    assert names(ask(officer, "get_user", PRIVATE, **parameters), "FORENAME") == expected


def test_contacts_are_of_one_role_where_asked_and_only_while_it_is_held(officer, full):
    bob = a_user("bob")
    held = {"user": bob, "site": full.site}
    RoleGrant.objects.create(role="Site Security Officer", **held)
    RoleGrant.objects.create(role="Site Operations Manager", expires_at=timezone.now() - DAY, **held)

    def roles(**parameters):
        return [found.text for found in ask(officer, "get_site_contacts", PRIVATE, **parameters).iter("ROLE_NAME")]

    assert roles() == ["Site Administrator", "Site Security Officer"]
    assert roles(roletype="Site Security Officer") == ["Site Security Officer"]
    bob.is_active = False
    bob.save()
    assert roles() == ["Site Administrator"]


def test_groups_regions_and_projects_are_selected_by_name(officer, full):
    a_service_group(name="GROUP_2")
    an_ngi(name="NGI_SI", federation=full.federation)

    assert names(ask(officer, "get_service_group", PRIVATE, scope="", service_group_name="GROUP_1"), "NAME") == [
        "GROUP_1"
    ]
    assert len(ask(officer, "get_service_group", PRIVATE, scope="", extensions="(G=1)")) == 1
    assert len(ask(officer, "get_service_group_role", PRIVATE, service_group_name="GROUP%", scope="")) == 2
    assert len(ask(officer, "get_ngi", PRIVATE, roc="NGI_SI", scope="")) == 1
    assert len(ask(officer, "get_roc_list", roc="NGI_%")) == 2
    assert len(ask(officer, "get_roc_contacts", PRIVATE, roc="NGI_CH")) == 1
    assert len(ask(officer, "get_project_contacts", PRIVATE, project="EGI")) == 1
    assert len(ask(officer, "get_subgrid_list", subgrid="Swiss%")) == 1
    assert len(ask(officer, "get_subgrid_list", subgrid="Slovene%")) == 0


@pytest.mark.parametrize(
    ("method", "parameters", "status", "words"),
    [
        ("", {}, 400, "No method given"),
        ("get_nothing", {}, 404, "Unknown method: get_nothing"),
        ("GET_SITE_LIST", {}, 404, "Unknown method"),
        ("get_site_list", {"colour": "red"}, 400, "Unsupported parameter: colour"),
        ("get_site_list", {"Scope": ""}, 400, "Unsupported parameter: Scope"),
        ("get_service_types", {"scope": ""}, 400, "Unsupported parameter: scope"),
        ("get_roc_list", {"scope": "EGI"}, 400, "get_roc_list knows roc"),
        ("get_site_list", {"certification_status": "certified"}, 400, "must be one of Candidate, Uncertified"),
        ("get_site_list", {"exclude_certification_status": ""}, 400, "Invalid exclude_certification_status"),
        ("get_site_list", {"production_status": "Prod"}, 400, "Invalid production_status"),
        ("get_site_list", {"scope": "EGI", "scope_match": "some"}, 400, "must be one of any, all"),
        ("get_site_list", {"extensions": "VO=a"}, 400, "Invalid extensions expression"),
        ("get_site_list", {"extensions": ""}, 400, "Invalid extensions expression"),
        ("get_site_list", {"extensions": "(VO)"}, 400, "'VO' is not KEY=VALUE"),
        ("get_site_list", {"extensions": "XOR(A=b)"}, 400, "Invalid extensions expression"),
        ("get_site_list", {"extensions": "(A=b"}, 400, "Invalid extensions expression"),
        ("get_site_list", {"extensions": "(A=b)" * 51}, 400, "at most 50 pairs"),
        ("get_site_list", {"sitename": "a\x00b"}, 400, "Unsupported character in sitename"),
        ("get_service", {"monitored": "perhaps"}, 400, "must be Y or N"),
        ("get_downtime", {"ongoing_only": "maybe"}, 400, "Invalid ongoing_only value"),
        ("get_downtime", {"ongoing_only": "yes", "startdate": "2026-01-01"}, 400, "do not specify startdate"),
        ("get_downtime", {"ongoing_only": "yes", "enddate": "2026-01-01"}, 400, "do not specify startdate"),
        ("get_downtime", {"all_lastmonth": "", "windowstart": "2026-01-01"}, 400, "when specifying all_lastmonth"),
        ("get_downtime", {"startdate": "01.02.2026"}, 400, "YYYY-MM-DD"),
        ("get_downtime", {"startdate": "2026-02-30"}, 400, "YYYY-MM-DD"),
        ("get_downtime", {"windowend": ""}, 400, "Invalid windowend"),
        ("get_downtime", {"severity": "OUT"}, 400, "must be one of OUTAGE, WARNING"),
        ("get_downtime", {"classification": "NEVER"}, 400, "must be one of SCHEDULED, UNSCHEDULED"),
        ("get_downtime", {"page": "1"}, 400, "Unsupported parameter: page"),
        ("get_downtime_to_broadcast", {"interval": "soon"}, 400, "must be a number"),
        ("get_downtime_to_broadcast", {"interval": "-1"}, 400, "must be a number"),
        ("get_downtime_to_broadcast", {"interval": "99999999"}, 400, "must be a number"),
        ("get_downtime_to_broadcast", {"startdate": "2026-01-01"}, 400, "Unsupported parameter: startdate"),
        ("get_site_list", {"next_cursor": "0", "prev_cursor": "0"}, 400, "not both"),
        ("get_site_list", {"next_cursor": "-1"}, 400, "Invalid next_cursor"),
        ("get_site_list", {"next_cursor": ""}, 400, "Invalid next_cursor"),
        ("get_site_list", {"next_cursor": "١"}, 400, "Invalid next_cursor"),
        ("get_site_list", {"prev_cursor": "9223372036854775808"}, 400, "Invalid prev_cursor"),
    ],
)  # fmt: skip
def test_it_refuses(client, method, parameters, status, words):
    found, text = refused(client, method, **parameters)

    assert found == status
    assert words in text


def test_hostile_words_come_back_escaped_and_cut(client):
    status, text = refused(client, "<script>alert(1)</script>" + "x" * 500)

    assert status == 404
    assert "<script>alert(1)</script>" in text
    assert len(text) < 700


def test_every_method_refuses_a_parameter_that_it_does_not_know(officer):
    for method in METHODS:
        assert refused(officer, method, PRIVATE, colour="red")[0] == 400


def test_of_a_parameter_sent_twice_the_last_one_counts(client, sites):
    answer = client.get("/gocdbpi/public/?method=get_site_list&sitename=RAL-2&sitename=RAL-LCG2")

    assert b'NAME="RAL-LCG2"' in answer.getvalue()
    assert b'NAME="RAL-2"' not in answer.getvalue()


@pytest.mark.parametrize("verb", ["post", "put", "delete", "patch", "options"])
def test_only_get_and_head_read(client, verb):
    assert getattr(client, verb)("/gocdbpi/public/?method=get_site_list").status_code == 405


def test_there_are_21_methods():
    assert len(PARAMETERS.keys() - {"get_service"}) == 21


@pytest.mark.parametrize(
    "path", ["/gocdbpi/public", "/gocdbpi/public/", "/gocdbpi/private/", "/gocdbpi/public/index.php"]
)
def test_addresses_are_answered_with_and_without_a_slash(client, path):
    assert client.get(f"{path}?method=get_site_list").status_code == 200
