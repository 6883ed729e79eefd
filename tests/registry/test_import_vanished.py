from datetime import timedelta

import pytest

from gridkeeper.core.windows import Window
from gridkeeper.registry.models import Downtime, Endpoint, Ngi, Service, Site
from gridkeeper.registry.signals import downtimes_changed, topology_changed
from gridkeeper.vos.models import VoSupport
from tests.builders import NOW, a_site
from tests.registry.import_inputs import DOWNTIME, GROUP, a_topology, import_osg, problems

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(days=1)
ONLY_STORAGE = GROUP.split("  CE_1:")[0] + "  SE_1:" + GROUP.split("  SE_1:")[1]


def test_a_service_that_vanished_is_closed_with_what_hangs_on_it(tmp_path):
    import_osg(a_topology(tmp_path))
    report = import_osg(a_topology(tmp_path, group=ONLY_STORAGE), now=LATER)
    service = Service.objects.get(service_type__name="CE")
    assert service.valid_until == LATER
    assert Endpoint.objects.get().valid_until == LATER
    assert VoSupport.objects.get().valid_until == LATER
    assert report.counts["service"].closed == 1
    # the downtime that names the resource still means that service
    assert list(Downtime.objects.get().services.all()) == [service]
    assert service.history.first().history_source == "import"


def test_what_vanished_is_closed_once(tmp_path):
    import_osg(a_topology(tmp_path, downtime=""))
    import_osg(a_topology(tmp_path, group=ONLY_STORAGE, downtime=""), now=LATER)
    assert not import_osg(tmp_path, now=LATER + timedelta(days=1)).has_changes


def test_a_site_that_vanished_is_closed_after_its_services(tmp_path):
    import_osg(a_topology(tmp_path))
    second = GROUP.replace("GroupID: 1", "GroupID: 2").replace("CE_1", "CE_2").replace("SE_1", "SE_2")
    second = second.replace("ce.example.org", "ce2.example.org").replace("se.example.org", "se2.example.org")
    (tmp_path / "topology/Uni/Campus/Second.yaml").write_text(second)
    import_osg(tmp_path, now=LATER)
    a_topology(tmp_path, group="", downtime="")
    report = import_osg(tmp_path, now=LATER + timedelta(days=1))
    assert {site.name: site.valid_until is None for site in Site.objects.all()} == {"Group": False, "Second": True}
    assert report.counts["site"].closed == 1
    assert Service.objects.current().count() == 2


def test_a_site_that_comes_back_is_opened_again_with_its_key(tmp_path):
    test_a_site_that_vanished_is_closed_after_its_services(tmp_path)
    import_osg(a_topology(tmp_path), now=LATER + timedelta(days=2))
    assert Site.objects.get(name="Group").valid_until is None


def test_a_downtime_that_has_not_started_is_cancelled_when_it_vanishes(tmp_path):
    two = DOWNTIME + DOWNTIME.replace("ID: 100", "ID: 101")
    import_osg(a_topology(tmp_path, downtime=two))
    report = import_osg(a_topology(tmp_path, downtime=DOWNTIME), now=LATER)
    assert Downtime.objects.get(key="osg-101").cancelled_at == LATER
    assert Downtime.objects.get(key="osg-100").cancelled_at is None
    assert report.counts["downtime"].closed == 1


def test_a_downtime_that_has_started_is_never_closed_away(tmp_path):
    two = (DOWNTIME + DOWNTIME.replace("ID: 100", "ID: 101")).replace("Mar 20, 2026 12:00", "Mar 10, 2026 06:00")
    import_osg(a_topology(tmp_path, downtime=two))
    report = import_osg(a_topology(tmp_path, downtime=DOWNTIME), now=LATER)
    assert Downtime.objects.get(key="osg-101").cancelled_at is None
    assert "vanished from the source after it had started; kept" in problems(report, "note")[-1]


def test_a_rejected_record_has_not_vanished(tmp_path):
    import_osg(a_topology(tmp_path))
    import_osg(a_topology(tmp_path, downtime=DOWNTIME.replace("18:00", "08:00")), now=LATER)
    assert Downtime.objects.get().cancelled_at is None


def test_nothing_is_closed_when_a_file_could_not_be_read(tmp_path):
    import_osg(a_topology(tmp_path))
    report = import_osg(a_topology(tmp_path, group="a: ["), now=LATER)
    assert Site.objects.get().valid_until is None
    assert "files could not be read" in problems(report, "note")[-1]


def test_nothing_is_closed_when_a_source_is_suddenly_empty(tmp_path):
    import_osg(a_topology(tmp_path))
    report = import_osg(a_topology(tmp_path, group="", downtime=""), now=LATER)
    assert Site.objects.get().valid_until is None
    assert [line for line in problems(report, "note") if "nothing was closed" in line]


def test_what_people_registered_themselves_stays(tmp_path):
    import_osg(a_topology(tmp_path))
    own = a_site(name="OWN", ngi=Ngi.objects.get())
    import_osg(tmp_path, now=LATER)
    own.refresh_from_db()
    assert own.valid_until is None


def test_later_floors_are_told_once_what_changed(tmp_path):
    told = []

    def note_topology(**facts):
        told.append(("topology", facts["closed_service"] and str(facts["closed_service"])))

    def note_downtimes(**facts):
        told.append(("downtimes", facts["window"]))

    topology_changed.connect(note_topology)
    downtimes_changed.connect(note_downtimes)
    try:
        import_osg(a_topology(tmp_path))
        import_osg(tmp_path, now=LATER)
        # its downtime lies in the future, so no judgement can differ
        assert told == [("topology", None)]
        import_osg(a_topology(tmp_path, group=ONLY_STORAGE), now=LATER)
        assert told[1:] == [("topology", "CE ce.example.org"), ("topology", None)]
        del told[:]
        # 20 March 12:00 becomes 9 March 12:00, an end on the 20th: of that, now is the 11th 12:00
        import_osg(a_topology(tmp_path, downtime=DOWNTIME.replace("20, 2026 12", "09, 2026 12")), now=LATER)
        assert told[0] == ("downtimes", Window(NOW - timedelta(days=1), LATER))
    finally:
        topology_changed.disconnect(note_topology)
        downtimes_changed.disconnect(note_downtimes)
