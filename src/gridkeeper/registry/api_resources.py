"""What the registry's API calls a resource: the rows of a kind, how one is shown, and which version of it stands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db.models import Count, IntegerField, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest
from ninja import Schema

from gridkeeper.people.past import moment_travelled_to

_M = TypeVar("_M", bound=Model)
_T = TypeVar("_T")
#: Condition on the rows of a model that were written since an instant.
Touched = Callable[[datetime], Q]


@dataclass(frozen=True, slots=True)
class Resource(Generic[_M]):
    """One kind of object.

    kind: first word of its operations ("site.edit"); rows: with all that `schema` shows, and `version`
    key: the field that addresses name it by
    touched: what, besides its own audit records, changes how it is shown
    is_counted: `version` is a number of records (`with_count_of_records`), not that of the newest one
    version: the attribute of a row that holds it, where the model has a field `version` that means something else
    """

    kind: str
    model: type[_M]
    rows: Callable[[], "QuerySet[Any]"]
    schema: type[Schema]
    key: str = "key"
    touched: Sequence[Touched] = ()
    is_counted: bool = False
    version: str = "version"

    def version_of(self, subject: Any) -> str:
        """What the ETag of that row begins with; "" where it has none."""
        return str(getattr(subject, self.version, ""))

    def find(self, name: str) -> _M:
        """The object of that key. Raises Http404 saying what is not there."""
        is_possible = self.key != "id" or (name.isascii() and name.isdecimal() and len(name) < 19)
        found: _M | None = self.rows().filter(**{self.key: name}).first() if is_possible else None
        if found is None:
            raise Http404(f"no {self.kind.replace('_', ' ')} has the {self.key} {name[:100]!r}; lists give the keys")
        return found

    def show(self, request: HttpRequest, pk: Any, last_seen: Any) -> Any:
        """The object as it stands, for an answer that bears its version as ETag; what is gone, as it was last seen."""
        return self.note(request, self.rows().filter(pk=pk).first() or last_seen)

    def note(self, request: HttpRequest, subject: _T) -> _T:
        """Notes the object's version on the request, for the ETag."""
        if version := self.version_of(subject):
            request.version = version  # type: ignore[attr-defined]
        return subject

    def changed_since(self, since: datetime) -> Q:
        """The rows that were written at that instant or later, by date of their audit records."""
        records = self.model.history.model.objects.filter(history_date__gte=since)  # type: ignore[attr-defined]
        changed = Q(pk__in=_until_moment(records).values("id"))
        for touched in self.touched:
            changed |= touched(since)
        return changed


def _until_moment(records: "QuerySet[Any]") -> "QuerySet[Any]":
    """Those that were written by the instant that is looked at."""
    moment = moment_travelled_to()
    return records if moment is None else records.filter(history_date__lte=moment)


def parts_touched(model: Any, path: str) -> Touched:
    """Rows one of whose parts was written: `path` leads from the part's audit record to the row ("service")."""

    def touched(since: datetime) -> Q:
        records = model.history.model.objects.filter(history_date__gte=since)
        return Q(pk__in=_until_moment(records).values(path))

    return touched


def with_version(rows: "QuerySet[Any]", name: str = "version") -> "QuerySet[Any]":
    """The rows, each with `version` (or `name`): the number of its newest audit record, as `editing.version_of`."""
    records = rows.model.history.model.objects.filter(id=OuterRef("pk")).order_by("-history_id")
    newest = Subquery(_until_moment(records).values("history_id")[:1], output_field=IntegerField())
    versioned: QuerySet[Any] = rows.annotate(**{name: Coalesce(newest, 0)})
    return versioned


def with_count_of_records(rows: "QuerySet[Any]", *parts: tuple[Any, str]) -> "QuerySet[Any]":
    """The rows, each with `version`: how many audit records there are of it and of its parts.

    parts: a model and the way from its audit record to the row ("downtime"); each change adds a record, so the number
    grows with every change of the whole.
    """
    total: Any = _count(_until_moment(rows.model.history.model.objects.all()), "id")
    for model, path in parts:
        total = total + _count(_until_moment(model.history.model.objects.all()), path)
    versioned: QuerySet[Any] = rows.annotate(version=total)
    return versioned


def _count(records: "QuerySet[Any]", path: str) -> Any:
    counted = records.order_by().filter(**{path: OuterRef("pk")}).values(path).annotate(n=Count("history_id"))
    return Coalesce(Subquery(counted.values("n"), output_field=IntegerField()), 0)
