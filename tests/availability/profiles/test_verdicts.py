"""A report with thresholds is judged by what was measured; one without them by what the tests said."""

from datetime import timedelta

import pytest

from gridkeeper.availability import queries
from gridkeeper.availability.compute import compute_days
from gridkeeper.availability.models import Recomputation
from gridkeeper.availability.profiles.actions import create
from gridkeeper.core.status import Status
from gridkeeper.core.windows import Window
from gridkeeper.people.actor import Actor
from gridkeeper.probes.ingest import submit
from gridkeeper.registry.models import Site
from tests.availability.days import DAY, DAY_S, MIDNIGHT, at
from tests.builders import a_result, a_service, a_site, a_test, a_vo, in_profile

pytestmark = pytest.mark.django_db
H = 3600
NOW = at(DAY_S + H)


@pytest.fixture
def grid(tmp_path, settings):
    """Two sites whose tests say OK at 0 and at 12 o'clock; SLOW took 9 s from 12 o'clock on."""
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"data_dir": tmp_path, "operations_vo": "dteam"})
    vo = a_vo("dteam")
    for name, took_s in (("QUICK", 1), ("SLOW", 9)):
        service = a_service(of=a_site(name=name), hostname=f"ce.{name.lower()}.example")
        a_vo("dteam", supported_by=[service])
        results = [
            a_result(
                service,
                executed_at=at(hour * H),
                status=Status.OK,
                perfdata=f"time={took if hour else 1}s",
                worker="far",
            )
            for hour, took in ((0, 1), (12, took_s))
        ]
        submit(results, now=at(13 * H))
    in_profile(vo, a_test("CE-js"))


def define(kind, name, **document):
    create(Actor.system("cli"), kind=kind, name=name, document=document, valid_from=DAY, reason="x", now=NOW)


def availability():
    """(report, site) -> per cent of the day."""
    window = Window(MIDNIGHT, MIDNIGHT + timedelta(days=1))
    return {
        (report, figure.place.site_name): figure.seconds.availability.percent
        for report in ("dteam", "strict")
        for figure in queries.figures(window, level="site", report=report)
    }


def test_figures_follow_the_ranges_and_other_reports_do_not(grid, client):
    define("thresholds", "limits", rules=[{"metric": "CE-js", "thresholds": "time=1s;0:5;0:8"}])
    define("report", "strict", vo="dteam", thresholds="limits")
    compute_days([DAY], NOW)
    assert availability() == {
        ("dteam", "QUICK"): 100, ("dteam", "SLOW"): 100, ("strict", "QUICK"): 100, ("strict", "SLOW"): 50
    }  # fmt: skip
    slow = Site.objects.get(name="SLOW")
    for report, percent in (("dteam", 100), ("strict", 50)):  # a day explained is judged as it was computed
        page = client.get(f"/availability/sites/{slow.key}/{DAY}/?report={report}")
        assert page.context["tree"].seconds.availability.percent == percent


def test_a_rule_of_one_group_leaves_the_others_be_and_a_warning_is_up(grid):
    rules = [
        {"metric": "CE-js", "thresholds": "time=1s;0:0.5;0:100"},
        {"metric": "CE-js", "endpoint_group": "QUICK", "thresholds": "time=1s;;0:0.5"},
    ]
    define("thresholds", "limits", rules=rules)
    define("report", "strict", vo="dteam", thresholds="limits")
    compute_days([DAY], NOW)
    found = availability()
    assert (found["strict", "QUICK"], found["strict", "SLOW"]) == (0, 100)


def test_results_of_a_silenced_source_are_not_measured_either(grid):
    define("thresholds", "limits", rules=[{"metric": "CE-js", "thresholds": "time=1s;0:5;0:8"}])
    define("report", "strict", vo="dteam", thresholds="limits")
    Recomputation.objects.create(
        kind="source", start=at(11 * H), end=at(13 * H), document={"source": "far"}, reason="x", state="applied",
        created_at=NOW,
    )  # fmt: skip
    compute_days([DAY], NOW)
    assert availability()["strict", "SLOW"] == 100
