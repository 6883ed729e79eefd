"""The imported GOCDB sample instance, and a real instance's answers, told again by our interface."""

import pytest
from lxml import etree

from gridkeeper.api.gocdb.methods import METHODS
from gridkeeper.registry.models import (
    CertificationChange,
    Downtime,
    RoleGrant,
    Service,
    ServiceGroup,
    ServiceType,
    Site,
)
from tests.api.gocdb.asking import PRIVATE, ask, names, shape
from tests.registry.import_inputs import REAL, import_gocdb, needs_real_input

pytestmark = [pytest.mark.django_db, needs_real_input]


@pytest.fixture
def sample():
    import_gocdb(*REAL.glob("gocdb/requiredData/*.xml"), *REAL.glob("gocdb/sampleData/*.xml"))


SITE = """<SITE PRIMARY_KEY="made-{site}" NAME="{site}"><SHORT_NAME>{site}</SHORT_NAME><COUNTRY>{country}</COUNTRY>
  <COUNTRY_CODE>{code}</COUNTRY_CODE><ROC>{roc}</ROC><CERTIFICATION_STATUS>Certified</CERTIFICATION_STATUS></SITE>"""
SERVICE = """<SERVICE_ENDPOINT PRIMARY_KEY="made-{host}"><HOSTNAME>{host}</HOSTNAME><SERVICE_TYPE>{kind}</SERVICE_TYPE>
  <SITENAME>{site}</SITENAME><ROC_NAME>NGI</ROC_NAME><ENDPOINTS/></SERVICE_ENDPOINT>"""


@pytest.fixture
def answers(tmp_path):
    """The answers of the real instance, with the sites and services that they speak of and do not bring along."""
    sites, services = {}, []
    for each in source("gocdb-pi/sample-service_endpoint.xml"):
        words = {"country": "COUNTRY_NAME", "code": "COUNTRY_CODE", "roc": "ROC_NAME", "site": "SITENAME"}
        sites[each.findtext("SITENAME")] = SITE.format(**{name: each.findtext(tag) for name, tag in words.items()})
    for each in source("gocdb-pi/sample-gocdb_downtimes.xml"):
        site = each.findtext("HOSTED_BY")
        sites.setdefault(site, SITE.format(site=site, country="Spain", code="ES", roc="NGI"))
        services.append(SERVICE.format(host=each.findtext("HOSTNAME"), kind=each.findtext("SERVICE_TYPE"), site=site))
    for name, elements in {"sites": sites.values(), "services": services}.items():
        (tmp_path / f"{name}.xml").write_text(f"<results>{''.join(elements)}</results>")
    import_gocdb(*REAL.glob("gocdb-pi/*.xml"), *tmp_path.glob("*.xml"))


def source(name):
    return etree.parse(str(REAL / name)).getroot()


def test_every_method_answers_with_what_was_imported(officer, sample):
    counts = {}
    for method in METHODS:
        more = {"interval": 36500} if method == "get_downtime_to_broadcast" else {}
        if "scope" in METHODS[method].parameters:
            more["scope"] = ""
        counts[method] = len(ask(officer, method, PRIVATE, **more))

    assert counts["get_site"] == counts["get_site_list"] == counts["get_site_contacts"] == Site.objects.count() == 18
    assert counts["get_ngi"] == counts["get_roc_list"] == counts["get_roc_contacts"] == 3
    assert counts["get_service"] == counts["get_service_endpoint"] == Service.objects.count() == 40
    assert counts["get_service_types"] == ServiceType.objects.count() == 96
    assert counts["get_service_group"] == counts["get_service_group_role"] == ServiceGroup.objects.count() > 0
    assert counts["get_downtime_nested_services"] == Downtime.objects.count()
    assert counts["get_downtime"] >= counts["get_downtime_nested_services"]
    assert counts["get_downtime_to_broadcast"] == counts["get_downtime"]
    assert counts["get_user"] == 24  # 23 of the sample, and who asks
    assert counts["get_cert_status_changes"] == CertificationChange.objects.count()
    assert counts["get_site_count_per_country"] == 3
    assert RoleGrant.objects.count() == sum(
        len(list(ask(officer, method, PRIVATE, **more).iter(tag)))
        for method, tag, more in (
            ("get_site_contacts", "CONTACT", {"scope": ""}),
            ("get_roc_contacts", "CONTACT", {}),
            ("get_project_contacts", "CONTACT", {}),
            ("get_service_group_role", "USER", {"scope": ""}),
        )
    )


