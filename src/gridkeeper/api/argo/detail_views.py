"""The addresses of `/metric_result/{host}[/{metric}]` and `/latest/{report}/{group_type}[/{group}]`."""

from datetime import timedelta

from gridkeeper.api.argo import details
from gridkeeper.api.argo.answers import Answer, Asked, envelope, resource
from gridkeeper.api.argo.endpoints import Endpoints
from gridkeeper.api.argo.expected_metrics import expected_metrics
from gridkeeper.api.argo.forms import Form
from gridkeeper.api.argo.question import ZULU, Place, parse_day, parse_zulu
from gridkeeper.api.argo.refusal import RefusedError, bad_request
from gridkeeper.api.argo.reported import report_named
from gridkeeper.availability.levels import Level
from gridkeeper.bus.facts import open_facts
from gridkeeper.core.status import Status
from gridkeeper.core.windows import Window

_EXEC_TIME = (
    f"Please use exec_time url parameter in zulu format (like {ZULU}) to indicate the exact probe execution time"
)
_DEFAULT_LIMIT = 500


def _metric_result(asked: Asked) -> Answer:
    """One result of a metric by its instant, or all of a host on the day of it."""
    hostname, metric = asked.words["hostname"], asked.words.get("metric", "")
    text = asked.parameters.get("exec_time", "")
    if not text:
        raise bad_request(("exec_time not set", _EXEC_TIME))
    moment = parse_zulu("exec_time", text)
    window = Window(moment, moment + timedelta(seconds=1)) if metric else Window.of_day(moment.date())
    found = details.of_host(open_facts(), hostname, metric, window, _filter(asked))
    if not found:
        return Answer({"root": []})
    endpoints = Endpoints.of_registry(hostname=hostname)
    document = details.host_document(hostname, found, endpoints.info(hostname, found[0][1]))
    return Answer({"root": [document]}, xml=details.host_as_xml(document) if asked.form is Form.XML else None)


def _filter(asked: Asked) -> frozenset[Status]:
    word = asked.parameters.get("filter", "").lower() or "all"
    if word not in details.FILTERS:
        raise bad_request(("Wrong filter", f"{word[:40]} is no filter; take {', '.join(details.FILTERS)}"))
    return details.FILTERS[word]


def _latest(asked: Asked) -> Answer:
    day = parse_day(asked.parameters.get("date", ""), asked.now.date())
    report = report_named(asked.actor, asked.words["report"], day, asked.now.date())
    if asked.words["group_type"] != report.group_type:
        words = f"The report {report.name} does not define endpoint group type: {asked.words['group_type'][:80]}"
        raise RefusedError(404, words, f"Try using {report.group_type} instead")
    window = Window.of_day(day)
    metrics = expected_metrics(window, report, Place(Level.METRIC, site=asked.words.get("group", "")), asked.now)
    wanted = details.Latest(window, _filter(asked), _limit(asked), asked.parameters.get("strict", "true") != "false")
    return envelope({"metric_data": details.latest(open_facts(), metrics, wanted)}, asked.form.value)


def _limit(asked: Asked) -> int:
    """500 where it was not sent or is no number, as in ARGO; all for -1."""
    text = asked.parameters.get("limit", "")
    if text == "-1":
        return 0
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 10 else _DEFAULT_LIMIT


metric_result = resource(GET=_metric_result)
latest = resource(GET=_latest)
