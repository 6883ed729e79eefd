"""From registry and results to figures in the lake: the rules of what is expected, marks, and today."""

from datetime import timedelta

import pytest

from gridkeeper.availability import marks, queries, tasks
from gridkeeper.availability.compute import compute_days
from gridkeeper.availability.models import Computation, DayMark, Profile
from gridkeeper.core.status import Status
from gridkeeper.core.windows import DAY, Window
from gridkeeper.probes.ingest import submit
from gridkeeper.registry.models import Certification, CertificationChange
from tests.availability.days import DAY as D
from tests.availability.days import DAY_S, at
from tests.builders import a_downtime, a_result, a_service, a_site, a_test, a_vo, in_profile

pytestmark = pytest.mark.usefixtures("installation")

H = 3600
NEXT_DAY = at(30 * H)
O, W, C, U, M, DT, X = Status  # noqa: E741
WINDOW = Window.of_day(D)


def a_judged_service(vo="dteam", test="CE-js", type="CE", **options):  # noqa: A002
    service = a_service(type=type, **options)
    organisation = a_vo(vo, supported_by=[service])
    in_profile(organisation, a_test(test), type=type)
    return service


def figure(level="site", day=D, **where):
    found = queries.figures(Window.of_day(day), level=level, **where)
    assert len(found) == 1, found
    return found[0].seconds


def told(service, *heard, metric="CE-js", vo="", now=NEXT_DAY):
    submit([a_result(service, metric, vo, status=status, executed_at=at(second)) for second, status in heard], now=now)


def test_the_worked_example_from_results_to_the_lake() -> None:
    service = a_judged_service()
    told(service, (0, O), (3 * H, C), (12 * H, U), (22 * H, O))
    a_downtime(service, start=at(18 * H), end=at(22 * H))
    compute_days([D], NEXT_DAY)
    for level in ("service", "flavour", "site", "region", "federation"):
        assert str(figure(level).availability.percent) == "27.77778"
        assert str(figure(level).reliability.percent) == "35.71429"
    periods = queries.timelines(WINDOW, level="site")
    assert [(p.start, p.status) for p in periods] == [
        (at(0), O), (at(3 * H), C), (at(12 * H), U), (at(18 * H), DT), (at(22 * H), O),
    ]  # fmt: skip
    hours = queries.figures(WINDOW, level="site", hourly=True)
    assert [f.hour for f in hours] == list(range(24))
    assert hours[3].seconds.critical_s == H


@pytest.mark.parametrize(
    ("fields", "downs"),
    [
        ({}, H),
        ({"severity": "WARNING"}, 0),
        ({"classification": "UNSCHEDULED"}, 0),
        ({"cancelled_at": at(-H)}, 0),
    ],
)
def test_only_scheduled_outages_excuse(fields, downs) -> None:
    service = a_judged_service()
    told(service, (0, C))
    a_downtime(service, start=at(H), end=at(2 * H), **fields)
    compute_days([D], NEXT_DAY)
    assert (figure().down_s, figure().critical_s) == (downs, DAY_S - downs)


def test_a_service_without_results_is_missing_and_one_out_of_production_is_not_judged() -> None:
    a_judged_service()
    compute_days([D], NEXT_DAY)
    assert figure().unknown_s == DAY_S
    assert figure().availability.percent is None


@pytest.mark.parametrize("fields", [{"in_production": False}, {"is_monitored": False}, {"valid_until": at(0)}])
def test_what_is_not_expected_is_not_judged(fields) -> None:
    a_judged_service(**fields)
    compute_days([D], NEXT_DAY)
    assert queries.figures(WINDOW, level="site") == []


def test_a_service_counts_for_its_part_of_the_day() -> None:
    service = a_judged_service(valid_from=at(-DAY_S), valid_until=at(6 * H))
    told(service, (0, O))
    compute_days([D], NEXT_DAY)
    assert (figure().up_s, figure().excluded_s) == (6 * H, 18 * H)
    assert figure().availability.percent == 100