#: What the sample writes in elements of its own time, or with other ids; all else must come back as it went in.
_OF_THE_INSTANCE = {"GOCDB_PORTAL_URL", "LOCAL_ID", "ID", "DPMT_URL", "CORE"}


def told(element, without=()):
    """Name and text of each child that has a text, but for what names the instance."""
    skipped = _OF_THE_INSTANCE | set(without)
    return [
        (child.tag, child.text.strip()) for child in element if child.tag not in skipped and (child.text or "").strip()
    ]


def test_services_come_back_as_they_went_in(client, answers):
    theirs = {each.get("PRIMARY_KEY"): each for each in source("gocdb-pi/sample-service_endpoint.xml")}
    ours = {each.get("PRIMARY_KEY"): each for each in ask(client, "get_service_endpoint", scope="")}

    assert theirs.keys() <= ours.keys()
    for key, each in theirs.items():
        assert told(ours[key]) == told(each), key
        assert [child.tag for child in ours[key]] == [child.tag for child in each], key
        for path in ("SCOPES/SCOPE", "ENDPOINTS/ENDPOINT/URL"):
            assert [found.text for found in ours[key].findall(path)] == [found.text for found in each.findall(path)]
        assert extensions(ours[key]) == sorted(extensions(each)), key


def extensions(service):
    found = service.findall("EXTENSIONS/EXTENSION")
    return [(each.findtext("KEY"), each.findtext("VALUE")) for each in found]


def test_sites_come_back_as_they_went_in(reader, answers):
    theirs = source("gocdb-pi/sample-site.xml")
    ours = {each.get("PRIMARY_KEY"): each for each in ask(reader, "get_site", PRIVATE, scope="")}

    for each in theirs:
        again = ours[each.get("PRIMARY_KEY")]
        assert told(again) == told(each)
        assert [child.tag for child in again] == [child.tag for child in each]


def test_downtimes_come_back_as_they_went_in(client, answers):
    theirs = source("gocdb-pi/sample-gocdb_downtimes.xml")
    ours = {each.get("PRIMARY_KEY"): each for each in ask(client, "get_downtime", scope="")}

    # What the sample made up: an ENDPOINT that is not host and type, dates in words that are not those in seconds.
    made_up = ("ENDPOINT", "FORMATED_START_DATE", "FORMATED_END_DATE")
    assert len(theirs) == len(ours) == 3
    for each in theirs:
        again = ours[each.get("PRIMARY_KEY")]
        assert told(again, made_up) == told(each, made_up)
        assert [child.tag for child in again] == [child.tag for child in each]


def test_what_our_interface_tells_can_be_imported_again(officer, sample, tmp_path):
    """A second import of our own answers finds everything as it is."""
    methods = (
        "get_ngi",
        "get_site",
        "get_service_types",
        "get_service_endpoint",
        "get_downtime",
        "get_cert_status_changes",
    )
    files = []
    for method in methods:
        more = {"scope": ""} if "scope" in METHODS[method].parameters else {}
        files.append(tmp_path / f"{method}.xml")
        files[-1].write_bytes(etree.tostring(ask(officer, method, PRIVATE, **more)))
    before = [shape(ask(officer, method, PRIVATE)) for method in methods]
    report = import_gocdb(*files)

    assert {kind: item.created for kind, item in report.counts.items() if item.created} == {}
    assert [shape(ask(officer, method, PRIVATE)) for method in methods] == before


def test_a_role_of_the_sample_is_recognised_by_its_federation(officer, sample):
    (user,) = ask(officer, "get_user", PRIVATE, surname="Vanhall")

    assert names(user.findall("USER_ROLE"), "ON_ENTITY")
    assert {project.text for project in user.iter("PROJECT")} == {"EGI"}
