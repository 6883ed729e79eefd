"""Whatever stands in the files: it is judged, or refused with a reason."""

import json
import os
from contextlib import suppress
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gridkeeper.availability.argo_day.day import read_day
from gridkeeper.availability.argo_day.files import ArgoDayError, Report
from gridkeeper.availability.argo_day.judgement import tree_of
from tests.availability.argo_day.days import DATE, OPERATIONS, aggregation, endpoint, metric_profile, result, write_day

EXAMPLES = int(os.environ.get("ARGO_DAY_EXAMPLES", "25"))
PERIOD = {"start_time": f"{DATE}T03:00:00Z", "end_time": f"{DATE}T04:00:00Z"}
#: What a file may well hold; of it a part is replaced by anything.
FILES: dict[str, Any] = {
    "topology_groups": [{"date": DATE, "group": "NGI", "subgroup": "SITE"}],
    "topology_endpoints": [endpoint("SITE", "CE", "ce1")],
    "metric_profiles": [metric_profile({"CE": ["m1"]})],
    "aggregation_profiles": [aggregation({"compute": {"CE": "OR"}})],
    "operations": [OPERATIONS],
    "downtimes": [{"date": DATE, "endpoints": [{"hostname": "ce1", "service": "CE", **PERIOD}]}],
    "thresholds": [{"name": "t", "rules": [{"metric": "m1", "thresholds": "a=1;2;3"}]}],
    "recomputations": [
        {"exclude": ["SITE"], "exclude_metrics": [{"metric": "m1"}], **PERIOD},
        {"applied_status_changes": [{"group": "SITE", "state": "OK"}], **PERIOD},
        {"exclude_monitoring_source": [{"host": "mon1", **PERIOD}]},
    ],
    "weights": [{"groups": [{"name": "SITE", "value": "3"}]}],
    "metrics": [{"name": "m1", "tags": ["a"]}],
    "metric_data": [result("03:00:00", "OK", actual_data="a=1")],
}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(DATE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "name"]), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


def places(whole: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every part."""
    steps = whole.items() if isinstance(whole, dict) else enumerate(whole) if isinstance(whole, list) else ()
    return [path, *(place for step, part in steps for place in places(part, (*path, step)))]


def replaced(whole: Any, path: tuple[Any, ...], part: Any) -> Any:
    if not path:
        return part
    copy: Any = dict(whole) if isinstance(whole, dict) else list(whole)
    copy[path[0]] = replaced(whole[path[0]], path[1:], part)
    return copy


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_a_part_replaced_by_anything_is_read_or_refused(data: st.DataObject) -> None:
    files = dict(FILES)
    name = data.draw(st.sampled_from(sorted(files)))
    files[name] = replaced(files[name], data.draw(st.sampled_from(places(files[name]))), data.draw(anything))
    results, report = files.pop("metric_data"), Report()
    with TemporaryDirectory() as folder, suppress(ArgoDayError):
        directory = write_day(Path(folder), **files)
        (directory / "metric_data.jsonl").write_text(json.dumps(results).removeprefix("[").removesuffix("]"))
        day = read_day(directory, date.fromisoformat(DATE), report)
        for mode in ("gridkeeper", "argo-compat"):
            assert tree_of(day, mode, report).numbers is not None  # type: ignore[arg-type]
        assert list(day.results(report)) is not None
