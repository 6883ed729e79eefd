"""Dry runs: an action is carried out, what it wrote is read, and all of it is taken back.

What an action would do is therefore never guessed. Nothing leaves the transaction: no mail, no webhook, no task.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar

from django.db import transaction
from django.db.models import Max

from gridkeeper.registry.audit_records import VERBS, FieldDifference, differences, kind_of, name_of, record_models

_P = ParamSpec("_P")
_R = TypeVar("_R")
_S = TypeVar("_S")


@dataclass(frozen=True, slots=True)
class Consequence:
    """One object that would be written.

    kind: "site"; key: "" where it has none; verb: "added", "changed" or "removed"; fields: of a change
    """

    kind: str
    key: str
    name: str
    verb: str
    fields: Sequence[FieldDifference]


@dataclass(frozen=True, slots=True)
class Rehearsal(Generic[_S]):
    """result: what the action would give back; consequences: all that it would write."""

    result: _S
    consequences: list[Consequence]


def rehearse(action: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> Rehearsal[_R]:
    """Carries the action out and takes it back. Raises whatever the action raises.

    Callbacks that wait for the end of the transaction (`on_commit`) are dropped with it.
    """
    return rehearse_and_show(lambda: action(*args, **kwargs), lambda result: result)


def rehearse_and_show(action: Callable[[], _R], show: Callable[[_R], _S]) -> Rehearsal[_S]:
    """The same; `show` reads what is to be told of the result while it stands in the database."""
    with transaction.atomic():
        before = {records: _newest(records) for records in record_models()}
        shown = show(action())
        found = [each for records, newest in before.items() for each in _consequences(records, newest)]
        transaction.set_rollback(True)
    return Rehearsal(shown, found)


def _newest(records: Any) -> int:
    return records.objects.aggregate(newest=Max("history_id"))["newest"] or 0


def _consequences(records: Any, newest: int) -> list[Consequence]:
    """Of the records that came after; an object that was written twice is told of once."""
    rows = list(records.objects.filter(history_id__gt=newest).order_by("history_id"))
    first = {row.id: row for row in reversed(rows)}
    return [_consequence(records, first[pk], last) for pk, last in {row.id: row for row in rows}.items()]


def _consequence(records: Any, first: Any, last: Any) -> Consequence:
    verb = VERBS["-" if last.history_type == "-" else first.history_type]
    fields: list[FieldDifference] = []
    if verb == "changed":
        older = records.objects.filter(id=last.id, history_id__lt=first.history_id).order_by("-history_id").first()
        fields = differences(older, last, may_read_personal=True) if older is not None else []
    return Consequence(kind_of(last), str(getattr(last, "key", "")), name_of(last), verb, fields)
