"""Parameters that the operations of the registry share, and what they mean for a list."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Query

from gridkeeper.registry.api_resources import Resource
from gridkeeper.registry.api_schemas import Moment
from gridkeeper.web.api import paginate, sort
from gridkeeper.web.problems import Problem

#: No NUL: PostgreSQL cannot even compare with it.
PATTERN = r"^[^\x00]*$"
Key = Annotated[str, Path(max_length=100, pattern=PATTERN, description="Its key, as lists give it.")]
Text = Annotated[str, Query("", max_length=255, pattern=PATTERN)]
Search = Annotated[str, Query("", max_length=255, pattern=PATTERN, description="Part of a name, in any case.")]
Sort = Annotated[
    str, Query("", alias="sort", max_length=200, description="Fields, comma-separated; - before one: descending.")
]
Closed = Annotated[bool, Query(False, description="True: also what is closed.")]
When = Annotated[Moment | None, Query(None)]
Scopes = Annotated[
    str, Query("", max_length=1000, pattern=PATTERN, description="Scope tags, comma-separated; empty: all.")
]
ScopeMatch = Annotated[Literal["any", "all"], Query("any", description="Whether one of the tags is enough.")]
Properties = Annotated[
    list[Annotated[str, Query(max_length=4300, pattern=PATTERN)]],
    Query([], max_length=20, description="KEY=VALUE, or KEY for any value; several: all must hold."),
]
ChangedSince = Annotated[
    Moment | None,
    Query(None, description="What was written since, closed objects too; in order of age, so that pages miss nothing."),
]

#: A transaction writes dates before others can read its rows; so much is asked for again.
OVERLAP = timedelta(minutes=10)


def bearing(scopes: str, scope_match: str) -> Q:
    """Objects with any, or all, of those tags."""
    condition = Q()
    for name in filter(None, (part.strip() for part in scopes.split(","))):
        each = Q(scopes__has_tag=name)
        condition = condition & each if scope_match == "all" else condition | each
    return condition


def having(properties: Sequence[str]) -> Q:
    """Objects with all of those properties."""
    condition = Q()
    for each in properties:
        key, is_valued, value = each.partition("=")
        condition &= Q(properties__has_pair=(key, value if is_valued else None))
    return condition


def exact(**values: Any) -> dict[str, Any]:
    """Those filters that were given: neither None nor empty."""
    return {name: value for name, value in values.items() if value not in (None, "")}


def listed(
    request: HttpRequest, resource: Resource[Any], rows: "QuerySet[Any]", *, closed: bool,
    changed_since: datetime | None,
    order: str, fields: Mapping[str, str], limit: int, offset: int,
) -> dict[str, Any]:  # fmt: skip
    """The fields of a page: the current rows, or with `changed_since` all that were written since.

    Then the order is by age: what is written while a client pages is found further on or seen twice, never missed.
    """
    if changed_since is None:
        kept = rows if closed or not _ends(resource) else rows.filter(valid_until=None)
        return paginate(request, sort(kept, order, fields), limit, offset) | {"next_changed_since": None}
    if order:
        raise Problem(422, "changed_since has an order of its own", "Leave out sort: pages of changes are by age.")
    changed = rows.filter(resource.changed_since(changed_since)).order_by("pk")
    following = max(changed_since, timezone.now() - OVERLAP)
    return paginate(request, changed, limit, offset) | {"next_changed_since": following}


def _ends(resource: Resource[Any]) -> bool:
    return any(each.name == "valid_until" for each in resource.model._meta.concrete_fields)
