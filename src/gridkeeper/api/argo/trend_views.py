"""The addresses of `/trends/{report}/flapping|status/{groups|services|endpoints|metrics}`."""

from gridkeeper.api.argo import trends as rules
from gridkeeper.api.argo.answers import Answer, Asked, envelope, resource
from gridkeeper.api.argo.expected_metrics import Metric, expected_metrics
from gridkeeper.api.argo.question import Place, days_between, last_day, parse_day
from gridkeeper.api.argo.refusal import RefusedError, bad_request
from gridkeeper.api.argo.reported import report_named
from gridkeeper.api.argo.trends import LEVELS, Wanted
from gridkeeper.availability.levels import Level
from gridkeeper.core.windows import Window

_RANGE = (
    "Please use either a date url parameter or a combination of start_date and end_date parameters to declare range"
)


def _trends(asked: Asked) -> Answer:
    words = asked.words
    if words["level"] not in LEVELS:
        raise RefusedError(404, "Not Found", f"there are no trends of {words['level'][:40]}; take {', '.join(LEVELS)}")
    wanted = _wanted(asked)
    if words["kind"] == "flapping":
        return envelope(rules.flapping(wanted))
    return envelope(rules.statuses(wanted, _metrics(asked, wanted)))


def _wanted(asked: Asked) -> Wanted:
    window = _days(asked)
    report = report_named(asked.actor, asked.words["report"], last_day(window), asked.now.date())
    by_month = asked.parameters.get("granularity") == "monthly"
    return Wanted(window, report, asked.words["level"], by_month, _top(asked.parameters.get("top", "")))


def _days(asked: Asked) -> Window:
    today, parameters = asked.now.date(), asked.parameters
    first, last = parameters.get("start_date", ""), parameters.get("end_date", "")
    if parameters.get("date") or not (first or last):
        day = parse_day(parameters.get("date", ""), today)
        return days_between(day, day)
    if not (first and last):
        raise bad_request(("Bad Request", _RANGE))
    return days_between(parse_day(first, today), parse_day(last, today))


def _top(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise bad_request(("Bad Request", f"top is {text[:40]}; write a whole number"))
    return int(text)


def _metrics(asked: Asked, wanted: Wanted) -> list[Metric]:
    if wanted.level != "metrics":
        return []
    return expected_metrics(wanted.window, wanted.report, Place(Level.METRIC), asked.now)


trends = resource(GET=_trends)
