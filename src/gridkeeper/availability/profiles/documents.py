"""What profiles say: the documents of `ProfileVersion`, as values. Actions, pages, the API and the judgement use it.

A document is parsed when it is saved and when it is used; what is stored is what `document()` gives, all fields named.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from gridkeeper.availability.models import ProfileKind
from gridkeeper.availability.rules import AVAILABILITY_TARGET, RELIABILITY_TARGET, UNKNOWN_TARGET


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


#: A name that stands in addresses, tables and in ARGO's API.
Word = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")
]
#: The same, or nothing.
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100, pattern=r"^[^\x00-\x1f]*$")]
#: Free text of a line or more; PostgreSQL keeps no NUL.
_TEXT = r"^[^\x00]*$"
Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=8, decimal_places=5), PlainSerializer(_number)]
#: A state of an operations profile, as ARGO writes them.
State = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=20)]


class DocumentError(ValueError):
    """A document that says nothing that could be judged by. errors: (path of the field, what is wrong with it)."""

    def __init__(self, errors: Sequence[tuple[str, str]]) -> None:
        self.errors = list(errors)
        super().__init__("; ".join(f"{path}: {message}" if path else message for path, message in self.errors))


class Document(BaseModel):
    """A frozen value; unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def document(self) -> dict[str, Any]:
        """As it is stored: JSON values, every field named."""
        return self.model_dump(mode="json")


class Defaults(Document):
    """Which states stand for what no test says."""

    down: State = "DOWNTIME"
    missing: State = "MISSING"
    unknown: State = "UNKNOWN"


class OperationsDocument(Document):
    """States and how they combine (availability.md section 1). Rows are [a, b, result]; the other half is symmetric."""

    states: tuple[State, ...] = Field(min_length=1, max_length=32)
    up: tuple[State, ...] = ("OK", "WARNING")
    defaults: Defaults = Defaults()
    operations: dict[Word, tuple[tuple[State, State, State], ...]] = Field(min_length=1, max_length=16)


class Function(Document):
    """Interchangeable service types, and the operation over each one's services."""

    name: Word
    operation: Word = "OR"
    services: dict[Word, Word] = Field(min_length=1, max_length=200)


class AggregationDocument(Document):
    """How a group is made of its services. Service types that no function names are not judged, as in ARGO."""

    metric_operation: Word = "AND"
    profile_operation: Word = "AND"
    functions: tuple[Function, ...] = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        _refuse_twice([function.name for function in self.functions], "function")
        # A service type has one timeline at a site, whichever functions it feeds: so it has one operation.
        pairs = {pair for function in self.functions for pair in function.services.items()}
        _refuse_twice([service_type for service_type, _ in pairs], "service type", "stands with two operations")
        return self

    def operations(self) -> Iterator[tuple[str, str]]:
        """(path of the field, name of the operation) of all that it names."""
        yield "metric_operation", self.metric_operation
        yield "profile_operation", self.profile_operation
        for number, function in enumerate(self.functions):
            yield f"functions[{number}].operation", function.operation
            for service_type, operation in function.services.items():
                yield f"functions[{number}].services.{service_type}", operation


class ThresholdRule(Document):
    """Thresholds of a metric; more precise with a host or a group.

    thresholds: `label=value[uom];warn;crit;min;max ...`, the ranges after the value that only shows the form
    """

    metric: Word
    host: Annotated[str, StringConstraints(max_length=255, pattern=_TEXT)] = ""
    endpoint_group: Annotated[str, StringConstraints(max_length=255, pattern=_TEXT)] = ""
    thresholds: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=_TEXT)]


class ThresholdsDocument(Document):
    """Verdicts on performance data that replace a result's own status; the original is kept."""

    rules: tuple[ThresholdRule, ...] = Field(min_length=1, max_length=5000)

    @model_validator(mode="after")
    def _rules_differ(self) -> Self:
        keys = [(rule.endpoint_group, rule.host, rule.metric) for rule in self.rules]
        _refuse_twice([" ".join(word for word in key if word) for key in keys], "rule")
        return self


class Filter(Document):
    """What of the topology a report judges. An empty list or object does not restrict.

    scopes: the service and its site each bear one of them; tags: properties of the service, else of its site
    """

    scopes: tuple[Word, ...] = ()
    infrastructures: tuple[Word, ...] = ()
    certifications: tuple[Word, ...] = ("Certified",)
    tags: dict[Word, Name] = {}


