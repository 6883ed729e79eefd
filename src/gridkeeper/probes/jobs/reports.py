"""What a payload wrote: one JSON object a line, each the result of a rider (docs/howto/tests.md, "Jobs").

The payload that we write ourselves also says when it begins and ends, with the order's token, so that the output of
another run, and one that was cut, are noticed.
"""

import json
from typing import Any

from gridkeeper.core.status import RESULT_STATUSES, Status, parse_status
from gridkeeper.probes.jobs.orders import Reported
from gridkeeper.probes.native.check import CheckFailedError, Outcome

_FAULTS = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
#: What is said of lines that are no results; a flood of them says nothing more.
_MOST_REMARKS = 20


def read_report(text: str, token: str = "") -> tuple[dict[str, Reported], list[str]]:
    """Results by metric, and remarks on lines that are none. token: of the order, "" where the payload has none.

    Raises CheckFailedError where the payload is not ours, or did not reach its end.
    """
    riders: dict[str, Reported] = {}
    remarks: list[str] = []
    marks: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            found = json.loads(line)
            if token and isinstance(found, dict) and found.get("job") == token:
                marks.append(str(found.get("mark")))
                continue
            metric, reported = _parse(found)
        except _FAULTS as error:
            remarks.append(f"line {number} of the output is no result: {error}"[:300])
            continue
        riders[metric] = reported
    if token:
        _require_whole(marks, text)
    return riders, remarks[:_MOST_REMARKS]


def _require_whole(marks: list[str], text: str) -> None:
    if "begin" not in marks:
        why = "the output is empty" if not text.strip() else "the output is not that of this job"
        raise CheckFailedError(Status.CRITICAL, f"{why}: the payload did not run on the worker node", text[:4000])
    if "end" not in marks:
        raise CheckFailedError(Status.CRITICAL, "the output ends early: the payload was cut off", text[:4000])


def _parse(line: Any) -> tuple[str, Reported]:
    status = parse_status(line["status"])
    if status not in RESULT_STATUSES:
        raise ValueError(f"{line['status']!r} is no status of a result")
    outcome = Outcome(status, str(line.get("summary", ""))[:500].strip(), str(line.get("output", "")),
                      str(line.get("perfdata", "")))  # fmt: skip
    return str(line["metric"]), Reported(outcome, max(0, int(line.get("duration_ms", 0))))
