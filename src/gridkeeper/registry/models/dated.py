"""Rows with a validity interval, which are closed instead of deleted."""

from datetime import datetime
from typing import Any, ClassVar, Self, TypeVar

from django.db import models
from django.db.models import F, Q

_M = TypeVar("_M", bound=models.Model, covariant=True)


class DatedQuerySet(models.QuerySet[_M]):
    """Rows with a validity interval `[valid_from, valid_until)`; an open end is NULL."""

    def current(self) -> Self:
        """The rows that have not been closed."""
        return self.filter(valid_until=None)

    def at(self, moment: datetime) -> Self:
        """The rows that were valid at that instant."""
        return self.filter(Q(valid_until=None) | Q(valid_until__gt=moment), valid_from__lte=moment)

    def overlapping(self, start: datetime, end: datetime) -> Self:
        """The rows that were valid at any instant of `[start, end)`."""
        return self.filter(Q(valid_until=None) | Q(valid_until__gt=start), valid_from__lt=end)


class Dated(models.Model):
    """A validity interval. `valid_until` NULL: still valid."""

    valid_from = models.DateTimeField(help_text="UTC; first instant at which this holds.")
    valid_until = models.DateTimeField(null=True, blank=True, help_text="UTC; first instant at which it does not.")

    #: How `people.past` shows it: an imported object was there before its import, and its end was not known yet.
    past_since: ClassVar[str] = "{h}.valid_from"
    past_values: ClassVar[dict[str, str]] = {
        "valid_until": "CASE WHEN {h}.valid_until > {moment} THEN NULL ELSE {h}.valid_until END"
    }

    class Meta:
        abstract = True
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_valid_in_order",
                condition=Q(valid_until=None) | Q(valid_until__gte=F("valid_from")),
                violation_error_message="It cannot end before it began: valid until lies before valid from.",
            )
        ]


def unique_while_current(name: str, *fields: str, message: str) -> models.UniqueConstraint:
    """Unique among the rows that are not closed."""
    return models.UniqueConstraint(
        *[F(field) for field in fields], name=name, condition=Q(valid_until=None), violation_error_message=message
    )


KEY_HELP = "Opaque and stable for ever; imported keys are kept."


#: For what sources name without a date (regions, federations): an imported one was there before whatever it holds.
UNDATED_SINCE = "CASE WHEN {h}.history_source IN ('import', 'demo') THEN '1970-01-01 00:00:00' ELSE {h}.valid_from END"
UNDATED_VALUES = Dated.past_values | {
    "valid_from": "CASE WHEN {h}.valid_from > {moment} THEN {moment} ELSE {h}.valid_from END"
}
