"""What the API gives and takes of downtimes and of the rules that make them."""

from datetime import UTC, datetime
from typing import Annotated, Any

from ninja import Schema
from pydantic import ConfigDict, Field

from gridkeeper.core.windows import Window
from gridkeeper.registry.api_inputs import KeyText, Reason, Word
from gridkeeper.registry.api_schemas import Moment, Ref
from gridkeeper.registry.downtime_rules import DowntimeState, state_of
from gridkeeper.registry.models import Classification, Downtime, DowntimeRecurrence, DowntimeService, Severity
from gridkeeper.web.moments import moment_of

_Words = Annotated[str, Field(min_length=1, max_length=4000, pattern=r"^[^\x00]*$")]
#: What is not sent is not read.
_UNSENT = datetime(1990, 1, 1, tzinfo=UTC)
_Keys = Annotated[list[KeyText], Field(max_length=1000)]


class PartOut(Schema):
    """A service in a downtime."""

    key: str = Field(examples=["1555G0"])
    hostname: str = Field(examples=["ce.example.org"])
    service_type: str = Field(examples=["CE"])
    site: Ref
    end: datetime = Field(description="When it is back: the downtime's end, or its own earlier one.")
    endpoints: list[str] = Field(description="Keys of the addresses that are affected; none: the whole service.")

    @staticmethod
    def resolve_key(part: DowntimeService) -> str:
        return part.service.key

    @staticmethod
    def resolve_hostname(part: DowntimeService) -> str:
        return part.service.hostname

    @staticmethod
    def resolve_service_type(part: DowntimeService) -> str:
        return part.service.service_type.name

    @staticmethod
    def resolve_site(part: DowntimeService) -> Any:
        return part.service.site

    @staticmethod
    def resolve_end(part: DowntimeService) -> datetime:
        return part.ends_at

    @staticmethod
    def resolve_endpoints(part: DowntimeService) -> list[str]:
        return [each.endpoint.key for each in part.endpoints.all()]


class DowntimeOut(Schema):
    """A declared interval in which services are down or at risk."""

    key: str = Field(examples=["123456G0"])
    severity: Severity = Field(examples=["OUTAGE"])
    classification: str = Field(description="Computed from how early it was declared.", examples=["SCHEDULED"])
    state: DowntimeState = Field(description="At the instant that was asked for.", examples=["next"])
    source_severity: str = Field(description="The word of the registry that it came from.")
    source_classification: str
    description: str = Field(examples=["Power works"])
    declared_at: datetime | None
    start: datetime
    end: datetime
    cancelled_at: datetime | None
    follows: str | None = Field(description="Key of the downtime that this one continues.")
    follow_kind: str = Field(description="extension, phase or empty.")
    followed_by: list[str] = Field(description="Keys of those that continue it.")
    recurrence: str | None = Field(description="Key of the rule that made it.")
    services: list[PartOut]
    version: int = Field(description="Grows with every change; the ETag begins with it.", examples=[3])

    @staticmethod
    def resolve_state(downtime: Downtime, context: Any) -> DowntimeState:
        window = Window(downtime.start, downtime.end)
        return state_of(window, is_cancelled=downtime.cancelled_at is not None, at=moment_of(context["request"]))

    @staticmethod
    def resolve_follows(downtime: Downtime) -> str | None:
        return downtime.follows.key if downtime.follows else None

    @staticmethod
    def resolve_followed_by(downtime: Downtime) -> list[str]:
        return sorted(each.key for each in downtime.followed_by.all())

    @staticmethod
    def resolve_recurrence(downtime: Downtime) -> str | None:
        return downtime.recurrence.key if downtime.recurrence else None

    @staticmethod
    def resolve_services(downtime: Any) -> list[DowntimeService]:
        return list(downtime.affected.all())


class PhaseIn(Schema):
    """What the severity becomes on the way."""

    at: Moment = Field(examples=["2026-12-01T12:00:00Z"])
    severity: Severity = Field(examples=["WARNING"])


class DowntimeIn(Schema):
    """A downtime to declare; phases make a chain of downtimes, of which the first is answered."""

    model_config = ConfigDict(extra="forbid")

    services: _Keys = Field(min_length=1, examples=[["1555G0"]], description="Keys of the services that it affects.")
    endpoints: _Keys = Field([], description="Keys of their affected addresses; none of a service: all of it.")
    ends: dict[KeyText, Moment] = Field({}, max_length=1000, description="Services that are back earlier, by key.")
    phases: list[PhaseIn] = Field([], max_length=50)
    severity: Severity = Field(examples=["OUTAGE"])
    start: Moment = Field(examples=["2026-12-01T08:00:00Z"])
    end: Moment = Field(examples=["2026-12-01T16:00:00Z"])
    description: _Words = Field(examples=["Power works"])


class DowntimeEdit(Reason):
    """Fields that are not sent stay; `services`, `endpoints` and `ends` replace all that stood."""

    seen: int | None = Field(None, description="The `version` that you read; 409 where it is old.")
    services: _Keys = Field([], examples=[["1555G0"]])
    endpoints: _Keys = []
    ends: dict[KeyText, Moment] = Field({}, max_length=1000)
    severity: Severity = Field(Severity.OUTAGE, examples=["OUTAGE"])
    start: Moment = Field(_UNSENT, examples=["2026-12-01T09:00:00Z"])
    end: Moment = Field(_UNSENT, examples=["2026-12-01T15:00:00Z"])
    description: _Words = Field("-", examples=["Power works, shorter"])


