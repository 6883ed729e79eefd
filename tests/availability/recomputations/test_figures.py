"""What recomputations do to figures: preview equals result, revert restores, published months keep both versions."""

import pytest

from gridkeeper.availability import queries, tasks
from gridkeeper.availability.compute import compute_days
from gridkeeper.availability.models import Computation, DayMark, Recomputation
from gridkeeper.availability.months import Month
from gridkeeper.availability.publishing import actions as publishing
from gridkeeper.availability.publishing import queries as published
from gridkeeper.availability.recomputations import actions
from gridkeeper.availability.recomputations.documents import Wish
from gridkeeper.availability.recomputations.effects import figure
from gridkeeper.availability.recomputations.preview import preview
from gridkeeper.availability.recomputations.queries import change_of
from gridkeeper.core.status import Status
from gridkeeper.core.windows import DAY, Window
from gridkeeper.people.actor import Actor
from gridkeeper.probes.ingest import submit
from tests.availability.days import DAY as D
from tests.availability.days import DAY_S, at
from tests.builders import a_result, a_service, a_site, a_test, a_vo, in_profile

pytestmark = pytest.mark.usefixtures("installation")

H = 3600
NOW = at(30 * H)
LATER = at(31 * H)
SYSTEM = Actor.system("cli")
O, C = Status.OK, Status.CRITICAL  # noqa: E741


def sites(*names):
    """Each is CRITICAL from 06:00 to 12:00 by CE-js, as the worker of its name says; OK else, as worker-0 says."""
    services = [a_service(of=a_site(name=name), hostname=f"{name.lower()}.example.org") for name in names]
    in_profile(a_vo("dteam", supported_by=services), a_test("CE-js"))
    heard = [(0, O, ""), (6 * H, C, "own"), (9 * H, C, "own"), (12 * H, O, "")]
    submit(
        [
            a_result(service, status=status, executed_at=at(second), worker=name if own else "worker-0")
            for name, service in zip(names, services, strict=True)
            for second, status, own in heard
        ],
        now=NOW,
    )
    DayMark.objects.update(marked_at=at(0))  # receivers read the real clock
    compute_days([D, D + DAY], NOW)


def figures(day=D):
    return {found.place.site_name: found.seconds for found in queries.figures(Window.of_day(day), level="site")}


def asked(kind, *, start=8 * H, end=10 * H, reports=(), **document):
    wish = Wish(kind=kind, start=at(start), end=at(end), document=document, reason="the probe lied", reports=reports)
    return actions.request(SYSTEM, wish, now=NOW)


def decided(act, rows, now):
    for row in rows:
        act(SYSTEM, row, reason="so", now=now)
    tasks.compute_today(now + DAY / 1440)
    tasks.compute_marked(now + DAY / 1440)


#: A site each -> kind, document, hours that are then up, unknown, excluded and critical (without: 18, 0, 0, 6).
KINDS = {
    "ALPHA": ("groups", {"groups": ["ALPHA"]}, (18, 2, 0, 4)),
    "BETA": ("source", {"source": "BETA", "start": 5 * H}, (24, 0, 0, 0)),
    "GAMMA": ("results", {"metrics": ["CE-js"], "hosts": ["gamma.example.org"]}, (18, 0, 2, 4)),
    "DELTA": (
        "status",
        {"level": "flavour", "services": ["CE"], "groups": ["DELTA"], "status": "WARNING"},
        (20, 0, 0, 4),
    ),
}


def test_each_preview_equals_its_result_and_reverting_restores() -> None:
    sites(*KINDS, "OTHER")
    before = figures()
    checksums = dict(Computation.objects.values_list("day", "checksum"))
    rows = {name: asked(kind, **document) for name, (kind, document, _) in KINDS.items()}
    foreseen = {name: preview(change_of(row), NOW) for name, row in rows.items()}
    decided(actions.approve, rows.values(), LATER)
    after = figures()
    for name, (_, _, hours) in KINDS.items():
        seconds = after[name]
        assert (seconds.up_s, seconds.unknown_s, seconds.excluded_s, seconds.critical_s) == tuple(h * H for h in hours)
        (change,) = foreseen[name]["changes"]
        assert (change["site_name"], change["day"]) == (name, str(D))
        assert (change["before"], change["after"]) == (figure(before[name]), figure(seconds))
        row = Recomputation.objects.get(pk=rows[name].pk)
        assert [record.state for record in row.history.all()] == ["applied", "approved", "requested"]
        assert change in row.effects["changes"]
    assert after["OTHER"] == before["OTHER"]
    assert Computation.objects.get(day=D).recomputations == [row.key for row in rows.values()]
    decided(actions.revert, rows.values(), LATER + DAY / 24)
    assert figures() == before
    assert Computation.objects.get(day=D).checksum == checksums[D]


def test_a_workers_results_are_not_carried_over_either() -> None:
    sites("ALPHA")
    row = asked("source", start=0, end=DAY_S, source="worker-0")
    decided(actions.approve, [row], LATER)
    assert (figures()["ALPHA"].unknown_s, figures()["ALPHA"].critical_s) == (6 * H, 18 * H)
    today = figures(D + DAY)["ALPHA"]
    assert today.critical_s == today.total_s


def test_the_later_in_the_list_wins() -> None:
    sites("ALPHA")
    first = asked("status", level="site", groups=["ALPHA"], status="OK", start=6 * H, end=12 * H)
    second = asked("groups", groups=["ALPHA"], start=9 * H, end=12 * H)
    decided(actions.approve, [first, second], LATER)
    assert (figures()["ALPHA"].up_s, figures()["ALPHA"].unknown_s) == (21 * H, 3 * H)
    actions.put(SYSTEM, first, position=1, reason="that one counts", now=LATER + DAY / 24)
    tasks.compute_marked(LATER + DAY / 12)
    assert figures()["ALPHA"].up_s == 24 * H


def test_a_published_month_keeps_both_versions_and_says_what_changed_and_why() -> None:
    sites("ALPHA", "BETA")
    month, april = Month.of(D), at(40 * DAY_S)
    compute_days([D], april)
    DayMark.objects.exclude(day=D).delete()
    first = publishing.publish(SYSTEM, report="dteam", month=month, now=april)
    row = asked("groups", groups=["ALPHA"], start=0, end=DAY_S)
    decided(actions.approve, [row], april + DAY)
    first.refresh_from_db()
    assert first.outdated_since is not None
    second = publishing.publish(SYSTEM, report="dteam", month=month, now=april + 2 * DAY, reason="the probe lied")
    assert [version.version for version in published.versions("dteam", month)] == [2, 1]
    assert first.document != second.document
    alpha = next(change for change in second.changes if change["level"] == "site")
    assert (alpha["site_name"], alpha["availability"], alpha["days"]) == ("ALPHA", ["80.00000", "100.00000"], [str(D)])
    assert [text for text in alpha["because"] if row.key in text and "the probe lied" in text]
    decided(actions.revert, [row], april + 3 * DAY)
    second.refresh_from_db()
    assert second.outdated_since is not None
    third = publishing.publish(SYSTEM, report="dteam", month=month, now=april + 4 * DAY, reason="it did not")
    assert third.checksum == first.checksum
