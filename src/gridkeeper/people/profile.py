"""What a person says of themselves: name, address, telephone, working hours, time zone."""

import re
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.models import User
from gridkeeper.people.permission import NotPermittedError, require

FIELDS = (
    "title", "first_name", "last_name", "email", "telephone", "working_hours_start", "working_hours_end", "home_site",
    "description", "timezone",
)  # fmt: skip
_MAX_DESCRIPTION = 2000
_CLOCK = re.compile(r"([01]?\d|2[0-3]):[0-5]\d")
_TELEPHONE = re.compile(r"\+?[\d ()./-]{3,60}(?:(?:ext\.?|x) ?\d{1,6})?")


def edit_profile(actor: Actor, *, user: User, changes: Mapping[str, str], reason: str = "", now: datetime) -> User:
    """Changes those of FIELDS, in one's own account or as a superuser.

    Raises NotPermittedError, also for a token; ValidationError by field.
    """
    require(actor, "people.edit_person", user)
    if actor.scopes is not None:
        raise NotPermittedError(f"{actor.name} may not edit accounts by a token; sign in")
    values = {name: str(value).strip() for name, value in changes.items()}
    problems = {name: problem for name, value in values.items() if (problem := _problem(name, value))}
    if problems:
        raise ValidationError(problems)
    with transaction.atomic(), recording(actor, reason):
        fresh = User.objects.select_for_update().get(pk=user.pk)
        changed = [name for name, value in values.items() if getattr(fresh, name) != value]
        for name in changed:
            setattr(fresh, name, values[name])
        fresh.clean_fields(exclude=[field.name for field in User._meta.fields if field.name not in changed])
        if changed:
            fresh.save(update_fields=changed)
    return fresh


def _problem(name: str, value: str) -> str:
    if name not in FIELDS:
        return f"{name[:40]!r} cannot be edited; these can: {', '.join(FIELDS)}"
    if not value:
        return ""
    if any(ord(letter) < 32 and letter not in "\r\n\t" for letter in value):
        return "leave out control characters"
    check = _CHECKS.get(name)
    return check(value) if check else ""


def _email_problem(value: str) -> str:
    try:
        validate_email(value)
    except ValidationError:
        return f"{value[:80]!r} is no mail address; write one like alice@example.org"
    return ""


def _clock_problem(value: str) -> str:
    return "" if _CLOCK.fullmatch(value) else f"{value[:20]!r} is no time of day; write it like 09:00"


def _telephone_problem(value: str) -> str:
    return (
        "" if _TELEPHONE.fullmatch(value) else f"{value[:40]!r} is no telephone number; write it like +41 22 767 6111"
    )


def _zone_problem(value: str) -> str:
    known = value in available_timezones()
    return "" if known else f"{value[:40]!r} is no IANA time zone; write one like Europe/Rome, or leave it empty"


def _description_problem(value: str) -> str:
    return "" if len(value) <= _MAX_DESCRIPTION else f"at most {_MAX_DESCRIPTION} characters; these are {len(value)}"


_CHECKS = {
    "email": _email_problem, "working_hours_start": _clock_problem, "working_hours_end": _clock_problem,
    "telephone": _telephone_problem, "timezone": _zone_problem, "description": _description_problem,
}  # fmt: skip
