"""Computations over HTTP: which days are computed, wait or failed, and what made their figures."""

from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router, Schema, Status
from ninja.decorators import decorate_view
from pydantic import Field

from gridkeeper.availability import computation_actions
from gridkeeper.availability.models import Computation
from gridkeeper.people.actor import Actor
from gridkeeper.registry.api_parameters import Text
from gridkeeper.web.api import Limit, Offset, Page, paginate
from gridkeeper.web.conditional import conditional

router = Router(tags=["availability"])
Since = Annotated[date | None, Query(None, alias="from", description="First UTC day.")]
Until = Annotated[date | None, Query(None, alias="to", description="Last UTC day, included.")]


class ComputationOut(Schema):
    """The newest computation of a day for one report."""

    day: date
    report: str
    state: str = Field(description="pending, running, done or failed", examples=["done"])
    started_at: datetime | None
    finished_at: datetime | None = Field(description="Of the newest that was complete.")
    inputs: dict[str, str] = Field(description="The versions that made the figures.", examples=[{"report": "dteam"}])
    recomputations: list[str] = Field(description="Keys, in the order in which they were applied.")
    error: str = Field(description="Why the last attempt failed; the former figures stand.")
    ignored: int = Field(description="Results of what no profile or topology names.")
    checksum: str = Field(description="SHA-256 of the figures; the same again where nothing changed.")


@router.get("/availability/computations", response=Page[ComputationOut], summary="What is computed")
@decorate_view(conditional)
def list_computations(
    request: HttpRequest, first: Since = None, last: Until = None, report: Text = "", state: Text = "",
    limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """Newest day first."""
    given = {"day__gte": first, "day__lte": last, "report": report, "state": state}
    only = {name: value for name, value in given.items() if value}
    return paginate(request, Computation.objects.filter(**only), limit, offset)


@router.post("/availability/computations/{day}/again", response={202: None}, summary="Compute a day again")
def compute_again(request: HttpRequest, day: Annotated[date, Path()]) -> Status[None]:
    """It is computed within a minute; by the federation's staff."""
    computation_actions.compute_again(Actor.of(request, "api"), day=day, now=timezone.now())
    return Status(202, None)
