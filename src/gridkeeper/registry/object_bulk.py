"""The same change of many services: all of them, or none."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor
from gridkeeper.registry.actions import edit_service
from gridkeeper.registry.editing import check_known
from gridkeeper.registry.models import Service
from gridkeeper.registry.scope_actions import set_scopes

SWITCHES = ("is_monitored", "in_production", "notifications")
#: Problems that one refusal names; the rest is counted.
MAX_NAMED = 10


def edit_services(
    actor: Actor,
    *,
    services: Sequence[Service],
    changes: Mapping[str, Any],
    reason: str,
    now: datetime,
    add_scopes: Iterable[str] = (),
    remove_scopes: Iterable[str] = (),
) -> list[Service]:
    """Sets SWITCHES of each, adds scopes to each and takes scopes from each.

    Raises NotPermittedError, and ValidationError that names the services which may not be changed so; then none is.
    """
    check_known(changes, SWITCHES)
    added, removed = set(add_scopes), set(remove_scopes)
    if not services or not (changes or added or removed):
        raise ValidationError("Choose at least one service and one change.")
    done: list[Service] = []
    problems: list[str] = []
    with transaction.atomic():
        for service in services:
            try:
                with transaction.atomic():
                    fresh = edit_service(actor, service=service, changes=changes, reason=reason, now=now)
                    if added or removed:
                        wanted = (set(fresh.scopes) | added) - removed
                        fresh = set_scopes(actor, subject=fresh, scopes=wanted, reason=reason, now=now)
                done.append(fresh)
            except ValidationError as error:
                problems.append(f"{service} of {service.site}: {' '.join(error.messages)}")
        if problems:
            raise ValidationError(_named(problems))
    return done


def _named(problems: Sequence[str]) -> list[str]:
    more = len(problems) - MAX_NAMED
    return [*problems[:MAX_NAMED], *([f"… and {more} more."] if more > 0 else [])]