class PartEnd(Reason):
    """Services that are back before the rest."""

    services: _Keys = Field(min_length=1, examples=[["1555G0"]], description="Their keys.")
    at: Moment = Field(examples=["2026-12-01T12:00:00Z"], description="A minute from now at the earliest.")


class Extension(Reason):
    """A longer downtime: a linked one begins where it would have ended."""

    end: Moment = Field(examples=["2026-12-01T20:00:00Z"])
    services: _Keys | None = Field(None, description="Those that stay out; without it, all that are out until its end.")


class SeverityChange(Reason):
    """The next phase of a downtime."""

    severity: Severity = Field(examples=["WARNING"])
    at: Moment = Field(examples=["2026-12-01T12:00:00Z"])


class StretchOut(Schema):
    """One phase of a downtime, before it is declared."""

    start: datetime
    end: datetime
    severity: Severity
    classification: Classification
    reason: str = Field(description="Why it is classified so.", examples=["it starts in more than 24 hours"])
    availability: str = Field(description="What it means for the availability figures.")

    @staticmethod
    def resolve_start(stretch: Any) -> datetime:
        return stretch.window.start  # type: ignore[no-any-return]

    @staticmethod
    def resolve_end(stretch: Any) -> datetime:
        return stretch.window.end  # type: ignore[no-any-return]


class ConflictOut(Schema):
    """A downtime of one of the services in the same time."""

    downtime: str = Field(description="Its key.")
    start: datetime
    end: datetime
    services: list[str]

    @staticmethod
    def resolve_downtime(conflict: Any) -> str:
        return str(conflict.downtime.key)

    @staticmethod
    def resolve_start(conflict: Any) -> datetime:
        return conflict.downtime.start  # type: ignore[no-any-return]

    @staticmethod
    def resolve_end(conflict: Any) -> datetime:
        return conflict.downtime.end  # type: ignore[no-any-return]


class PreviewOut(Schema):
    """What a downtime would do; nothing was declared."""

    sentence: str = Field(examples=["2 services of 1 site; SCHEDULED because it starts in more than 24 hours"])
    services: int
    sites: list[str]
    stretches: list[StretchOut]
    hints: list[str] = Field(examples=[["3 of 4 CE of EXAMPLE are then out; 1 left."]])
    conflicts: list[ConflictOut]
    told: list[str] = Field(description="Who hears of it.")


class RecurrenceOut(Schema):
    """A rule that makes downtimes, each as soon as it lies within 60 days."""

    key: str
    rule: str = Field(examples=["FREQ=MONTHLY;BYDAY=1TU"])
    first_start: datetime
    timezone: str = Field(examples=["Europe/Rome"])
    duration_seconds: int = Field(examples=[7200])
    severity: Severity
    description: str
    declared_at: datetime
    made_until: datetime | None = Field(description="Occurrences before it have been made.")
    ended_at: datetime | None
    services: list[str] = Field(description="Their keys.")
    downtimes: list[str] = Field(description="Keys of what it has made, newest first.")
    version: int = Field(examples=[3])

    @staticmethod
    def resolve_services(recurrence: DowntimeRecurrence) -> list[str]:
        return sorted(each.key for each in recurrence.services.all())

    @staticmethod
    def resolve_downtimes(recurrence: DowntimeRecurrence) -> list[str]:
        return [each.key for each in recurrence.downtimes.all()]


class RecurrenceIn(Schema):
    """A rule of downtimes to declare."""

    model_config = ConfigDict(extra="forbid")

    services: _Keys = Field(min_length=1, examples=[["1555G0"]], description="Keys of the services.")
    rule: Word = Field(examples=["FREQ=MONTHLY;BYDAY=1TU"], description="RFC 5545 RRULE.")
    first_start: Moment = Field(examples=["2026-12-01T08:00:00+01:00"])
    timezone: Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")] = Field(
        "UTC", examples=["Europe/Rome"], description="IANA name; occurrences keep its wall clock."
    )
    duration_seconds: int = Field(ge=1, le=400 * 86_400, examples=[7200])
    severity: Severity = Field(examples=["WARNING"])
    description: _Words = Field(examples=["Monthly updates"])


class BulkLineOut(Schema):
    """What became of one row."""

    line: int = Field(description="Line of the file, or number of the row from 1.", examples=[5000])
    outcome: str = Field(description="declared, would be declared, there already, or rejected.", examples=["rejected"])
    key: str
    classification: str
    problems: list[dict[str, str]] = Field(examples=[[{"field": "start", "problem": "The start lies too far back."}]])

    @staticmethod
    def resolve_problems(line: Any) -> list[dict[str, str]]:
        return [{"field": field, "problem": problem} for field, problem in line.problems]


class BulkReportOut(Schema):
    """A line for each row."""

    sentence: str = Field(examples=["9998 declared, 2 rejected"])
    is_dry_run: bool
    lines: list[BulkLineOut]


class BulkRowIn(Schema):
    """One downtime of many."""

    model_config = ConfigDict(extra="forbid")

    site: Word = Field("", description="Name or key; without services: all that it has.")
    services: list[Word] = Field([], max_length=1000, description="Keys, TYPE@HOST, or HOST for all of a host.")
    endpoints: _Keys = []
    severity: Word = Field(examples=["OUTAGE"])
    start: Moment = Field(examples=["2026-12-01T08:00:00Z"])
    end: Moment = Field(examples=["2026-12-01T16:00:00Z"])
    description: Annotated[str, Field(max_length=5000)] = Field(examples=["Power works"])