def test_a_site_counts_while_it_is_certified() -> None:
    site = a_site(certification=Certification.SUSPENDED)
    service = a_judged_service(of=site)
    told(service, (0, O))
    CertificationChange.objects.create(site=site, changed_at=at(12 * H), old="Certified", new="Suspended")
    compute_days([D], NEXT_DAY)
    assert (figure().up_s, figure().excluded_s) == (12 * H, 12 * H)


def test_a_metric_added_to_the_profile_is_unknown_until_its_first_result() -> None:
    service = a_judged_service()
    told(service, (0, O))
    in_profile(a_vo("dteam"), a_test("CE-ca"), valid_from=at(6 * H))
    told(service, (9 * H, O), metric="CE-ca")
    compute_days([D], NEXT_DAY)
    assert [p.status for p in queries.timelines(WINDOW, level="service")] == [O, U, O]
    assert figure().unknown_s == 3 * H


def test_uncritical_tests_do_not_count() -> None:
    service = a_judged_service()
    in_profile(a_vo("dteam"), a_test("CE-ver"), critical=False)
    told(service, (0, O))
    told(service, (0, C), metric="CE-ver")
    compute_days([D], NEXT_DAY)
    assert figure().up_s == DAY_S


def test_each_vo_has_its_report_and_one_without_a_profile_uses_the_operations_vos() -> None:
    service = a_judged_service()
    a_vo("biomed", supported_by=[service])
    lhcb = a_vo("lhcb", supported_by=[service])
    in_profile(lhcb, a_test("CE-dirac", is_per_vo=True))
    told(service, (0, O))
    told(service, (0, C), metric="CE-dirac", vo="lhcb")
    compute_days([D], NEXT_DAY)
    assert {vo: figure(report=vo).up_s for vo in ("dteam", "biomed", "lhcb")} == {
        "dteam": DAY_S,
        "biomed": DAY_S,
        "lhcb": 0,
    }


def test_carry_over_comes_from_the_day_before() -> None:
    service = a_judged_service()
    told(service, (-H, C), (6 * H, O))
    compute_days([D], NEXT_DAY)
    assert (figure().critical_s, figure().up_s) == (6 * H, 18 * H)


def test_soft_results_change_nothing() -> None:
    service = a_judged_service()
    told(service, (0, O))
    submit([a_result(service, status=C, executed_at=at(H), is_hard=False)], now=NEXT_DAY)
    compute_days([D], NEXT_DAY)
    assert figure().up_s == DAY_S


def test_today_counts_until_now() -> None:
    service = a_judged_service()
    told(service, (0, O), now=at(10 * H))
    compute_days([D, D + DAY], at(10 * H + 0.7))
    assert (figure().total_s, figure().up_s) == (10 * H, 10 * H)
    assert queries.figures(Window.of_day(D + DAY), level="site") == []


def test_computing_again_replaces_and_longer_periods_are_sums_of_seconds() -> None:
    service = a_judged_service()
    told(service, (-DAY_S, C), (0, O))
    compute_days([D - DAY, D], NEXT_DAY)
    compute_days([D - DAY, D], NEXT_DAY)
    both = queries.figures(Window(at(-DAY_S), at(DAY_S)), level="site")
    (seconds,) = queries.sums(both).values()
    assert (len(both), seconds.total_s, str(seconds.availability.percent)) == (2, 2 * DAY_S, "50.00000")


def test_late_results_mark_their_day_and_the_next_and_the_task_computes_them() -> None:
    service = a_judged_service()
    told(service, (0, O))
    compute_days([D, D + DAY], NEXT_DAY)
    later = NEXT_DAY + timedelta(hours=1)
    told(service, (12 * H, C), now=later)
    assert set(DayMark.objects.filter(reason="late results").values_list("day", flat=True)) == {D, D + DAY}
    DayMark.objects.update(marked_at=later)  # receivers read the real clock
    tasks.compute_marked(later + timedelta(minutes=1))
    assert figure().critical_s == 12 * H
    assert marks.stale_days(later + timedelta(minutes=2)) == []


