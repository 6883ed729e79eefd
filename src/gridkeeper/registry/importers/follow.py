"""What a mirror does where the source and this registry differ: the word of people here stays until somebody decides.

Who set a value is read from the audit records: the newest record in which the field changed. Where that was an import,
the source may change it again; else the difference is listed as a conflict and what is here stays.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import models

from gridkeeper.registry.importers.policy import Overwrite
from gridkeeper.registry.importers.report import UnreadableSourceError
from gridkeeper.registry.importers.upsert import Run, Table, Wanted
from gridkeeper.registry.models import Downtime, DowntimeService

#: The field of a conflict about whether the object is there at all.
EXISTENCE = "existence"
#: So few may always vanish at once: half of a registry of six is three.
_ALWAYS = 3


class TooMuchVanishedError(UnreadableSourceError):
    """More of a kind has vanished at once than is believable; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that differs. edited_by, edited_at: who set it here, and when."""

    kind: str
    key: str
    name: str
    field: str
    here: Any
    there: Any
    edited_by: str = ""
    edited_at: datetime | None = None

    @property
    def place(self) -> tuple[str, str, str]:
        return self.kind, self.key, self.field


@dataclass
class Follow(Overwrite):
    """One run of a mirror. accepted: differences about which somebody decided for the source."""

    closing_ratio: float
    accepted: frozenset[tuple[str, str, str]] = frozenset()
    disputed: frozenset[tuple[str, str]] = frozenset()
    is_news: bool = False
    found: dict[tuple[str, str, str], Difference] = field(default_factory=dict)
    _edited: dict[type[models.Model], bool] = field(default_factory=dict)

    def review(self, run: Run, kind: str, wanted: Wanted[Any]) -> None:
        """Takes the columns out that people here have set."""
        if not wanted.changed or wanted.row is None:
            return
        row, records = wanted.row, _records(wanted.row)
        for name in list(wanted.changed):
            here, there = getattr(row, name), wanted.values[name]
            edit = _edit_of(records, name, here)
            if edit is None:
                continue
            difference = Difference(
                kind, _key_of(row), str(row), _shown(name), _plain(here), _plain(there), *edit
            )  # fmt: skip
            if self._is_ours(difference):
                wanted.changed.remove(name)

    def may_create(self, run: Run, kind: str, table: Table[Any], wanted: Wanted[Any]) -> bool:
        """What people here have removed does not come back by itself."""
        if wanted.key or not self._has_edits(table.model) or not table.natural:
            return True
        values = dict(zip(table.natural, wanted.natural, strict=True))
        last = table.model.history.filter(**values).order_by("-history_id").first()
        is_gone = last is not None and (last.history_type == "-" or getattr(last, "valid_until", None) is not None)
        if not is_gone or last.history_source == "import":
            return True
        key = ",".join(str(value) for value in wanted.natural)
        name = f"{wanted.record.name}: {' '.join(str(v) for v in wanted.natural if v is not None)}"
        edit = (last.history_actor, last.history_date)
        return not self._is_ours(Difference(kind, key, name[:400], EXISTENCE, "removed", "present", *edit))

    def may_change_parts(self, run: Run, kind: str, wanted: Wanted[Any], field: str) -> bool:
        """The services of a downtime stay as people here have set them."""
        if not isinstance(wanted.row, Downtime):
            return True
        records = DowntimeService.history.filter(downtime_id=wanted.row.pk)
        edit = records.exclude(history_source="import").order_by("-history_id").first()
        if edit is None:
            return True
        here = sorted(str(each.service) for each in wanted.row.affected.select_related("service__service_type"))
        there = sorted(str(ref) for ref in getattr(wanted.record, "services", ()))
        difference = Difference(
            kind, wanted.row.key, str(wanted.row), field, here, there, edit.history_actor, edit.history_date
        )
        return not self._is_ours(difference)

    def may_close(self, run: Run, kind: str, rows: Sequence[Any]) -> list[Any]:
        """What people here have worked on, and what is disputed, stays open although it is gone there."""
        closing = [row for row in rows if self._may_close(kind, row)]
        for row in rows:
            if row not in closing:
                run.stays(kind, _key_of(row))
        return closing

    def _may_close(self, kind: str, row: Any) -> bool:
        records = _records(row)
        last = records[0] if records else None
        is_disputed = (kind, _key_of(row)) in self.disputed
        if last is not None and last["history_source"] == "import" and not is_disputed:
            return True
        edit = next((each for each in records if each["history_source"] != "import"), last)
        who = (edit["history_actor"], edit["history_date"]) if edit else ("", None)
        return not self._is_ours(Difference(kind, _key_of(row), str(row), EXISTENCE, "open", "gone", *who))

    def check_closing(self, run: Run, gone: dict[str, int], before: dict[str, int]) -> None:
        """Raises TooMuchVanishedError."""
        for kind, number in gone.items():
            if number > max(_ALWAYS, before[kind] * self.closing_ratio):
                raise TooMuchVanishedError(
                    f"{run.report.origin}: {number} of {before[kind]} {kind}s have vanished there at once; nothing was "
                    f"changed. If that is true, run it once with --close-at-most 100"
                )

    def _is_ours(self, difference: Difference) -> bool:
        """Lists it; false where somebody has decided for theirs."""
        if difference.place in self.accepted:
            return False
        self.found[difference.place] = difference
        return True

    def _has_edits(self, model: Any) -> bool:
        if not hasattr(model, "history"):
            return False
        if model not in self._edited:
            self._edited[model] = model.history.exclude(history_source="import").exists()
        return self._edited[model]


def _records(row: Any) -> list[dict[str, Any]]:
    """The audit records of a row, the newest first."""
    return list(row.history.order_by("-history_id").values()) if hasattr(row, "history") else []


def _edit_of(records: Iterable[dict[str, Any]], name: str, here: Any) -> tuple[str, datetime | None] | None:
    """Who set the value that is here, and when; None where an import did."""
    setter: dict[str, Any] | None = None
    for record in records:
        if name not in record:
            break
        if record[name] != here:
            # The value came with the record after this one.
            break
        setter = record
    if setter is None:
        # Set past the audit: nobody knows by whom, so nobody here is overruled.
        return "", None
    return None if setter["history_source"] == "import" else (setter["history_actor"], setter["history_date"])


def _key_of(row: Any) -> str:
    return str(getattr(row, "key", "") or row.pk)


def _shown(name: str) -> str:
    return EXISTENCE if name == "valid_until" else name


def _plain(value: Any) -> Any:
    """A value as JSON keeps it."""
    return value.isoformat() if isinstance(value, date) else value
