"""Rows of the lake's tables from a judgement: words of a profile's own states, functions, weights."""

from gridkeeper.availability.judge import Rules, judge
from gridkeeper.availability.operations import Operations
from gridkeeper.availability.placed import Placed
from gridkeeper.availability.relations import provide
from gridkeeper.availability.tables import DAY_TABLE, HOUR_TABLE, TIMELINE_TABLE, state_of
from gridkeeper.availability.topology import Names
from gridkeeper.availability.tree import Expected, Override, Path
from gridkeeper.core.status import Status
from gridkeeper.lake.scan import arrow_table, connect
from tests.availability.days import DAY, DAY_S, RUNS, a_tree
from tests.availability.reference import Setting

H = 3600
STATES = ["OK", "SLOW", "UNKNOWN", "MISSING", "DOWNTIME", "CRITICAL"]
PROFILE = {
    "states": STATES, "up": ["OK", "SLOW"],
    "defaults": {"down": "DOWNTIME", "missing": "MISSING", "unknown": "UNKNOWN"},
    "operations": {
        name: [[a, b, max(a, b, key=STATES.index)] for a in STATES for b in STATES] for name in ("AND", "OR")
    },
}  # fmt: skip
SITE = Path("own", "NGI_A", "SITE-A")


def test_the_lake_keeps_the_words_of_states_and_whose_figures_they_are() -> None:
    leaf = SITE._replace(service_type="CE", hostname="ce", metric="m")
    setting = Setting(
        functions={("own", "CE"): ["compute"]}, weights={SITE: 10.0}, profile=PROFILE,
        overrides=[Override(SITE, 6 * H, 12 * H, "SLOW")],
    )  # fmt: skip
    tree = a_tree([Expected(leaf, 1, DAY_S, 0, DAY_S)], [], setting)
    with connect() as con:
        provide(con, tree, arrow_table(con, RUNS.empty_table()), DAY)
        judgement = judge(con, Rules(DAY_S, Operations.of("own", PROFILE)))
        rows = Placed(tree, Names({"NGI_A": "A"}, {}), DAY).rows(judgement)
    timelines = sorted(rows[TIMELINE_TABLE.name].to_pylist(), key=lambda row: (row["level"], row["start"]))
    assert [state_of(row) for row in timelines if row["level"] == "site"] == ["MISSING", "SLOW", "MISSING"]
    assert {row["function"] for row in timelines} == {"", "compute"}
    found = {row["level"]: row for row in rows[DAY_TABLE.name].to_pylist()}
    assert (found["site"]["up_s"], found["site"]["weight"], found["site"]["region_name"]) == (6 * H, 10.0, "A")
    assert (found["federation"]["weighted_up_s"], found["federation"]["weight"]) == (60.0 * H, None)
    assert (found["function"]["function"], found["function"]["weight"]) == ("compute", None)
    assert rows[HOUR_TABLE.name].num_rows == 24 * 6


def test_a_period_of_before_profiles_had_states_of_their_own_is_named_by_its_number() -> None:
    assert state_of({"status": Status.CRITICAL.value, "state": ""}) == "CRITICAL"