def test_a_changed_downtime_marks_only_days_that_have_figures() -> None:
    service = a_judged_service()
    told(service, (0, C))
    compute_days([D], NEXT_DAY)
    marks.mark_known(Window(at(-90 * DAY_S), at(H)), "a downtime changed", NEXT_DAY + timedelta(hours=1))
    assert marks.stale_days(NEXT_DAY + timedelta(hours=2)) == [D]


def test_a_day_computed_before_it_was_over_is_computed_once_more() -> None:
    service = a_judged_service()
    told(service, (0, O), now=at(23 * H))
    tasks.compute_today(at(23 * H))
    DayMark.objects.update(marked_at=at(23 * H))
    assert figure().total_s == 23 * H
    tasks.compute_marked(NEXT_DAY)
    assert figure().total_s == DAY_S


def test_today_is_not_computed_more_often_than_it_may() -> None:
    a_judged_service()
    tasks.compute_today(at(H))
    DayMark.objects.update(took_ms=100)  # whatever it took here
    assert not marks.is_today_due(at(H + 20))
    assert marks.is_today_due(at(H + 30))
    DayMark.objects.update(took_ms=60_000)
    assert not marks.is_today_due(at(H + 600))


def test_a_report_that_cannot_be_judged_keeps_its_figures_and_is_tried_again() -> None:
    service = a_judged_service()
    a_vo("biomed", supported_by=[service])
    told(service, (0, O))
    compute_days([D], NEXT_DAY)
    DayMark.objects.update(marked_at=at(0))
    profile = Profile.objects.create(kind="report", name="dteam")
    broken = profile.versions.create(
        number=1, valid_from=D, document={"vo": "dteam", "operations": "no-such"}, reason="so", created_at=at(0)
    )
    a_downtime(service, start=at(18 * H), end=at(22 * H))
    later = NEXT_DAY + timedelta(hours=1)
    assert compute_days([D], later).failed == (D,)
    assert (figure(report="dteam").up_s, figure(report="biomed").up_s) == (DAY_S, 20 * H)
    row = Computation.objects.get(report="dteam")
    assert (row.state, "no-such" in row.error) == ("failed", True)
    assert marks.stale_days(later + timedelta(minutes=5)) == []
    assert marks.stale_days(later + timedelta(minutes=11)) == [D]
    marks.mark_one(D, "a profile changed", later + timedelta(minutes=1))
    assert marks.stale_days(later + timedelta(minutes=2)) == [D]
    broken.delete()
    tasks.compute_marked(later + timedelta(minutes=2))
    assert (figure(report="dteam").up_s, Computation.objects.get(report="dteam").state) == (20 * H, "done")


def test_computing_again_gives_the_same_checksum_and_says_what_was_ignored() -> None:
    service = a_judged_service()
    told(service, (0, O), (3 * H, C))
    told(service, (0, O), (1, O), metric="CE-unknown")
    compute_days([D], NEXT_DAY)
    first = Computation.objects.get()
    compute_days([D], NEXT_DAY + timedelta(hours=1))
    second = Computation.objects.get()
    assert (first.ignored, len(first.checksum), second.checksum) == (2, 64, first.checksum)
    assert second.inputs["metrics"] == first.inputs["metrics"]


def test_a_day_whose_computation_died_is_computed_again() -> None:
    a_judged_service()
    compute_days([D], NEXT_DAY)
    later = NEXT_DAY + timedelta(hours=1)
    marks.begun([D], later)  # and then the process is killed
    assert marks.stale_days(later + timedelta(minutes=1)) == [D]
    tasks.compute_marked(later + timedelta(minutes=1))
    assert marks.stale_days(later + timedelta(minutes=2)) == []
