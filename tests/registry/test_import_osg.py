from datetime import UTC, datetime, timedelta

import pytest

from gridkeeper.people.actor import Actor
from gridkeeper.registry.importers.osg import parse_osg
from gridkeeper.registry.importers.report import Report, UnreadableSourceError
from gridkeeper.registry.models import Certification, Downtime, Endpoint, Federation, ImportRun, Ngi, Service, Site
from gridkeeper.vos.models import Vo, VoSupport
from tests.builders import NOW
from tests.registry.import_inputs import (
    DOWNTIME,
    GROUP,
    REAL,
    a_topology,
    import_osg,
    needs_real_input,
    problems,
)

pytestmark = pytest.mark.django_db


def test_a_group_becomes_a_site_of_its_support_centre(tmp_path):
    import_osg(a_topology(tmp_path))
    site = Site.objects.get()
    assert (site.name, site.key, site.ngi.name, site.ngi.federation.name) == ("Group", "osg-1", "Helpers", "OSG")
    assert (site.organisation, site.location, site.country_code, site.latitude) == ("Uni", "Campus", "CH", 47.5)
    assert (site.infrastructure, site.certification) == ("Production", Certification.CERTIFIED)


def test_a_resource_and_a_service_type_become_a_service_with_its_address(tmp_path):
    import_osg(a_topology(tmp_path))
    compute = Service.objects.get(service_type__name="CE")
    assert (compute.hostname, compute.url, compute.in_production) == ("ce.example.org", "ce.example.org:9619", True)
    assert compute.properties["resource"] == "CE_1"
    assert compute.properties["AllowedVOs"] == "alpha"
    assert [endpoint.url for endpoint in compute.endpoints.all()] == ["ce.example.org:9619"]
    storage = Service.objects.get(service_type__name="SRMv2")
    assert (storage.in_production, storage.is_monitored) == (False, False)


def test_allowed_vos_become_support(tmp_path):
    import_osg(a_topology(tmp_path))
    support = VoSupport.objects.get()
    assert (support.vo.name, support.vo.long_name, support.service.hostname) == (
        "alpha",
        "The Alpha Experiment",
        "ce.example.org",
    )


def test_a_downtime_is_classified_by_when_it_was_declared_and_keeps_their_word(tmp_path):
    late = DOWNTIME.replace("Mar 09, 2026 09:00", "Mar 19, 2026 12:00")
    import_osg(a_topology(tmp_path, downtime=late))
    downtime = Downtime.objects.get()
    # declared exactly 24 h before its start: not more than 24 h
    assert (downtime.classification, downtime.source_classification) == ("UNSCHEDULED", "SCHEDULED")
    assert (downtime.severity, downtime.source_severity, downtime.key) == ("OUTAGE", "Outage", "osg-100")
    assert [service.hostname for service in downtime.services.all()] == ["ce.example.org"]


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("Outage", "OUTAGE"),
        ("Severe", "OUTAGE"),
        ("Intermittent Outage", "WARNING"),
        ("No Significant Outage Expected", "WARNING"),
    ],
)
def test_only_outage_and_severe_are_outages(tmp_path, word, severity):
    import_osg(a_topology(tmp_path, downtime=DOWNTIME.replace("Severity: Outage", f"Severity: {word}")))
    assert Downtime.objects.get().severity == severity


def test_a_second_run_changes_nothing_and_says_so(tmp_path):
    first, second = import_osg(a_topology(tmp_path)), import_osg(tmp_path, now=NOW + timedelta(hours=1))
    assert first.has_changes
    assert not second.has_changes
    assert {kind: item.unchanged for kind, item in second.counts.items() if item.unchanged} == {
        kind: item.created for kind, item in first.counts.items() if item.created
    }
    assert Site.history.count() == 1


def test_every_row_bears_who_brought_it_and_from_where(tmp_path):
    import_osg(a_topology(tmp_path))
    for model in (Federation, Ngi, Site, Service, Endpoint, Vo, VoSupport, Downtime):
        record = model.history.first()
        assert (record.history_source, record.history_type) == ("import", "+"), model
    assert "import of osg" in Site.history.first().history_change_reason


def test_a_dry_run_reports_the_same_and_changes_nothing(tmp_path):
    dry = import_osg(a_topology(tmp_path), dry_run=True)
    assert not Federation.objects.exists()
    assert not ImportRun.objects.exists()
    assert {kind: item.created for kind, item in dry.counts.items()} == {
        kind: item.created for kind, item in import_osg(tmp_path).counts.items()
    }


