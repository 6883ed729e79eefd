"""A second judgement of a directory, deliberately naive: at every instant at which anything may change, from scratch.

Reads the JSON itself, knows no tree and no plan. Statuses are words, times are seconds from midnight.
Source: availability.md sections 1 to 3 and 5.
"""

import json
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any

from tests.availability.argo_day.days import DATE

MIDNIGHT = datetime.fromisoformat(f"{DATE}T00:00:00+00:00")
Key = tuple[str, ...]
Line = list[tuple[int, str]]


def second_of(text: str) -> int:
    return int((datetime.fromisoformat(text).astimezone(UTC) - MIDNIGHT).total_seconds() // 1)


def load(path: Path) -> Any:
    if not path.exists():
        return []
    content = json.loads(path.read_text())
    return content["data"] if isinstance(content, dict) else content


class Naive:
    def __init__(self, directory: Path, mode: str) -> None:
        self.argo = mode == "argo-compat"
        self.operations = load(directory / "operations.json")[0]
        self.aggregation = load(directory / "aggregation_profiles.json")[0]
        profiles = sorted(load(directory / "metric_profiles.json"), key=lambda each: each["date"])
        self.metrics = {line["service"]: line["metrics"] for line in profiles[-1]["services"]}
        before = {line["service"]: line["metrics"] for line in profiles[0]["services"]}
        self.new = {(s, m) for s, ms in self.metrics.items() for m in ms if m not in before.get(s, [])}
        sites = {line["subgroup"] for line in load(directory / "topology_groups.json")}
        endpoints = [
            (each["group"], each["service"], each["hostname"])
            for each in load(directory / "topology_endpoints.json")
            if each["group"] in sites
        ]
        services = {service["name"] for function in self.aggregation["groups"] for service in function["services"]}
        self.endpoints = sorted({e for e in endpoints if e[1] in services and self.metrics.get(e[1])})
        self.downtimes = [line for day in load(directory / "downtimes.json") for line in day["endpoints"]]
        self.requests = load(directory / "recomputations.json")
        self.results = [
            json.loads(line)
            for name in ("metric_data_previous", "metric_data")
            for line in (directory / f"{name}.jsonl").read_text().splitlines()
        ]
        self.results = [r for r in self.results if not self._is_source_excluded(r)]

    def _is_source_excluded(self, result: dict[str, Any]) -> bool:
        at = second_of(result["timestamp"])
        for request in self.requests:
            for source in request.get("exclude_monitoring_source", []):
                start, end = second_of(source["start_time"]), second_of(source["end_time"])
                if source["host"] == result["monitoring_host"] and start <= at < end + self.argo:
                    return True
        return False

    def levels(self) -> dict[str, dict[Key, Line]]:
        keys = {
            "metric": {(*each, metric) for each in self.endpoints for metric in self.metrics[each[1]]},
            "endpoint": set(self.endpoints),
            "service": {each[:2] for each in self.endpoints},
            "function": {(each[0], name) for each in self.endpoints for name in self._functions(each[1])},
            "group": {each[:1] for each in self.endpoints},
        }
        return {level: {key: self.timeline(level, key) for key in found} for level, found in keys.items()}

    def timeline(self, level: str, key: Key) -> Line:
        line: Line = []
        for second in self.instants():
            status = getattr(self, f"_{level}")(key, second)
            if not line or line[-1][1] != status:
                line.append((second, status))
        return line

    def instants(self) -> list[int]:
        found = {0}
        for result in self.results:
            found |= {second_of(result["timestamp"]), second_of(result["timestamp"]) + 86400}
        for line in [*self.downtimes, *self.requests]:
            found |= {second_of(line["start_time"])}
            found |= {second_of(line["end_time"]) + late for late in (0, 1, 60)}
        return sorted(second for second in found if 0 <= second < 86400)

    def _functions(self, service: str) -> list[str]:
        return [f["name"] for f in self.aggregation["groups"] if service in [s["name"] for s in f["services"]]]

    def _fold(self, operation: str, statuses: list[str]) -> str:
        rows = next(each["truth_table"] for each in self.operations["operations"] if each["name"] == operation)
        table = {(row["a"], row["b"]): row["x"] for row in rows} | {(row["b"], row["a"]): row["x"] for row in rows}
        counted = [status for status in statuses if status != "EXCLUDED"]
        return reduce(lambda a, b: table[a, b], counted) if counted else "EXCLUDED"

    def _metric(self, key: Key, second: int) -> str:
        group, service, hostname, metric = key
        is_new = (service, metric) in self.new
        heard = [
            r
            for r in self.results
            if (r["service"], r["hostname"], r["metric"]) == key[1:]
            and (0 if is_new else -86400) <= second_of(r["timestamp"]) <= second
        ]
        status = "UNKNOWN" if is_new else "MISSING"
        if heard:
            # max takes the first of several at one instant; the last received is meant.
            last = max(reversed(heard), key=lambda r: datetime.fromisoformat(r["timestamp"]))
            is_valid = self.argo or second < second_of(last["timestamp"]) + 86400
            status = last["status"].upper() if is_valid else "MISSING"
        names = {"group": group, "service": service, "hostname": hostname, "metric": metric}
        return self._forced("metric", names, second, status)

    def _endpoint(self, key: Key, second: int) -> str:
        group, service, hostname = key
        parts = [self._metric((*key, metric), second) for metric in self.metrics[service]]
        status = self._fold(self.aggregation["metric_operation"], parts)
        for line in self.downtimes:
            end = second_of(line["end_time"])
            late = 60 if self.argo and end >= 0 else 0
            is_his = (line["hostname"], line["service"]) == (hostname, service)
            if is_his and second_of(line["start_time"]) <= second < end + late:
                status = "DOWNTIME"
        return self._forced("hostname", {"group": group, "service": service, "hostname": hostname}, second, status)

    def _service(self, key: Key, second: int) -> str:
        parts = [self._endpoint(each, second) for each in self.endpoints if each[:2] == key]
        operations = [s["operation"] for f in self.aggregation["groups"] for s in f["services"] if s["name"] == key[1]]
        return self._forced("service", {"group": key[0], "service": key[1]}, second, self._fold(operations[0], parts))

    def _function(self, key: Key, second: int) -> str:
        group, name = key
        function = next(each for each in self.aggregation["groups"] if each["name"] == name)
        services = {each[1] for each in self.endpoints if each[0] == group}
        parts = [self._service((group, s["name"]), second) for s in function["services"] if s["name"] in services]
        return self._fold(function["operation"], parts)

    def _group(self, key: Key, second: int) -> str:
        names = {name for each in self.endpoints if each[:1] == key for name in self._functions(each[1])}
        status = self._fold(
            self.aggregation["profile_operation"], [self._function((key[0], name), second) for name in sorted(names)]
        )
        return self._forced("group", {"group": key[0]}, second, status)

    def _forced(self, level: str, names: dict[str, str], second: int, status: str) -> str:
        """Recomputations in list order, each with the end that the mode gives its kind."""
        for request in self.requests:
            start, end = second_of(request["start_time"]), second_of(request["end_time"])
            if end < 0:
                continue
            if level == "group" and names["group"] in request.get("exclude", []):
                status = "UNKNOWN" if start <= second < end + 60 * self.argo else status
            if level == "metric":
                for item in request.get("exclude_metrics", []):
                    if item.items() <= names.items() and start <= second < end + self.argo:
                        status = "EXCLUDED"
            for item in request.get("applied_status_changes", []):
                place = {name: word for name, word in item.items() if name != "state"}
                lowest = next(name for name in ("metric", "hostname", "service", "group") if name in place)
                if lowest == level and place.items() <= names.items() and start <= second < end:
                    status = item["state"]
        return status

    def figures(self, line: Line) -> dict[str, Any]:
        ends = [second for second, _ in line[1:]] + [86400]
        spent: dict[str, int] = {}
        for (start, status), end in zip(line, ends, strict=True):
            spent[status] = spent.get(status, 0) + end - start
        defaults = self.operations["defaults"]
        up = spent.get("OK", 0) + spent.get("WARNING", 0)
        unknown = sum(spent.get(each, 0) for each in {defaults["unknown"], defaults["missing"]})
        down = spent.get(defaults["down"], 0)
        known = 86400 - unknown - (0 if self.argo else spent.get("EXCLUDED", 0))
        return {
            "availability": self._percent(up, known),
            "reliability": self._percent(up, known - down),
            "up": up,
            "unknown": unknown,
            "down": down,
            "flips": len(line) - 1,
        }

    def _percent(self, part: int, whole: int) -> float | None:
        if whole <= 0:
            return -1 if self.argo else None
        return (2 * 10**7 * part + whole) // (2 * whole) / 10**5
