"""Results over HTTP: sent in batches, and the history of a series."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field

from gridkeeper.bus.facts import Fact, Log, open_facts
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.windows import Window, as_utc
from gridkeeper.people.actor import Actor
from gridkeeper.probes import passive
from gridkeeper.probes.admission import directory
from gridkeeper.probes.intake import body_of, take
from gridkeeper.web.problems import Problem

router = Router(tags=["results"])

_LONGEST_HISTORY = timedelta(days=400)
_Word = Annotated[str, Query(max_length=255, pattern=r"^[^\x00]*$")]

_RECORD = {
    "id": "5f0c6d2e-1",
    "hostname": "ce.example.org",
    "service_type": "CE",
    "metric": "CE-js",
    "vo": "dteam",
    "status": "OK",
    "executed_at": "2026-03-10T12:00:00Z",
    "duration_ms": 1250,
    "summary": "job done",
    "output": "job done after 1.25 s\nworker node wn7",
    "perfdata": "time=1.25s",
    "worker": "sam.example.org",
}
_BODY = {
    "requestBody": {
        "required": True,
        "description": "At most GRIDKEEPER_UPLOAD_LIMIT_BYTES, also after `Content-Encoding: gzip` is undone.",
        "content": {
            "application/x-ndjson": {"schema": {"type": "string"}, "example": '{"id": "1", "hostname": "..."}\n'},
            "application/json": {
                "schema": {"type": "array", "items": {"type": "object"}, "maxItems": 100_000},
                "example": [_RECORD],
            },
            "text/plain": {
                "schema": {"type": "string"},
                "example": "[1772366400] PROCESS_SERVICE_CHECK_RESULT;ce.example.org;CE-js/dteam;0;job done",
            },
        },
    }
}


class RejectedOut(Schema):
    """A record that was not taken."""

    index: int = Field(description="Its place in the body, from 0; empty lines do not count.", examples=[3])
    field: str = Field(examples=["hostname"])
    problem: str = Field(examples=["no service is registered on 'ce.exmaple.org'"])
    remedy: str = Field(examples=["correct it, or register the service"])


class ReceiptOut(Schema):
    """What became of a batch: what is accepted is durable; what is rejected is nowhere."""

    accepted: int = Field(examples=[4998])
    duplicates: int = Field(description="Known at once by their ids; nothing changed.", examples=[1])
    rejected: list[RejectedOut]
    rejected_count: int = Field(description="All of them; the list ends after 1000.", examples=[1])


class ResultOut(Schema):
    """One result of a series."""

    executed_at: datetime
    status: str = Field(examples=["OK"])
    is_hard: bool
    duration_ms: int = Field(examples=[1250])
    worker: str = Field(examples=["sam.example.org"])
    summary: str = Field("", examples=["job done"])
    output: str = ""
    perfdata: str = ""
    cause: str = ""


class HistoryOut(Schema):
    """Results of one series, newest first. `series` is a signed 64-bit number, as a text for JavaScript's sake."""

    series: str = Field(examples=["6929759960764634807"])
    items: list[ResultOut]


@router.post("/results", response=ReceiptOut, summary="Send results", openapi_extra=_BODY)
def send_results(request: HttpRequest) -> dict[str, Any]:
    """Takes a batch of results as NDJSON, as a JSON list, or as Nagios external commands (text/plain).

    The good ones of a batch are stored, durably, before the answer is sent; the bad ones are listed by their place. An
    id that its series had before changes nothing, so a batch whose answer was lost can be sent again. 422 where
    nothing of it could be taken.
    """
    now = timezone.now()
    return take(Actor.of(request, "api"), lambda: _parse(request, now), now).as_json()


def _parse(request: HttpRequest, now: datetime) -> passive.Parsed:
    body = body_of(request)
    kind = (request.content_type or "").lower()
    match kind:
        case "application/x-ndjson" | "application/ndjson" | "application/jsonl":
            return passive.parse_ndjson(body, now)
        case "application/json":
            return passive.parse_json_list(body, now)
        case "text/plain":
            return passive.parse_nagios_lines(body, now, directory().type_of)
    accepted = "send application/x-ndjson, application/json or text/plain (Nagios external commands)"
    raise Problem(415, "Unknown content type", f"{kind or 'no content type'}: {accepted}")


@router.get("/results", response=HistoryOut, summary="History of a series")
def list_results(
    request: HttpRequest,
    hostname: _Word,
    service_type: _Word,
    metric: _Word,
    vo: _Word = "",
    start: Annotated[datetime | None, Query(description="ISO 8601 with offset; a day ago by default.")] = None,
    end: Annotated[datetime | None, Query(description="First instant not wanted; now by default.")] = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 100,
    logs: Annotated[bool, Query(description="With what each result said.")] = False,
) -> dict[str, Any]:
    """The newest results of one test of one service in a window, newest first; an empty list where there are none."""
    series = SeriesKey(hostname, service_type, metric, vo).series
    facts = open_facts()
    found = facts.history(series, _window(start, end, timezone.now()), limit)
    said = facts.logs(found) if logs else {}
    return {"series": str(series), "items": [_item(fact, said) for fact in found]}


def _window(start: datetime | None, end: datetime | None, now: datetime) -> Window:
    try:
        until = as_utc(end) if end else now + timedelta(seconds=1)
        since = as_utc(start) if start else until - timedelta(days=1)
        window = Window(since, until)
    except (ValueError, OverflowError) as error:
        raise Problem(422, "The window is wrong", str(error)) from error
    if window.duration > _LONGEST_HISTORY:
        raise Problem(422, "The window is too long", f"at most {_LONGEST_HISTORY.days} days at once")
    return window


def _item(fact: Fact, said: dict[tuple[int, datetime, int], Log]) -> dict[str, Any]:
    log = said.get((fact.series, fact.executed_at, fact.fact & 0xFFFF_FFFF))
    words = {name: getattr(log, name) if log else "" for name in ("summary", "output", "perfdata", "cause")}
    return {
        "executed_at": fact.executed_at,
        "status": fact.status.name,
        "is_hard": fact.is_hard,
        "duration_ms": fact.duration_ms,
        "worker": fact.worker,
        **words,
    }