def test_the_whole_report_is_kept_with_the_text_of_what_was_rejected(tmp_path):
    import_osg(a_topology(tmp_path, downtime=DOWNTIME.replace("Mar 20, 2026 18:00", "Mar 20, 2026 12:00")))
    report = ImportRun.objects.get().report
    rejected = [item for item in report["findings"] if item["level"] == "rejected"]
    assert [(item["file"], item["line"], item["field"], item["problem"]) for item in rejected] == [
        ("topology/Uni/Campus/Group_downtime.yaml", 1, "EndTime", "ends at or before its start")
    ]
    assert "Description: New disks" in rejected[0]["raw"]


def test_a_change_at_the_source_changes_the_row_and_is_recorded(tmp_path):
    import_osg(a_topology(tmp_path))
    changed = GROUP.replace("A site of a test", "Another description")
    report = import_osg(a_topology(tmp_path, group=changed), now=NOW + timedelta(days=1))
    assert (report.counts["site"].changed, report.counts["service"].changed) == (1, 0)
    assert Site.objects.get().description == "Another description"
    assert Site.history.count() == 2


def test_a_renamed_group_keeps_its_key(tmp_path):
    import_osg(a_topology(tmp_path))
    (tmp_path / "topology/Uni/Campus/Group.yaml").rename(tmp_path / "topology/Uni/Campus/New Name.yaml")
    (tmp_path / "topology/Uni/Campus/Group_downtime.yaml").unlink()
    import_osg(tmp_path, now=NOW + timedelta(days=1))
    assert [(site.name, site.key) for site in Site.objects.all()] == [("New Name", "osg-1")]


def test_certification_belongs_to_people_once_the_site_is_there(tmp_path):
    import_osg(a_topology(tmp_path))
    Site.objects.update(certification=Certification.SUSPENDED)
    assert not import_osg(tmp_path).has_changes
    assert Site.objects.get().certification == Certification.SUSPENDED


@pytest.mark.parametrize("line", ["Disable: true\nGroupID: 1", "GroupID: 1"])
def test_a_site_that_is_disabled_or_has_nothing_active_begins_as_uncertified(tmp_path, line):
    group = GROUP.replace("GroupID: 1", line)
    if "Disable" not in line:
        group = group.replace("Active: true", "Active: false")
    report = import_osg(a_topology(tmp_path, group=group))
    assert Site.objects.get().certification == Certification.UNCERTIFIED
    assert "OSG has no certification" in problems(report, "note")[0]


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("  Severity: Outage\n", "", "downtime Group_downtime.yaml:1 Severity: has no severity"),
        ("  ID: 100\n", "", "downtime Group_downtime.yaml:1 ID: has no ID"),
        ("18:00 +0000", "18:00", "downtime Group_downtime.yaml:1 EndTime: EndTime has no offset from UTC"),
        ("18:00 +0000", "18:00 XYZ", "downtime Group_downtime.yaml:1 EndTime: EndTime has the zone name 'XYZ'"),
        ("Mar 20, 2026 18", "Feb 30, 2026 18", "downtime Group_downtime.yaml:1 EndTime: EndTime is no date"),
        ("  - CE\n", "", "downtime Group_downtime.yaml:1 Services: names no service"),
        ("  EndTime: Mar 20, 2026 18:00 +0000\n", "", "downtime Group_downtime.yaml:1 EndTime: has no EndTime"),
    ],
)
def test_a_downtime_that_cannot_be_understood_is_rejected_with_its_place(tmp_path, old, new, finding):
    report = import_osg(a_topology(tmp_path, downtime=DOWNTIME.replace(old, new)))
    assert not Downtime.objects.exists()
    assert [line for line in problems(report) if line.startswith(finding)], problems(report)


def test_a_zone_name_is_read_as_usual_in_the_usa_and_reported(tmp_path):
    report = import_osg(a_topology(tmp_path, downtime=DOWNTIME.replace("18:00 +0000", "18:00 CDT")))
    assert Downtime.objects.get().end == datetime(2026, 3, 20, 23, 0, tzinfo=UTC)
    assert problems(report, "repaired") == [
        "downtime Group_downtime.yaml:6 EndTime: has a zone name in place of a numeric offset; read as usual in the USA"
    ]


def test_without_created_time_their_classification_stands(tmp_path):
    text = DOWNTIME.replace("  CreatedTime: Mar 09, 2026 09:00 +0000\n", "").replace("SCHEDULED", "UNSCHEDULED")
    report = import_osg(a_topology(tmp_path, downtime=text))
    downtime = Downtime.objects.get()
    assert (downtime.declared_at, downtime.classification) == (None, "UNSCHEDULED")
    assert report.counts["downtime"].repaired == 1


