"""Times as registries write them: OSG's "Jun 5, 2016 12:00 +0000", GOCDB's epoch seconds and Oracle dates."""

import re
from datetime import UTC, datetime, timedelta, timezone

#: English, whatever the locale of this machine.
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

#: Zone names that people of the USA write for an offset, in hours east of UTC.
ZONES_H = {
    "UTC": 0, "GMT": 0, "Z": 0, "UT": 0, "AST": -4, "ADT": -3, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5,
    "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AKST": -9, "AKDT": -8, "HST": -10, "HDT": -9,
}  # fmt: skip

_OSG = re.compile(
    r"([A-Za-z]{3})[a-z]*\.? +([0-9]{1,2}),? +([0-9]{4}),? +([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?"
    r"(?: *([AaPp][Mm]))?(?: *([+-][0-9]{2}:?[0-9]{2}|[A-Za-z]{1,5}))?\Z"
)
_OFFSET = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})\Z")
_ORACLE = re.compile(
    r"([0-9]{1,2})-([A-Za-z]{3})-([0-9]{2}|[0-9]{4}) ([0-9]{1,2})[.:]([0-9]{2})[.:]([0-9]{2})(?: ([AP]M))?\Z"
)
_FORMATTED = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})[ T]([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?Z?\Z")

#: A downtime "for ever" ends in 2100; epochs beyond are damage.
_LAST = datetime(2200, 1, 1, tzinfo=UTC)


class TimeProblemError(ValueError):
    """The text is no time that we can read for sure; the message says why."""


def parse_osg_time(text: str) -> tuple[datetime, str]:
    """The instant in UTC, and the zone name where one stands in place of a numeric offset, else "".

    Raises TimeProblemError: not a time, no such date, no zone at all, or a zone name that is not in ZONES_H.

    >>> parse_osg_time("Jun 5, 2016 12:00 CDT")
    (datetime.datetime(2016, 6, 5, 17, 0, tzinfo=datetime.timezone.utc), 'CDT')
    """
    match = _OSG.match(text.strip())
    if match is None:
        raise TimeProblemError("is not written like Jun 5, 2016 12:00 +0000")
    month, day, year, hour, minute, second, half, zone = match.groups()
    if zone is None:
        raise TimeProblemError("has no offset from UTC, so which instant it means is unknown")
    offset, zone_name = _offset(zone)
    local = _instant(year, _month(month), day, _hour(hour, half), minute, second or "0", timezone(offset))
    return local, zone_name


def _offset(zone: str) -> tuple[timedelta, str]:
    numeric = _OFFSET.match(zone)
    if numeric:
        sign, hours, minutes = numeric.groups()
        distance = timedelta(hours=int(hours), minutes=int(minutes))
        if distance >= timedelta(hours=16):
            raise TimeProblemError(f"has the offset {zone}, which no place on earth has")
        return (-distance if sign == "-" else distance), ""
    if zone.upper() not in ZONES_H:
        raise TimeProblemError(f"has the zone name {zone!r}, which we do not know")
    return timedelta(hours=ZONES_H[zone.upper()]), zone.upper()


def _month(word: str) -> int:
    if word.lower() not in _MONTH_NAMES:
        raise TimeProblemError(f"has the month {word!r}, which is none")
    return _MONTH_NAMES.index(word.lower()) + 1


def _hour(hour: str, half: str | None) -> int:
    number = int(hour)
    if half is None:
        return number
    if not 1 <= number <= 12:
        raise TimeProblemError(f"has the hour {hour} {half}, which is none")
    return number % 12 + (12 if half.upper() == "PM" else 0)


def _instant(year: str | int, month: str | int, day: str, hour: str | int, minute: str, second: str, zone: timezone) -> datetime:  # fmt: skip  # noqa: E501
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=zone)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise TimeProblemError(f"is no date: {error}") from error


def parse_epoch(text: str) -> datetime:
    """Seconds since 1970, as GOCDB writes them. Raises TimeProblemError.

    >>> parse_epoch("1293004800").isoformat()
    '2010-12-22T08:00:00+00:00'
    """
    if not re.fullmatch(r"[0-9]{1,12}", text.strip()):
        raise TimeProblemError("is not a number of seconds since 1970")
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(text))
    if moment > _LAST:
        raise TimeProblemError("lies after the year 2200; perhaps milliseconds")
    return moment


def parse_formatted(text: str) -> datetime:
    """ "2010-12-22 08:00", UTC, as GOCDB's FORMATED_START_DATE. Raises TimeProblemError."""
    match = _FORMATTED.match(text.strip())
    if match is None:
        raise TimeProblemError("is not written like 2010-12-22 08:00")
    year, month, day, hour, minute, second = match.groups()
    return _instant(year, month, day, hour, minute, second or "0", UTC)


def parse_oracle(text: str) -> datetime:
    """ "29-JAN-13 05.13.08 PM" or "03-SEP-2013 10.00.11", taken as UTC. Raises TimeProblemError.

    >>> parse_oracle("29-JAN-13 05.13.08 PM").isoformat()
    '2013-01-29T17:13:08+00:00'
    """
    match = _ORACLE.match(text.strip())
    if match is None:
        raise TimeProblemError("is not written like 29-JAN-13 05.13.08 PM")
    day, month, year, hour, minute, second, half = match.groups()
    full_year = int(year) + (2000 if len(year) == 2 else 0)
    return _instant(full_year, _month(month), day, _hour(hour, half), minute, second, UTC)
