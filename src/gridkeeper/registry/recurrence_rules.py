"""When a recurring downtime takes place: RFC 5545 rules on the wall clock of a zone. Pure: no database, no clock.

Local times that do not exist, or exist twice, when clocks change are taken as RFC 5545 section 3.3.5 says: in the gap
the offset before it holds (02:30 becomes 03:30), in the fold the first of the two is meant. The length of an
occurrence is real time, whatever the clocks do in it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo, available_timezones

from dateutil.rrule import rrule, rrulestr

from gridkeeper.core.windows import Window

#: Occurrences that a rule may make in any 365 days: twice a week, and some.
MAX_PER_YEAR = 120
MAX_DURATION = timedelta(days=31)
MAX_RULE = 500
#: How far rules are looked at when they are checked.
_CHECKED = timedelta(days=10 * 366)
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_PARTS = {
    "FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS",
    "WKST",
}  # fmt: skip
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?")
#: The Gregorian calendar repeats after 400 years, weekdays included. Rules are followed this much later, so that one
#: that never comes true ends with Python's calendar after four centuries instead of eighty.
_CYCLE_YEARS = 400
_LAST_CYCLE_BEGINS = 9600


class RecurrenceError(ValueError):
    """A rule, zone or length that cannot be used; `field` names the input, the message what to write instead."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A checked rule: `parse_recurrence` makes it.

    first_start: wall clock of the zone, without an offset
    until: wall clock of the last possible start; None without an end
    """

    text: str
    first_start: datetime
    zone: ZoneInfo
    duration: timedelta
    until: datetime | None

    def windows(self) -> Iterator[Window]:
        """The occurrences in order, as many as there are: without COUNT or UNTIL until the end of the calendar."""
        for start in self._starts():
            instant = start.replace(tzinfo=self.zone, fold=0).astimezone(UTC)
            yield Window(instant, instant + self.duration)

    def windows_before(self, end: datetime) -> list[Window]:
        """Those that start before `end` (aware)."""
        return list(takewhile(lambda window: window.start < end, self.windows()))

    def _starts(self) -> Iterator[datetime]:
        shift = _LAST_CYCLE_BEGINS + self.first_start.year % _CYCLE_YEARS - self.first_start.year
        shifted = rrulestr(self.text, dtstart=self.first_start.replace(year=self.first_start.year + shift))
        assert isinstance(shifted, rrule), "one rule, as parse_recurrence has seen to"
        for each in shifted:
            start = each.replace(year=each.year - shift)
            if self.until is not None and start > self.until:
                return
            yield start


def parse_recurrence(rule: str, *, first_start: datetime, timezone: str, duration: timedelta) -> Recurrence:
    """The rule, checked and bounded. Raises RecurrenceError naming the field.

    first_start: aware; it must itself be an occurrence (RFC 5545 section 3.8.5.3 leaves others undefined)

    >>> from datetime import UTC
    >>> tuesday = datetime(2026, 3, 24, 9, tzinfo=UTC)
    >>> each = parse_recurrence("FREQ=WEEKLY", first_start=tuesday, timezone="Europe/Rome", duration=timedelta(hours=1))
    >>> [f"{window.start:%d %H:%M}" for window in each.windows_before(datetime(2026, 4, 2, tzinfo=UTC))]
    ['24 09:00', '31 08:00']
    """
    if timezone not in available_timezones():
        raise RecurrenceError("timezone", f"{timezone[:60]!r} is no time zone; use an IANA name like Europe/Rome.")
    if not timedelta(0) < duration <= MAX_DURATION:
        raise RecurrenceError("duration", f"Each occurrence lasts more than nothing, {MAX_DURATION.days} days at most.")
    zone = ZoneInfo(timezone)
    text, until = _checked(rule, zone)
    parsed = Recurrence(text, first_start.astimezone(zone).replace(tzinfo=None, fold=0), zone, duration, until)
    _check_dates(parsed)
    return parsed


def _checked(rule: str, zone: ZoneInfo) -> tuple[str, datetime | None]:
    """The rule without UNTIL, which is compared with the wall clock here, and that UNTIL."""
    text = rule.strip().upper().removeprefix("RRULE:")
    if len(text) > MAX_RULE or not text.isascii() or any(char.isspace() for char in text):
        raise RecurrenceError("rule", f"A rule is one line of at most {MAX_RULE} characters, such as FREQ=WEEKLY.")
    parts = dict(_split(part) for part in text.split(";"))
    if len(parts) != text.count(";") + 1:
        raise RecurrenceError("rule", "A part of the rule stands twice; write each once.")
    if unknown := sorted(set(parts) - _PARTS):
        raise RecurrenceError(
            "rule", f"{', '.join(unknown)}: not possible here; the time of day is that of the first start."
        )
    if parts.get("FREQ") not in _FREQUENCIES:
        raise RecurrenceError("rule", f"The rule says no FREQ that is possible; use {', '.join(_FREQUENCIES)}.")
    if {"COUNT", "UNTIL"} <= set(parts):
        raise RecurrenceError("rule", "COUNT and UNTIL cannot stand together; leave out one.")
    until = parts.pop("UNTIL", None)
    return ";".join(f"{name}={value}" for name, value in parts.items()), _until(until, zone) if until else None


def _split(part: str) -> tuple[str, str]:
    name, equals, value = part.partition("=")
    if not (name and equals and value):
        raise RecurrenceError("rule", f"{part[:40]!r} is not NAME=VALUE; a rule looks like FREQ=MONTHLY;BYDAY=1TU.")
    if any(len(number) > 4 for number in re.findall(r"\d+", value)) and name != "UNTIL":
        raise RecurrenceError("rule", f"{name} holds a number that is too large.")
    return name, value


def _until(text: str, zone: ZoneInfo) -> datetime:
    """UNTIL on the wall clock: a date means that whole day."""
    match = _UNTIL.fullmatch(text)
    try:
        if match is None:
            raise ValueError(text)
        day, clock, is_utc = match.groups()
        if clock is None:
            return datetime.combine(datetime.strptime(day, "%Y%m%d").date(), time.max)  # noqa: DTZ007  a date
        moment = datetime.strptime(day + clock, "%Y%m%d%H%M%S")  # noqa: DTZ007  given its zone below
    except ValueError:
        raise RecurrenceError("rule", f"UNTIL={text[:30]} is no time; write 20261231 or 20261231T235959Z.") from None
    return moment.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) if is_utc else moment


def _check_dates(parsed: Recurrence) -> None:
    try:
        first = next(parsed.windows(), None)
    except ValueError as error:
        raise RecurrenceError("rule", f"The rule cannot be read: {error}.") from error
    if first is None:
        raise RecurrenceError("rule", "The rule never comes true; correct it.")
    begin = parsed.first_start.replace(tzinfo=parsed.zone).astimezone(UTC)
    if first.start != begin:
        local = first.start.astimezone(parsed.zone)
        raise RecurrenceError(
            "first_start", f"The first start is no occurrence of the rule; its next one is {local:%Y-%m-%d %H:%M}."
        )
    looked_at = 10 * MAX_PER_YEAR + 1
    windows = list(islice(takewhile(lambda each: each.start < begin + _CHECKED, parsed.windows()), looked_at))
    year = timedelta(days=365)
    for earlier, later in zip(windows, windows[MAX_PER_YEAR:], strict=False):
        if later.start - earlier.start < year:
            raise RecurrenceError("rule", f"The rule makes more than {MAX_PER_YEAR} downtimes a year; use fewer.")
    if any(one.end > another.start for one, another in pairwise(windows)):
        raise RecurrenceError("duration", "An occurrence would begin before the one before it ends; make it shorter.")
