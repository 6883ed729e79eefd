from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridkeeper.people.models import Identity, User
from gridkeeper.registry.importers.gocdb import Gocdb
from gridkeeper.registry.importers.report import Report, UnreadableSourceError
from gridkeeper.registry.importers.xml_lines import parse_xml
from gridkeeper.registry.models import (
    CertificationChange,
    Downtime,
    Endpoint,
    Ngi,
    RoleGrant,
    Scope,
    Service,
    ServiceGroup,
    ServiceGroupMember,
    ServiceType,
    Site,
)
from tests.builders import NOW
from tests.registry.import_inputs import REAL, import_gocdb, needs_real_input, problems

pytestmark = pytest.mark.django_db

NGI = """<NGI PRIMARY_KEY="9G0" NAME="NGI_CH"><NAME>NGI_CH</NAME><DESCRIPTION>Swiss</DESCRIPTION>
  <EMAIL>ngi@example.org</EMAIL><ROD_EMAIL/></NGI>"""
SITE = """<SITE ID="13" PRIMARY_KEY="2G0" NAME="ALPHA"><PRIMARY_KEY>2G0</PRIMARY_KEY><SHORT_NAME>ALPHA</SHORT_NAME>
  <OFFICIAL_NAME>The Alpha Site</OFFICIAL_NAME><GIIS_URL> ldap://bdii.example.org:2170/o=grid</GIIS_URL>
  <COUNTRY_CODE>CH</COUNTRY_CODE><COUNTRY>Switzerland</COUNTRY><ROC>NGI_CH</ROC>
  <PRODUCTION_INFRASTRUCTURE>Production</PRODUCTION_INFRASTRUCTURE>
  <CERTIFICATION_STATUS>Certified</CERTIFICATION_STATUS><TIMEZONE>Europe/Zurich</TIMEZONE>
  <LATITUDE>47.3</LATITUDE><LONGITUDE>8.5</LONGITUDE><NOTIFICATIONS>TRUE</NOTIFICATIONS>
  <DOMAIN><DOMAIN_NAME>example.org</DOMAIN_NAME></DOMAIN><SCOPES><SCOPE>EGI</SCOPE><SCOPE>wlcg</SCOPE></SCOPES>
  <EXTENSIONS><EXTENSION><LOCAL_ID>1</LOCAL_ID><KEY>P4U</KEY><VALUE>2.5</VALUE></EXTENSION></EXTENSIONS></SITE>"""
SERVICE = """<SERVICE_ENDPOINT PRIMARY_KEY="14G0"><PRIMARY_KEY>14G0</PRIMARY_KEY><HOSTNAME>ce.example.org</HOSTNAME>
  <BETA>N</BETA><SERVICE_TYPE>CREAM-CE</SERVICE_TYPE><HOST_IP>192.0.2.7</HOST_IP><CORE/>
  <IN_PRODUCTION>Y</IN_PRODUCTION><NODE_MONITORED>Y</NODE_MONITORED><SITENAME>ALPHA</SITENAME>
  <ROC_NAME>NGI_CH</ROC_NAME><URL>ce.example.org:8443</URL>
  <ENDPOINTS><ENDPOINT><ID>7056</ID><NAME>cream</NAME><URL>https://ce.example.org</URL>
    <INTERFACENAME>CREAM-CE</INTERFACENAME><ENDPOINT_MONITORED>Y</ENDPOINT_MONITORED></ENDPOINT></ENDPOINTS>
  <SCOPES><SCOPE>EGI</SCOPE></SCOPES></SERVICE_ENDPOINT>"""
TYPE = """<SERVICE_TYPE TYPE_ID="2" PRIMARY_KEY="4G0"><SERVICE_TYPE_NAME>CREAM-CE</SERVICE_TYPE_NAME>
  <SERVICE_TYPE_DESC>A compute element</SERVICE_TYPE_DESC></SERVICE_TYPE>"""
