"""Filters of lists: free text, facets with counts, chips. All state is in the URL; used by `web.lists.ListView`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, ClassVar

import django_filters
from django import forms
from django.core.validators import ProhibitNullCharactersValidator
from django.db.models import Count, Q, QuerySet
from django.http import QueryDict

#: Longest text of one filter; longer input is refused with a message.
MAX_TEXT = 200
#: Most values that one facet shows, the most frequent first; a value in use is always shown.
MAX_OPTIONS = 30

#: Parameters that belong to the page shown, not to what is filtered: they fall away when a filter changes.
_PLACE = ("page", "format")


@dataclass(frozen=True, slots=True)
class Option:
    """A value of a facet. `url` switches it on or off."""

    value: str
    label: str
    count: int
    is_on: bool
    url: str


@dataclass(frozen=True, slots=True)
class Facet:
    """The values of one filter with the number of rows that each would show. `left_out`: values not listed."""

    name: str
    label: str
    options: Sequence[Option]
    left_out: int

    @property
    def chosen(self) -> int:
        return sum(option.is_on for option in self.options)


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in force. `url` is the list without it."""

    label: str
    value: str
    url: str


@dataclass(frozen=True, slots=True)
class Case:
    """One value of a CaseFilter: its label and the rows it stands for."""

    label: str
    condition: Q


def url_with(params: QueryDict, **changes: Sequence[str]) -> str:
    """`?...` with those parameters replaced; an empty sequence takes one away. The page is always reset."""
    changed = params.copy()
    for name in _PLACE:
        changed.pop(name, None)
    for name, values in changes.items():
        changed.setlist(name, list(values)) if values else changed.pop(name, None)
    return f"?{changed.urlencode()}"


class _ValuesField(forms.Field):
    """Any number of short texts."""

    widget = forms.SelectMultiple

    def clean(self, value: Any) -> list[str]:
        values = [str(item).strip() for item in value or [] if str(item).strip()]
        for item in values:
            ProhibitNullCharactersValidator()(item)
            if len(item) > MAX_TEXT:
                raise forms.ValidationError(f"{item[:20]}… is longer than {MAX_TEXT} characters; shorten it.")
        return values


class SearchFilter(django_filters.CharFilter):  # type: ignore[misc]
    """Every word must occur in one of the filter set's `search_fields`, whatever its case."""

    def __init__(self, **options: Any) -> None:
        super().__init__(label="Search", max_length=MAX_TEXT, **options)

    def filter(self, rows: "QuerySet[Any]", value: str) -> "QuerySet[Any]":
        fields = self.parent.search_fields
        for word in (value or "").split() if fields else ():
            condition = reduce(or_, (Q(**{f"{name}__icontains": word}) for name in fields))
            rows = _matching(rows, condition, is_many=self.parent.search_is_many)
        return rows


def _matching(rows: "QuerySet[Any]", condition: Q, *, is_many: bool) -> "QuerySet[Any]":
    """The rows under a condition; one behind a to-many relation would give a row several times, so by key then."""
    if not is_many:
        return rows.filter(condition)
    return rows.filter(pk__in=rows.model._default_manager.filter(condition).values("pk"))


class FacetFilter(django_filters.Filter):  # type: ignore[misc]
    """Rows whose field has one of the chosen values.

    labels: words for the values, where they differ from the values themselves
    is_many: the field lies behind a to-many relation; counts and rows are then made distinct
    """

    field_class = _ValuesField

    def __init__(
        self, field_name: str, *, label: str, labels: Mapping[str, str] | None = None, is_many: bool = False
    ) -> None:
        super().__init__(field_name=field_name, label=label)
        self.labels = dict(labels or {})
        self.is_many = is_many

    def filter(self, rows: "QuerySet[Any]", value: Sequence[str]) -> "QuerySet[Any]":
        if not value:
            return rows
        return _matching(rows, Q(**{f"{self.field_name}__in": value}), is_many=self.is_many)

    def counts(self, rows: "QuerySet[Any]") -> dict[str, int]:
        """Rows by value, the most frequent first."""
        found = rows.order_by().values_list(self.field_name).annotate(rows=Count("pk", distinct=self.is_many))
        return {
            str(value): count for value, count in found.order_by("-rows", self.field_name) if value not in ("", None)
        }

    def text(self, value: str) -> str:
        return str(self.labels.get(value, value))


class CaseFilter(django_filters.Filter):  # type: ignore[misc]
    """Rows that fall under one of the chosen cases, each a condition; `cases` gets the present instant."""

    field_class = _ValuesField

    def __init__(self, cases: Callable[[datetime], Mapping[str, Case]], *, label: str) -> None:
        super().__init__(label=label)
        self.cases = cases

    def filter(self, rows: "QuerySet[Any]", value: Sequence[str]) -> "QuerySet[Any]":
        if not value:
            return rows
        cases = self.cases(self.parent.now)
        known = [cases[name].condition for name in value if name in cases]
        return rows.filter(reduce(or_, known)) if known else rows.none()

    def counts(self, rows: "QuerySet[Any]") -> dict[str, int]:
        """Rows by case, in the order of declaration."""
        return counts_of_cases(rows, {"": self.cases(self.parent.now)})[""]

    def text(self, value: str) -> str:
        cases = self.cases(self.parent.now)
        return cases[value].label if value in cases else value


