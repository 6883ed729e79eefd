"""How long roles last and what is due: pure, asked by actions, queries and pages."""

from datetime import datetime, timedelta

#: After so long somebody has to say that a role is still right.
CONFIRMED_FOR = timedelta(days=365)
#: The list of what is due begins so long before, so that nothing is overdue because of a holiday.
DUE_AHEAD = timedelta(days=30)
#: A holiday, a parental leave's hand-over; whoever is away for longer needs a successor with a role of their own.
LONGEST_DELEGATION = timedelta(days=60)
#: A form that was filled in a while ago still means "from now on".
_LATENESS = timedelta(hours=1)


def confirmation_due(granted_at: datetime | None, confirmed_at: datetime | None) -> datetime | None:
    """When somebody has to say again that the role is right; None where nobody ever has: at once.

    >>> from datetime import UTC
    >>> confirmation_due(datetime(2025, 3, 1, tzinfo=UTC), None).date().isoformat()
    '2026-03-01'
    """
    last = confirmed_at or granted_at
    return last + CONFIRMED_FOR if last else None


def expiry_problem(expires_at: datetime | None, now: datetime) -> str:
    """What is wrong with the end of a role that begins now, or ""."""
    if expires_at is not None and expires_at <= now:
        return f"{expires_at:%Y-%m-%d %H:%M} UTC is over; choose a later end, or none."
    return ""


def delegation_problems(
    starts_at: datetime, expires_at: datetime, origin_ends: datetime | None, now: datetime
) -> dict[str, str]:
    """What is wrong with the time of a delegation, by field; empty where nothing is.

    origin_ends: when the role that is delegated ends itself; None: never
    """
    problems = {}
    if starts_at < now - _LATENESS:
        problems["starts_at"] = f"{starts_at:%Y-%m-%d %H:%M} UTC is over; a delegation begins now or later."
    if expires_at <= max(starts_at, now):
        problems["expires_at"] = "The delegation ends before it begins; choose a later end."
    elif expires_at - starts_at > LONGEST_DELEGATION:
        problems["expires_at"] = (
            f"At most {LONGEST_DELEGATION.days} days; whoever is away for longer needs a successor "
            "with a role of their own."
        )
    elif origin_ends is not None and expires_at > origin_ends:
        problems["expires_at"] = f"Your own role ends at {origin_ends:%Y-%m-%d %H:%M} UTC; choose an end before that."
    return problems
