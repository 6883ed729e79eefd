"""What the API of the tests takes: words, JSON that every database can keep, secrets that nothing gives back."""

import math
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar

from django.db.models import QuerySet
from django.utils.crypto import salted_hmac
from ninja import Schema
from pydantic import AfterValidator, Field, PlainSerializer, SecretStr, StrictInt

from gridkeeper.probes.models import CredentialNeed, Stage, Test, TestKind
from gridkeeper.registry.api_inputs import KeyText, LongText, Word
from gridkeeper.registry.api_lookups import unknown
from gridkeeper.vos.models import Vo

_M = TypeVar("_M", Test, Vo)
_DEEPEST, _MOST_PARTS = 20, 5_000
_LONGEST_S = 366 * 86_400


def _storable(value: Any) -> Any:
    """As it came. Raises ValueError for what no database keeps as JSON, or nobody could mean."""
    waiting, parts = [(value, 0)], 0
    while waiting:
        part, depth = waiting.pop()
        parts += 1
        if depth > _DEEPEST or parts > _MOST_PARTS:
            raise ValueError(f"it is nested deeper than {_DEEPEST} or has more than {_MOST_PARTS} parts; write less")
        if isinstance(part, dict):
            waiting += [(item, depth + 1) for pair in part.items() for item in pair]
        elif isinstance(part, list):
            waiting += [(item, depth + 1) for item in part]
        else:
            _check_scalar(part)
    return value


def _check_scalar(part: Any) -> None:
    if isinstance(part, str) and ("\0" in part or any("\ud800" <= sign <= "\udfff" for sign in part)):
        raise ValueError("a text in it holds a zero byte or half a surrogate pair; write it without")
    if isinstance(part, float) and not math.isfinite(part):
        raise ValueError("a number in it is not finite; write one that is")
    if isinstance(part, int) and abs(part) >= 1 << 63:
        raise ValueError("a number in it has more than 64 bits; write a smaller one")


JsonObject = Annotated[dict[str, Any], AfterValidator(_storable)]
#: Of a native check an object, of a plugin a list of words.
Arguments = Annotated[dict[str, Any] | list[Any], AfterValidator(_storable)]
Seconds = Annotated[StrictInt, Field(ge=1, le=_LONGEST_S)]
SecondsOrNone = Annotated[StrictInt, Field(ge=0, le=_LONGEST_S)]


def _fingerprint(secret: SecretStr) -> str:
    return salted_hmac("gridkeeper.probes.api_inputs", secret.get_secret_value(), algorithm="sha256").hexdigest()


#: Goes in, and never comes out: what tells two requests apart (`Idempotency-Key`) is made of it with the server's key.
Secret = Annotated[SecretStr, Field(max_length=100_000), PlainSerializer(_fingerprint, when_used="json")]


class Definition(Schema):
    """Fields of a definition, as its page has them; those that are not sent stay, or are the defaults."""

    abbreviation: Word = Field("", examples=["js"])
    title: Word = Field("", examples=["Job submission"])
    kind: TestKind = Field(TestKind.NATIVE, examples=["native"])
    command: Word = Field("", description="A native check, or the path of a plugin.", examples=["tcp"])
    arguments: Arguments = Field({}, examples=[{"port": 2811}])
    is_per_vo: bool = False
    credential: CredentialNeed = CredentialNeed.NONE
    interval_s: Seconds = Field(900, description="Seconds.")
    timeout_s: Seconds = Field(60, description="Seconds.")
    max_attempts: StrictInt = Field(1, ge=1, le=100)
    retry_interval_s: Seconds = Field(60, description="Seconds.")
    validity_s: Seconds = Field(86_400, description="Seconds.")
    fastest_interval_s: SecondsOrNone = Field(0, description="Seconds; 0: no faster.")
    slowest_interval_s: SecondsOrNone = Field(0, description="Seconds; 0: no slower.")
    priority: StrictInt = Field(0, ge=-100, le=100)
    places: JsonObject = Field({}, description="From where it runs.", examples=[{"count": 2, "quorum": 2}])
    depends_on: list[KeyText] = Field([], max_length=100, description="Names of tests.", examples=[["CE-port"]])
    rides_in: Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")] = Field("", description="A job test.")
    stage: Stage = Stage.NONE
    position: StrictInt = Field(100, ge=0, le=32_767)
    meaning: LongText = ""
    procedure: LongText = ""
    logs: LongText = ""
    contact: Word = ""

    def content(self, *apart_from: str) -> dict[str, Any]:
        """The fields that were sent."""
        sent = self.dict(exclude_unset=True, exclude={"name", "reason", "seen", *apart_from})
        if "depends_on" in sent:
            sent["depends_on"] = sorted(set(sent["depends_on"]))
        return {name: str(value) if isinstance(value, str) else value for name, value in sent.items()}

    def draft(self, *apart_from: str) -> dict[str, Any]:
        """Of something new: a native check where nothing else is said."""
        return {"kind": TestKind.NATIVE.value} | self.content(*apart_from)


def named_tests(names: Iterable[str], field: str = "tests") -> list[Test]:
    """The tests of those names. Raises Problem 422 naming the unknown ones."""
    return _named(Test.objects.all(), names, field, "/tests")


def named_test(name: str, field: str) -> Test:
    """The test of that name. Raises Problem 422 where there is none."""
    return named_tests([name], field)[0]


def named_vo(name: str) -> Vo:
    """The current VO of that name. Raises Problem 422 where there is none."""
    return named_vos([name], "vo")[0]


def named_vos(names: Iterable[str], field: str = "vos") -> list[Vo]:
    """The current VOs of those names. Raises Problem 422 naming the unknown ones."""
    return _named(Vo.objects.current(), names, field, "/vos")


def _named(rows: "QuerySet[_M]", names: Iterable[str], field: str, where: str) -> list[_M]:
    wanted = set(names)
    found: list[_M] = list(rows.filter(name__in=wanted))
    if missing := sorted(wanted - {row.name for row in found}):
        raise unknown(field, where, missing)
    return found
