"""Who may have a test run, send results, and change tests.

Running and reporting follow the registry: whoever may edit a service may have its tests run and report of it. VO
managers may have tests run with their VO's view, and keep their VO's profile and credentials. Definitions of tests, and
with them packs and trials of drafts, are the installation's: superusers only.
"""

from typing import Any

import rules

from gridkeeper.people.models import User
from gridkeeper.registry.models import RoleGrant, Service, Site
from gridkeeper.registry.permissions import holds
from gridkeeper.vos.models import Vo, VoRoleGrant, VoSupport
from gridkeeper.vos.permissions import MANAGER

RUN_TEST = "probes.run_test"
SUBMIT_RESULTS = "probes.submit_results"
EDIT_TEST = "probes.edit_test"
PAUSE_TESTS = "probes.pause_tests"
EDIT_PROFILE = "probes.edit_profile"
EDIT_CREDENTIAL = "probes.edit_credential"
EDIT_WORKER = "probes.edit_worker"


@rules.predicate  # type: ignore[untyped-decorator]
def may_run_test(user: User, service: Any) -> bool:
    """Holds a role that may edit the service, or manages a VO that the service supports."""
    if not isinstance(service, Service):
        return False
    managed = VoRoleGrant.objects.filter(user=user, role=MANAGER).values("vo")
    is_of_my_vo = VoSupport.objects.current().filter(service=service, vo__in=managed).exists()
    return is_of_my_vo or holds(user, "edit_service", service)


@rules.predicate  # type: ignore[untyped-decorator]
def may_pause_tests(user: User, place: Any) -> bool:
    """Holds a role that may edit the service or the site."""
    if isinstance(place, Site):
        return holds(user, "edit_site", place)
    return isinstance(place, Service) and holds(user, "edit_service", place)


@rules.predicate  # type: ignore[untyped-decorator]
def may_submit_results(user: User, _subject: Any) -> bool:
    """Holds any role of the registry or of a VO: probes report under the account of whoever runs them."""
    return RoleGrant.objects.filter(user=user).exists() or VoRoleGrant.objects.filter(user=user).exists()


@rules.predicate  # type: ignore[untyped-decorator]
def manages_vo(user: User, vo: Any) -> bool:
    """Holds the role "VO Manager" in that VO; what belongs to no VO is the superusers'."""
    return isinstance(vo, Vo) and VoRoleGrant.objects.filter(user=user, role=MANAGER, vo=vo).exists()


rules.add_perm(RUN_TEST, may_run_test)
rules.add_perm(PAUSE_TESTS, may_pause_tests)
rules.add_perm(SUBMIT_RESULTS, may_submit_results)
rules.add_perm(EDIT_TEST, rules.always_false)
rules.add_perm(EDIT_PROFILE, manages_vo)
rules.add_perm(EDIT_CREDENTIAL, manages_vo)
rules.add_perm(EDIT_WORKER, rules.always_false)
