"""The plan equals the naive judgement to the second, at every level, on random days (GRIDKEEPER_TEST_DAYS of them)."""

import os

from hypothesis import HealthCheck, Phase, given, settings

from tests.availability.days import DAY, Judged
from tests.availability.random_days import RandomDay, days
from tests.availability.reference import Reference

# Not shrunk: a session of DuckDB each makes that minutes long, and a failing day is small as it is.
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
_COUNT = int(os.environ.get("GRIDKEEPER_TEST_DAYS", "12"))


@settings(max_examples=_COUNT, deadline=None, phases=_PHASES, suppress_health_check=[HealthCheck.too_slow])
@given(days())
def test_the_plan_equals_the_reference_at_every_level(day: RandomDay) -> None:
    judged = Judged(day.expected, day.results, day.excuses, day.length_s, day.setting)
    reference = Reference(DAY, day.length_s, day.expected, day.results, day.excuses, day.setting)
    assert set(judged.figures) == set(reference.nodes())
    for path in reference.nodes():
        assert judged.figures[path] == reference.figures(path), path
        if path.level.label in ("region", "federation"):
            assert judged.weighted[path] == reference.weighted(path), path
        else:
            assert judged.timelines[path] == reference.timeline(path), path
        for hour in () if path.metric else (0, 6, 9):
            found = judged.hours[path, hour] | {"flips": 0}
            assert found == reference.hour(path, hour) | {"flips": 0}, (path, hour)
