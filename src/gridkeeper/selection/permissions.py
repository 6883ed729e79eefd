"""Who may choose critical tests, list entries and policy, and decide on proposals: the VO's managers, superusers."""

import rules

from gridkeeper.people.models import User
from gridkeeper.vos.models import Vo, VoRoleGrant

MANAGER = "VO Manager"
SET_CRITICAL = "selection.set_critical"
EDIT_LISTS = "selection.edit_lists"
SET_POLICY = "selection.set_policy"
DECIDE = "selection.decide"


@rules.predicate  # type: ignore[untyped-decorator]
def is_vo_manager(user: User, vo: Vo | None) -> bool:
    """Holds the role "VO Manager" in that VO. Without a VO nobody does."""
    return vo is not None and VoRoleGrant.objects.filter(user=user, vo=vo, role=MANAGER).exists()


rules.add_perm(SET_CRITICAL, is_vo_manager)
rules.add_perm(EDIT_LISTS, is_vo_manager)
rules.add_perm(SET_POLICY, is_vo_manager)
rules.add_perm(DECIDE, is_vo_manager)
