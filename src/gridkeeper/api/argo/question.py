"""A question about figures or timelines, read once: the period, the view, the page, and the place in the tree."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from gridkeeper.api.argo.refusal import RefusedError, bad_request
from gridkeeper.api.argo.reported import Reported
from gridkeeper.availability.levels import Level
from gridkeeper.core.windows import DAY, Window

ZULU = "2006-01-02T15:04:05Z"
GRANULARITIES = ("daily", "monthly", "custom")
Granularity = Literal["daily", "monthly", "custom"]
#: Bounds the time of an answer; ARGO's clients ask for months.
MOST_DAYS = 1100
_SPAN = "Please use start_time and end_time url parameters to set the prefered time span"
_EARLIEST, _LATEST = date(1990, 1, 1), date(2200, 1, 1)


def parse_zulu(name: str, text: str) -> datetime:
    """An instant written 2006-01-02T15:04:05Z. Raises RefusedError 400.

    >>> parse_zulu("start_time", "2015-06-20T12:00:00Z").isoformat()
    '2015-06-20T12:00:00+00:00'
    """
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        details = f"Error parsing date string {text[:60]} please use zulu format like {ZULU}"
        raise bad_request((f"{name} parsing error", details)) from error
    if not _EARLIEST <= moment.date() < _LATEST:
        raise bad_request((f"{name} out of range", f"{text} lies before {_EARLIEST} or after {_LATEST}"))
    return moment


def parse_day(text: str, today: date) -> date:
    """The day of a parameter `date`: 2006-01-02, or an instant of it; today where it was not sent. Raises 400."""
    if not text:
        return today
    if "T" in text:
        return parse_zulu("date", text).date()
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        day = None
    if day is None or not _EARLIEST <= day < _LATEST:
        message = f"date parameter value: {text[:40]} is not in the valid form of YYYY-MM-DD"
        raise bad_request(("Bad Request", message))
    return day


def parse_days(parameters: Mapping[str, str]) -> Window:
    """The days from start_time to end_time, both included: their times of day do not count, as in ARGO.

    One of them alone is the only day. Raises RefusedError 400.
    """
    given = [parameters.get(name, "") for name in ("start_time", "end_time")]
    if not any(given):
        raise bad_request(("No time span set", _SPAN))
    start, end = (
        parse_zulu(name, text) if text else None for name, text in zip(("start_time", "end_time"), given, strict=True)
    )
    first, last = (start or end), (end or start)
    assert first is not None
    assert last is not None
    return days_between(first.date(), last.date())


def days_between(first: date, last: date) -> Window:
    """Whole UTC days, both included. Raises RefusedError 400 where they lie the wrong way round, or too far apart."""
    if last < first:
        raise bad_request(("Wrong time span", f"{last} lies before {first}; exchange them"))
    if last - first >= timedelta(days=MOST_DAYS):
        raise bad_request(("Wrong time span", f"more than {MOST_DAYS} days; ask for them in parts"))
    return Window(Window.of_day(first).start, Window.of_day(last).end)


def last_day(window: Window) -> date:
    return (window.end - DAY).date()


def parse_granularity(parameters: Mapping[str, str]) -> Granularity:
    """daily where it was not sent. Raises RefusedError 400."""
    word = parameters.get("granularity", "").lower() or "daily"
    for known in GRANULARITIES:
        if word == known:
            return known  # type: ignore[return-value]
    accepted = "please provide either daily, monthly or custom"
    raise bad_request(("Wrong Granularity", f"{word[:40]} is not accepted as granularity parameter, {accepted}"))


@dataclass(frozen=True, slots=True)
class Paging:
    """Rows of a flat list. size: 0 for all of them; skip: rows of the pages before"""

    size: int = 0
    skip: int = 0

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> "Paging":
        """Raises RefusedError 400."""
        size = _whole("pageSize", parameters.get("pageSize", "-1"))
        token = parameters.get("nextPageToken", "")
        try:
            decoded = base64.b64decode(token, validate=True).decode() if token else "0"
        except (binascii.Error, UnicodeDecodeError) as error:
            raise bad_request(("Wrong nextPageToken", "send the token as the page before gave it")) from error
        return cls(max(size, 0), _whole("nextPageToken", decoded) if size > 0 else 0)

    @property
    def next_token(self) -> str:
        return base64.b64encode(str(self.skip + self.size).encode()).decode()


def _whole(name: str, text: str) -> int:
    try:
        number = int(text)
    except ValueError as error:
        raise bad_request((f"Wrong {name}", f"{text[:40]} is no whole number")) from error
    if not -1 <= number < 2**31:
        raise bad_request((f"Wrong {name}", f"{number} is out of range"))
    return number


@dataclass(frozen=True, slots=True)
class Place:
    """What of a report's tree is asked for.

    level: whose figures; region, site, service_type, hostname, metric: names, "" for all
    """

    level: Level
    region: str = ""
    site: str = ""
    service_type: str = ""
    hostname: str = ""
    metric: str = ""

    @property
    def where(self) -> dict[str, str]:
        """The words that restrict it, by column."""
        names = ("region", "site", "service_type", "hostname", "metric")
        return {name: word for name in names if (word := getattr(self, name))}


def parse_place(words: Sequence[str], report: Reported) -> Place:
    """The place that the words of an address after the report's name stand for.

    [TYPE [NAME]] of a group or of a group of groups, the latter followed by those of a group; then `services [NAME]`,
    `endpoints [NAME]`, `metrics [NAME]`. Raises RefusedError 400 for types that the report has not, 404 for others.
    """
    rest = list(words)
    region = site = ""
    level = Level.REGION
    if rest and rest[0] == report.region_type and report.region_type != report.group_type:
        region, rest = _named(rest)
        if not rest:
            return Place(level, region)
        if rest[0] != report.group_type:
            raise bad_request(("Endpoint Group type not in report", _try(rest[0], report)))
    elif not rest or rest[0] != report.group_type:
        word = rest[0] if rest else ""
        raise bad_request(
            (
                "Group type not in report",
                f"Group type {word[:80]} not present in report {report.name}. {_types(report)}",
            )
        )
    site, rest = _named(rest)
    return _below(rest, region, site)


def _below(rest: list[str], region: str, site: str) -> Place:
    level, found = Level.SITE, {"services": "", "endpoints": "", "metrics": ""}
    order = {"services": Level.FLAVOUR, "endpoints": Level.SERVICE, "metrics": Level.METRIC}
    while rest:
        word = rest[0]
        if word not in order or order[word] >= level or not site:
            raise RefusedError(404, "Not Found", f"{'/'.join(rest)[:120]} names nothing below a group")
        level = order[word]
        found[word], rest = _named(rest)
    return Place(level, region, site, found["services"], found["endpoints"], found["metrics"])


def _named(words: list[str]) -> tuple[str, list[str]]:
    """The name after the first word, or "" where that is the last, and what follows both."""
    return (words[1], words[2:]) if len(words) > 1 else ("", [])


def _types(report: Reported) -> str:
    return f"Try using {report.region_type} or {report.group_type} instead"


def _try(word: str, report: Reported) -> str:
    return f"Endpoint Group type {word[:80]} not present in report {report.name}. Try using {report.group_type} instead"
