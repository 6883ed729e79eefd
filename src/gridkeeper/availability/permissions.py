"""Who may ask for figures to be made otherwise, and who decides what figures are made of.

Asking follows the registry: whoever may edit a site, a region or the federation may ask for what lies in it. Deciding,
publishing, profiles, weights, feeds and computing again are the federation's: roles that may edit its entry.
"""

from typing import Any

import rules

from gridkeeper.people.models import User
from gridkeeper.registry.models import Federation, Ngi, Site
from gridkeeper.registry.permissions import holds

REQUEST_RECOMPUTATION = "availability.request_recomputation"
DECIDE_RECOMPUTATION = "availability.decide_recomputation"
PUBLISH = "availability.publish"
EDIT_PROFILE = "availability.edit_profile"
EDIT_WEIGHT = "availability.edit_weight"
FEED = "availability.feed"
COMPUTE = "availability.compute"

_ENTRY_OF = {Site: "edit_site", Ngi: "edit_ngi", Federation: "edit_federation"}


@rules.predicate  # type: ignore[untyped-decorator]
def may_ask(user: User, place: Any) -> bool:
    """May edit the site, region or federation; without a place (all sites) it takes the federation's staff."""
    permission = _ENTRY_OF.get(type(place))
    if permission is not None and holds(user, permission, place):
        return True
    return bool(is_federation_staff(user, place))


@rules.predicate  # type: ignore[untyped-decorator]
def is_federation_staff(user: User, _subject: Any) -> bool:
    """May edit the entry of a federation here."""
    return any(holds(user, "edit_federation", federation) for federation in Federation.objects.current())


rules.add_perm(REQUEST_RECOMPUTATION, may_ask)
for _name in (DECIDE_RECOMPUTATION, PUBLISH, EDIT_PROFILE, EDIT_WEIGHT, FEED, COMPUTE):
    rules.add_perm(_name, is_federation_staff)
