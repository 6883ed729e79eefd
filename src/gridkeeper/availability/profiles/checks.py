"""Whether a document fits with the others: names that it uses exist, operations keep the laws. For actions."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db.models import OuterRef, Subquery

from gridkeeper.availability.models import ProfileKind, ProfileVersion
from gridkeeper.availability.operations import DEFAULT_OPERATIONS, Operations, OperationsError
from gridkeeper.availability.profiles.documents import (
    AggregationDocument,
    Document,
    DocumentError,
    OperationsDocument,
    ReportDocument,
    ThresholdsDocument,
    parse,
)
from gridkeeper.availability.thresholds import ThresholdError, ThresholdRule
from gridkeeper.probes.models import Test
from gridkeeper.registry.models import Scope, ServiceType
from gridkeeper.vos.models import Vo

Problem = tuple[str, str]
#: Days before this are nobody's: a slip of the finger (year 0202) would mark all that is known.
_FIRST_DAY = date(2000, 1, 1)


def check_day(valid_from: date, now: datetime) -> None:
    """Raises ValidationError for a day that is a slip of the finger."""
    if not _FIRST_DAY <= valid_from <= date(now.year + 10, 12, 31):
        raise ValidationError({"valid_from": f"{valid_from} is no day that anything is judged on; correct the year."})


def checked(kind: ProfileKind, name: str, document: Any) -> Document:
    """The document, parsed. Raises ValidationError (field "document") with every problem and where it stands."""
    try:
        parsed = parse(kind, document)
        found = list(problems(kind, name, parsed))
        if found:
            raise DocumentError(found)
    except DocumentError as error:
        lines = [f"{path}: {message}" if path else message for path, message in error.errors]
        raise ValidationError({"document": lines}) from error
    return parsed


def newest(kind: ProfileKind) -> dict[str, Document]:
    """What each profile of the kind that is not closed says by its newest version."""
    latest = ProfileVersion.objects.filter(profile=OuterRef("profile")).order_by("-number").values("pk")[:1]
    rows = ProfileVersion.objects.filter(profile__kind=kind, profile__closed_at=None, pk=Subquery(latest))
    return {name: parse(kind, document) for name, document in rows.values_list("profile__name", "document")}


def reports_with(kind: ProfileKind, name: str) -> dict[str, ReportDocument]:
    """The reports that name a profile, by name."""
    reports = cast("dict[str, ReportDocument]", newest(ProfileKind.REPORT))
    return {title: report for title, report in reports.items() if getattr(report, kind, None) == name}


def problems(kind: ProfileKind, name: str, document: Document) -> Iterator[Problem]:
    """(path of the field, what is wrong), of a document that is of the right form."""
    match document:
        case OperationsDocument():
            yield from _operations(name, document)
        case AggregationDocument():
            for title, report in reports_with(kind, name).items():
                yield from _known_operations(document, _names_of(report.operations), f"report {title}")
        case ThresholdsDocument():
            for number, rule in enumerate(document.rules):
                try:
                    ThresholdRule.of(rule.document())
                except ThresholdError as error:
                    yield f"rules[{number}]", str(error)
        case ReportDocument():
            yield from _report(document)


def warnings(document: Document) -> Iterator[str]:
    """What is allowed and yet may be an oversight, in sentences: names of things that the registry does not know."""
    match document:
        case AggregationDocument():
            named = {each for function in document.functions for each in function.services}
            yield from _unknown("service type", named, set(ServiceType.objects.values_list("name", flat=True)))
        case ThresholdsDocument():
            metrics = {rule.metric for rule in document.rules}
            yield from _unknown("test", metrics, set(Test.objects.values_list("name", flat=True)))
        case ReportDocument():
            scopes = set(Scope.objects.current().values_list("name", flat=True))
            yield from _unknown("scope", set(document.filter.scopes), scopes)
            types = set(ServiceType.objects.values_list("name", flat=True))
            yield from _unknown("service type", set(document.service_classes), types)
        case _:
            return


def _unknown(what: str, named: set[str], known: set[str]) -> Iterator[str]:
    for name in sorted(named - known):
        yield f"The registry knows no {what} {name}."


def _operations(name: str, document: OperationsDocument) -> Iterator[Problem]:
    try:
        Operations.of(name, document.document())
    except OperationsError as error:
        yield "operations", str(error)
        return
    aggregations = cast("dict[str, AggregationDocument]", newest(ProfileKind.AGGREGATION))
    for title, report in reports_with(ProfileKind.OPERATIONS, name).items():
        if report.aggregation in aggregations:
            needed = aggregations[report.aggregation]
            yield from _known_operations(needed, set(document.operations), f"report {title}")


def _report(document: ReportDocument) -> Iterator[Problem]:
    if document.vo and not Vo.objects.current().filter(name=document.vo).exists():
        yield "vo", f"there is no VO {document.vo!r}; register it, or leave the field empty"
    for kind in (ProfileKind.OPERATIONS, ProfileKind.AGGREGATION, ProfileKind.THRESHOLDS):
        wanted = getattr(document, kind)
        if wanted and wanted not in newest(kind):
            known = ", ".join(sorted(newest(kind))) or "none yet"
            yield kind, f"there is no {kind.label.lower()} {wanted!r}; there are: {known}"
    known_operations = _names_of(document.operations)
    aggregation = newest(ProfileKind.AGGREGATION).get(document.aggregation)
    if isinstance(aggregation, AggregationDocument):
        where = f"report, which takes aggregation profile {document.aggregation}"
        yield from _known_operations(aggregation, known_operations, where)
    elif known_operations and (lacking := {"AND", "OR"} - known_operations):
        yield "aggregation", f"{_listed(lacking)} is no operation of {document.operations}; name an aggregation profile"


def _names_of(operations: str) -> set[str]:
    """The names of a profile's operations; of the standard ones where none is named."""
    if not operations:
        return set(DEFAULT_OPERATIONS.tables)
    found = newest(ProfileKind.OPERATIONS).get(operations)
    return set(found.operations) if isinstance(found, OperationsDocument) else set()


def _known_operations(aggregation: AggregationDocument, known: set[str], where: str) -> Iterator[Problem]:
    if not known:
        return
    for path, name in aggregation.operations():
        if name not in known:
            yield path, f"there is no operation {name!r} in the operations of {where}; there are {_listed(known)}"


def _listed(names: set[str] | Mapping[str, Any]) -> str:
    return ", ".join(sorted(names))