def test_a_downtime_of_a_service_that_is_gone_is_kept_with_a_closed_service(tmp_path):
    report = import_osg(a_topology(tmp_path, downtime=DOWNTIME.replace("- CE", "- GridFtp")), now=NOW)
    service = Service.objects.get(service_type__name="GridFtp")
    assert (service.hostname, service.valid_until is None) == ("ce.example.org", False)
    assert list(Downtime.objects.get().services.all()) == [service]
    assert report.counts["downtime"].repaired == 1
    assert not import_osg(tmp_path, now=NOW + timedelta(days=1)).has_changes


def test_a_downtime_of_a_resource_that_is_gone_names_it_by_the_resource(tmp_path):
    import_osg(a_topology(tmp_path, downtime=DOWNTIME.replace("CE_1", "OLD_CE")))
    assert Service.objects.get(hostname="OLD_CE").valid_until is not None


def test_a_service_is_as_old_as_the_first_downtime_that_names_it(tmp_path):
    text = DOWNTIME.replace("2026", "2019")
    import_osg(a_topology(tmp_path, downtime=text))
    began = datetime(2019, 3, 20, 12, 0, tzinfo=UTC)
    assert Service.objects.get(service_type__name="CE").valid_from == began
    assert Service.objects.get(service_type__name="SRMv2").valid_from == NOW
    assert Site.objects.get().valid_from == began


def test_two_resources_on_one_host_become_one_service_with_two_addresses(tmp_path):
    twice = GROUP.replace(
        "    FQDN: se.example.org\n    Services:\n      SRMv2", "    FQDN: ce.example.org\n    Services:\n      CE"
    )
    report = import_osg(a_topology(tmp_path, group=twice))
    service = Service.objects.get()
    assert sorted(endpoint.name for endpoint in service.endpoints.all()) == ["resource SE_1", "uri_override"]
    assert "service Group.yaml:20 FQDN: the same service type on the same host" in problems(report, "repaired")[0]
    assert not import_osg(tmp_path).has_changes


def test_an_unknown_support_centre_becomes_a_region(tmp_path):
    report = import_osg(a_topology(tmp_path, support=""))
    assert Ngi.objects.get().name == "Helpers"
    assert problems(report, "repaired") == [
        "region Group.yaml:1 region: the region is not registered; it was made from its name"
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a: [1, 2", "is no YAML"),
        (b"\xff\xfe\x00", "the file is not UTF-8"),
        (b"- just\n- a list\n", "holds no mapping"),
        (b"- " * 100_000, "nested deeper"),
        (b"a: \x00", "is no YAML"),
    ],
)
def test_a_damaged_file_is_reported_and_the_rest_goes_in(tmp_path, content, problem):
    a_topology(tmp_path)
    (tmp_path / "topology/Uni/Campus/Broken.yaml").write_bytes(content)
    report = import_osg(tmp_path)
    assert Site.objects.count() == 1
    assert [line for line in problems(report) if problem in line]


def test_it_says_when_there_is_no_topology(tmp_path):
    with pytest.raises(UnreadableSourceError, match="holds no folder topology/"):
        parse_osg(tmp_path, Report("osg", "", "OSG"))


def test_another_federation_is_never_touched(tmp_path):
    import_osg(a_topology(tmp_path))
    report = import_osg(tmp_path, federation="Other")
    assert report.counts["site"].rejected == 1
    assert Site.objects.get().ngi.federation.name == "OSG"
    assert "belongs to another federation" in problems(report)[0]


@needs_real_input
def test_the_whole_topology_gives_the_counts_of_its_readme():
    origin = REAL / "osg-topology" / "osg-topology.tar.gz"
    first = import_osg(origin)
    expected = {
        "facilities": 230, "OSG sites": 405, "resource groups": 429, "production": 400, "ITB": 29, "resources": 1100,
        "active resources": 762, "resource services": 1215, "downtimes": 3812, "downtime files": 176, "VO files": 123,
        "downtimes they call SCHEDULED": 2083, "downtimes they call UNSCHEDULED": 1729,
        "downtimes without CreatedTime": 562, "downtimes that name a service that is gone": 248,
    }  # fmt: skip
    assert {name: first.figures.get(name) for name in expected} == expected
    ends = [item for item in first.of_level("rejected") if item.problem == "ends at or before its start"]
    assert len(ends) == 17
    assert all(item.raw and item.place.line for item in ends)
    assert sum(item.problem.startswith("lasts for ever") for item in first.of_level("note")) == 5
    # 3812 read - 17 that end before they start
    assert first.counts["downtime"].created == Downtime.objects.count() == 3795
    assert Site.objects.count() == 429
    # 1215 - 17 that share type and host with another resource
    assert Service.objects.current().count() == 1198
    # 123 files - REPORTING_GROUPS.yaml
    assert Vo.objects.count() == 122
    second = import_osg(origin, now=NOW + timedelta(days=1))
    assert not second.has_changes


def test_the_actor_of_an_import_is_the_installation():
    assert Actor.system("import").name == "import"
