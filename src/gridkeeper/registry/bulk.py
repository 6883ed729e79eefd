"""Many changes in one request: each line names an operation of the API, the object and the values.

Lines are carried out in order. What a line makes may be named by `ref`, and later lines write {"$ref": NAME} where a
key is asked for.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404
from ninja import Schema
from pydantic import ConfigDict, Field
from pydantic import ValidationError as ShapeError

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.registry.api_bodies import BadLine
from gridkeeper.registry.api_changes import CHANGES, Change, LostUpdateError, carried_out
from gridkeeper.registry.api_inputs import KeyText
from gridkeeper.web.conditional import versions_in
from gridkeeper.web.problems import Problem

#: One request's lines.
MAX_LINES = 20_000
#: With keep_good so many lines are stored at once: others may write in between.
BATCH = 200

Mode = Literal["atomic", "keep_good"]


class BulkLineIn(Schema):
    """One change of many."""

    model_config = ConfigDict(extra="forbid")

    do: str = Field(
        max_length=60, description="An operation, as GET /registry/operations lists.", examples=["site.edit"]
    )
    key: str | dict[str, str] = Field("", description="Of the object; empty for what makes one.", examples=["2G0"])
    body: dict[str, Any] = Field({}, description="As the operation takes it by itself.")
    if_match: str = Field("", max_length=1000, description="ETag or version that you read.")
    ref: KeyText | None = Field(None, description="Names what this line makes, for later lines: {'$ref': NAME}.")


@dataclass(frozen=True, slots=True)
class LineReport:
    """What became of one line.

    index: from 1; outcome: "done", "would be done", "failed", "undone" (atomic: another line failed)
    errors: field, problem, remedy; key: of the object that was made or changed
    """

    index: int
    do: str
    outcome: str
    key: str = ""
    errors: Sequence[dict[str, Any]] = ()


@dataclass(slots=True)
class BulkRun:
    """One run through the lines."""

    actor: Actor
    now: datetime
    mode: Mode
    is_dry_run: bool
    refs: dict[str, str] = field(default_factory=dict)
    lines: list[LineReport] = field(default_factory=list)

    @property
    def failed(self) -> int:
        return sum(line.outcome == "failed" for line in self.lines)


def carry_out_all(
    actor: Actor, lines: Iterable[tuple[int, Any]], *, now: datetime, mode: Mode, is_dry_run: bool
) -> BulkRun:
    """Carries the lines out; every bad one is reported, whatever the mode.

    atomic: all or none; keep_good: what is good stays. A dry run keeps nothing.
    """
    run = BulkRun(actor, now, mode, is_dry_run)
    if mode == "keep_good" and not is_dry_run:
        for some in _batches(lines):
            with transaction.atomic():
                _carry_out(run, some)
        return run
    with transaction.atomic():
        _carry_out(run, lines)
        if is_dry_run or run.failed:
            transaction.set_rollback(True)
    _say_undone(run)
    return run


def _batches(lines: Iterable[tuple[int, Any]]) -> Iterator[Sequence[tuple[int, Any]]]:
    rest = iter(lines)
    while some := list(islice(rest, BATCH)):
        yield some


def _carry_out(run: BulkRun, lines: Iterable[tuple[int, Any]]) -> None:
    for index, value in lines:
        do = str(value.get("do", ""))[:60] if isinstance(value, dict) else ""
        try:
            with transaction.atomic():
                key = _line(run, value)
        except _REFUSALS as error:
            run.lines.append(LineReport(index, do, "failed", errors=problems_of(error)))
        else:
            run.lines.append(LineReport(index, do, "done", key))


def _line(run: BulkRun, value: Any) -> str:
    if isinstance(value, BadLine):
        raise ValidationError(value.problem)
    line = BulkLineIn.model_validate(value)
    made = CHANGES.get(line.do)
    if made is None:
        raise ValidationError({"do": f"{line.do!r} is no operation; GET /api/v1/registry/operations lists them."})
    body = made.body.model_validate(_resolved(line.body, run.refs))
    subject = _subject(made, line, run.refs)
    result = carried_out(made, run.actor, run.now, subject, body, versions_in(_quoted(line.if_match)))
    key = str(getattr(result, made.shows.key, ""))
    if line.ref is not None:
        run.refs[line.ref] = key
    return key


def _subject(made: Change, line: BulkLineIn, refs: dict[str, str]) -> Any:
    key = _resolved(line.key, refs)
    if made.of is None:
        if key:
            raise ValidationError({"key": f"{line.do} makes an object; leave out the key."})
        return None
    if not isinstance(key, str) or not key or "\x00" in key:
        raise ValidationError({"key": f"{line.do} changes an object; give its key."})
    return made.of.find(key)


def _quoted(version: str) -> str:
    return f'"{version}"' if version.isdecimal() else version


def _resolved(value: Any, refs: dict[str, str], depth: int = 4) -> Any:
    """The same with each {"$ref": NAME} replaced by the key of what that line made."""
    if isinstance(value, dict):
        if set(value) == {"$ref"}:
            name = str(value["$ref"])
            if name not in refs:
                raise ValidationError(f"No line before made {name[:100]!r}, or it failed.")
            return refs[name]
        return {name: _resolved(each, refs, depth - 1) for name, each in value.items()} if depth else value
    if isinstance(value, list) and depth:
        return [_resolved(each, refs, depth - 1) for each in value]
    return value


def _say_undone(run: BulkRun) -> None:
    word = "would be done" if run.is_dry_run else "undone" if run.failed else "done"
    run.lines = [
        LineReport(line.index, line.do, word if line.outcome == "done" else line.outcome, line.key, line.errors)
        for line in run.lines
    ]


_REFUSALS = (ValidationError, ShapeError, NotPermittedError, LostUpdateError, Problem, Http404, RecursionError)


def problems_of(error: Exception) -> list[dict[str, Any]]:
    """A refusal as field, problem and remedy."""
    if isinstance(error, ShapeError):
        found = error.errors(include_url=False, include_input=False, include_context=False)
        return [_problem(".".join(map(str, each["loc"])), str(each["msg"])) for each in found]
    if isinstance(error, ValidationError):
        by_field = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        return [_problem(name, text) for name, texts in by_field.items() for text in texts]
    if isinstance(error, LostUpdateError):
        return error.problem().errors
    if isinstance(error, Problem):
        return error.errors or [_problem("", error.detail or error.title)]
    return [_problem("", str(error) or type(error).__name__)]


def _problem(name: str, text: str) -> dict[str, Any]:
    return {"field": "" if name == "__all__" else name, "problem": text, "remedy": "correct the line, send it again"}
