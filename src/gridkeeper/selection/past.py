"""Field values of audited rows as they stood at an instant, from the audit records; used by `evidence.py`."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import models


def values_at(model: type[models.Model], fields: Iterable[str], at: datetime) -> Mapping[int, dict[str, Any]]:
    """Primary key -> values at that instant, of the rows that were changed since; the others are as they are now.

    A row that was recorded later than `at` stands as it was first recorded: an import writes today what held before.
    Two queries at most, one where nothing changed.
    """
    records = model.history.model.objects  # type: ignore[attr-defined]
    changed = set(records.filter(history_date__gt=at).values_list("id", flat=True))
    if not changed:
        return {}
    found: dict[int, dict[str, Any]] = {}
    rows = records.filter(id__in=changed).order_by("history_date", "history_id")
    for row in rows.values("id", "history_date", *fields):
        key, recorded_at = row.pop("id"), row.pop("history_date")
        if key not in found or recorded_at <= at:
            found[key] = row
    return found
