"""What is read of files as others write them: the three kinds of metric data, envelopes, and bad records."""

import csv
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import fastavro
import pytest

from gridkeeper.availability.argo_day.day import ArgoDay, read_day
from gridkeeper.availability.argo_day.files import ArgoDayError, Report
from tests.availability.argo_day.days import (
    BEFORE,
    DATE,
    OPERATIONS,
    aggregation,
    endpoint,
    envelope,
    metric_profile,
    result,
    write_day,
)

DAY = date.fromisoformat(DATE)
PERIOD = {"start_time": f"{DATE}T03:00:00Z", "end_time": f"{DATE}T04:00:00Z"}
#: As ARGO's connectors declare it.
_TAGS = {"name": "Tags", "type": "map", "values": ["null", "string"]}
_TEXTS = [{"name": name, "type": "string"} for name in ("timestamp", "service", "hostname", "metric", "status")]
_NULLABLE = [{"name": name, "type": ["null", "string"]} for name in ("monitoring_host", "summary", "message")]
_SCHEMA = {
    "namespace": "argo.avro", "type": "record", "name": "MetricData",
    "fields": [
        *_TEXTS, *_NULLABLE, {"name": "tags", "type": ["null", _TAGS]},
        {"name": "actual_data", "type": ["null", "string"], "default": None},
    ],
}  # fmt: skip
RECORDS = [
    result("03:00:00", "OK", summary="well", message="line 1\nline, \"2\"", actual_data="time=0.2s", tags={"a": "b"}),
    result("04:00:00", "CRITICAL", summary=None, message=None, actual_data=None, tags=None, monitoring_host=None),
]  # fmt: skip


def write(path: Path, records: list[dict[str, Any]]) -> None:
    if path.suffix == ".avro":
        with path.open("wb") as file:
            fastavro.writer(file, fastavro.parse_schema(_SCHEMA), records, codec="deflate")
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    else:
        with path.open("w", newline="") as file:
            rows = csv.DictWriter(file, list(records[0]))
            rows.writeheader()
            rows.writerows(records)


def read(directory: Path, **files: Any) -> tuple[ArgoDay, Report]:
    report = Report()
    return read_day(write_day(directory, **files), DAY, report), report


@pytest.mark.parametrize("suffix", [".avro", ".jsonl", ".csv"])
def test_it_reads_metric_data_of_each_kind(tmp_path: Path, suffix: str) -> None:
    day, report = read(tmp_path)
    (tmp_path / "metric_data.jsonl").unlink()
    write(tmp_path / f"metric_data{suffix}", RECORDS)
    first, second = day.results(report)
    assert first[1:] == ("CE", "ce1", "m1", "OK", "mon1", "time=0.2s")
    assert second[1:] == ("CE", "ce1", "m1", "CRITICAL", "", "")
    assert first.at.isoformat() == f"{DATE}T03:00:00+00:00"
    assert report.problems == []


def test_avro_may_have_instants_of_its_own(tmp_path: Path) -> None:
    day, report = read(tmp_path)
    instant = {"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-millis"}}
    schema = _SCHEMA | {"fields": [instant, *_SCHEMA["fields"][1:]]}
    record = RECORDS[0] | {"timestamp": datetime(2022, 1, 14, 3, tzinfo=UTC)}
    with (tmp_path / "metric_data.avro").open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(schema), [record])
    assert [each.at for each in day.results(report)] == [record["timestamp"]]


def test_results_of_the_day_before_come_first(tmp_path: Path) -> None:
    day, report = read(tmp_path, results=RECORDS[:1], previous=[result(f"{BEFORE}T03:00:00Z", "OK")])
    assert [each.at.day for each in day.results(report)] == [13, 14]


def test_bad_lines_are_named_and_good_ones_kept(tmp_path: Path) -> None:
    day, report = read(tmp_path)
    good = json.dumps(RECORDS[0])
    lines = ["\ufeff" + good, "", "{", "[]", '{"timestamp": 3}', json.dumps(result("03:00", "odd")), '"\\ud800"', good]
    (tmp_path / "metric_data.jsonl").write_text("\n".join(lines))
    assert len(list(day.results(report))) == 2
    assert [str(problem).split(": ")[1] for problem in report.problems] == [f"line {n}" for n in (3, 4, 5, 6, 7)]
    assert "status 'odd' is none of OK, WARNING" in str(report.problems[3])


