"""What was behind a period: every second of a site's timeline ends at a result, at a missing one, or at a decision."""

import os
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridkeeper.availability.drill.branches import Branch, Force, Forced, Segment
from gridkeeper.availability.drill.causes import burdens, causes, subtract
from gridkeeper.availability.drill.sentences import Links, clock, reason, sentence
from gridkeeper.availability.levels import Level
from gridkeeper.availability.operations import DEFAULT_OPERATIONS
from gridkeeper.availability.rules import Seconds
from gridkeeper.availability.tree import Path
from gridkeeper.core.status import Status
from gridkeeper.core.windows import Window, merge_windows
from tests.availability.days import at

LENGTH_S = 12
S = Status
SITE = Path("ops", "R", "S")
EXAMPLES = int(os.environ.get("DRILL_EXAMPLES", "30"))


def window(start: float, end: float) -> Window:
    return Window(at(start), at(end))


def a_branch(path: Path, statuses: list[Status], operation: str = "", forced=(), parts=()) -> Branch:
    """A node by its status in each second."""
    segments: list[Segment] = []
    for second, status in enumerate(statuses):
        if segments and segments[-1].status is status:
            last = segments.pop()
            segments.append(Segment(last.start, at(second + 1), status, "", last.series, last.began_at))
        else:
            segments.append(Segment(at(second), at(second + 1), status, "", 7 if path.metric else None, at(second)))
    return Branch(path, path.level, segments, Seconds(), operation, list(forced), list(parts))


def combined(path: Path, operation: str, parts: list[Branch], forced: list[Forced] | None = None) -> Branch:
    """A node made of its parts, second by second; what is forced holds."""
    statuses = []
    for second in range(LENGTH_S):
        below = [part.at(at(second)).name for part in parts]
        status = DEFAULT_OPERATIONS.fold(operation, below)
        for each in forced or []:
            if at(second) in each.window:
                status = each.word
        statuses.append(Status[status])
    return a_branch(path, statuses, operation, forced or [], parts)


def a_metric(host: str, name: str, statuses: list[Status]) -> Branch:
    return a_branch(SITE._replace(service_type="CE", hostname=host, metric=name), statuses)


def a_service(host: str, metrics: list[Branch], forced: list[Forced] | None = None) -> Branch:
    return combined(SITE._replace(service_type="CE", hostname=host), "AND", metrics, forced)


def a_site(services: list[Branch], forced: list[Forced] | None = None) -> Branch:
    flavour = combined(SITE._replace(service_type="CE"), "OR", services)
    return combined(SITE, "AND", [flavour], forced)


def day(*parts: tuple[int, Status]) -> list[Status]:
    """So many seconds of each status."""
    return [status for number, status in parts for _ in range(number)]


statuses = st.lists(st.sampled_from(list(Status)), min_size=LENGTH_S, max_size=LENGTH_S)
intervals = st.tuples(st.integers(0, LENGTH_S - 1), st.integers(1, LENGTH_S)).filter(lambda pair: pair[0] < pair[1])


@st.composite
def sites(draw) -> Branch:
    services = []
    for host in draw(st.sampled_from([["a"], ["a", "b"], ["a", "b", "c"]])):
        metrics = [a_metric(host, name, draw(statuses)) for name in draw(st.sampled_from([["m"], ["m", "n"]]))]
        downtimes = [
            Forced(window(*pair), "DOWNTIME", Force.DOWNTIME, "d") for pair in draw(st.lists(intervals, max_size=1))
        ]
        services.append(a_service(host, metrics, downtimes))
    set_by = [
        Forced(window(*pair), "UNKNOWN", Force.RECOMPUTATION, "r") for pair in draw(st.lists(intervals, max_size=1))
    ]
    return a_site(services, set_by)


@settings(max_examples=EXAMPLES)
@given(sites())
def test_every_second_has_a_cause_that_is_a_leaf_or_a_decision(site: Branch) -> None:
    for segment in site.segments:
        found = causes(site, segment.window)
        assert merge_windows(cause.window for cause in found) == [segment.window]
        assert all(cause.forced or cause.branch.level is Level.METRIC for cause in found)


@settings(max_examples=EXAMPLES)
@given(sites())
def test_a_cause_had_the_status_that_it_is_the_cause_of(site: Branch) -> None:
    for segment in site.segments:
        for cause in causes(site, segment.window):
            assert (cause.forced.word if cause.forced else cause.segment.name) == segment.name


