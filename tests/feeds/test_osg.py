"""What programs written for the OSG topology read, against the topology itself where that is on this machine."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import yaml
from django.test import Client
from django.utils import timezone
from icalendar import Calendar
from lxml import etree

from gridkeeper.registry.importers.archive import read_tree
from gridkeeper.registry.models import Downtime, Service, Site
from tests.builders import a_downtime, a_federation, a_service, a_service_type, a_site, a_vo, an_ngi
from tests.registry.import_inputs import DOWNTIME, REAL, a_topology, import_osg, needs_real_input

pytestmark = pytest.mark.django_db


def xml(client: Client, path: str, **query: Any) -> etree._Element:
    response = client.get(path, query)
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "text/xml; charset=utf-8"
    return etree.fromstring(response.content)


def summary(client: Client, **query: Any) -> dict[tuple[str, str], set[str]]:
    """(resource group, resource) -> service types."""
    return {
        (group.findtext("GroupName"), resource.findtext("Name")): {each.text for each in resource.iter("Name")}
        - {resource.findtext("Name")}
        for group in xml(client, "/rgsummary/xml", **query).iter("ResourceGroup")
        for resource in group.iter("Resource")
    }


def names(element: etree._Element) -> list[str]:
    return [child.tag for child in element]


@pytest.fixture
def campus(tmp_path) -> None:
    import_osg(a_topology(tmp_path))


def test_a_group_has_the_elements_of_the_schema_in_its_order(client, campus):
    (group,) = xml(client, "/rgsummary/xml")
    assert names(group) == [
        "GridType", "GroupID", "GroupName", "Disable", "Facility", "Site", "SupportCenter", "GroupDescription",
        "Resources",
    ]  # fmt: skip
    assert [group.findtext(name) for name in ("GridType", "GroupID", "GroupName", "Disable")] == [
        "OSG Production Resource", "1", "Group", "False",
    ]  # fmt: skip
    assert (group.findtext("Facility/Name"), group.findtext("Site/Name")) == ("Uni", "Campus")
    assert (group.findtext("SupportCenter/ID"), group.findtext("SupportCenter/Name")) == ("7", "Helpers")
    site = names(group.find("Site"))
    assert site[:2] == ["ID", "Name"]
    assert site[2:] == sorted(site[2:])


def test_a_resource_has_the_elements_of_the_schema_in_its_order(client, campus):
    first, second = xml(client, "/rgsummary/xml").iter("Resource")
    assert names(first) == [
        "ID", "Name", "Active", "Disable", "Services", "Description", "FQDN", "FQDNAliases", "VOOwnership",
        "WLCGInformation", "ContactLists",
    ]  # fmt: skip
    assert [first.findtext(name) for name in ("ID", "Name", "Active", "FQDN")] == [
        "10", "CE_1", "True", "ce.example.org",
    ]  # fmt: skip
    assert [second.findtext(name) for name in ("Name", "Active")] == ["SE_1", "False"]
    service = first.find("Services/Service")
    assert names(service) == ["ID", "Name", "Description", "Details"]
    assert [service.findtext(name) for name in ("ID", "Name", "Description")] == ["1", "CE", "Compute"]
    assert service.findtext("Details/uri_override") == "ce.example.org:9619"
    assert first.findtext("VOOwnership") == "(Information not available)"


def test_what_came_from_elsewhere_has_numbers_that_stay(client):
    site = a_site(name="OURS", ngi=an_ngi(name="North"))
    service = a_service(of=site, hostname="ce.ours.org")
    group = xml(client, "/rgsummary/xml")[0]
    assert group.findtext("Resources/Resource/Name") == "ce.ours.org"
    before = etree.tostring(group)
    assert xml(client, "/rgsummary/xml")[0].findtext("GroupID").isdecimal()
    site.name = "RENAMED"
    site.save()
    after = xml(client, "/rgsummary/xml")[0]
    assert after.findtext("GroupID") == etree.fromstring(before).findtext("GroupID")
    assert (after.findtext("GroupName"), service.site_id) == ("RENAMED", site.pk)


OWNED = {"VOOwnership.CMS": "60", "WLCGInformation.InteropBDII": "true", "WLCGInformation.KSI2KMin": "5"}


@pytest.fixture
def owned() -> Service:
    a_federation(name="OSG")
    first = a_site(name="OWNED", key="osg-9", organisation="Fermilab", properties={"OSG facility ID": "10009"},
                   ngi=an_ngi(key="osg-3"))  # fmt: skip
    a_service(of=a_site(name="TEST", infrastructure="Test"), hostname="other.org", in_production=False)
    a_vo("CMS")
    type_ = a_service_type("CE")
    type_.key = "osg-1"
    type_.save()
    return a_service(of=first, properties=OWNED | {"resource": "R", "resource ID": "77", "hidden": "true"})


def test_owners_add_up_to_a_hundred_and_wlcg_has_its_order(client, owned):
    resource = xml(client, "/rgsummary/xml").find(".//Resource[ID='77']")
    owners = [(each.findtext("Percent"), each.findtext("VO")) for each in resource.iter("Ownership")]
    assert owners == [("60", "CMS"), ("40", "(Other)")]
    wlcg = resource.find("WLCGInformation")
    assert (names(wlcg)[0], wlcg.findtext("InteropBDII"), wlcg.findtext("KSI2KMin")) == ("InteropBDII", "True", "5")
    assert len(wlcg) == 12


def _cms_number(client: Client) -> str:
    return xml(client, "/vosummary/xml").findtext("VO[Name='CMS']/ID")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 2),
        ({"gridtype": "on", "gridtype_1": "on"}, 1),
        ({"gridtype": "on", "gridtype_1": "on", "gridtype_2": "on"}, 2),
        ({"active": "on", "active_value": "1"}, 1),
        ({"active": "on", "active_value": "0"}, 1),
        ({"active_value": "1"}, 2),  # without its switch a value says nothing, as in OSG's own links
        ({"disable": "on", "disable_value": "0"}, 2),
        ({"disable": "on", "disable_value": "1"}, 0),
        ({"facility": "on", "facility_sel[]": "10009"}, 1),
        ({"facility": "on", "facility_10009": "on"}, 1),
        ({"facility": "on", "facility_sel[]": ["10009", "1"]}, 1),
        ({"facility": "on", "facility_1": "on"}, 0),
        ({"sc": "on", "sc_3": "on"}, 1),
        ({"rg": "on", "rg_9": "on"}, 1),
        ({"service": "on", "service_sel[]": "1"}, 2),
        ({"service": "on", "service_sel[]": "2"}, 0),
        ({"service_hidden": "on", "service_hidden_value": "1"}, 1),
        ({"has_wlcg": "on"}, 1),
        ({"summary_attrs_showservice": "on", "all_resources": "on", "start_date": "11/17/2014"}, 2),
    ],
)
def test_filters_choose_as_osg_does(client, owned, query, count):
    assert len(summary(client, **query)) == count


def test_the_owner_is_chosen_by_the_number_of_the_vo(client, owned):
    assert set(summary(client, **{"voown": "on", "voown_sel[]": _cms_number(client)})) == {("OWNED", "R")}


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"gridtype": "on"}, "gridtype"),
        ({"active": "on"}, "active_value"),
        ({"active": "on", "active_value": "yes"}, "active_value"),
        ({"facility": "on"}, "facility"),
        ({"facility": "on", "facility_sel[]": "Fermilab"}, "facility_sel[]"),
        ({"downtime_attrs_showpast": "week"}, "downtime_attrs_showpast"),
        ({"downtime_attrs_showpast": "9" * 30}, "downtime_attrs_showpast"),
    ],
)
@pytest.mark.parametrize("path", ["/rgsummary/xml", "/rgdowntime/xml", "/rgdowntime/ical"])
def test_a_bad_parameter_is_refused_by_name(client, path, query, name):
    response = client.get(path, query)
    assert (response.status_code, response.content.decode().partition(": ")[0]) == (400, name)


def downtimes(client: Client, **query: Any) -> dict[str, list[etree._Element]]:
    root = xml(client, "/rgdowntime/xml", **query)
    assert names(root) == ["PastDowntimes", "CurrentDowntimes", "FutureDowntimes"]
    return {group.tag: list(group) for group in root}


def test_a_downtime_has_the_elements_of_the_schema_and_their_own_words(client, tmp_path):
    import_osg(a_topology(tmp_path, downtime=DOWNTIME))
    (told,) = downtimes(client, downtime_attrs_showpast="all")["PastDowntimes"]
    assert names(told) == [
        "ID", "ResourceID", "ResourceGroup", "ResourceName", "ResourceFQDN", "StartTime", "EndTime", "Class",
        "Severity", "CreatedTime", "UpdateTime", "Services", "Description",
    ]  # fmt: skip
    assert [told.findtext(name) for name in ("ID", "ResourceID", "ResourceName", "StartTime", "CreatedTime")] == [
        "100", "10", "CE_1", "Mar 20, 2026 12:00 PM UTC", "Mar 09, 2026 09:00 AM UTC",
    ]  # fmt: skip
    assert [told.findtext(name) for name in ("Class", "Severity", "Description")] == [
        "SCHEDULED", "Outage", "New disks",
    ]  # fmt: skip
    assert told.findtext("Services/Service/Description") == "Compute"


@pytest.mark.parametrize(
    ("past", "expected"), [("", (0, 1, 1)), ("0", (0, 1, 1)), ("3", (1, 1, 1)), ("all", (2, 1, 1))]
)
def test_downtimes_are_past_current_and_future(client, past, expected):
    now, day = timezone.now(), timedelta(days=1)
    for start, end in ((-9, -8), (-3, -2), (-1, 1), (1, 2)):
        a_downtime(a_service(), start=now + start * day, end=now + end * day)
    a_downtime(a_service(), start=now - day, end=now + day, cancelled_at=now)
    found = downtimes(client, downtime_attrs_showpast=past)
    assert tuple(len(each) for each in found.values()) == expected
    calendar = client.get("/rgdowntime/ical", {"downtime_attrs_showpast": past})
    assert len(Calendar.from_ical(calendar.content).walk("VEVENT")) == sum(expected)


def test_a_downtime_of_several_resources_is_one_for_each(client):
    now = timezone.now()
    first, second = a_service(), a_service()
    a_downtime(first, second, start=now - timedelta(hours=1), end=now + timedelta(hours=1))
    told = downtimes(client)["CurrentDowntimes"]
    assert {each.findtext("ResourceName") for each in told} == {first.hostname, second.hostname}
    events = Calendar.from_ical(client.get("/rgdowntime/ical").content).walk("VEVENT")
    assert len({event["uid"] for event in events}) == 2


def test_empty_documents_are_valid(client):
    assert len(xml(client, "/rgsummary/xml")) == 0
    assert [len(each) for each in downtimes(client).values()] == [0, 0, 0]
    assert len(xml(client, "/vosummary/xml")) == 0


def test_vos_have_the_elements_of_the_schema_in_its_order(client):
    a_vo("atlas")
    (vo,) = xml(client, "/vosummary/xml", active="on", active_value="1")
    assert names(vo) == [
        "ID", "Name", "LongName", "CertificateOnly", "PrimaryURL", "PurposeURL", "SupportURL", "AppDescription",
        "Community", "ParentVO", "ReportingGroups", "Active", "Disable", "ContactTypes",
    ]  # fmt: skip
    assert len(xml(client, "/vosummary/xml", active="on", active_value="0")) == 0


def test_as_of_gives_the_topology_of_then(client):
    site = a_site(name="BEFORE")
    a_service(of=site)
    then = timezone.now()
    site.name = "AFTER"
    site.save()
    assert {group for group, _ in summary(client, as_of=then.isoformat())} == {"BEFORE"}
    assert {group for group, _ in summary(client)} == {"AFTER"}


def test_a_reader_who_has_it_gets_304(client):
    a_service()
    response = client.get("/rgsummary/xml")
    assert client.get("/rgsummary/xml", headers={"if-none-match": response["ETag"]}).status_code == 304


def test_hostile_text_arrives_as_it_was_written(client):
    a_service(of=a_site(name="<b>&amp;]]>", description="x\x07 \r\n <script>"))
    group = xml(client, "/rgsummary/xml")[0]
    assert group.findtext("GroupName") == "<b>&amp;]]>"
    assert group.findtext("GroupDescription") == "x\ufffd \r\n <script>"


# The whole topology


def _source() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and document of every resource group, read without a line of the importer."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for file in read_tree(REAL / "osg-topology" / "osg-topology.tar.gz", wanted=(".yaml",)):
        inner = file.path.partition("topology/")[2]
        if inner.count("/") == 2 and not inner.endswith(("_downtime.yaml", "/SITE.yaml")):
            yield inner.rsplit("/", 1)[1].removesuffix(".yaml"), yaml.load(file.content, loader)


@needs_real_input
def test_the_imported_topology_is_told_as_its_source_tells_it(client):
    import_osg(REAL / "osg-topology" / "osg-topology.tar.gz")
    groups = {group.findtext("GroupName"): group for group in xml(client, "/rgsummary/xml")}
    expected = dict(_source())
    assert len(groups) == len(expected) == 429
    resources = {
        (name, each.findtext("Name")): each for name, group in groups.items() for each in group.iter("Resource")
    }
    assert len(resources) == 1100
    for name, document in expected.items():
        production = "OSG Production Resource" if document["Production"] else "OSG Integration Test Bed Resource"
        assert groups[name].findtext("GridType") == production
        assert groups[name].findtext("SupportCenter/Name") == document["SupportCenter"]
        for resource, data in document["Resources"].items():
            told = resources[name, resource]
            assert told.findtext("FQDN") == data["FQDN"]
            assert told.findtext("Active") == str(data.get("Active", True))
            assert {each.findtext("Name") for each in told.iter("Service")} == set(data["Services"])
            assert data.get("ID") is None or told.findtext("ID") == str(data["ID"])
            owners = {each.findtext("VO"): each.findtext("Percent") for each in told.iter("Ownership")}
            assert {
                vo: str(percent) for vo, percent in (data.get("VOOwnership") or {}).items()
            }.items() <= owners.items()
    # Every downtime that went in is told, once for each of its resources.
    told = downtimes(client, downtime_attrs_showpast="all")
    assert sum(map(len, told.values())) == Downtime.objects.count()
    assert Site.objects.current().count() == 429
