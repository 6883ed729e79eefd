"""Synthetic days: what the model states is what is made, the same each time, and figures come of it."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from gridkeeper.availability import queries
from gridkeeper.availability.compute import compute_days
from gridkeeper.availability.synthetic import Model, ModelError, results_of, tree_of
from gridkeeper.availability.synthetic_argo import write_argo_day
from gridkeeper.availability.synthetic_lake import make_registry, write_days
from gridkeeper.core.windows import Window
from gridkeeper.lake.tables import RESULTS
from gridkeeper.registry.models import Service, Site
from tests.builders import a_site

DAY = date(2026, 3, 10)
SMALL = Model(sites=3, types=2, services=2, metrics=2, results_a_day=24, flap_rate=0.3, bad_rate=0.2, dead_rate=0.05)


def a_day(model: Model = SMALL, day: date = DAY) -> pa.Table:
    return pa.concat_tables(results_of(model, day))


def test_a_day_has_the_stated_number_of_results_within_the_day_sorted_as_a_closed_day() -> None:
    found = a_day()
    assert found.num_rows == SMALL.results == 3 * 2 * 2 * 2 * 24
    assert found.cast(RESULTS.stored_schema).schema == RESULTS.stored_schema
    times = found.column("executed_at").to_pylist()
    window = Window.of_day(DAY)
    assert all(window.start <= moment < window.end for moment in times)
    assert list(zip(found.column("series").to_pylist(), times, strict=True)) == sorted(
        zip(found.column("series").to_pylist(), times, strict=True)
    )


def test_the_same_seed_makes_the_same_day_and_another_one_another() -> None:
    assert a_day().equals(a_day())
    assert not a_day().equals(a_day(replace(SMALL, seed=4)))
    assert not a_day().column("executed_at").equals(a_day(day=DAY + timedelta(days=1)).column("executed_at"))


def test_rates_are_met() -> None:
    model = Model(
        sites=50, types=5, services=2, metrics=10, results_a_day=40, flap_rate=0.2, bad_rate=0.1, dead_rate=0.1
    )
    status = a_day(model).column("status").to_numpy().reshape(-1, 40)
    share = (status == 2).mean(axis=1)
    assert abs((share == 1).mean() - 0.1) < 0.02
    flapping = (share > 0) & (share < 1)
    assert abs(flapping.mean() - 0.2) < 0.02
    assert abs(share[flapping].mean() - 0.1) < 0.01


def test_a_metric_is_of_the_same_kind_on_all_days() -> None:
    model = replace(SMALL, dead_rate=0.4, bad_rate=0.0)
    days = [a_day(model, DAY + timedelta(days=n)).column("status").to_numpy() for n in range(2)]
    assert np.array_equal(*days)
    assert 0 < (days[0] == 2).mean() < 1


def test_the_tree_expects_every_series_and_excuses_the_stated_share() -> None:
    model = replace(SMALL, downtime_rate=0.5)
    tree = tree_of(model)
    assert sorted(line.series for line in tree.expected) == [key.series for key in model.keys]
    assert len(tree.excuses) == 6


@pytest.mark.parametrize("wrong", [{"sites": 0}, {"flap_rate": 1.5}, {"flap_rate": 0.6, "dead_rate": 0.6}])
def test_it_refuses_an_impossible_model(wrong) -> None:
    with pytest.raises(ModelError, match=r"rate|sites"):
        replace(SMALL, **wrong)


def test_figures_come_of_the_days_in_the_lake(installation) -> None:
    model = replace(SMALL, flap_rate=0, dead_rate=0, downtime_rate=0.5)
    days = [DAY, DAY + timedelta(days=1)]
    assert write_days(model, days) == 2 * model.results
    assert write_days(model, days) == 0
    compute_days([days[1]], datetime(2026, 3, 12, tzinfo=UTC))
    window = Window.of_day(days[1])
    (found,) = queries.figures(window, level="federation", report="ops")
    # Everything is OK, but half of the services are in a downtime of two hours: in each pair of a type one is left.
    assert found.seconds.total_s == 3 * 86_400
    assert found.seconds.up_s + found.seconds.down_s == found.seconds.total_s


def test_a_registry_that_is_somebodys_own_is_left_alone(installation) -> None:
    a_site()
    with pytest.raises(ModelError, match="empty data folder"):
        make_registry(SMALL, [DAY])
    assert (Site.objects.count(), Service.objects.count()) == (1, 0)


def test_argo_files_hold_the_same_day(tmp_path) -> None:
    assert write_argo_day(SMALL, DAY, tmp_path) == SMALL.results
    read = {path.stem: json.loads(path.read_text()) for path in tmp_path.glob("*.json")}
    assert len(read["topology_groups"]) == 3
    assert len(read["topology_endpoints"]) == 3 * 4
    lines = [json.loads(line) for line in (tmp_path / "metric_data.jsonl").read_text().splitlines()]
    assert len(lines) == SMALL.results
    bad = sum(line["status"] == "CRITICAL" for line in lines)
    assert bad == (a_day().column("status").to_numpy() == 2).sum()
    assert {line["timestamp"][:10] for line in lines} == {"2026-03-10"}
