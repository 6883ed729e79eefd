import pytest

from gridkeeper.people.actor import Actor
from gridkeeper.registry.importers.records import ServiceTypeRecord
from gridkeeper.registry.importers.report import Place, Report
from gridkeeper.registry.importers.upsert import Run, Table, Wanted, upsert
from gridkeeper.registry.models import ServiceType
from tests.builders import NOW, a_federation, a_service_type

pytestmark = pytest.mark.django_db


def a_run():
    report = Report("osg", "here", "OSG")
    return Run(report, Actor.system("import"), NOW, a_federation(), lambda record: record.place.file)


def wanted(name, **values):
    record = ServiceTypeRecord(place=Place("types.yaml", 1), name=name)
    return Wanted(record, (name,), {"name": name, **values})


def test_a_row_that_the_database_refuses_does_not_take_its_batch_with_it():
    table, run = Table(ServiceType, ["name"]), a_run()
    # somebody else registers CE after the import looked
    a_service_type("CE")
    upsert(run, "service type", table, [wanted("SE"), wanted("CE"), wanted("RB")])
    assert set(ServiceType.objects.values_list("name", flat=True)) == {"SE", "CE", "RB"}
    counts = run.report.counts["service type"]
    assert (counts.created, counts.rejected) == (2, 1)
    assert "the database refused it" in run.report.findings[0].problem
    assert ServiceType.history.filter(name="SE").count() == 1


def test_only_what_differs_is_written():
    a_service_type("CE")
    run = a_run()
    table = Table(ServiceType, ["name"])
    upsert(run, "service type", table, [wanted("CE", description="New")])
    upsert(a_run(), "service type", Table(ServiceType, ["name"]), [wanted("CE", description="New")])
    assert run.report.counts["service type"].changed == 1
    assert [record.history_type for record in ServiceType.history.order_by("history_id")] == ["+", "~"]


def test_two_records_of_one_object_are_not_both_taken():
    run = a_run()
    upsert(run, "service type", Table(ServiceType, ["name"]), [wanted("CE"), wanted("CE")])
    assert run.report.counts["service type"].rejected == 1
    assert "an earlier record of this source is CE already" in run.report.findings[0].problem
