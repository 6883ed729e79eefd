"""CSV in: every good row goes in, every bad one is named by line and field."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridkeeper.people.actor import Actor
from gridkeeper.registry.importers.csv_files import KINDS, parse_csv, template
from gridkeeper.registry.importers.report import Report, UnreadableSourceError
from gridkeeper.registry.importers.run import Source, run_import
from gridkeeper.registry.models import Downtime, Endpoint, Ngi, Service, Site
from tests.builders import NOW, a_federation, a_service, a_service_type, a_site, an_ngi
from tests.registry.import_inputs import problems

pytestmark = pytest.mark.django_db

HOSTILE = "=cmd|' /C calc'!A0 <script>alert(1)</script> \"quoted\", comma\nline ünïcode \u202e"


def imported(path, kind, *, now=NOW, dry_run=False):
    report = Report("csv", str(path), a_federation().name, dry_run)
    records = parse_csv(path, kind, report, now)
    run_import(Source(records, (), lambda _: "csv"), report, actor=Actor.system("cli"), now=now)
    return report


def a_csv(folder, text, name="rows.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.fixture
def region():
    a_service_type("CE")
    return an_ngi(name="NGI_CH")


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_template_can_be_imported(tmp_path, region, kind):
    a_service_type("SE")
    site = a_site(name="EXAMPLE-SITE", ngi=region)
    a_service(of=site, type="CE", hostname="ce.example.org")
    a_service(of=site, type="SE", hostname="se.example.org")
    report = imported(a_csv(tmp_path, template(kind)), kind)
    assert problems(report) == []
    header, row = csv.reader(io.StringIO(template(kind)))
    assert len(header) == len(row)


def test_sites_services_endpoints_and_downtimes_go_in(tmp_path, region):
    imported(
        a_csv(tmp_path, "name,region,latitude,notifications,scopes,property:P4U\nA,NGI_CH,47.5,Y,EGI; wlcg,2\n"),
        "sites",
    )
    imported(a_csv(tmp_path, "site,service_type,hostname,in_production\nA,CE,ce.example.org,n\n"), "services")
    imported(a_csv(tmp_path, "service_type,hostname,name,url\nCE,ce.example.org,main,https://ce\n"), "endpoints")
    rows = (
        "services,severity,start,end,description\nCE ce.example.org,outage,2026-03-14T09:00+01:00,2026-03-14 10:00,x\n"
    )
    report = imported(a_csv(tmp_path, rows), "downtimes")
    site, service, downtime = Site.objects.get(), Service.objects.get(), Downtime.objects.get()
    assert (site.latitude, site.notifications, site.scopes, site.properties) == (
        47.5, True, ["EGI", "wlcg"], {"P4U": "2"},
    )  # fmt: skip
    assert (service.site, service.in_production, Endpoint.objects.get().service) == (site, False, service)
    assert (downtime.start, downtime.severity) == (datetime(2026, 3, 14, 8, 0, tzinfo=UTC), "OUTAGE")
    assert (downtime.classification, downtime.declared_at) == ("SCHEDULED", NOW)
    assert problems(report) == []
    assert site.history.get().history_source == "cli"
    assert site.history.get().history_change_reason == "import of csv from rows.csv"


def test_a_second_import_changes_nothing(tmp_path, region):
    test_sites_services_endpoints_and_downtimes_go_in(tmp_path, region)
    rows = "services,severity,start,end,description\nCE ce.example.org,OUTAGE,2026-03-14 08:00,2026-03-14 10:00,x\n"
    assert not imported(a_csv(tmp_path, rows), "downtimes", now=NOW + timedelta(hours=1)).has_changes


def test_a_column_that_the_header_does_not_name_stays_as_it_is(tmp_path, region):
    a_site(name="A", ngi=region, official_name="Kept", properties={"K": "kept"}, certification="Certified")
    imported(a_csv(tmp_path, "name,region,tier,certification\nA,NGI_CH,2,Candidate\n"), "sites")
    site = Site.objects.get()
    assert (site.tier, site.official_name, site.properties) == ("2", "Kept", {"K": "kept"})
    # certification is never changed by a file
    assert site.certification == "Certified"


def test_services_keep_their_endpoints(tmp_path, region):
    service = a_service(of=a_site(name="A", ngi=region), hostname="ce.example.org")
    Endpoint.objects.create(service=service, name="main", valid_from=NOW - timedelta(days=1))
    imported(a_csv(tmp_path, "site,service_type,hostname,url\nA,CE,ce.example.org,https://new\n"), "services")
    assert Endpoint.objects.get().valid_until is None


@pytest.mark.parametrize(
    ("kind", "header", "row", "finding"),
    [
        ("sites", "name,region", ",NGI_CH", "site rows.csv:2 name: is empty, and every row needs it"),
        ("sites", "name,region", "A,NOWHERE", "site rows.csv:2 region: its region is not registered"),
        ("sites", "name,region,latitude", "A,NGI_CH,95", "site rows.csv:2 latitude: is no number between -90 and 90"),
        ("sites", "name,region,latitude", "A,NGI_CH,nan", "site rows.csv:2 latitude: is no number"),
        ("sites", "name,region,timezone", "A,NGI_CH,CEST-1", "site rows.csv:2 timezone: is no IANA time zone"),
        ("sites", "name,region,notifications", "A,NGI_CH,perhaps", "site rows.csv:2 notifications: is neither yes nor"),
        ("sites", "name,region,country_code", "A,NGI_CH,Swiss", "site rows.csv:2 country_code: is no ISO 3166"),
        ("sites", "name,region,infrastructure", "A,NGI_CH,Moon", "site rows.csv:2 infrastructure: is none of Produ"),
        ("sites", "name,region,tier", f"A,NGI_CH,{'x' * 30}", "site rows.csv:2 tier: Ensure this value has at most 20"),
        ("sites", "name,region", "A,NGI_CH,more", "site rows.csv:2 : has 3 cells, the header 2"),
        ("sites", "name,region", 'A,"NGI"_CH', "site rows.csv:2 : is no row of CSV"),
        ("sites", "name,region,tier", "A,NGI_CH,\x00", "site rows.csv:2 tier: holds a NUL character"),
        ("services", "site,service_type,hostname", "NONE,CE,h.example.org", "service rows.csv:2 site: its site is not"),
        ("services", "site,service_type,hostname", "HOME,XX,h.example.org", "service rows.csv:2 service type: its ser"),
        ("endpoints", "service_type,hostname,name", "CE,none.example.org,a", "endpoint rows.csv:2 hostname: its serv"),
        ("downtimes", "services,severity,start,end,description", "CE h.example.org,OUTAGE,tomorrow,2026-03-14,x",
         "downtime rows.csv:2 start: is no time"),
        ("downtimes", "services,severity,start,end,description", "CE h.example.org,OUTAGE,2026-03-15,2026-03-14,x",
         "downtime rows.csv:2 end: ends at or before its start"),
        ("downtimes", "services,severity,start,end,description", "h.example.org,OUTAGE,2026-03-13,2026-03-14,x",
         "downtime rows.csv:2 services: write TYPE HOST"),
        ("downtimes", "services,severity,start,end,description", "CE none.example.org,BAD,2026-03-13,2026-03-14,x",
         "downtime rows.csv:2 severity: is none of OUTAGE, WARNING"),
        ("downtimes", "services,severity,start,end,description", "CE none.example.org,OUTAGE,2026-03-13,2026-03-14,x",
         "downtime rows.csv:2 services: names only services that are not registered"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_by_line_and_field(tmp_path, region, kind, header, row, finding):
    a_site(name="HOME", ngi=region)
    report = imported(a_csv(tmp_path, f"{header}\n{row}\n"), kind)
    assert [line for line in problems(report) if line.startswith(finding)], problems(report)
    assert not report.has_changes


def test_every_field_at_fault_of_a_row_is_named(tmp_path, region):
    report = imported(a_csv(tmp_path, "name,region,latitude,longitude\n,NGI_CH,a,b\n"), "sites")
    assert [item.field for item in report.of_level("rejected")] == ["name", "latitude", "longitude"]
    assert report.counts["site"].rejected == 1


def test_ten_thousand_rows_with_errors_in_the_middle(tmp_path, region):
    site = a_site(name="HOME", ngi=region)
    lines = ["site,service_type,hostname,in_production,description"]
    lines += [f"HOME,CE,ce{number}.example.org,Y,row {number}" for number in range(2, 10_002)]
    lines[4_999] = "HOME,CE,ce.example.org,maybe,bad flag"
    lines[5_000] = "NOWHERE,CE,ce5.example.org,Y,unknown site"
    lines[5_001] = "HOME,CE"
    lines[5_002] = "HOME,CE,ce2.example.org,Y,twice"
    report = imported(a_csv(tmp_path, "\n".join(lines)), "services")
    assert problems(report) == [
        "service rows.csv:5000 in_production: is neither yes nor no; write Y or N",
        "service rows.csv:5002 : has 2 cells, the header 5",
        "service rows.csv:5001 site: its site is not registered",
        "service rows.csv:5003 : an earlier record of this source is CE ce2.example.org already",
    ]
    assert site.services.count() == 9_996
    counts = report.counts["service"]
    assert (counts.read, counts.created, counts.rejected) == (10_000, 9_996, 4)


def test_hostile_text_goes_in_and_comes_out_intact(tmp_path, region):
    stream = io.StringIO()
    csv.writer(stream).writerow(["name", "region", "description", "property:K"])
    csv.writer(stream).writerow(["A", "NGI_CH", HOSTILE, HOSTILE])
    imported(a_csv(tmp_path, stream.getvalue()), "sites")
    assert Site.objects.get().description == HOSTILE
    assert Site.objects.get().properties == {"K": HOSTILE}


def test_a_dry_run_says_the_same_and_changes_nothing(tmp_path, region):
    path = a_csv(tmp_path, "name,region\nA,NGI_CH\nB,NOWHERE\n")
    report = imported(path, "sites", dry_run=True)
    assert (report.counts["site"].created, report.counts["site"].rejected) == (1, 1)
    assert not Site.objects.exists()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_what_spreadsheets_write_is_read(tmp_path, region, delimiter, encoding, newline):
    text = newline.join(delimiter.join(row) for row in (["name", "region"], ["Zürich", "NGI_CH"], ["", ""]))
    assert problems(imported(a_csv(tmp_path, text, encoding=encoding), "sites")) == []
    assert Site.objects.get().name == "Zürich"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", ":1: has no header"),
        (b"name\n", "missing columns: region; known are"),
        (b"name,region,colour\n", "unknown columns: colour; known are"),
        (b"name,region,name\n", "repeated columns: name"),
        (b"name,region,property:\n", "unknown columns: property:"),
        ("name,region\nA,NGI_CH\nGenève,NGI_CH".encode("latin-1"), ":3: is not UTF-8"),
        (b"\xff\xfen\x00a\x00m\x00e\x00", ":1: is not UTF-8"),
        (b"PK\x03\x04" + bytes(range(40)), ":1: unknown columns|is not UTF-8|no header"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(tmp_path, content, problem):
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with pytest.raises(UnreadableSourceError, match=problem):
        parse_csv(path, "sites", Report("csv", "", "EGI"), NOW)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UnreadableSourceError, match="there is no such file"):
        parse_csv(tmp_path / "none.csv", "sites", Report("csv", "", "EGI"), NOW)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=200), st.sampled_from(sorted(KINDS)))
def test_any_text_is_rows_or_findings(tmp_path_factory, text, kind):
    header = ",".join(KINDS[kind].columns)
    path = tmp_path_factory.mktemp("any") / "rows.csv"
    path.write_bytes(f"{header}\n{text}".encode(errors="replace"))
    report = Report("csv", "", "EGI")
    parse_csv(path, kind, report, NOW)
    assert Ngi.objects.count() == 0
