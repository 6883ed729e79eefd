"""Availability over HTTP: figures and timelines."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeVar

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field

from gridkeeper.availability import queries
from gridkeeper.availability.exports import download
from gridkeeper.availability.periods import Span, Step
from gridkeeper.availability.queries import Figure
from gridkeeper.core.windows import DAY, Window
from gridkeeper.web.api import Limit, Offset, Page, paginate
from gridkeeper.web.problems import Problem

router = Router(tags=["availability"])

#: Most days of one question: bounds the answer before it is paged.
_MOST_DAYS = 366
_PATTERN = r"^[^\x00]*$"
Word = Annotated[str, Query("", max_length=255, pattern=_PATTERN)]
LevelName = Literal["metric", "service", "flavour", "function", "site", "region", "federation"]
_T = TypeVar("_T")


class FigureOut(Schema):
    """The figures of one place on one UTC day, or in one hour of it. Per cent; null is "not computable"."""

    date: date
    hour: int | None = Field(None, description="0 to 23 with `hourly`, else null.")
    report: str = Field(description="VO whose critical tests judge.", examples=["dteam"])
    level: str = Field(examples=["site"])
    region: str = Field(description="Key.")
    region_name: str = Field(examples=["Italy"])
    site: str = Field(description="Key; empty for regions and the federation.")
    site_name: str = Field(examples=["INFN-T1"])
    service_type: str = Field(examples=["CE"])
    hostname: str = Field(examples=["ce01.infn-t1.example"])
    metric: str
    function: str = Field("", description="Name of the function, of figures at that level.", examples=["compute"])
    availability: Decimal | None = Field(description="100 up / (total - excluded - unknown).", examples=["93.21759"])
    reliability: Decimal | None = Field(description="The same without declared downtime.", examples=["97.10000"])
    total_s: int = Field(description="Seconds; the sum of the five that follow.", examples=[86400])
    up_s: int
    unknown_s: int
    down_s: int
    excluded_s: int
    critical_s: int
    flips: int = Field(description="Changes of status.")
    weighted_availability: Decimal | None = Field(
        None, description="Each site counted by its weight; null where the report weighs none.", examples=["95.10000"]
    )
    weighted_reliability: Decimal | None = Field(None, examples=["98.20000"])


class SumOut(FigureOut):
    """The figures of one place over a period or a part of it; `date` is its first day."""


class PeriodOut(Schema):
    """A time in which a place had one status."""

    level: str = Field(examples=["site"])
    region_name: str
    site: str
    site_name: str
    service_type: str
    hostname: str
    start: datetime
    end: datetime
    status: str = Field(examples=["CRITICAL"])


class _Listed(Generic[_T]):
    """A list in memory that is paged like a queryset."""

    def __init__(self, items: Sequence[_T]) -> None:
        self._items = items

    def count(self) -> int:
        return len(self._items)

    def __getitem__(self, part: slice) -> Sequence[_T]:
        return self._items[part]


From = Annotated[date | None, Query(None, alias="from", description="First UTC day; default: yesterday.")]
To = Annotated[date | None, Query(None, alias="to", description="Last UTC day, included; default: as `from`.")]
Vo = Annotated[
    str, Query("", max_length=255, pattern=_PATTERN, description="A VO or another report; default: the operations VO.")
]


PeriodText = Annotated[
    str, Query(max_length=40, description="2026-03-10, 2026-W10, 2026-03, 2026-Q1, 2026 or 2026-03-01..2026-03-20.")
]


@router.get("/availability", response=Page[FigureOut], summary="Availability and reliability")
def list_figures(
    request: HttpRequest, first: From = None, last: To = None, level: LevelName = "site", vo: Vo = "",
    region: Word = "", site: Word = "", service_type: Word = "", hostname: Word = "", hourly: bool = False,
    format: Literal["json", "csv"] = "json", limit: Limit = 100, offset: Offset = 0,  # noqa: A002
) -> Any:  # fmt: skip
    """A line for each place and UTC day, or hour with `hourly` (services and above); `region` and `site` are keys.

    For longer periods add up the seconds; never take means of percentages. `format=csv` gives all lines, unpaged.
    """
    if hourly and level == "metric":
        raise Problem(422, "No hourly figures of metrics", "ask for a level from service up, or without `hourly`")
    window = _window(first, last)
    where = _given(region=region, site=site, service_type=service_type, hostname=hostname)
    found = queries.figures(window, level=level, report=_report(request, vo), hourly=hourly, **where)
    if format == "csv":
        return _csv(found, window)
    page = paginate(request, _Listed(found), limit, offset)  # type: ignore[arg-type]
    return page | {"items": [_row(figure) for figure in page["items"]]}


@router.get("/availability/periods", response=Page[SumOut], summary="Figures of a period")
def list_sums(
    request: HttpRequest,
    period: PeriodText, step: Literal["whole", "day", "week", "month"] = "whole",
    level: LevelName = "site", vo: Vo = "", region: Word = "", site: Word = "", service_type: Word = "",
    hostname: Word = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """A line for each place, or each of its days, weeks or months (`step`): sums of seconds, weighted beside plain."""
    try:
        span = Span.parse(period)
    except ValueError as error:
        raise Problem(422, "Not a period", str(error)) from error
    if span.length_days > _MOST_DAYS:
        raise Problem(422, "The period is too long", f"ask for at most {_MOST_DAYS} days at once")
    where = _given(region=region, site=site, service_type=service_type, hostname=hostname)
    cut = None if step == "whole" else Step(step)
    found = queries.sums_of_steps(span.window, cut, levels=(level,), report=_report(request, vo), **where)
    page = paginate(request, _Listed(found), limit, offset)  # type: ignore[arg-type]
    return page | {"items": [_row(figure) for figure in page["items"]]}


@router.get("/availability/timelines", response=Page[PeriodOut], summary="Status timelines")
def list_timelines(
    request: HttpRequest, first: From = None, last: To = None,
    level: Literal["service", "flavour", "site"] = "site", vo: Vo = "",
    region: Word = "", site: Word = "", service_type: Word = "", hostname: Word = "",
    limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """The periods of one status, cut at UTC midnight; the periods of a day fill it."""
    where = _given(level=level, region=region, site=site, service_type=service_type, hostname=hostname)
    found = queries.timelines(_window(first, last), report=_report(request, vo), **where)
    page = paginate(request, _Listed(found), limit, offset)  # type: ignore[arg-type]
    return page | {"items": [_period(period) for period in page["items"]]}


def _given(**where: str) -> dict[str, str]:
    return {name: value for name, value in where.items() if value}


def _window(first: date | None, last: date | None) -> Window:
    start = first or last or (timezone.now().astimezone(UTC) - DAY).date()
    end = last or start
    if end < start:
        raise Problem(422, "The period ends before it begins", f"`to` {end} lies before `from` {start}; exchange them")
    if (end - start).days >= _MOST_DAYS or end.year > 2200:
        raise Problem(422, "The period is too long", f"ask for at most {_MOST_DAYS} days at once")
    return Window(Window.of_day(start).start, Window.of_day(end).end)


def _report(request: HttpRequest, vo: str) -> str:
    """Reports that are not public are there for those who are signed in."""
    known = [
        report.name
        for report in queries.definitions(timezone.now().astimezone(UTC).date())
        if report.document.is_public or request.user.is_authenticated
    ]
    if vo and vo not in known:
        raise Problem(
            422, "Unknown VO", f"there is no VO or report {vo!r}; GET /api/v1/availability/reports lists them"
        )
    return vo or queries.default_report()


def _row(figure: Figure) -> dict[str, Any]:
    weighted = {
        f"weighted_{measure}": figure.weighted.value(measure) if figure.weighted else None
        for measure in ("availability", "reliability")
    }
    row = queries.as_row(figure.place, figure.day, figure.hour, figure.seconds)
    return {"hour": figure.hour} | row | weighted


def _period(period: queries.Period) -> dict[str, Any]:
    names = ("level", "region_name", "site", "site_name", "service_type", "hostname")
    own = {"start": period.start, "end": period.end, "status": period.state}
    return {name: getattr(period.place, name) for name in names} | own


def _csv(found: Sequence[Figure], window: Window) -> HttpResponseBase:
    return download(found, "csv", f"availability-{window.start:%Y-%m-%d}")
