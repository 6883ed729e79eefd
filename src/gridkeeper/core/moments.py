"""Instants as people write them in a command, a form or an address: an ISO time, a time of today, or how long ago."""

from datetime import UTC, datetime, timedelta


class MomentError(ValueError):
    """An instant that cannot be meant, or of which nothing can be said; the message says what is accepted."""


_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_UNITS = {"min": 60, "h": 3600, "d": 86_400}


def parse_moment(text: str, now: datetime) -> datetime:
    """The instant that a person means. Empty: now. Raises MomentError saying what is accepted.

    >>> parse_moment("90min", datetime(2026, 3, 10, 12, tzinfo=UTC)).isoformat()
    '2026-03-10T10:30:00+00:00'
    >>> parse_moment("11:15", datetime(2026, 3, 10, 12, tzinfo=UTC)).isoformat()
    '2026-03-10T11:15:00+00:00'
    """
    text = text.strip()
    if not text or text == "now":
        return now
    ago = _ago(text)
    return check_moment(now - ago if ago is not None else _stated(text, now), now)


def check_moment(moment: datetime, now: datetime) -> datetime:
    """The instant, if anything can be said of it. Raises MomentError for the future and for before 2000."""
    if moment > now:
        raise MomentError(f"{moment.isoformat()} lies in the future; nothing is known of it yet")
    if moment < _EARLIEST:
        raise MomentError(f"{moment.isoformat()} lies before {_EARLIEST.date()}; nothing is recorded of that time")
    return moment


def _ago(text: str) -> timedelta | None:
    for unit, seconds in _UNITS.items():
        number = text.removesuffix(unit).strip()
        if text.endswith(unit) and number.isdecimal() and len(number) < 6:
            return timedelta(seconds=int(number) * seconds)
    return None


def _stated(text: str, now: datetime) -> datetime:
    try:
        is_clock_time = len(text) == 5 and text[2] == ":"
        is_date = len(text) == 10 and text[4] == "-"
        stated = f"{now.astimezone(UTC).date()}T{text}Z" if is_clock_time else f"{text}T00:00Z" if is_date else text
        # A space is what "+" becomes in an address that was not quoted.
        moment = datetime.fromisoformat(stated.replace(" ", "+") if len(text) > 20 else stated)
        if moment.tzinfo is None:
            raise MomentError(f"{text!r} has no offset; write {text}Z if it is UTC")
        return moment.astimezone(UTC)
    except MomentError:
        raise
    except (ValueError, OverflowError):
        raise MomentError(
            f"{text[:40]!r} is not a time; write 2026-03-10T14:00Z, 14:00 for today in UTC, or 1h for an hour ago"
        ) from None