# 1773475200 is 2026-03-14 08:00 UTC
DOWNTIME = """<DOWNTIME ID="1" PRIMARY_KEY="100G0" CLASSIFICATION="UNSCHEDULED"><HOSTNAME>ce.example.org</HOSTNAME>
  <SERVICE_TYPE>CREAM-CE</SERVICE_TYPE><HOSTED_BY>ALPHA</HOSTED_BY><AFFECTED_ENDPOINTS/><SEVERITY>OUTAGE</SEVERITY>
  <DESCRIPTION>New disks</DESCRIPTION><INSERT_DATE>1773129600</INSERT_DATE><START_DATE>1773475200</START_DATE>
  <END_DATE>1773482400</END_DATE><FORMATED_START_DATE>2026-03-14 08:00</FORMATED_START_DATE>
  <FORMATED_END_DATE>2026-03-14 10:00</FORMATED_END_DATE></DOWNTIME>"""
CHANGE = """<result><TIME>03-SEP-2013 10.00.11</TIME><UNIX_TIME>1378202411</UNIX_TIME><SITE>ALPHA</SITE>
  <OLD_STATUS>Uncertified</OLD_STATUS><NEW_STATUS>Certified</NEW_STATUS><CHANGED_BY>/CN=bob</CHANGED_BY>
  <COMMENT>All well</COMMENT></result>"""


def a_file(folder, name, *elements):
    path = folder / name
    path.write_text('<?xml version="1.0" encoding="UTF-8"?>\n<results>\n' + "\n".join(elements) + "\n</results>\n")
    return path


@pytest.fixture
def everything(tmp_path):
    """Files named and ordered so that names and order help nobody."""
    parts = {"1": DOWNTIME, "2": CHANGE, "3": SERVICE, "4": SITE, "5": TYPE, "6": NGI}
    return [a_file(tmp_path, f"{number}.xml", element) for number, element in parts.items()]


def test_files_in_any_order_become_rows_and_keys_are_kept(everything):
    report = import_gocdb(*everything)
    assert problems(report) == []
    assert (Ngi.objects.get().key, Site.objects.get().key, Service.objects.get().key) == ("9G0", "2G0", "14G0")
    assert (Endpoint.objects.get().key, ServiceType.objects.get().key, Downtime.objects.get().key) == (
        "7056", "4G0", "100G0",
    )  # fmt: skip


def test_a_site_has_what_the_source_says(everything):
    import_gocdb(*everything)
    site = Site.objects.get()
    assert (site.name, site.official_name, site.ngi.name) == ("ALPHA", "The Alpha Site", "NGI_CH")
    assert (site.country_code, site.timezone, site.latitude, site.notifications) == ("CH", "Europe/Zurich", 47.3, True)
    assert (site.scopes, site.properties, site.domain) == (["EGI", "wlcg"], {"P4U": "2.5"}, "example.org")
    assert site.giis_url == "ldap://bdii.example.org:2170/o=grid"
    assert site.certification_since == datetime(2013, 9, 3, 10, 0, 11, tzinfo=UTC)


def test_a_downtime_is_classified_by_us_and_keeps_their_word(everything):
    import_gocdb(*everything)
    downtime = Downtime.objects.get()
    assert (downtime.classification, downtime.source_classification) == ("SCHEDULED", "UNSCHEDULED")
    assert downtime.start == datetime(2026, 3, 14, 8, 0, tzinfo=UTC)
    assert [service.key for service in downtime.services.all()] == ["14G0"]


def test_a_second_run_changes_nothing_and_says_so(everything):
    import_gocdb(*everything)
    assert not import_gocdb(*everything, now=NOW + timedelta(hours=1)).has_changes
    assert CertificationChange.objects.count() == 1


def test_one_downtime_element_per_service_is_one_downtime(tmp_path, everything):
    second = SERVICE.replace("14G0", "15G0").replace("ce.example", "ce2.example").replace("7056", "7057")
    twice = a_file(tmp_path, "1.xml", DOWNTIME, DOWNTIME.replace("ce.example", "ce2.example"))
    import_gocdb(*everything, a_file(tmp_path, "7.xml", second), twice)
    assert Downtime.objects.count() == 1
    assert {service.hostname for service in Downtime.objects.get().services.all()} == {
        "ce.example.org",
        "ce2.example.org",
    }


