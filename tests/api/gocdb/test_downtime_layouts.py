"""The layouts of downtimes, element by element; how parts that end early, and cancelled ones, are told."""

from datetime import timedelta

import pytest

from gridkeeper.registry.models import DowntimeService
from tests.api.gocdb.asking import ask, names, shape, shapes
from tests.builders import NOW, a_downtime, a_service

pytestmark = pytest.mark.django_db

ROOT = "http://testserver"


def items(root):
    return [shape(child) for child in root]


ENDPOINTS = """<AFFECTED_ENDPOINTS><ENDPOINT><ID>{}</ID><NAME>cream</NAME><URL>https://ce.example.org/cream</URL>
  <INTERFACENAME>CREAM</INTERFACENAME><ENDPOINT_MONITORED>Y</ENDPOINT_MONITORED></ENDPOINT></AFFECTED_ENDPOINTS>"""
# 1656137042 is 2022-06-25 06:04:02 UTC, 1656288000 is 2022-06-27 00:00 UTC
DATES = "<INSERT_DATE>1656137042</INSERT_DATE><START_DATE>1656288000</START_DATE><END_DATE>1656374400</END_DATE>"
WORDS = """<FORMATED_START_DATE>2022-06-27 00:00</FORMATED_START_DATE>
  <FORMATED_END_DATE>2022-06-28 00:00</FORMATED_END_DATE>"""
PORTAL = f"<GOCDB_PORTAL_URL>{ROOT}/registry/downtimes/100G0/</GOCDB_PORTAL_URL>"
OF_SERVICE = """<HOSTNAME>ce.example.org</HOSTNAME><SERVICE_TYPE>CREAM-CE</SERVICE_TYPE>
  <ENDPOINT>ce.example.orgCREAM-CE</ENDPOINT>"""
WHAT = "<SEVERITY>OUTAGE</SEVERITY><DESCRIPTION>New &lt;disks&gt;</DESCRIPTION>"


def downtime(full, inner):
    return shapes(
        f'<DOWNTIME ID="{full.downtime.pk}" PRIMARY_KEY="100G0" CLASSIFICATION="SCHEDULED">{inner}</DOWNTIME>'
    )


def test_get_downtime_has_an_item_a_service(client, full):
    inner = (
        f"<PRIMARY_KEY>100G0</PRIMARY_KEY>{OF_SERVICE}<HOSTED_BY>ALPHA</HOSTED_BY>{PORTAL}"
        f"{ENDPOINTS.format(full.endpoint.pk)}{WHAT}{DATES}{WORDS}"
    )

    assert items(ask(client, "get_downtime")) == downtime(full, inner)


def test_get_downtime_nested_services(client, full):
    service = (
        f"<SERVICE><PRIMARY_KEY>14G0</PRIMARY_KEY>{OF_SERVICE}<HOSTED_BY>ALPHA</HOSTED_BY>"
        f"{ENDPOINTS.format(full.endpoint.pk)}</SERVICE>"
    )

    assert items(ask(client, "get_downtime_nested_services")) == downtime(
        full, f"{WHAT}{DATES}{WORDS}{PORTAL}<SERVICES>{service}</SERVICES>"
    )


def test_get_downtime_to_broadcast(client, full):
    inner = f"""<PRIMARY_KEY>100G0</PRIMARY_KEY><SITENAME>ALPHA</SITENAME><HOSTNAME>ce.example.org</HOSTNAME>
      <SERVICE_TYPE>CREAM-CE</SERVICE_TYPE><HOSTED_BY>ALPHA</HOSTED_BY>{PORTAL}{ENDPOINTS.format(full.endpoint.pk)}{WHAT}
      {DATES}<REMINDER_START_DOWNTIME>1656201600</REMINDER_START_DOWNTIME><BROADCASTING_START_DOWNTIME/>"""

    assert items(ask(client, "get_downtime_to_broadcast", interval=36500)) == downtime(full, inner)


def test_a_downtime_of_a_whole_service_that_nobody_dated_keeps_its_empty_elements(client):
    a_downtime(a_service(), declared_at=None)

    (item,) = ask(client, "get_downtime")

    assert shape(item.find("AFFECTED_ENDPOINTS")) == ("AFFECTED_ENDPOINTS", [], "")
    assert shape(item.find("INSERT_DATE")) == ("INSERT_DATE", [], "")


def test_a_service_that_is_back_early_has_its_own_end_where_it_has_its_own_item(client):
    early, late = a_service(hostname="early"), a_service(hostname="late")
    downtime = a_downtime(early, late, start=NOW, end=NOW + timedelta(hours=4))
    DowntimeService.objects.filter(service=early).update(end=NOW + timedelta(hours=1))

    told = {item.findtext("HOSTNAME"): int(item.findtext("END_DATE")) for item in ask(client, "get_downtime")}
    (nested,) = ask(client, "get_downtime_nested_services")

    assert told == {
        "early": int((NOW + timedelta(hours=1)).timestamp()),
        "late": int(downtime.end.timestamp()),
    }
    assert int(nested.findtext("END_DATE")) == int(downtime.end.timestamp())
    assert [service.findtext("HOSTNAME") for service in nested.find("SERVICES")] == ["early", "late"]


def test_a_service_that_was_taken_out_before_the_start_is_not_told(client):
    downtime = a_downtime(a_service(hostname="kept"), a_service(hostname="taken out"), start=NOW)
    DowntimeService.objects.filter(service__hostname="taken out").update(end=downtime.start)

    assert names(ask(client, "get_downtime"), "HOSTNAME") == ["kept"]


@pytest.mark.parametrize("method", ["get_downtime", "get_downtime_nested_services", "get_downtime_to_broadcast"])
def test_cancelled_downtimes_are_never_told(client, method):
    a_downtime(a_service(), declared_at=NOW, cancelled_at=NOW)
    more = {"interval": 36500} if method == "get_downtime_to_broadcast" else {}

    assert len(ask(client, method, **more)) == 0


def test_downtimes_of_services_and_sites_that_are_no_more_stay_told(client, full):
    full.service.valid_until = NOW
    full.service.save()
    full.site.certification = "Closed"
    full.site.save()

    assert names(ask(client, "get_downtime"), "HOSTNAME") == ["ce.example.org"]