def test_only_the_failed_test_is_behind_a_failed_service() -> None:
    bad = a_metric("a", "js", day((4, S.OK), (5, S.CRITICAL), (3, S.OK)))
    site = a_site([a_service("a", [bad, a_metric("a", "ver", day((12, S.OK)))])])
    (cause,) = causes(site, site.segments[1].window)
    assert (cause.branch, cause.window) == (bad, window(4, 9))


def test_the_one_that_was_up_is_behind_a_type_that_is_up() -> None:
    statuses_of = {"a": S.CRITICAL, "b": S.OK}
    site = a_site([a_service(host, [a_metric(host, "js", day((12, status)))]) for host, status in statuses_of.items()])
    assert [cause.branch.path.hostname for cause in causes(site, window(0, 12))] == ["b"]


def test_a_downtime_hides_the_test_and_a_later_decision_hides_the_downtime() -> None:
    """0-3 the test failed, 3-6 downtime, 6-9 the site was set to unknown, 9-12 the test failed."""
    downtime = Forced(window(3, 9), "DOWNTIME", Force.DOWNTIME, "D1", "works")
    decision = Forced(window(6, 9), "UNKNOWN", Force.RECOMPUTATION, "R1", "network")
    site = a_site([a_service("a", [a_metric("a", "js", day((12, S.CRITICAL)))], [downtime])], [decision])
    found = causes(site, window(0, 12))
    assert [(cause.window, cause.forced and cause.forced.key) for cause in found] == [
        (window(0, 3), None), (window(3, 6), "D1"), (window(6, 9), "R1"), (window(9, 12), None),
    ]  # fmt: skip
    heaviest = burdens(cause for cause in found if cause.segment.status is not S.UNKNOWN)[0]
    assert (heaviest.seconds, len(heaviest.causes), heaviest.longest.window) == (6, 2, window(9, 12))


def test_where_no_part_has_the_status_all_of_them_are_behind_it() -> None:
    """A truth table may make a third status of two others."""
    parts = [a_metric("a", "m", day((12, S.OK))), a_metric("a", "n", day((12, S.WARNING)))]
    service = a_branch(SITE._replace(service_type="CE", hostname="a"), day((12, S.UNKNOWN)), "ODD", parts=parts)
    assert [cause.branch for cause in causes(service, window(0, 12))] == parts


@pytest.mark.parametrize(
    ("others", "left"),
    [([], [(0, 9)]), ([(0, 9)], []), ([(2, 4)], [(0, 2), (4, 9)]), ([(0, 3), (2, 5), (8, 20)], [(5, 8)])],
)
def test_what_is_left_of_a_window(others, left) -> None:
    assert subtract(window(0, 9), [window(*pair) for pair in others]) == [window(*pair) for pair in left]


LINKS = Links(lambda series, moment: f"/results/{series}/{moment:%H%M%S}", lambda forced: f"/decisions/{forced.key}")


def test_a_sentence_says_who_what_where_and_for_whom() -> None:
    bad = a_metric("se01", "SRM-put", day((4, S.OK), (8, S.CRITICAL)))
    site = a_site([a_service("se01", [bad])])
    (cause,) = causes(site, window(4, 12))
    because = reason(cause, "dteam", {(7, at(4)): "no space left"}, LINKS)
    assert (because.text, because.detail) == ("SRM-put failed on CE se01 for dteam", "no space left")
    assert because.url == "/results/7/000004"
    told = sentence(site.segments[1], window(3 * 3600 + 720, 4 * 3600 + 2400), [because])
    assert told == "CRITICAL 03:12–04:40 because SRM-put failed on CE se01 for dteam"


@pytest.mark.parametrize(
    ("status", "began_at", "detail"),
    [
        (S.MISSING, None, "no result of that day or the day before"),
        (S.MISSING, at(-60), "its last result had grown too old"),
        (S.UNKNOWN, None, "it is new there and had no result yet"),
        (S.EXCLUDED, None, ""),
    ],
)
def test_silence_is_explained(status: Status, began_at: datetime | None, detail: str) -> None:
    segment = Segment(at(0), at(12), status, "", 7 if began_at else None, began_at)
    path = SITE._replace(service_type="CE", hostname="a", metric="m")
    branch = Branch(path, path.level, [segment], Seconds())
    assert reason(causes(branch, window(0, 12))[0], "", {}, LINKS).detail == detail


def test_the_end_of_the_day_is_24_hours() -> None:
    assert clock(window(18 * 3600, 24 * 3600)) == "18:00–24:00"
    assert clock(Window(at(0), at(0) + timedelta(seconds=90))) == "00:00:00–00:01:30"