def test_a_service_that_only_a_downtime_still_names_is_kept_as_a_closed_one(tmp_path, everything):
    gone = DOWNTIME.replace("100G0", "101G0").replace("ce.example.org", "gone.example.org")
    everything.append(a_file(tmp_path, "7.xml", gone))
    report = import_gocdb(*everything)
    assert problems(report) == []
    service = Downtime.objects.get(key="101G0").services.get()
    assert (service.hostname, service.site.name, service.in_production) == ("gone.example.org", "ALPHA", False)
    assert service.valid_until == NOW
    assert not import_gocdb(*everything, now=NOW + timedelta(hours=1)).has_changes


def test_a_service_that_a_downtime_names_by_its_old_host_is_found_by_its_key(tmp_path, everything):
    inner = "<PRIMARY_KEY>14G0</PRIMARY_KEY><HOSTNAME>old.example.org</HOSTNAME><SERVICE_TYPE>CREAM-CE</SERVICE_TYPE>"
    nested = DOWNTIME.replace("<HOSTNAME>ce.example.org</HOSTNAME>", "").replace("<HOSTED_BY>ALPHA</HOSTED_BY>", "")
    nested = nested.replace("<SERVICE_TYPE>CREAM-CE</SERVICE_TYPE>", "<SERVICES><SERVICE>{}</SERVICE></SERVICES>")
    a_file(tmp_path, "1.xml", nested.format(inner + "<HOSTED_BY>ALPHA</HOSTED_BY>"))
    import_gocdb(*everything)
    assert Downtime.objects.get().services.get().key == "14G0"
    assert (Service.objects.get().hostname, Service.objects.get().valid_until) == ("ce.example.org", None)


def test_nested_services_of_a_downtime(tmp_path, everything):
    inner = "<HOSTNAME>ce.example.org</HOSTNAME><SERVICE_TYPE>CREAM-CE</SERVICE_TYPE><HOSTED_BY>ALPHA</HOSTED_BY>"
    nested = DOWNTIME.replace("<HOSTNAME>ce.example.org</HOSTNAME>", "").replace(
        "<SERVICE_TYPE>CREAM-CE</SERVICE_TYPE>", ""
    )
    nested = nested.replace("</DOWNTIME>", f"<SERVICES><SERVICE>{inner}</SERVICE></SERVICES></DOWNTIME>")
    a_file(tmp_path, "1.xml", nested)
    import_gocdb(*everything)
    assert Downtime.objects.get().services.count() == 1


def test_the_region_of_a_site_that_nobody_describes_is_made_and_reported(tmp_path):
    report = import_gocdb(a_file(tmp_path, "a.xml", SITE))
    assert Ngi.objects.get().name == "NGI_CH"
    assert problems(report, "repaired") == [
        "region a.xml:3 region: the region is not registered; it was made from its name"
    ]


def test_a_service_of_an_unknown_site_is_rejected_with_its_text(tmp_path):
    report = import_gocdb(a_file(tmp_path, "a.xml", SERVICE))
    assert problems(report) == ["service a.xml:3 site: its site is not registered"]
    assert "<HOSTNAME>ce.example.org</HOSTNAME>" in report.of_level("rejected")[0].raw
    assert not Service.objects.exists()


