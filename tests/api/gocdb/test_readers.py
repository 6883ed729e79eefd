"""What the programs that read this interface do with it, in their own way of reading."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from xml.dom import minidom
from xml.etree import ElementTree

import pytest
from django.utils import timezone

from gridkeeper.registry.models import Service
from tests.api.gocdb.asking import PRIVATE, address
from tests.builders import (
    ERA,
    a_downtime,
    a_scope,
    a_service,
    a_service_group,
    a_service_type,
    a_site,
    an_endpoint,
    an_ngi,
)

pytestmark = pytest.mark.django_db


def body(client, method, at="/gocdbpi/public/", **parameters):
    return client.get(address(method, at, **parameters)).getvalue().decode()


def first(element, tag):
    """As DOM programs read a text: the first node below the first element of that name."""
    found = element.getElementsByTagName(tag)[0]
    return found.childNodes[0].nodeValue if found.childNodes else None


def test_argo_reads_sites(reader):
    """argo-connectors: the name from the attribute, DOM for the rest; it looks at each child of the answer."""
    a_site(name="ONE", scopes=["EGI", "wlcg"], notifications=True)
    a_site(name="TWO", infrastructure="Test", certification="Candidate")
    dom = minidom.parseString(body(reader, "get_site", PRIVATE, scope="", next_cursor=0))
    read = {
        site.getAttribute("NAME"): (
            first(site, "PRODUCTION_INFRASTRUCTURE"),
            first(site, "CERTIFICATION_STATUS"),
            first(site, "NOTIFICATIONS") == "TRUE",
            [scope.firstChild.nodeValue for scope in site.getElementsByTagName("SCOPE")],
        )
        for site in dom.getElementsByTagName("SITE")
    }

    assert read == {
        "ONE": ("Production", "Certified", True, ["EGI", "wlcg"]),
        "TWO": ("Test", "Candidate", False, []),
    }


def test_argo_reads_endpoints_also_of_services_that_have_none(client):
    """A service without address still has URL and ENDPOINTS."""
    an_endpoint(of=a_service(hostname="with", url="https://x"), name="n", url="https://y", interface_name="i")
    a_service(hostname="without")
    dom = minidom.parseString(body(client, "get_service_endpoint", scope=""))
    read = [
        (first(each, "HOSTNAME"), first(each, "URL"), len(each.getElementsByTagName("ENDPOINTS")),
         [first(endpoint, "INTERFACENAME") for endpoint in each.getElementsByTagName("ENDPOINT")])
        for each in dom.getElementsByTagName("SERVICE_ENDPOINT")
    ]  # fmt: skip

    assert read == [("with", "https://x", 1, ["i"]), ("without", None, 1, [])]


def test_argo_reads_groups_with_services_as_direct_children(reader):
    a_service_group(a_service(hostname="one"), a_service(hostname="two"), name="GROUP", scopes=["EGI"])
    dom = minidom.parseString(body(reader, "get_service_group", PRIVATE, scope=""))
    (group,) = dom.getElementsByTagName("SERVICE_GROUP")

    assert [first(each, "HOSTNAME") for each in group.getElementsByTagName("SERVICE_ENDPOINT")] == ["one", "two"]
    assert {each.parentNode.tagName for each in group.getElementsByTagName("SERVICE_ENDPOINT")} == {"SERVICE_GROUP"}


def test_argo_reads_the_downtimes_of_a_day_and_excuses_scheduled_outages(client):
    day = datetime(2026, 3, 10, tzinfo=UTC)
    hours = {"start": day + timedelta(hours=3), "end": day + timedelta(hours=5)}
    a_downtime(a_service(hostname="excused"), **hours)
    a_downtime(a_service(hostname="unscheduled"), classification="UNSCHEDULED", **hours)
    a_downtime(a_service(hostname="at risk"), severity="WARNING", **hours)
    a_downtime(a_service(hostname="earlier"), start=day - timedelta(days=2), end=day - timedelta(days=1))
    dom = minidom.parseString(body(client, "get_downtime", windowstart="2026-03-10", windowend="2026-03-10", scope=""))
    excused = [
        (
            first(each, "HOSTNAME"),
            first(each, "HOSTED_BY"),
            float(first(each, "START_DATE")),
            float(first(each, "END_DATE")),
        )
        for each in dom.getElementsByTagName("DOWNTIME")
        if each.getAttribute("CLASSIFICATION") == "SCHEDULED" and first(each, "SEVERITY") == "OUTAGE"
    ]

    assert [each[0] for each in excused] == ["excused"]
    assert excused[0][2:] == (hours["start"].timestamp(), hours["end"].timestamp())


def test_argo_and_apel_follow_pages_until_the_count_is_0(client):
    """By rel="next": ARGO takes the cursor out of the address, APEL asks the absolute address as it stands."""
    site, kind = a_site(), a_service_type("gLite-APEL")
    Service.objects.bulk_create(
        Service(site=site, service_type=kind, hostname=f"h{n}", host_dn=f"/CN=h{n}", valid_from=ERA) for n in range(230)
    )
    url, dns, cursors, count = (
        address("get_service_endpoint", service_type="gLite-APEL", scope="", next_cursor=0),
        [],
        [],
        None,
    )
    while count != 0:
        parts = urlsplit(url)
        tree = ElementTree.fromstring(client.get(f"{parts.path}?{parts.query}").getvalue())
        count = int(tree.find("meta/count").text)
        dns += [element.text for element in tree.iter("HOSTDN")]
        link = next((link for link in tree.iter("link") if link.get("rel") == "next"), None)
        url = link.get("href") if link is not None else None
        cursors += parse_qs(urlsplit(url).query)["next_cursor"] if url else []

    assert dns == [f"/CN=h{n}" for n in range(230)]
    assert len(cursors) == 3
    assert url is None


def test_apel_reads_dns_without_pages_too(client):
    a_service(type="gLite-APEL", host_dn="/DC=org/CN=one")
    a_service(type="gLite-APEL")
    tree = ElementTree.fromstring(body(client, "get_service_endpoint", service_type="gLite-APEL"))

    assert [element.text for element in tree.iter("HOSTDN")] == ["/DC=org/CN=one"]


def test_dirac_reads_strict_dates_of_what_runs_at_a_site(client):
    """GOCDBClient: the dates must fit "%Y-%m-%d %H:%M" exactly; `scope=` asks for all."""
    a_scope("EGI", is_default=True)
    now = timezone.now().replace(second=0, microsecond=0)
    site = a_site(name="SITE", ngi=an_ngi())
    a_downtime(a_service(of=site, hostname="se"), start=now - timedelta(hours=1), end=now + timedelta(hours=30))
    a_downtime(a_service(of=site), start=now + timedelta(hours=1), end=now + timedelta(hours=2))
    dom = minidom.parseString(body(client, "get_downtime", topentity="SITE", ongoing_only="yes", scope=""))
    (downtime,) = dom.getElementsByTagName("DOWNTIME")
    dates = {
        tag: datetime.strptime(first(downtime, tag), "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
        for tag in ("FORMATED_START_DATE", "FORMATED_END_DATE")
    }

    assert dates == {
        "FORMATED_START_DATE": now - timedelta(hours=1),
        "FORMATED_END_DATE": now + timedelta(hours=30),
    }
    assert (first(downtime, "HOSTNAME"), first(downtime, "SEVERITY"), first(downtime, "HOSTED_BY")) == (
        "se",
        "OUTAGE",
        "SITE",
    )
    assert downtime.getAttribute("PRIMARY_KEY")


def test_cloud_info_provider_finds_the_services_of_a_type(client):
    a_service(type="org.openstack.nova", hostname="nova", url="https://nova/v3", of=a_site(name="CLOUD"))
    a_service(type="CE")
    tree = ElementTree.fromstring(body(client, "get_service", service_type="org.openstack.nova"))

    assert [
        (each.find("URL").text, each.find("SITENAME").text, each.get("PRIMARY_KEY") is not None) for each in tree
    ] == [("https://nova/v3", "CLOUD", True)]


def test_scripts_of_vos_read_the_steps_of_certification(reader):
    site = a_site(name="SITE")
    moment = datetime(2026, 3, 10, 12, 30, 5, tzinfo=UTC)
    site.certification_changes.create(changed_at=moment, old="Certified", new="Suspended", reason="no answer")
    tree = ElementTree.fromstring(body(reader, "get_cert_status_changes", PRIVATE, startdate="2026-03-01"))
    (step,) = tree

    assert datetime.strptime(step.findtext("TIME"), "%d-%b-%Y %H.%M.%S").replace(tzinfo=UTC) == moment
    assert int(step.findtext("UNIX_TIME")) == moment.timestamp()
    assert (step.findtext("OLD_STATUS"), step.findtext("NEW_STATUS")) == ("Certified", "Suspended")


def test_a_reader_of_every_childs_attributes_finds_them_without_pages(client):
    """fedcloudclient reads `attrib` of each child: that is why `<meta>` stands in pages only."""
    a_site(name="ONE")

    assert [child.attrib["NAME"] for child in ElementTree.fromstring(body(client, "get_site_list"))] == ["ONE"]
