"""What a token can be limited to: objects of the registry, by key."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError

from gridkeeper.people.models import User
from gridkeeper.registry.models import Federation, Ngi, RoleGrant, Service, ServiceGroup, Site

_MODELS = {"federation": Federation, "ngi": Ngi, "site": Site, "service": Service, "service_group": ServiceGroup}


def limits_of_roles(person: User, now: datetime) -> list[tuple[str, str]]:
    """Limit and label of each object on which the person holds a role."""
    grants = RoleGrant.objects.in_force(now).filter(user=person)
    objects = {grant.on for grant in grants.select_related("site", "ngi", "federation", "service_group")}
    return sorted((f"{_kind(each)}:{each.key}", f"{each} ({_kind(each).replace('_', ' ')})") for each in objects)


def check_limits(limits: Sequence[str]) -> None:
    """Raises ValidationError for those that name nothing."""
    unknown = [limit for limit in limits if not _is_known(limit)]
    if unknown:
        raise ValidationError({"limits": f"nothing here is called {', '.join(unknown)[:200]}; its page shows the key"})


def _is_known(limit: str) -> bool:
    kind, _, key = limit.partition(":")
    model: Any = _MODELS.get(kind)
    return model is not None and bool(model.objects.filter(key=key).exists())


def _kind(subject: Federation | Ngi | Site | ServiceGroup) -> str:
    return next(kind for kind, model in _MODELS.items() if isinstance(subject, model))