@pytest.mark.parametrize(
    ("element", "old", "new", "finding"),
    [
        (SERVICE, "192.0.2.7", "123.456.789.012", "service s.xml:4 HOST_IP: is no IPv4 address; left empty"),
        (SERVICE, "192.0.2.7", "2001:db8::1", "service s.xml:4 HOST_IP: is no IPv4 address; left empty"),
        (SERVICE, "<BETA>N", "<BETA>maybe", "service s.xml:4 BETA: is neither yes nor no; taken as no"),
        (SITE, "47.3", "147.3", "site s.xml:8 LATITUDE: is no number between -90 and 90 degrees; left empty"),
        (SITE, "47.3", "nan", "site s.xml:8 LATITUDE: is no number between -90 and 90 degrees; left empty"),
        (SITE, "Europe/Zurich", "CET-1", "site s.xml:7 TIMEZONE: is no IANA time zone; left empty"),
        (SITE, ">CH<", ">Switzerland<", "site s.xml:5 COUNTRY_CODE: is no ISO 3166 code; taken as CH"),
        (SITE, ">Production<", ">DICE<", "site s.xml:6 PRODUCTION_INFRASTRUCTURE: is not a word that we know"),
        (SITE, "<SHORT_NAME>ALPHA", "<SHORT_NAME>BETA", "site s.xml:3 NAME: the attribute NAME is another"),
        (SITE, "<PRIMARY_KEY>2G0", "<PRIMARY_KEY>3G0", "site s.xml:3 PRIMARY_KEY: is another than the attribute"),
        (NGI, "<ROD_EMAIL/>", "<ROD_EMAIL/>rod@example.org", "region s.xml:4 ROD_EMAIL: the text stands after"),
        (DOWNTIME, "2026-03-14 08:00", "2026-03-14 09:00", "downtime s.xml:6 FORMATED_START_DATE: is another instant"),
    ],
)  # fmt: skip
def test_what_can_be_mended_is_mended_and_reported_at_its_line(tmp_path, everything, element, old, new, finding):
    import_gocdb(*everything)
    report = import_gocdb(a_file(tmp_path, "s.xml", element.replace(old, new)))
    assert [line for line in problems(report, "repaired") if line.startswith(finding)], problems(report, "repaired")


@pytest.mark.parametrize(
    ("element", "old", "new", "finding"),
    [
        (DOWNTIME, "1773482400", "1773475200", "downtime s.xml:3 END_DATE: ends at or before its start"),
        (DOWNTIME, "1773482400", "soon", "downtime s.xml:3 START_DATE, END_DATE: is not a number of seconds"),
        (DOWNTIME, "OUTAGE", "BAD", "downtime s.xml:3 SEVERITY: is no severity"),
        (DOWNTIME.replace("ce.", "no."), ">ALPHA<", ">BETA<", "downtime s.xml:3 services: names only services that"),
        (SERVICE, "<SITENAME>ALPHA", "<SITENAME>", "service s.xml:3 SITENAME: has no SITENAME"),
        (SITE, "<ROC>NGI_CH</ROC>", "", "site s.xml:3 ROC: names no region"),
        (SITE, ">The Alpha Site<", ">" + "x" * 300 + "<", "site s.xml:3 official_name: Ensure this value"),
        (CHANGE, ">Certified<", ">Golden<", "certification change s.xml:3 NEW_STATUS: is no certification status"),
        (CHANGE, ">ALPHA<", ">BETA<", "certification change s.xml:3 site: its site is not registered"),
    ],
)  # fmt: skip
def test_what_cannot_is_rejected_and_what_was_there_stays(tmp_path, everything, element, old, new, finding):
    import_gocdb(*everything)
    report = import_gocdb(a_file(tmp_path, "s.xml", element.replace(old, new)))
    assert [line for line in problems(report) if line.startswith(finding)], problems(report)
    assert not report.has_changes


@pytest.mark.parametrize(
    ("word", "flag"),
    [("Y", True), ("True", True), ("TRUE", True), ("1", True), ("N", False), ("False", False), ("", False)],
)
def test_flags_in_every_spelling(tmp_path, everything, word, flag):
    service = SERVICE.replace("<BETA>N", f"<BETA>{word}")
    a_file(tmp_path, "3.xml", service)
    import_gocdb(*everything)
    assert Service.objects.get().is_beta is flag