def test_a_broken_avro_file_gives_what_stands_before_the_break(tmp_path: Path) -> None:
    day, report = read(tmp_path)
    (tmp_path / "metric_data.jsonl").unlink()
    path = tmp_path / "metric_data.avro"
    with path.open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(_SCHEMA), RECORDS * 50, sync_interval=100)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert 0 < len(list(day.results(report))) < 100
    assert "the file is broken from here on" in str(report.problems[-1])
    path.write_bytes(b"Avro?")
    with pytest.raises(ArgoDayError, match="no Avro file"):
        list(day.results(report))


def test_a_csv_without_the_columns_is_refused(tmp_path: Path) -> None:
    day, report = read(tmp_path)
    (tmp_path / "metric_data.csv").write_text("time,host\n1,2\n")
    with pytest.raises(ArgoDayError, match="no column timestamp, service, hostname"):
        list(day.results(report))


def test_short_and_long_lines_of_a_csv(tmp_path: Path) -> None:
    day, report = read(tmp_path)
    lines = ["Timestamp, service ,hostname,metric,status", f"{DATE}T03:00:00Z,CE,ce1,m1,OK,more", "x,CE", ""]
    (tmp_path / "metric_data.csv").write_text("\n".join(lines))
    (found,) = day.results(report)
    assert found.status == "OK"
    assert str(report.problems[0]) == "metric_data.csv: line 3: hostname is missing; left out"


@pytest.mark.parametrize("wrap", [lambda data: data, envelope], ids=["bare", "envelope"])
def test_each_document_is_a_bare_list_or_an_envelope(tmp_path: Path, wrap: Any) -> None:
    day, report = read(
        tmp_path,
        topology_groups=wrap([{"group": "NGI", "subgroup": "SITE", "more": 1}]),
        topology_endpoints=wrap([endpoint("SITE", "CE", "ce1") | {"notifications": {"enabled": True}}]),
        metric_profiles=wrap([metric_profile({"CE": ["m1"]})]),
        aggregation_profiles=wrap([aggregation({"compute": {"CE": "OR"}})]),
        operations=wrap([OPERATIONS]),
        downtimes=wrap([{"date": DATE, "endpoints": [{"hostname": "ce1", "service": "CE", **PERIOD}]}]),
        thresholds=wrap([{"id": "t", "name": "t", "rules": [{"metric": "m1", "thresholds": "a=1;2;3"}]}]),
        recomputations=wrap([{"exclude": ["SITE"], **PERIOD}]),
        weights=wrap([{"date": DATE, "weight_type": "hepspec", "groups": [{"name": "SITE", "value": "12.5"}]}]),
        metrics=wrap([{"name": "m1", "tags": ["network", "internal"]}]),
    )
    assert report.problems == []
    assert (day.endpoints, day.above) == ([("SITE", "CE", "ce1")], {"SITE": "NGI"})
    assert (len(day.downtimes), len(day.recomputations.changes)) == (1, 1)
    assert day.thresholds.most_specific(group="SITE", host="ce1", metric="m1") is not None
    assert (day.weights, day.tags) == ({"SITE": 12.5}, {"m1": ("network", "internal")})


def test_a_bare_list_of_rules_and_of_weights_and_a_single_profile(tmp_path: Path) -> None:
    day, report = read(
        tmp_path,
        operations=OPERATIONS,
        metric_profiles=metric_profile({"CE": ["m1"]}),
        aggregation_profiles=aggregation({"compute": {"CE": "OR"}}),
        thresholds=[{"metric": "m1", "thresholds": "a=1;2;3"}],
        weights=[{"name": "SITE", "value": 3}, {"name": "B", "value": "4"}],
        recomputations=envelope(None),
    )
    assert report.problems == []
    assert day.thresholds.most_specific(group="SITE", host="ce1", metric="m1") is not None
    assert day.weights == {"SITE": 3, "B": 4}