class Targets(Document):
    """Of a month, in per cent; unknown is at most."""

    availability: Percent = AVAILABILITY_TARGET
    reliability: Percent = RELIABILITY_TARGET
    unknown: Percent = UNKNOWN_TARGET


class ClassTargets(Document):
    """What the SLA asks of the services of a class, in per cent of a month."""

    availability: Percent
    reliability: Percent


#: Where a report says nothing else.
_CLASS_TARGETS: dict[Literal["C", "H"], ClassTargets] = {
    "C": ClassTargets(availability=Decimal(95), reliability=Decimal(97)),
    "H": ClassTargets(availability=Decimal(90), reliability=Decimal(95)),
}

GroupKind = Literal["site", "service_group"]
RegionKind = Literal["region", "tier", "vo", "project", "federation"]


class ReportDocument(Document):
    """Who is judged, by which metrics and profiles, and what is asked of them.

    vo: its critical metrics judge; empty: the operations VO's, and with `region_kind` "vo" each VO's own
    operations, aggregation, thresholds: names of profiles; empty: the standard operations, each service type a
    function of its own, no thresholds
    weight: the kind of weight that sites count by in their region; empty: none
    """

    title: Annotated[str, StringConstraints(max_length=200, pattern=_TEXT)] = ""
    description: Annotated[str, StringConstraints(max_length=5000, pattern=_TEXT)] = ""
    vo: Name = ""
    operations: Name = ""
    aggregation: Name = ""
    thresholds: Name = ""
    group_kind: GroupKind = "site"
    region_kind: RegionKind = "region"
    filter: Filter = Filter()
    weight: Annotated[str, StringConstraints(strip_whitespace=True, max_length=40, pattern=_TEXT)] = ""
    targets: Targets = Targets()
    service_classes: dict[Word, Literal["C", "H"]] = {}
    class_targets: dict[Literal["C", "H"], ClassTargets] = _CLASS_TARGETS
    is_public: bool = True
    topology: Literal["registry", "feed"] = "registry"

    @model_validator(mode="after")
    def _groups_lie_in_regions(self) -> Self:
        is_split = self.group_kind == "service_group" and self.region_kind in ("region", "tier")
        if is_split and self.topology == "registry":
            raise PydanticCustomError(
                "group_kind",
                "a service group has services of many regions and tiers; take federation, project or vo as region_kind",
            )
        return self


DOCUMENTS: Mapping[ProfileKind, type[Document]] = {
    ProfileKind.OPERATIONS: OperationsDocument,
    ProfileKind.AGGREGATION: AggregationDocument,
    ProfileKind.THRESHOLDS: ThresholdsDocument,
    ProfileKind.REPORT: ReportDocument,
}


def parse(kind: str, document: Any) -> Document:
    """The document of that kind of profile. Raises DocumentError naming every field that is wrong."""
    described = DOCUMENTS[ProfileKind(kind)]
    try:
        return described.model_validate(document)
    except ValidationError as error:
        raise DocumentError([(_path(each["loc"]), _message(each)) for each in error.errors()]) from error


def _path(location: Sequence[int | str]) -> str:
    """("functions", 0, "name") -> functions[0].name"""
    text = ""
    for word in location:
        text += f"[{word}]" if isinstance(word, int) else f".{word}"
    return text.removeprefix(".")


#: Our words for what Pydantic found (https://docs.pydantic.dev/latest/errors/validation_errors/).
_MESSAGES = {
    "missing": "is missing",
    "extra_forbidden": "is no field of this document; take it out",
    "string_pattern_mismatch": "{input!r} has characters that do not fit here",
    "literal_error": "{input!r} is none of {expected}",
    "less_than_equal": "{input!r} is more than {le}",
    "greater_than_equal": "{input!r} is less than {ge}",
    "model_type": "is {input!r}; write an object",
    "dict_type": "is {input!r}; write an object",
    "tuple_type": "is {input!r}; write a list",
    "string_too_short": "is empty; fill it in",
    "too_short": "is empty; name at least {min_length}",
    "string_too_long": "is longer than {max_length} characters",
    "too_long": "has more than {max_length} entries",
}


def _message(error: Any) -> str:
    ours = _MESSAGES.get(error["type"])
    return ours.format(input=error["input"], **error.get("ctx", {})) if ours else str(error["msg"])


def _refuse_twice(names: Sequence[str], what: str, problem: str = "stands twice") -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PydanticCustomError(
            "twice", "the {what} {names} {problem}", {"what": what, "names": ", ".join(twice), "problem": problem}
        )