@pytest.mark.parametrize(
    ("element", "what"),
    [
        ("<SUBGRID/>", "lists of subgrids"),
        ("<NONSENSE/>", "elements <NONSENSE>"),
    ],
)
def test_what_the_registry_does_not_keep_is_named_and_counted(tmp_path, element, what):
    report = import_gocdb(a_file(tmp_path, "a.xml", element, element))
    finding = report.of_level("note")[0]
    assert finding.problem.startswith(f"not used: this registry keeps no {what}")
    assert finding.value == "2"
    assert not Site.objects.exists()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "is an HTML page"),
        (b"<html>", "is an HTML page"),
        (b"<results><SITE>", r"a\.xml:1: is no whole XML document"),
        (b"<results>\n\xff\xfe</results>", r"a\.xml:2: is no whole XML document"),
        (b"\x00\x01\x02", "is no whole XML document"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "is no whole XML document"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><results>&x;</results>', "declares a document type"),
        (b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><results>&b;</results>', "declares a document type"),
        (b"<a>" * 10_000, "is no whole XML document"),
        (b"<results><error>Unsupported parameter</error></results>", "GOCDB's answer to a wrong question: Unsupported"),
        (b"<error>no scope</error>", "GOCDB's answer to a wrong question: no scope"),
    ],
)
def test_what_is_no_answer_of_gocdb_is_said_in_one_sentence(tmp_path, content, problem):
    path = tmp_path / "a.xml"
    path.write_bytes(content)
    with pytest.raises(UnreadableSourceError, match=problem):
        Gocdb(Report("gocdb", "", "EGI")).add(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UnreadableSourceError, match="there is no such file"):
        Gocdb(Report("gocdb", "", "EGI")).add(tmp_path / "none.xml")


def test_latin_1_is_read_where_the_file_says_so(tmp_path):
    path = tmp_path / "a.xml"
    path.write_bytes('<?xml version="1.0" encoding="ISO-8859-1"?><results>{}</results>'.format(
        SITE.replace("The Alpha Site", "Genève")).encode("latin-1"))  # fmt: skip
    import_gocdb(path)
    assert Site.objects.get().official_name == "Genève"


def test_a_site_missing_from_the_same_file_later_is_closed(tmp_path):
    other = SITE.replace("2G0", "3G0").replace("ALPHA", "BETA")
    import_gocdb(a_file(tmp_path, "sites.xml", SITE, other))
    later = NOW + timedelta(days=1)
    import_gocdb(a_file(tmp_path, "sites.xml", SITE), now=later)
    assert {site.name: site.valid_until for site in Site.objects.all()} == {"ALPHA": None, "BETA": later}


def test_another_file_with_other_sites_closes_nothing(tmp_path):
    import_gocdb(a_file(tmp_path, "one.xml", SITE))
    import_gocdb(a_file(tmp_path, "two.xml", SITE.replace("2G0", "3G0").replace("ALPHA", "BETA")))
    assert Site.objects.current().count() == 2


def test_a_page_of_a_longer_answer_closes_nothing(tmp_path):
    other = SITE.replace("2G0", "3G0").replace("ALPHA", "BETA")
    import_gocdb(a_file(tmp_path, "sites.xml", SITE, other))
    import_gocdb(a_file(tmp_path, "sites.xml", "<meta><count>1</count></meta>", SITE))
    assert Site.objects.current().count() == 2


def test_the_same_key_in_another_federation_is_rejected(tmp_path, everything):
    import_gocdb(*everything)
    same_region, other_region = SITE.replace("ALPHA", "OMEGA"), SITE.replace("NGI_CH", "NGI_X")
    report = import_gocdb(a_file(tmp_path, "b.xml", same_region, other_region), federation="EUDAT")
    assert Site.objects.get().name == "ALPHA"
    assert problems(report) == [
        "site b.xml:3 region: its region belongs to another federation",
        "site b.xml:11 : ALPHA (key 2G0) belongs to another federation",
    ]


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=200) | st.text(alphabet="<>/&;![]abSITE \"'=", max_size=80).map(str.encode))
def test_any_bytes_are_xml_or_an_unreadable_source(data):
    for content in (data, b"<results>" + data + b"</results>"):
        with suppress(UnreadableSourceError):
            parse_xml(content, "any.xml")


