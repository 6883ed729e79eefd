"""Rows from records: find, compare, write. All or nothing per object, a second run changes nothing.

Rows are written in batches, each one transaction with its audit records, since one transaction per row takes minutes; a
batch that the database refuses is tried again row by row, so that only the row at fault is rejected.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db import DatabaseError, models, transaction
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from gridkeeper.people.actor import Actor
from gridkeeper.people.audit import bulk_audit_options
from gridkeeper.registry.importers.policy import Overwrite
from gridkeeper.registry.importers.records import Record, ServiceRef
from gridkeeper.registry.importers.report import Level, Report
from gridkeeper.registry.models import Federation, Service, ServiceType, Site

M = TypeVar("M", bound=models.Model)

#: Rows per transaction: long enough to be quick, short enough that other writers wait under a second.
BATCH = 200


@dataclass
class Run:
    """One import under way: what the steps share."""

    report: Report
    actor: Actor
    now: datetime
    federation: Federation
    origin_of: Callable[[Record], str]
    advance: Callable[[int], None] = lambda _: None
    origins: list[str] = field(default_factory=list)
    service_types: dict[str, ServiceType] = field(default_factory=dict)
    sites: dict[str, Site] = field(default_factory=dict)
    services: dict[ServiceRef, Service] = field(default_factory=dict)
    policy: Overwrite = field(default_factory=Overwrite)
    #: What the last run of this source saw, by origin; None: ask the reports of earlier imports.
    last_seen: Mapping[str, Mapping[str, Sequence[str]]] | None = None
    #: Kind and key of what the source no longer has -> the origin that told it last.
    vanished: dict[tuple[str, str], str] = field(default_factory=dict)

    def stays(self, kind: str, key: str) -> None:
        """What has vanished but stays open remains known, so that the next import looks at it again."""
        if (kind, key) in self.vanished:
            self.report.saw(self.vanished[kind, key], kind, key)

    @property
    def audit(self) -> dict[str, Any]:
        return bulk_audit_options(self.actor, self.report.reason)

    def find(self, level: Level, kind: str, record: Record, problem: str, remedy: str, **more: Any) -> None:
        """`more`: field, value, and `name` where the finding is about a part of the record."""
        name = more.pop("name", record.name)
        self.report.find(level, kind, record.place, name, problem, remedy, raw=record.raw or str(record), **more)

    def saw(self, kind: str, record: Record, row: Any) -> None:
        """Remembers that the source speaks of the row; those without a key are parts of others."""
        if hasattr(row, "key"):
            self.report.saw(self.origin_of(record), kind, str(row.key))


@dataclass
class Wanted(Generic[M]):
    """What a row is to become. `initial` is set when it is made; `differs`: something besides its columns differs."""

    record: Record
    natural: tuple[Hashable, ...]
    values: dict[str, Any]
    initial: dict[str, Any] = field(default_factory=dict)
    key: str | None = None
    row: M | None = None
    is_new: bool = False
    changed: list[str] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    differs: bool = False

    @property
    def is_changed(self) -> bool:
        return bool(self.changed) or self.differs


class Table(Generic[M]):
    """The rows of a model, found by key (closed ones too) or by what makes them unique while current."""

    def __init__(self, model: type[M], natural: Sequence[str], rows: Iterable[M] | None = None) -> None:
        self.model = model
        self.natural = tuple(natural)
        self.is_dated = any(column.name == "valid_until" for column in model._meta.fields)
        self.by_key: dict[str, M] = {}
        self.current: dict[tuple[Hashable, ...], M] = {}
        self.taken: set[int] = set()
        for row in model._default_manager.all() if rows is None else rows:
            self.add(row)

    def add(self, row: M) -> None:
        if getattr(row, "key", ""):
            self.by_key[row.key] = row  # type: ignore[attr-defined]
        if self.natural and (not self.is_dated or row.valid_until is None):  # type: ignore[attr-defined]
            self.current[tuple(getattr(row, name) for name in self.natural)] = row

    def match(self, wanted: Wanted[M]) -> M | None:
        """By the source's key, else by nature."""
        keyed = self.by_key.get(wanted.key) if wanted.key else None
        return keyed if keyed is not None else self.current.get(wanted.natural)

    def rival(self, wanted: Wanted[M], row: M | None) -> M | None:
        """Another current row that holds the same nature."""
        other = self.current.get(wanted.natural)
        return None if other is None or other is row else other


def clean(model: type[models.Model], values: dict[str, Any]) -> tuple[str, Any, str] | None:
    """The first column whose value the model refuses: name, value, why; None where all are well."""
    for name, value in values.items():
        if "\x00" in str(value):
            return name, value, "holds a NUL character, which no database of ours keeps"
        column = model._meta.get_field(name)
        if not isinstance(column, (models.CharField, models.TextField, models.FloatField)) or value in ("", None):
            continue
        try:
            column.clean(value, None)
        except ValidationError as error:
            return name, value, " ".join(error.messages)
    return None


def decide(run: Run, kind: str, table: Table[M], wanted: Wanted[M], owner: Callable[[M], Any] = lambda _: None) -> bool:
    """Finds the row and what differs; False, with a finding, where the record cannot go in.

    `owner` gives the id of the federation that a row belongs to: another federation's rows are never touched.
    """
    wanted.row = row = table.match(wanted)
    refusal = _refusal(run, table, wanted, owner)
    if row is not None:
        run.saw(kind, wanted.record, row)
    if refusal is not None:
        problem, remedy, more = refusal
        run.find("rejected", kind, wanted.record, problem, remedy, **more)
        return False
    if row is None and not run.policy.may_create(run, kind, table, wanted):
        run.report.count(kind, "unchanged")
        return False
    if row is None:
        wanted.is_new = True
        wanted.row = row = table.model(**wanted.initial, **wanted.values, **_key(wanted))
        table.add(row)
        run.saw(kind, wanted.record, row)
    else:
        wanted.changed = [name for name, value in wanted.values.items() if getattr(row, name) != value]
        run.policy.review(run, kind, wanted)
        wanted.before = {name: getattr(row, name) for name in wanted.changed}
    table.taken.add(id(row))
    return True