def counts_of_cases(rows: "QuerySet[Any]", facets: Mapping[str, Mapping[str, Case]]) -> dict[str, dict[str, int]]:
    """Facet -> case -> rows, all in one query. Columns are named by number: a case may be called anything."""
    named = [(facet, name, case) for facet, cases in facets.items() for name, case in cases.items()]
    wanted = {f"n{number}": Count("pk", filter=case.condition) for number, (_, _, case) in enumerate(named)}
    found = rows.order_by().aggregate(**wanted) if wanted else {}
    counted: dict[str, dict[str, int]] = {facet: {} for facet in facets}
    for number, (facet, name, _) in enumerate(named):
        counted[facet][name] = found[f"n{number}"]
    return counted


def flag(field: str, label: str, *, yes: str = "Yes", no: str = "No") -> CaseFilter:
    """A facet of a true-or-false field: `?name=yes`."""
    cases = {"yes": Case(yes, Q(**{field: True})), "no": Case(no, Q(**{field: False}))}
    return CaseFilter(lambda _: cases, label=label)


class ListFilter(django_filters.FilterSet):  # type: ignore[misc]
    """What a list can be narrowed by. Subclasses declare facets and `search_fields`; `q` is always there.

    search_is_many: some of the search fields lie behind a to-many relation
    """

    search_fields: ClassVar[Sequence[str]] = ()
    search_is_many: ClassVar[bool] = False
    q = SearchFilter()

    def __init__(self, data: QueryDict, queryset: "QuerySet[Any]", *, now: datetime) -> None:
        super().__init__(data, queryset)
        self.rows = queryset
        self.is_bound = True  # an empty query is a valid one: everything
        self.now = now
        for name, field in self.form.fields.items():
            if isinstance(self.filters[name], FacetFilter | CaseFilter):
                field.widget.choices = [(value, value) for value in data.getlist(name)]

    @property
    def qs(self) -> "QuerySet[Any]":
        """The rows that pass every filter; none where a filter is malformed."""
        return self._passing(except_for="")

    def _passing(self, except_for: str) -> "QuerySet[Any]":
        if not self.form.is_valid():
            return self.rows.none()
        rows = self.rows.all()
        for name, value in self.form.cleaned_data.items():
            if name != except_for:
                rows = self.filters[name].filter(rows, value)
        return rows

    def facets(self) -> list[Facet]:
        """Each facet with its counts among the rows that pass all the other filters.

        One query a facet; those of cases of which none is chosen share one, for they count the same rows.
        """
        idle = {
            name: item.cases(self.now)
            for name, item in self.filters.items()
            if isinstance(item, CaseFilter) and not self._chosen(name)
        }
        counted = counts_of_cases(self.qs, idle) if idle else {}
        return [
            self._facet(name, item, counted.get(name))
            for name, item in self.filters.items()
            if isinstance(item, FacetFilter | CaseFilter)
        ]

    def _facet(self, name: str, item: Any, counts: dict[str, int] | None) -> Facet:
        if counts is None:
            counts = item.counts(self._passing(except_for=name))
        chosen = self._chosen(name)
        listed = [value for value in counts if value not in chosen][: max(0, MAX_OPTIONS - len(chosen))]
        shown = [value for value in [*counts, *chosen] if value in listed or value in chosen]
        options = [self._option(name, item, value, counts.get(value, 0)) for value in dict.fromkeys(shown)]
        return Facet(name, str(item.label), options, left_out=len(set(counts) - set(shown)))

    def _option(self, name: str, item: Any, value: str, count: int) -> Option:
        chosen = self._chosen(name)
        is_on = value in chosen
        others = [other for other in chosen if other != value]
        url = url_with(self.data, **{name: others if is_on else [*others, value]})
        return Option(value, item.text(value), count, is_on, url)

    def _chosen(self, name: str) -> list[str]:
        return list(self.form.cleaned_data.get(name, [])) if self.form.is_valid() else []

    def chips(self) -> list[Chip]:
        """The filters in force, in the order of declaration."""
        chips = []
        for name, item in self.filters.items():
            if isinstance(item, FacetFilter | CaseFilter):
                chips += [self._chip(name, item, value) for value in self._chosen(name)]
            elif self.data.get(name, "").strip():
                chips.append(Chip(str(item.label), self.data[name].strip(), url_with(self.data, **{name: []})))
        return chips

    def _chip(self, name: str, item: Any, value: str) -> Chip:
        others = [other for other in self._chosen(name) if other != value]
        return Chip(str(item.label), item.text(value), url_with(self.data, **{name: others}))

    def inputs(self) -> list[forms.BoundField]:
        """The filters that are typed, not chosen: dates and numbers. The search box stands apart."""
        return [
            self.form[name]
            for name, item in self.filters.items()
            if name != "q" and not isinstance(item, FacetFilter | CaseFilter)
        ]
