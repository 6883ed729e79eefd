"""Who may change what of a VO: its managers the VO; which VOs a service supports, those who may edit the service."""

from typing import Any

import rules

from gridkeeper.people.models import User
from gridkeeper.registry.models import Service
from gridkeeper.registry.permissions import holds
from gridkeeper.vos.models import Vo, VoRoleGrant

MANAGER = "VO Manager"


@rules.predicate  # type: ignore[untyped-decorator]
def is_manager(user: User, vo: Any) -> bool:
    """Holds the role "VO Manager" in that VO; false for no VO."""
    return isinstance(vo, Vo) and VoRoleGrant.objects.filter(user=user, vo=vo, role=MANAGER).exists()


@rules.predicate  # type: ignore[untyped-decorator]
def may_edit_service(user: User, service: Any) -> bool:
    """The site decides whom it serves."""
    return isinstance(service, Service) and holds(user, "edit_service", service)


rules.add_perm("vos.edit_vo", is_manager)
rules.add_perm("vos.set_support", may_edit_service)
