"""What every list of the API shares: paging, sorting, the shape of a page."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Schema
from pydantic import Field

from gridkeeper.web.problems import Problem

#: Largest page that one request may ask for.
MAX_PAGE = 1000

Limit = Annotated[int, Query(100, ge=1, le=MAX_PAGE, description="Items of the page.")]
Offset = Annotated[int, Query(0, ge=0, le=10_000_000, description="Items before the page.")]

_T = TypeVar("_T")


class Page(Schema, Generic[_T]):
    """A page of a list; `next` and `previous` are addresses, null at the ends."""

    count: int = Field(description="Items in the whole list.", examples=[60])
    next: str | None = Field(None, examples=["/api/v1/sites?limit=20&offset=20"])
    previous: str | None = None
    items: list[_T]


class ChangesPage(Page[_T], Generic[_T]):
    """A page of a list that a mirror can follow."""

    next_changed_since: datetime | None = Field(
        None,
        description="With `changed_since`: what to ask for next time, once all pages are read. A little is seen twice.",
    )


def paginate(request: HttpRequest, queryset: "QuerySet[Any]", limit: int = 100, offset: int = 0) -> dict[str, Any]:
    """The fields of a Page, from a queryset: two SQL queries."""
    count = queryset.count()
    return {
        "count": count,
        "items": list(queryset[offset : offset + limit]),
        "next": _address(request, limit, offset + limit) if offset + limit < count else None,
        "previous": _address(request, limit, max(0, offset - limit)) if offset else None,
    }


def _address(request: HttpRequest, limit: int, offset: int) -> str:
    parameters = request.GET.copy()
    parameters["limit"], parameters["offset"] = str(limit), str(offset)
    return f"{request.path}?{urlencode(list(parameters.lists()), doseq=True)}"


def sort(queryset: "QuerySet[Any]", order: str, allowed: Mapping[str, str]) -> "QuerySet[Any]":
    """The queryset ordered by `name,-start`; `allowed` maps public names to fields.

    Raises Problem 422 naming the fields that exist. Ties are broken by the primary key, so that paging is stable.
    """
    fields = []
    for word in filter(None, (part.strip() for part in order.split(","))):
        name = word.removeprefix("-")
        if name not in allowed:
            raise Problem(
                422,
                "Unknown field to sort by",
                f"{name!r} cannot be sorted by; use {', '.join(sorted(allowed))}, with - for descending",
                errors=[{"field": "sort", "problem": f"unknown field {name!r}", "remedy": "use one of the listed"}],
            )
        fields.append(("-" if word.startswith("-") else "") + allowed[name])
    return queryset.order_by(*fields, "pk") if fields else queryset