def test_the_version_in_force_counts(tmp_path: Path) -> None:
    profiles = [
        metric_profile({"CE": ["later"]}, date="2022-01-15"),
        metric_profile({"CE": ["m1"]}, date="2022-01-10"),
        metric_profile({"CE": ["old"]}, date="2021-01-10"),
        metric_profile({"CE": ["other"]}) | {"name": "other", "id": "9"},
    ]
    snapshots = [endpoint("SITE", "CE", "ce0") | {"date": BEFORE}, endpoint("SITE", "CE", "ce1")]
    day, _ = read(tmp_path, metric_profiles=profiles, topology_endpoints=snapshots)
    assert day.metrics.of_service == {"CE": ("m1",)}
    assert day.metrics.new == frozenset()  # it is older than the day
    assert [each.hostname for each in day.endpoints] == ["ce1"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"topology_groups": [{"group": "A", "subgroup": "B"}, {"group": "B", "subgroup": "A"}]}, "A: stands above B"),
        ({"topology_groups": [{"group": "A", "subgroup": "A"}]}, "A: stands above A and below it"),
        ({"topology_groups": ["NGI", {"group": "N", "subgroup": "SITE"}]}, "record 1: 'NGI' is no object"),
        ({"topology_endpoints": [{"group": "SITE", "service": "CE"}]}, "record 1: hostname is missing"),
        ({"topology_endpoints": [endpoint("SITE", "CE", "ce1") | {"group": 7}]}, "group is 7; it must be a text"),
        ({"weights": [{"name": "SITE", "value": "-3"}]}, "the weight of SITE is '-3'; it must be a number, 0 or more"),
        ({"weights": [{"name": "SITE"}]}, "the weight of SITE is None"),
        ({"weights": [{"name": "SITE", "value": "nan"}]}, "the weight of SITE is 'nan'"),
        ({"thresholds": [{"metric": "m1", "thresholds": "quick"}]}, "record 1: thresholds: 'quick' is no"),
        ({"downtimes": [{"hostname": "ce1", "service": "CE", "start_time": "soon"}]}, "'soon' is no instant"),
        ({"downtimes": [{"hostname": "a", "service": "b", "start_time": f"{DATE}T03:00:00"}]}, "is no instant"),
        ({"recomputations": [{"exclude": ["SITE"]}]}, "record 1: start_time is missing"),
        ({"recomputations": [{"exclude": "SITE", **PERIOD}]}, "'SITE' is no list"),
        ({"metrics": [{"tags": ["a"]}]}, "name is missing"),
        ({"operations": None}, "there is no operations profile; the default one is used"),
    ],
)  # fmt: skip
def test_a_bad_record_is_named_and_left_out(tmp_path: Path, files: dict[str, Any], message: str) -> None:
    _, report = read(tmp_path, **files)
    assert [str(problem) for problem in report.problems if message in str(problem)], report.problems
    assert len(report.problems) == 1


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"topology_endpoints": None}, "there is no topology_endpoints.json"),
        ({"metric_profiles": []}, "there is no metric profile"),
        ({"aggregation_profiles": []}, "there is no aggregation profile"),
        ({"aggregation_profiles": [aggregation({})]}, "names no groups"),
        ({"aggregation_profiles": [aggregation({"f": {"CE": "XOR"}})]}, "the operation XOR is none of"),
        ({"metric_profiles": [{"name": "mp", "services": 3}]}, "services is 3; it must be a list"),
        ({"operations": [{"name": "x"}]}, "is no operations profile"),
        ({"operations": [OPERATIONS | {"available_states": ["OK", "DOWNTIME"]}]}, "none of its states"),
        ({"operations": [OPERATIONS | {"operations": OPERATIONS["operations"][:1]}]}, "the operation OR is none of"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_says_why(tmp_path: Path, files: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgoDayError, match=message):
        read(tmp_path, **files)


def test_a_profile_that_is_not_associative_is_refused_with_the_triple(tmp_path: Path) -> None:
    rows = [dict(row) for row in OPERATIONS["operations"][0]["truth_table"]]
    next(row for row in rows if (row["a"], row["b"]) == ("OK", "WARNING"))["x"] = "MISSING"
    profile = OPERATIONS | {"operations": [{"name": "AND", "truth_table": rows}, OPERATIONS["operations"][1]]}
    with pytest.raises(ArgoDayError, match=r"operations.json: .*'AND' is not associative: \(OK, "):
        read(tmp_path, operations=[profile])


def test_a_file_that_is_no_json_is_refused_with_its_line(tmp_path: Path) -> None:
    directory = write_day(tmp_path)
    (directory / "downtimes.json").write_text("[\n{,}]")
    with pytest.raises(ArgoDayError, match=r"downtimes\.json: line 2, column 2"):
        read_day(directory, DAY, Report())


def test_many_problems_are_counted() -> None:
    report = Report(most=2)
    for number in range(5):
        report.add("f.json", f"record {number}", "bad")
    assert list(report.lines())[1:] == ["f.json: record 1: bad", "f.json: 3 more problems of this file are not shown"]