def _key(wanted: Wanted[Any]) -> dict[str, str]:
    return {"key": wanted.key} if wanted.key else {}


def _refusal(
    run: Run, table: Table[M], wanted: Wanted[M], owner: Callable[[M], Any]
) -> tuple[str, str, dict[str, Any]] | None:
    row = wanted.row
    bad = clean(table.model, {**wanted.values, **_key(wanted)})
    if bad is not None:
        return bad[2], "correct the value in the source", {"field": bad[0], "value": bad[1]}
    for other in (row, table.rival(wanted, row)):
        if other is not None and owner(other) not in (None, run.federation.pk):
            problem = f"{other} (key {_shown_key(other)}) belongs to another federation"
            return problem, "import with its --federation, or rename one of them", {"value": _shown_key(other)}
    if row is not None and id(row) in table.taken:
        return (
            f"an earlier record of this source is {row} already",
            "remove one of the two",
            {"value": wanted.key or ""},
        )
    rival = table.rival(wanted, row)
    if rival is not None:
        problem = f"{rival} (key {_shown_key(rival)}) has that name already"
        return problem, "rename one of them, or close the other", {"value": wanted.key or ""}
    return None


def _shown_key(row: models.Model) -> str:
    return str(getattr(row, "key", row.pk))


def write(
    run: Run,
    kind: str,
    table: Table[M],
    decided: Sequence[Wanted[M]],
    parts: Callable[[Sequence[Wanted[M]]], None] = lambda _: None,
) -> list[Wanted[M]]:
    """Writes rows in batches; `parts` writes what belongs to them in the same transaction. Returns what went in."""
    done: list[Wanted[M]] = []
    for batch in _batches(decided):
        mark = run.report.mark()
        try:
            _write_batch(run, kind, table.model, batch, parts)
            done += batch
        except DatabaseError:
            run.report.rollback(mark)
            done += [wanted for wanted in batch if _write_alone(run, kind, table.model, wanted, parts)]
        run.advance(len(batch))
    return done


def _batches(items: Sequence[Wanted[M]]) -> Iterator[Sequence[Wanted[M]]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


def _write_alone(
    run: Run, kind: str, model: type[M], wanted: Wanted[M], parts: Callable[[Sequence[Wanted[M]]], None]
) -> bool:
    mark = run.report.mark()
    if wanted.is_new and wanted.row is not None:
        wanted.row.pk = None
        wanted.row._state.adding = True
    try:
        _write_batch(run, kind, model, [wanted], parts)
    except DatabaseError as error:
        run.report.rollback(mark)
        run.find("rejected", kind, wanted.record, f"the database refused it: {error}", "correct the record")
        return False
    return True


def _write_batch(
    run: Run, kind: str, model: type[M], batch: Sequence[Wanted[M]], parts: Callable[[Sequence[Wanted[M]]], None]
) -> None:
    new = [wanted for wanted in batch if wanted.is_new]
    changed = [wanted for wanted in batch if wanted.changed]
    with transaction.atomic():
        if new:
            _create(run, model, [wanted.row for wanted in new if wanted.row is not None])
        if changed:
            _update(run, model, changed)
        parts(batch)
    run.report.count(kind, "created", len(new))
    updated = sum(wanted.is_changed and not wanted.is_new for wanted in batch)
    run.report.count(kind, "changed", updated)
    run.report.count(kind, "unchanged", len(batch) - len(new) - updated)


def _create(run: Run, model: type[M], rows: list[M]) -> None:
    if _is_audited(model):
        bulk_create_with_history(rows, model, batch_size=BATCH, **run.audit)
    else:
        model._default_manager.bulk_create(rows, batch_size=BATCH)


def _is_audited(model: type[models.Model]) -> bool:
    return hasattr(model._meta, "simple_history_manager_attribute")


def _update(run: Run, model: type[M], changed: Sequence[Wanted[M]]) -> None:
    columns = sorted({name for wanted in changed for name in wanted.changed})
    for wanted in changed:
        for name in wanted.changed:
            setattr(wanted.row, name, wanted.values[name])
    rows = [wanted.row for wanted in changed if wanted.row is not None]
    if _is_audited(model):
        bulk_update_with_history(rows, model, columns, batch_size=BATCH, **run.audit)
    else:
        model._default_manager.bulk_update(rows, columns, batch_size=BATCH)


def upsert(
    run: Run,
    kind: str,
    table: Table[M],
    wanted: Iterable[Wanted[M]],
    owner: Callable[[M], Any] = lambda _: None,
) -> list[Wanted[M]]:
    """decide and write, for rows without parts."""
    return write(run, kind, table, [item for item in wanted if decide(run, kind, table, item, owner)])


def close(run: Run, kind: str, rows: Sequence[M]) -> None:
    """Ends the validity of rows now; they stay, so that history can refer to them. The policy may keep some open."""
    rows = run.policy.may_close(run, kind, rows)
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        for row in batch:
            row.valid_until = max(run.now, row.valid_from)
        bulk_update_with_history(list(batch), type(batch[0]), ["valid_until"], batch_size=BATCH, **run.audit)
        run.report.count(kind, "closed", len(batch))
