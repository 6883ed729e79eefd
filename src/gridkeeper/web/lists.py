"""The list page: search, facets, sort, paging, export and the htmx part, all state in the URL.

A package subclasses `ListView` and declares its rows, filter set, table and export; see `gridkeeper.registry.lists`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.core.paginator import Page
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views import View

from gridkeeper.web.exports import FORMATS, Fields, export
from gridkeeper.web.filters import ListFilter, url_with
from gridkeeper.web.htmx import render_page_or_part
from gridkeeper.web.moments import moment_of
from gridkeeper.web.tables import ListTable

#: Rows of a page: the first is the default.
PAGE_SIZES = (50, 100, 200)


@dataclass(frozen=True, slots=True)
class Empty:
    """What to say where nothing is: what would be here, why it is not, the next step."""

    title: str
    reason: str
    next_label: str = ""
    next_url: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A button or a breadcrumb."""

    label: str
    url: str
    is_main: bool = False


class ListView(View):
    """A list page. Subclasses set what is below and `get_queryset`."""

    title: ClassVar[str] = ""
    #: One or two sentences under the title: what the rows are.
    lead: ClassVar[str] = ""
    #: Words for one row and for many, as the totals say them.
    nouns: ClassVar[tuple[str, str]] = ("row", "rows")
    filterset_class: ClassVar[type[ListFilter]] = ListFilter
    table_class: ClassVar[type[ListTable]]
    #: What leaves as CSV and JSON; without columns there is no export.
    export_fields: ClassVar[Fields] = {}
    export_name: ClassVar[str] = "list"
    search_hint: ClassVar[str] = "Search"
    template_name: ClassVar[str] = "web/list.html"
    part_template_name: ClassVar[str] = "web/list_part.html"
    #: The instant of the request, for every method below `get`.
    now: datetime

    def get_queryset(self) -> "QuerySet[Any]":
        """Every row that the reader may see, without what only showing needs."""
        raise NotImplementedError

    def decorated(self, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        """The rows with what showing, sorting and export need: annotations, select_related. Counts do without."""
        return rows

    def empty(self) -> Empty:
        return Empty(f"No {self.nouns[1]} yet", "Nothing has been registered.")

    def breadcrumbs(self) -> Sequence[Link]:
        """The way down to this page; the page itself is added."""
        return ()

    def actions(self) -> Sequence[Link]:
        """Buttons beside the title."""
        return ()

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.now = moment_of(request)
        chosen = self.filterset_class(request.GET, self.get_queryset(), now=self.now)
        table = self._table(request, chosen)
        if wanted := request.GET.get("format", ""):
            return self._export(chosen, table, wanted)
        return self._page(request, chosen, table)

    def _table(self, request: HttpRequest, chosen: ListFilter) -> ListTable:
        known = [
            word for word in request.GET.getlist("sort") if word.removeprefix("-") in self.table_class.base_columns
        ]
        table = self.table_class(self.decorated(chosen.qs), order_by=known or None)
        table.request = request
        _break_ties(table)
        return table

    def _export(self, chosen: ListFilter, table: ListTable, wanted: str) -> HttpResponseBase:
        if wanted not in FORMATS or not self.export_fields:
            return _refused(f"format={wanted[:20]} is not offered here; use {' or '.join(FORMATS)}")
        if not chosen.form.is_valid():
            return _refused(chosen.form.errors.as_text())
        name = f"{self.export_name}-{self.now:%Y%m%dT%H%MZ}"
        return export(table.data.data, self.export_fields, format=wanted, filename=name)

    def _page(self, request: HttpRequest, chosen: ListFilter, table: ListTable) -> HttpResponse:
        size = _page_size(request.GET.get("per_page", ""))
        table.paginate(per_page=size)
        # the nearest page that exists: a link kept for a year still opens
        table.page = table.paginator.get_page(request.GET.get("page"))
        context = self.get_context(request, chosen, table, size)
        status = 200 if chosen.form.is_valid() else 422
        return render_page_or_part(request, self.template_name, self.part_template_name, context, status)

    def get_context(self, request: HttpRequest, chosen: ListFilter, table: ListTable, size: int) -> dict[str, Any]:
        """What list.html and list_part.html show; subclasses may add."""
        chips = chosen.chips()
        return {
            "view": self,
            "table": table,
            "filter": chosen,
            "facets": chosen.facets(),
            "chips": chips,
            "is_filtered": bool(chips),
            "empty": self.empty(),
            "noun": self.nouns[0] if table.paginator.count == 1 else self.nouns[1],
            "page": table.page,
            "pages": _pages(request, table.page),
            "sizes": [(each, url_with(request.GET, per_page=[str(each)]), each == size) for each in PAGE_SIZES],
            "kept": _kept(request, chosen),
            "exports": _exports(request) if self.export_fields else [],
            "breadcrumbs": self.breadcrumbs(),
            "actions": self.actions(),
        }


def _refused(message: str) -> HttpResponse:
    return HttpResponse(f"{message}\n", status=400, content_type="text/plain; charset=utf-8")


def _break_ties(table: ListTable) -> None:
    """Paging and export need one order: equal rows stand by their primary key."""
    rows = table.data.data
    order = list(rows.query.order_by) or list(rows.model._meta.ordering or [])
    table.data.data = rows.order_by(*order, "pk")


def _page_size(text: str) -> int:
    return int(text) if text in {str(size) for size in PAGE_SIZES} else PAGE_SIZES[0]


def _pages(request: HttpRequest, page: "Page[Any]") -> list[tuple[str, str, bool]]:
    """Number or gap, address, whether it is the present one: first, last and the neighbours."""
    last = page.paginator.num_pages
    near = sorted({1, last, *range(max(1, page.number - 2), min(last, page.number + 2) + 1)})
    found: list[tuple[str, str, bool]] = []
    for before, number in zip([0, *near], near, strict=False):
        if number > before + 1:
            found.append(("…", "", False))
        found.append((str(number), _page_url(request, number), number == page.number))
    return found


def _page_url(request: HttpRequest, number: int) -> str:
    return url_with(request.GET, page=[str(number)])


def _kept(request: HttpRequest, chosen: ListFilter) -> list[tuple[str, str]]:
    """What the search form must carry along: all that it has no input for."""
    typed = {"q", "page", "format", *(field.name for field in chosen.inputs())}
    return [(name, value) for name, values in request.GET.lists() for value in values if name not in typed]


def _exports(request: HttpRequest) -> list[Link]:
    return [Link(word.upper(), url_with(request.GET, format=[word])) for word in FORMATS]
