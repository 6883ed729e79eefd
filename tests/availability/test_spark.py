"""The plan on Spark: the same statements' rows as on DuckDB, at every level, on a day that has a bit of everything."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from django.conf import settings
from django.test import override_settings
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis

from gridkeeper.availability.compute import compute_days
from gridkeeper.availability.judge import Rules, judge
from gridkeeper.availability.operations import DEFAULT_OPERATIONS, Operations
from gridkeeper.availability.relations import provide
from gridkeeper.availability.synthetic import Model, results_of, tree_of
from gridkeeper.availability.synthetic_lake import write_days
from gridkeeper.availability.tables import DAY_TABLE, HOUR_TABLE, TIMELINE_TABLE
from gridkeeper.availability.tree import Combination, Override, Path, Tree
from gridkeeper.core.windows import DAY as ONE_DAY
from gridkeeper.lake import spark
from gridkeeper.lake.changes import status_runs
from gridkeeper.lake.scan import arrow_table, connect
from gridkeeper.lake.store import open_lake
from gridkeeper.lake.tables import RUNS, LakeTable
from tests.availability import days
from tests.availability.random_days import RandomDay
from tests.availability.random_days import days as random_days
from tests.services import require_service

#: A random day costs Spark some seconds; long runs ask for more than two.
EXAMPLES = int(os.environ.get("SPARK_EXAMPLES", "2"))
DAY = date(2026, 3, 10)
_COLUMNS = ["series", "status", "start", "last_at", "seq"]
#: For days of a few rows: compiling a query costs more than running it.
_SMALL = """
spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
spark.sql.adaptive.enabled false
spark.sql.shuffle.partitions 1
spark.default.parallelism 1
spark.driver.extraJavaOptions -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
"""

# PySpark leaves sockets to the garbage collector.
pytestmark = [pytest.mark.service, pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> Iterator[str]:
    """The address of a local Spark that is set up for small days."""
    require_service(shutil.which("java") is not None, "Java")
    folder = tmp_path_factory.mktemp("spark")
    (folder / "spark-defaults.conf").write_text(f"{_SMALL}spark.local.dir {folder}\nspark.sql.warehouse.dir {folder}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_CONF_DIR", str(folder))
        yield "local[1]"
    spark.stop()


@pytest.fixture
def own_folder(tmp_path) -> Iterator[None]:
    with override_settings(GRIDKEEPER=settings.GRIDKEEPER.model_copy(update={"data_dir": tmp_path})):
        yield


def rows_of(con: Any, tree: Tree, rules: Rules, runs: Any) -> dict[str, pa.Table]:
    """Every table of the judgement, sorted."""
    provide(con, tree, runs, DAY)
    judged = judge(con, rules)
    tables = {level.label: table for level, table in judged.timelines.items()}
    tables |= {"figures": judged.figures, "hours": judged.hours}
    found = {name: table.to_pyarrow() for name, table in tables.items()}
    keys = ("node", "hour", "start_s")
    return {
        name: table.sort_by([(key, "ascending") for key in keys if key in table.column_names])
        for name, table in found.items()
    }


def assert_same(duckdb: dict[str, pa.Table], on_spark: dict[str, pa.Table]) -> None:
    assert list(duckdb) == list(on_spark)
    for name, table in duckdb.items():
        assert table.to_pylist() == on_spark[name].to_pylist(), name


STATES = DEFAULT_OPERATIONS.states
ORDERS = DEFAULT_OPERATIONS.document()["operations"]
#: Two different states are UNKNOWN together: no order of the states says so.
ODD = [[a, b, a if a == b else "UNKNOWN"] for a in STATES for b in STATES]
OPERATIONS = Operations.of("odd", DEFAULT_OPERATIONS.document() | {"operations": ORDERS | {"ODD": ODD}})


def a_rich_day() -> tuple[Tree, list[pa.Table]]:
    """Flapping and dead metrics, functions, an odd operation, downtimes, weights, overrides, breaks and new metrics."""
    model = Model(
        sites=2, types=3, services=2, metrics=2, results_a_day=24, flap_rate=0.4, bad_rate=0.3, downtime_rate=0.3
    )
    made = tree_of(model)
    tree = Tree(
        excuses=made.excuses,
        functions={("ops", "type0"): ["compute", "all"], ("ops", "type1"): ["compute"]},
        combinations={"ops": Combination("AND", {"type1": "ODD"}, {"all": "AND"}, "ODD")},
        weights={Path("ops", "NGI_0", "SITE-0"): 120.5},
        overrides=[
            Override(Path("ops", "NGI_0", "SITE-1"), 3_600, 7_200, "UNKNOWN"),
            Override(made.expected[0].path, 0, 86_400, "EXCLUDED"),
            Override(made.expected[5].path._replace(metric=""), 40_000, 50_000, "CRITICAL", holds_end=True),
            Override(Path("ops", "NGI_0", "SITE-0", function="compute"), 80_000, 86_400, "OK"),
        ],
    )
    for number, line in enumerate(made.expected):
        for part in _parts(number, line):
            tree.expect(part)
    return tree, [pa.concat_tables(results_of(model, day)) for day in (DAY - ONE_DAY, DAY)]


def _parts(number: int, line: Any) -> list[Any]:
    """Of some metrics: new at ten; with a break at noon; results that say something for half an hour only."""
    if number % 5 == 0:
        return [line._replace(from_s=36_000, is_new=True)]
    if number % 5 == 1:
        return [line._replace(until_s=40_000), line._replace(from_s=50_000)]
    return [line._replace(validity_s=1_800)] if number % 5 == 2 else [line]


@pytest.mark.timeout(600)
def test_every_row_of_a_day_is_the_same_on_both_engines(session, own_folder) -> None:
    tree, results = a_rich_day()
    rules = Rules(86_400, OPERATIONS, "argo-compat")

    def judged(con: Any) -> dict[str, pa.Table]:
        before, today = (status_runs(arrow_table(con, part)).select(*_COLUMNS) for part in results)
        return rows_of(con, tree, rules, before.union(today))

    with connect() as con:
        expected = judged(con)
    with spark.connect(session) as con:
        found = judged(con)
    assert {name: table.num_rows > 0 for name, table in expected.items()} == dict.fromkeys(expected, True)
    assert_same(expected, found)


@pytest.mark.timeout(600)
def test_the_figures_of_an_installation_are_the_same_on_both_engines(session, installation) -> None:
    write_days(Model(sites=2, types=2, services=2, metrics=2, flap_rate=0.4, downtime_rate=0.5), [DAY - ONE_DAY, DAY])
    now = datetime(2026, 3, 12, tzinfo=UTC)
    found = []
    for engine in ("duckdb", session):
        config = settings.GRIDKEEPER.model_copy(update={"engine": engine})
        with override_settings(GRIDKEEPER=config):
            assert not compute_days([DAY], now).failed
            found.append(
                [sorted(map(str, _stored(table).to_pylist())) for table in (DAY_TABLE, HOUR_TABLE, TIMELINE_TABLE)]
            )
    assert found[0] == found[1]
    assert all(found[0])


def _stored(table: LakeTable) -> pa.Table:
    lake = open_lake()
    return lake.read(table.name, lake.snapshot(table.name).files)


@pytest.mark.timeout(3600)
@hypothesis(
    max_examples=EXAMPLES, deadline=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(day=random_days())
def test_random_days_are_the_same_on_both_engines(session, own_folder, day: RandomDay) -> None:
    operations = Operations.of("tested", day.setting.profile)
    rules = Rules(day.length_s, operations, day.setting.mode)
    tree = days.a_tree(day.expected, day.excuses, day.setting)
    runs = pa.Table.from_pylist(
        days.runs_of(day.results, {line.series: line.validity_s for line in day.expected}), schema=RUNS.stored_schema
    )
    with connect() as con:
        expected = rows_of(con, tree, rules, arrow_table(con, runs))
    with spark.connect(session) as con:
        assert_same(expected, rows_of(con, tree, rules, arrow_table(con, runs)))
