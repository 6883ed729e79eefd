"""What the engine makes of measurements: soft and hard, causes, and who is blocked."""

import pytest

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.probes.instances import Instance, Place, TestSpec
from gridkeeper.probes.memory import Memory
from gridkeeper.probes.native import Outcome, Target
from gridkeeper.probes.running import Measured, attempts_allowed, blocked, stored_form
from tests.builders import NOW

OK, WARNING, CRITICAL, UNKNOWN = Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN


def a_spec(name, *, max_attempts=1, stage=""):
    return TestSpec(name, "native", "tcp", {}, False, 60, 10, max_attempts, 10, (), stage)


def an_instance(name="js", *, max_attempts=1, riders=(), depends_on=()):
    place = Place(1, Target("ce.example.org"), "CE", "SITE", "", {})
    blockers = tuple((_key(other).series, other) for other in depends_on)
    return Instance(_key(name), a_spec(name, max_attempts=max_attempts), place, tuple(riders), blockers)


def _key(name):
    return SeriesKey("ce.example.org", "CE", name)


def measured(name, status, cause=""):
    return Measured(_key(name), Outcome(status, "said so"), NOW, 5, cause)


def judged(memory, instance, *items):
    return [(item.key.metric, is_hard) for item, is_hard in memory.judge(items, attempts_allowed(instance))]


def test_what_a_soft_failure_explains_is_soft_and_teaches_nothing():
    memory = Memory()
    job = an_instance("js", max_attempts=2, riders=[a_spec("jl", max_attempts=3), a_spec("csh", max_attempts=1)])
    match_failed = [measured("jl", CRITICAL), measured("js", UNKNOWN, "jl"), measured("csh", UNKNOWN, "jl")]
    for _ in range(2):
        assert judged(memory, job, *match_failed) == [("jl", False), ("js", False), ("csh", False)]
    assert judged(memory, job, *match_failed) == [("jl", True), ("js", True), ("csh", True)]
    all_well = [measured("jl", OK), measured("js", OK), measured("csh", OK)]
    assert judged(memory, job, *all_well) == [("jl", True), ("js", True), ("csh", True)]


def test_riders_have_attempts_of_their_own():
    memory = Memory()
    job = an_instance("js", riders=[a_spec("csh", max_attempts=2)])
    assert judged(memory, job, measured("js", OK), measured("csh", CRITICAL)) == [("js", True), ("csh", False)]
    assert judged(memory, job, measured("js", OK), measured("csh", CRITICAL)) == [("js", True), ("csh", True)]


@pytest.mark.parametrize(
    ("statuses", "blocker"),
    [
        ({}, ""),
        ({"first": OK}, ""),
        ({"first": WARNING}, ""),
        ({"first": CRITICAL}, "first"),
        ({"first": UNKNOWN}, "first"),
        ({"other": CRITICAL}, ""),
    ],
)
def test_a_dependent_waits_for_what_it_depends_on(statuses, blocker):
    memory = Memory((_key(name).series, status, status, "") for name, status in statuses.items())
    assert memory.blocker(an_instance("second", depends_on=["first"])) == blocker


def test_the_root_of_a_chain_is_named():
    memory = Memory([(_key("second").series, UNKNOWN, UNKNOWN, "first")])
    assert memory.blocker(an_instance("third", depends_on=["second"])) == "first"


def test_who_is_blocked_says_so_with_all_that_rides_in_it():
    job = an_instance("js", riders=[a_spec("csh")])
    items = blocked(job, "gate", NOW)
    assert [(item.key.metric, item.outcome.status, item.outcome.summary, item.cause) for item in items] == [
        ("js", UNKNOWN, "no result: gate failed", "gate"),
        ("csh", UNKNOWN, "no result: gate failed", "gate"),
    ]


@pytest.mark.parametrize(
    ("hard", "newest", "then", "is_hard"),
    [
        (OK, OK, CRITICAL, False),  # first of two attempts
        (OK, CRITICAL, CRITICAL, True),  # the first was before the restart
        (CRITICAL, CRITICAL, WARNING, True),
        (Status.MISSING, CRITICAL, CRITICAL, True),  # one soft result was all there ever was
        (Status.MISSING, OK, CRITICAL, False),
    ],
)
def test_a_restart_goes_on_from_the_latest_status(hard, newest, then, is_hard):
    memory = Memory([(_key("js").series, hard, newest, "")])
    assert judged(memory, an_instance("js", max_attempts=2), measured("js", then)) == [("js", is_hard)]


@pytest.mark.parametrize(
    ("outcome", "summary", "output"),
    [
        (Outcome(OK, "a\0b", "c\0d"), "a\ufffdb", "c\ufffdd"),
        (Outcome(OK, "half \ud800", "\udfff"), "half ?", "?"),
        (Outcome(OK, "two\nlines"), "two lines", ""),
        (Outcome(OK, "x" * 600), "x" * 500, ""),
        (Outcome(OK, "ü", "ü" * 2000), "ü", "ü" * 512 + "\n… cut: 4000 bytes in all"),
    ],
)
def test_what_is_stored_is_what_every_database_takes(settings, outcome, summary, output):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"log_limit_bytes": 1024})
    item = Measured(_key("js"), outcome, NOW, 10**12)
    result = stored_form(item, result_id="1", worker="here", is_hard=True)
    assert (result.summary, result.output, result.duration_ms) == (summary, output, 2**31 - 1)