_TAGS = st.sampled_from(
    ["PRIMARY_KEY", "HOSTNAME", "SERVICE_TYPE", "SITENAME", "SHORT_NAME", "ROC", "NAME", "START_DATE", "END_DATE",
     "SEVERITY", "SITE", "NEW_STATUS", "UNIX_TIME", "name", "cert_status", "cert_date", "SERVICE_TYPE_NAME", "HOST_IP",
     "LATITUDE"]
)  # fmt: skip
_ELEMENTS = st.sampled_from(["NGI", "SITE", "SERVICE_ENDPOINT", "SERVICE_TYPE", "DOWNTIME", "result", "site", "x"])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(_ELEMENTS, st.dictionaries(_TAGS, st.text(alphabet="aB1G:.- ", max_size=12))), max_size=4))
def test_elements_of_any_content_are_rows_or_findings(tmp_path_factory, elements):
    texts = [
        f"<{tag}>" + "".join(f"<{name}>{text}</{name}>" for name, text in inner.items()) + f"</{tag}>"
        for tag, inner in elements
    ]
    import_gocdb(a_file(tmp_path_factory.mktemp("any"), "a.xml", *texts), dry_run=True)


@needs_real_input
@pytest.mark.parametrize(
    "path",
    sorted([*REAL.glob("gocdb/**/*.xml"), *REAL.glob("gocdb-pi/*.xml")]),
    ids=lambda path: path.name,
)
def test_every_real_file_goes_in_or_says_exactly_why_not(path):
    report = import_gocdb(path)
    for finding in report.findings:
        assert finding.problem
        assert finding.remedy
        assert finding.place.line
    read = {kind: item for kind, item in report.counts.items() if kind != "federation" and item.read}
    assert read or report.of_level("note")
    for item in read.values():
        assert item.created + item.changed + item.unchanged + item.rejected >= item.read - item.repaired


@needs_real_input
def test_the_sample_instance_as_a_whole():
    files = [*REAL.glob("gocdb/requiredData/*.xml"), *REAL.glob("gocdb/sampleData/*.xml")]
    report = import_gocdb(*files)
    assert report.counts["service type"].read == 96
    assert ServiceType.objects.count() == 96
    assert (report.counts["region"].created, report.counts["site"].created, report.counts["service"].created) == (
        3,
        18,
        40,
    )
    assert Site.objects.get(name="Torch").key == "481G0"
    assert Ngi.objects.get(name="NGI_HU").rod_email == "rod@grid.hu"
    assert (User.objects.count(), Identity.objects.exclude(confirmed_at=None).count()) == (23, 23)
    # 62 USER_ROLE elements, on 3 regions, 18 sites, 7 groups and the project EGI
    assert RoleGrant.objects.count() == 62
    assert {grant.on.name for grant in RoleGrant.objects.exclude(federation=None)} == {"EGI"}
    assert (ServiceGroup.objects.count(), ServiceGroupMember.objects.count()) == (7, 46)
    assert dict(Scope.objects.values_list("name", "is_reserved")) == {"Local": False, "EGI": False, "wlcg": True}
    for model in (RoleGrant, ServiceGroup, ServiceGroupMember, Scope, Identity):
        sources = set(model.history.values_list("history_source", flat=True))
        assert sources == {"import"}, model
    assert not import_gocdb(*files).has_changes


@needs_real_input
def test_the_answers_of_a_programmatic_interface_as_a_whole():
    report = import_gocdb(*REAL.glob("gocdb-pi/*.xml"))
    read = {kind: item.read for kind, item in report.counts.items()}
    # 3 sites + 2 with contacts + 2 of a paged answer
    assert (read["site"], read["service"], read["downtime"], read["service type"]) == (7, 4, 3, 5)
    assert Site.objects.count() == 7
    assert "elements not used" not in report.figures
    assert ServiceGroup.objects.get(name="B2FIND-UHH").scopes == ["EUDAT"]
