"""A full export into this instance: an empty one becomes its twin, another one takes over object by object.

Into an empty registry everything goes in as it is, with primary keys and audit records, so that every answer, of today
and of the past, is the same. Else objects are found by key (or by what makes them unique), changed to what the file
says and reported; what clashes with something else here is left out and named.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.management.color import no_style
from django.db import IntegrityError, connection, models, transaction

from gridkeeper.core.windows import Window
from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.models import User
from gridkeeper.registry.export import columns_of, exported_models
from gridkeeper.registry.importers.report import Place, Report
from gridkeeper.registry.importers.run import DryRunError, Progress, Silent, keep_report
from gridkeeper.registry.importers.whole_file import Whole
from gridkeeper.registry.models import Downtime, ImportRun, Service
from gridkeeper.registry.signals import downtimes_changed, topology_changed

_BATCH = 500
#: What tells two rows of a model apart, where it has no key.
_NATURAL = {
    "people.identity": ("kind", "issuer", "identifier"),
    "registry.servicetype": ("name",),
    "registry.ngimembership": ("ngi_id", "federation_id", "valid_from"),
    "registry.servicegroupmember": ("group_id", "service_id", "valid_from"),
    "registry.downtimeservice": ("downtime_id", "service_id"),
    "registry.downtimeendpoint": ("affected_id", "endpoint_id"),
    "registry.rolegrant": ("user_id", "role", "federation_id", "ngi_id", "site_id", "service_group_id"),
    "registry.certificationchange": ("site_id", "changed_at", "new"),
    "vos.vosupport": ("vo_id", "service_id", "valid_from"),
    "vos.vorolegrant": ("user_id", "vo_id", "role"),
}


def natural_of(model: type[models.Model]) -> tuple[str, ...]:
    """The columns by which a row of the file is found here; () for audit records, which are never matched."""
    label = model._meta.label_lower
    if label in _NATURAL:
        return _NATURAL[label]
    if is_record(model):
        return ()
    if model._meta.auto_created:
        return tuple(field.attname for field in model._meta.concrete_fields if field.remote_field)
    return ("key",)


def is_record(model: type[models.Model]) -> bool:
    """Whether it holds audit records."""
    return any(column.attname in ("history_id", "m2m_history_id") for column in model._meta.concrete_fields)


def import_whole(
    whole: Whole, report: Report, *, actor: Actor, now: datetime, progress: Progress | None = None
) -> ImportRun | None:
    """All of the file in one transaction; None for a dry run, which takes everything back."""
    show = progress or Silent()
    show.begin("Importing", sum(whole.counts.values()))
    with recording(actor, report.reason):
        try:
            with transaction.atomic():
                _Loader(whole, report, now, show).load()
                if report.is_dry_run:
                    raise DryRunError
        except DryRunError:
            return None
        return keep_report(report, now)


@dataclass
class _Loader:
    """One import under way. `ids`: primary key in the file -> here, where they differ; `left_out`: no row here."""

    whole: Whole
    report: Report
    now: datetime
    show: Progress
    ids: dict[str, dict[int, int]] = field(default_factory=dict)
    made: dict[str, set[int]] = field(default_factory=dict)
    left_out: dict[str, set[int]] = field(default_factory=dict)
    current: "_Table | None" = None

    def __post_init__(self) -> None:
        self.is_empty = not any(
            model._base_manager.exists() for model in exported_models() if model._meta.app_label != "people"
        )

    def load(self) -> None:
        """Row by row of the file, in batches of one model."""
        self.report.figure("objects of the file", sum(self.whole.counts.values()))
        for model, batch in _batches(self.whole.rows()):
            table = self._table(model)
            table.take(batch)
            self.show.advance(len(batch))
        self._reset_sequences()
        self._announce()

    def _table(self, model: type[models.Model]) -> "_Table":
        if self.current is None or self.current.model is not model:
            self.current = _Table(self, model)
        return self.current

    def mapped(self, model: type[models.Model], values: dict[str, Any]) -> str:
        """Foreign keys become those of this instance, in place; the name of a parent that is not here, else ""."""
        for column in model._meta.concrete_fields:
            if column.remote_field is None or values.get(column.attname) is None:
                continue
            label = column.remote_field.model._meta.label_lower
            if values[column.attname] in self.left_out.get(label, ()):
                return str(column.remote_field.model._meta.verbose_name)
            values[column.attname] = self.ids.get(label, {}).get(values[column.attname], values[column.attname])
        return ""

    def _reset_sequences(self) -> None:
        """PostgreSQL does not notice primary keys that were given; SQLite does."""
        statements = connection.ops.sequence_reset_sql(no_style(), exported_models())
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def _announce(self) -> None:
        topology_changed.send(sender=Service, since=self.now, closed_service=None)
        first = Downtime.objects.filter(start__lt=self.now).order_by("start").first()
        if first is not None:
            downtimes_changed.send(sender=Downtime, window=Window(first.start, self.now))


Row = tuple[int, dict[str, Any]]


def _batches(
    rows: Iterable[tuple[int, type[models.Model], dict[str, Any]]],
) -> Iterator[tuple[type[models.Model], list[Row]]]:
    batch: list[Row] = []
    current: type[models.Model] | None = None
    for number, model, values in rows:
        if current is not None and (model is not current or len(batch) >= _BATCH):
            yield current, batch
            batch = []
        current = model
        batch.append((number, values))
    if current is not None and batch:
        yield current, batch


class _Table:
    """Rows of one model: which are here already, and which primary keys are free."""

    def __init__(self, loader: _Loader, model: type[models.Model]) -> None:
        self.loader, self.model = loader, model
        self.label = model._meta.label_lower
        self.kind = str(model._meta.verbose_name)
        self.pk = str(model._meta.pk.attname) if model._meta.pk else "id"
        self.natural = natural_of(model)
        self.is_empty = not model._base_manager.exists()
        self.present: dict[tuple[Any, ...], int] = {}
        self.taken: set[int] = set()
        if not self.is_empty:
            names = (self.pk, *self.natural)
            for row in model._base_manager.values_list(*names).iterator():
                self.taken.add(row[0])
                if self.natural:
                    self.present[row[1:]] = row[0]
        self.next = max([*self.taken, loader.whole.largest.get(self.label, 0)], default=0) + 1

    def take(self, batch: list[Row]) -> None:
        """Makes what is new and changes what differs."""
        if is_record(self.model):
            self._create(
                [
                    (number, values[self.pk], self._with_pk(values))
                    for number, values in batch
                    if self._is_wanted(values)
                ]
            )
            return
        new: list[tuple[int, int, dict[str, Any]]] = []
        known: list[tuple[int, int, dict[str, Any]]] = []
        for number, values in batch:
            self.loader.report.count(self.kind, "read")
            old_pk = values[self.pk]
            if missing := self.loader.mapped(self.model, values):
                self._refuse(number, values, f"its {missing} was left out", "see there")
                continue
            here = self.present.get(tuple(values[name] for name in self.natural))
            if here is None:
                new.append((number, old_pk, self._with_pk(values)))
                continue
            if here != old_pk:
                self.loader.ids.setdefault(self.label, {})[old_pk] = here
            known.append((number, here, values))
        self._create(new)
        rows = self.model._base_manager.in_bulk([pk for _, pk, _ in known])
        for number, pk, values in known:
            self._change(number, rows[pk], values)

    def _is_wanted(self, values: dict[str, Any]) -> bool:
        """Audit records of an object that was made now; into an empty registry those of deleted ones too."""
        missing = self.loader.mapped(self.model, values)
        if self.loader.is_empty and not missing:
            return True
        subject = getattr(self.model, "instance_type", None)
        made = self.loader.made.get(subject._meta.label_lower, ()) if subject is not None else ()
        if not missing and (subject is None or values.get("id") in made):
            return True
        self.loader.left_out.setdefault(self.label, set()).add(values[self.pk])
        self.loader.report.figure("audit records of objects that were here already")
        return False

    def _with_pk(self, values: dict[str, Any]) -> dict[str, Any]:
        """Its own primary key where that is free, else the next one; audit records follow their object."""
        subject = getattr(self.model, "instance_type", None)
        if subject is not None and self.pk != "id":
            values["id"] = self.loader.ids.get(subject._meta.label_lower, {}).get(values["id"], values["id"])
        old = values[self.pk]
        if old in self.taken:
            values[self.pk] = self.loader.ids.setdefault(self.label, {})[old] = self.next
            self.next += 1
        self.taken.add(values[self.pk])
        return values

    def _create(self, new: list[tuple[int, int, dict[str, Any]]]) -> None:
        rows = [self._instance(values) for _, _, values in new]
        try:
            with transaction.atomic():
                self.model._base_manager.bulk_create(rows, batch_size=_BATCH)
        except IntegrityError:
            for item, row in zip(new, rows, strict=True):
                self._create_one(item, row)
            return
        for _, old_pk, _ in new:
            self._made(old_pk)

    def _made(self, old_pk: int) -> None:
        if is_record(self.model):
            return
        self.loader.report.count(self.kind, "created")
        if not self.loader.is_empty:
            self.loader.made.setdefault(self.label, set()).add(old_pk)

    def _create_one(self, item: tuple[int, int, dict[str, Any]], row: models.Model) -> None:
        number, old_pk, values = item
        row._state.adding = True
        try:
            with transaction.atomic():
                row.validate_constraints()
                self.model._base_manager.bulk_create([row])
        except ValidationError as error:
            self._refuse(number, values, " ".join(error.messages), "rename or close one of the two", old_pk)
        except IntegrityError as error:
            self._refuse(number, values, f"the database refused it: {error}", "rename or close one of the two", old_pk)
        else:
            self._made(old_pk)

    def _instance(self, values: dict[str, Any]) -> models.Model:
        if self.model is not User:
            return self.model(**values)
        name, number = str(values["username"]), 1
        while User.objects.filter(username__iexact=values["username"]).exists():
            number += 1
            values["username"] = f"{name[:140]}.{number}"
        if values["username"] != name:
            self._find("repaired", values, f"an account {name} is here already; it became {values['username']}")
        return User(**values, password=make_password(None))

    def _change(self, number: int, row: models.Model, values: dict[str, Any]) -> None:
        differing = [
            name for name in columns_of(self.model)
            if name != self.pk and name in values and getattr(row, name) != values[name]
        ]  # fmt: skip
        if not differing:
            self.loader.report.count(self.kind, "unchanged")
            return
        shown = "; ".join(f"{name}: {getattr(row, name)!r:.60} -> {values[name]!r:.60}" for name in differing)
        for name in differing:
            setattr(row, name, values[name])
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError as error:
            self._refuse(number, values, f"the database refused the change: {error}", "rename or close one of the two")
            return
        self.loader.report.count(self.kind, "changed")
        self._find("note", values, f"differed here; taken from the file: {shown}")

    def _refuse(
        self, number: int, values: dict[str, Any], problem: str, remedy: str, old_pk: int | None = None
    ) -> None:
        pk = values[self.pk] if old_pk is None else old_pk
        if not is_record(self.model):
            self.loader.left_out.setdefault(self.label, set()).add(pk)
        place = Place(self.loader.report.origin, number)
        self.loader.report.find("rejected", self.kind, place, _name(values), problem, remedy, raw=repr(values))

    def _find(self, level: Any, values: dict[str, Any], problem: str) -> None:
        self.loader.report.find(
            level, self.kind, Place(self.loader.report.origin), _name(values), problem, "nothing to do"
        )


def _name(values: dict[str, Any]) -> str:
    words = [str(values[name]) for name in ("name", "hostname", "username", "identifier", "role") if values.get(name)]
    return " ".join([*words[:1], f"(key {values['key']})"] if values.get("key") else words[:1]) or str(values)[:80]
