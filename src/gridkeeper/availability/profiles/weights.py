"""How much sites count in their region's figures: what counts on a day, and how it is changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.availability import marks
from gridkeeper.availability.models import Weight
from gridkeeper.availability.permissions import EDIT_WEIGHT
from gridkeeper.availability.profiles.checks import check_day
from gridkeeper.core.windows import Window
from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.registry.editing import check, check_reason
from gridkeeper.registry.models import Site

_FIELDS = ("site", "kind", "valid_from", "value", "source")
#: The integer digits that the column holds.
_LIMIT = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class WeightGiven:
    """A weight of a site from a day on. source: who or what says so"""

    site: Site
    kind: str
    valid_from: date
    value: Decimal
    source: str = ""


def weights_on(day: date, kind: str) -> dict[str, float]:
    """Key of a site -> its weight of that kind on a UTC day; a site that none was given to is not in it."""
    rows = Weight.objects.filter(kind=kind, valid_from__lte=day).order_by("valid_from")
    return {key: float(value) for key, value in rows.values_list("site__key", "value")}


def kinds() -> list[str]:
    """The kinds of weight that any site has."""
    return list(Weight.objects.order_by("kind").values_list("kind", flat=True).distinct())


def set_weights(actor: Actor, given: Iterable[WeightGiven], *, reason: str, now: datetime) -> int:
    """Sets weights, all or none; one of the same site, kind and day is replaced. Returns how many are new or changed.

    The days from then on are computed again. Raises NotPermittedError, ValidationError naming the site.
    """
    require(actor, EDIT_WEIGHT)
    check_reason(reason)
    rows = list(given)
    for each in rows:
        check_day(each.valid_from, now)
    with transaction.atomic(), recording(actor, reason.strip()):
        changed = [each for each in rows if _set(each)]
        first = min((each.valid_from for each in changed), default=None)
        if first is not None and (start := Window.of_day(first).start) < now:
            marks.mark_known(Window(start, now), "weights changed", now)
    return len(changed)


def remove_weight(actor: Actor, weight: Weight, *, reason: str, now: datetime) -> None:
    """Takes one row back: the one before holds on. Raises NotPermittedError, ValidationError."""
    require(actor, EDIT_WEIGHT)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        start = Window.of_day(weight.valid_from).start
        weight.delete()
        if start < now:
            marks.mark_known(Window(start, now), "weights changed", now)


def parse_value(text: str) -> Decimal:
    """A weight as people write it. Raises ValidationError for what is no number, negative or too large.

    >>> parse_value(" 1234.5 ")
    Decimal('1234.5')
    """
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise ValidationError(f"{text!r} is no number; write a weight as 1234.5") from None
    if not value.is_finite() or not 0 <= value < _LIMIT:
        raise ValidationError(f"{text.strip()} is no weight; write a number from 0 to below {_LIMIT:.0f}")
    return value


def value_text(value: Decimal) -> str:
    """A weight without zeros that say nothing.

    >>> value_text(Decimal("20.0000")), value_text(Decimal("12.5000"))
    ('20', '12.5')
    """
    return f"{value.normalize():f}"


def _set(given: WeightGiven) -> bool:
    """True where something was written."""
    same = {"site": given.site, "kind": given.kind.strip(), "valid_from": given.valid_from}
    row = Weight.objects.select_for_update().filter(**same).first() or Weight(**same)
    value = given.value.quantize(Decimal("0.0001"))
    if row.pk is not None and (row.value, row.source) == (value, given.source):
        return False
    row.value, row.source = value, given.source.strip()
    try:
        check(row, _FIELDS)
    except ValidationError as error:
        raise ValidationError([f"{given.site.name}: {problem}" for problem in error.messages]) from error
    row.save()
    return True
