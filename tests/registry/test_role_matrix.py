"""The role map in full: each role tries each action on each object, at the pages, the API and GOCDB's write API.

What is expected is written here, from the rules of the registry (the roles of GOCDB), and never read from the map.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from gridkeeper.people.models import Token, User
from gridkeeper.registry.models import RoleGrant
from gridkeeper.registry.role_queries import ASKED_OF, explain
from gridkeeper.registry.roles import ACTIONS, ROLES
from tests.builders import a_scope, a_service, a_service_group, a_service_type, a_site, a_user, an_endpoint, an_ngi
from tests.registry.api_grid import Robot

pytestmark = pytest.mark.django_db

_SITE = ["Site Administrator", "Site Security Officer", "Site Operations Deputy Manager", "Site Operations Manager"]
_SITE_MANAGING = _SITE[1:]
_NGI_MANAGING = ["NGI Security Officer", "NGI Operations Deputy Manager", "NGI Operations Manager"]
_NGI = ["Regional First Line Support", "Regional Staff (ROD)", *_NGI_MANAGING]
_PROJECT = ["COD Staff", "COD Administrator", "CSIRT Officer", "Chief Operations Officer"]
_GROUP = ["Service Group Administrator"]
ALL = _SITE + _NGI + _PROJECT + _GROUP

#: Action -> who may do it, on the object of the role and on what lies below that.
MAY = {
    "edit_site": _SITE + _NGI,
    "add_service": _SITE + _NGI,
    "edit_service": _SITE + _NGI,
    "close_service": _SITE + _NGI,
    "declare_downtime": _SITE + _NGI,
    "grant_site_role": _SITE_MANAGING + _NGI_MANAGING,
    "edit_ngi": _NGI,
    "add_site": _NGI_MANAGING,
    "grant_ngi_role": _NGI_MANAGING + _PROJECT,
    "change_certification": _NGI_MANAGING + _PROJECT,
    "edit_federation": _PROJECT,
    "grant_federation_role": _PROJECT,
    "edit_service_group": _GROUP,
    "grant_service_group_role": _GROUP,
    "add_region": [],
}
#: Where each role of the test is held. Of the objects some are that very one, its children, siblings, parents, others.
HELD_ON = dict.fromkeys(_SITE, "S11") | dict.fromkeys(_NGI, "N1") | dict.fromkeys(_PROJECT, "F1")
HELD_ON |= dict.fromkeys(_GROUP, "G1")
#: Object -> what lies above it. N2 belongs to F2 too, as a further federation.
ABOVE = {
    "S11": ["N1", "F1"], "S12": ["N1", "F1"], "S21": ["N2", "F1", "F2"], "S31": ["N3", "F2"],
    "N1": ["F1"], "N2": ["F1", "F2"], "N3": ["F2"], "F1": [], "F2": [], "G1": [], "G2": [],
}  # fmt: skip
SITES, NGIS, FEDERATIONS, GROUPS = ["S11", "S12", "S21", "S31"], ["N1", "N2", "N3"], ["F1", "F2"], ["G1", "G2"]
#: Action -> the objects that it can be tried on.
TRIED_ON = {
    "edit_site": SITES, "add_service": SITES, "edit_service": SITES, "close_service": SITES,
    "declare_downtime": SITES, "grant_site_role": SITES, "change_certification": SITES,
    "edit_ngi": NGIS, "add_site": NGIS, "grant_ngi_role": NGIS,
    "edit_federation": FEDERATIONS, "grant_federation_role": FEDERATIONS, "add_region": FEDERATIONS,
    "edit_service_group": GROUPS, "grant_service_group_role": GROUPS,
}  # fmt: skip


def is_expected(role: str, action: str, name: str) -> bool:
    return role in MAY[action] and HELD_ON[role] in [name, *ABOVE[name]]


@dataclass
class Grid:
    """Two federations, three regions, four sites with a service each, two groups."""

    objects: dict[str, Any] = field(default_factory=dict)
    services: dict[str, Any] = field(default_factory=dict)

    def service(self, name: str) -> Any:
        return self.services[name]


@pytest.fixture
def grid() -> Grid:
    from gridkeeper.registry.models import Federation, NgiMembership
    from tests.builders import ERA

    a_scope("EGI", is_default=True)
    a_service_type("CE")
    made = Grid()
    for name in FEDERATIONS:
        made.objects[name] = Federation.objects.create(name=name, valid_from=ERA)
    for name in NGIS:
        made.objects[name] = an_ngi(name=name, federation=made.objects["F2" if name == "N3" else "F1"])
    NgiMembership.objects.create(ngi=made.objects["N2"], federation=made.objects["F2"], valid_from=ERA)
    for name in SITES:
        made.objects[name] = a_site(name=name, ngi=made.objects[f"N{name[1]}"], certification="Uncertified")
        made.services[name] = a_service(of=made.objects[name], hostname=f"ce.{name.lower()}.example.org")
        an_endpoint(of=made.services[name], name="https")
    for name in GROUPS:
        made.objects[name] = a_service_group(name=name)
    a_user("carol")
    return made


def hold(user: User, role: str, on: Any, **times: Any) -> RoleGrant:
    level = on.lineage()[0].partition(":")[0]
    return RoleGrant.objects.create(user=user, role=role, **{level: on}, **times)


# at the pages

_ROLE_OF = {"site": "Site Administrator", "ngi": "Regional Staff (ROD)", "federation": "COD Staff",
            "service_group": "Service Group Administrator"}  # fmt: skip
_WHEN = timezone.now().replace(microsecond=0)
_START, _END = _WHEN + timedelta(days=3), _WHEN + timedelta(days=4)
_WALL = {"start": f"{_START:%Y-%m-%dT%H:%M}", "end": f"{_END:%Y-%m-%dT%H:%M}"}

#: Action -> name of the address and what is typed besides what stands in the form already.
PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "edit_site": ("site_edit", {"description": "new"}),
    "edit_ngi": ("ngi_edit", {"description": "new"}),
    "edit_federation": ("federation_edit", {"description": "new"}),
    "edit_service_group": ("service_group_edit", {"description": "new"}),
    "edit_service": ("service_edit", {"description": "new"}),
    "close_service": ("service_close", {}),
    "change_certification": ("site_certification", {"new": "Certified"}),
    "add_site": ("site_add", {"name": "NEW-SITE"}),
    "add_service": ("service_add", {"service_type": "CE", "hostname": "new.example.org"}),
    "add_region": ("ngi_add", {"name": "NEW_REGION"}),
}


def page_of(action: str, name: str, grid: Grid) -> tuple[str, dict[str, Any]]:
    if action == "declare_downtime":
        key = grid.service(name).key
        typed = {"services": [key], "severity": "OUTAGE", "description": "works", "step": "declare", "zone": "UTC"}
        return reverse("registry:downtime_declare", query={"service": key}), typed | _WALL
    subject = grid.objects[name]
    level = subject.lineage()[0].partition(":")[0]
    if action.startswith("grant_"):
        typed = {"user": "carol", "role": _ROLE_OF[level], "reason": "test"}
        return reverse("registry:role_grant", args=[level, subject.key]), typed
    address, typed = PAGES[action]
    key = grid.service(name).key if address.startswith("service_") and level == "site" else subject.key
    key = subject.key if address == "service_add" else key
    return reverse(f"registry:{address}", args=[key]), typed | {"reason": "test"}


def as_typed(form: Any) -> dict[str, Any]:
    """What a browser would send back of a form that nobody touched."""
    values = {bound.name: bound.value() for bound in form}
    return {name: value for name, value in values.items() if value is not None and value is not False}


def is_done_by_page(client: Client, action: str, name: str, grid: Grid) -> bool:
    """GET and POST agree on whether it may be done; where it may, it is done."""
    url, typed = page_of(action, name, grid)
    shown = client.get(url)
    if shown.status_code != 200:
        assert shown.status_code in (302, 403), (url, shown.status_code)
        answer = client.post(url, typed)
        assert answer.status_code == shown.status_code, (url, answer.status_code)
        assert shown.status_code == 403 or "login" in shown["Location"]
        return False
    form = shown.context["form"]
    data = (as_typed(form) if action != "declare_downtime" else {}) | typed
    answer = client.post(url, data)
    if answer.status_code == 200:  # what would follow is shown first
        data["confirmed"] = answer.context["preview"]["effects"].digest
        answer = client.post(url, data)
    if action == "declare_downtime" and answer.status_code == 422:
        assert "services" in answer.context["form"].errors  # not one of those that are offered
        return False
    assert answer.status_code == 302, (url, answer.status_code, getattr(answer.context["form"], "errors", ""))
    return True


# over the API


def api_call(action: str, name: str, grid: Grid) -> tuple[str, str, dict[str, Any]]:
    subject = grid.objects[name]
    reason = {"reason": "test"}
    if action.startswith("grant_"):
        level = subject.lineage()[0].partition(":")[0]
        kind = {"ngi": "region"}.get(level, level)
        body = {"user": "carol", "role": _ROLE_OF[level], "on": {"kind": kind, "key": subject.key}}
        return "POST", "/roles", body | reason
    calls: dict[str, tuple[str, str, dict[str, Any]]] = {
        "edit_site": ("PATCH", f"/sites/{subject.key}", {"description": "new"}),
        "edit_ngi": ("PATCH", f"/regions/{subject.key}", {"description": "new"}),
        "edit_federation": ("PATCH", f"/federations/{subject.key}", {"description": "new"}),
        "edit_service_group": ("PATCH", f"/service-groups/{subject.key}", {"description": "new"}),
        "change_certification": ("POST", f"/sites/{subject.key}/certification", {"new": "Certified"}),
        "add_site": ("POST", "/sites", {"region": subject.key, "name": "NEW-SITE"}),
        "add_region": ("POST", "/regions", {"federation": subject.key, "name": "NEW_REGION"}),
        "add_service": (
            "POST",
            "/services",
            {"site": subject.key, "service_type": "CE", "hostname": "new.example.org"},
        ),
    }
    if action in calls:
        verb, path, body = calls[action]
        return verb, path, body | reason
    service = grid.service(name).key
    if action == "declare_downtime":
        times = {"start": _START.isoformat(), "end": _END.isoformat()}
        return "POST", "/downtimes", times | {"services": [service], "severity": "OUTAGE", "description": "works"}
    if action == "edit_service":
        return "PATCH", f"/services/{service}", {"description": "new"} | reason
    return "POST", f"/services/{service}/close", reason


def is_done_by_api(robot: Robot, action: str, name: str, grid: Grid) -> bool:
    answer = robot.send(*api_call(action, name, grid))
    assert answer.status_code in (200, 201, 401, 403), (action, name, answer.content)
    return answer.status_code < 300


# by GOCDB's write API, which knows properties, and endpoints of services


def is_done_by_v5(robot: Robot, action: str, name: str, grid: Grid) -> bool:
    subject = grid.objects[name] if action == "edit_site" else grid.service(name)
    path = f"/gocdbpi/v5/{'site' if action == 'edit_site' else 'service'}/{subject.pk}/ExtensionProperties"
    answer = robot.client.put(path, '{"key": "value"}', content_type="application/json", headers=robot.headers)
    assert answer.status_code in (204, 401, 403), (path, answer.content)
    return bool(answer.status_code == 204)


#: How somebody comes in, and what can be tried there.
WAYS: dict[str, tuple[Callable[..., bool], list[str]]] = {
    "page": (is_done_by_page, list(MAY)),
    "api": (is_done_by_api, list(MAY)),
    "v5": (is_done_by_v5, ["edit_site", "edit_service"]),
}


def come_in(way: str, name: str) -> Client | Robot:
    if way != "page":
        return Robot(name)
    client = Client()
    if name:
        client.force_login(User.objects.get(username=name))
    return client


def results(way: str, visitor: Client | Robot, grid: Grid) -> Iterator[tuple[str, str, bool]]:
    """Each action on each object, each tried from the same beginning."""
    is_done, actions = WAYS[way]
    for action in actions:
        for name in TRIED_ON[action]:
            with transaction.atomic():
                yield action, name, is_done(visitor, action, name, grid)
                transaction.set_rollback(True)


def test_the_matrix_knows_every_role_and_every_action():
    assert sorted(ALL) == sorted(ROLES)
    assert set(MAY) - {"add_region"} == set(ACTIONS) - {"read_personal_data"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("role", ALL)
def test_each_role_may_do_what_the_rules_say_and_nothing_else(grid, way, role):
    hold(a_user("alice"), role, grid.objects[HELD_ON[role]])
    tried = list(results(way, come_in(way, "alice"), grid))
    wrong = [
        (*each, "allowed" if each[2] else "denied") for each in tried if each[2] is not is_expected(role, *each[:2])
    ]
    assert wrong == []
    assert len(tried) == sum(len(TRIED_ON[action]) for action in WAYS[way][1])


@pytest.mark.parametrize("way", [way for way in WAYS if way != "v5"])  # v5 changes no certification
@pytest.mark.parametrize("role", _SITE)
def test_a_site_never_certifies_itself(grid, way, role):
    user = a_user("alice")
    for name in SITES:
        hold(user, role, grid.objects[name])
    found = [each for each in results(way, come_in(way, "alice"), grid) if each[0] == "change_certification"]
    assert [is_done for _, _, is_done in found] == [False] * len(SITES)


def everything(user: User, grid: Grid, **times: Any) -> None:
    """The highest roles of every level on every object."""
    for name, on in grid.objects.items():
        role = {"S": "Site Operations Manager", "N": "NGI Operations Manager", "F": "Chief Operations Officer"}
        hold(user, role.get(name[0], _GROUP[0]), on, **times)


def _nobody(user: User, grid: Grid) -> None:
    """No role at all."""


def _expired(user: User, grid: Grid) -> None:
    everything(user, grid, expires_at=timezone.now() - timedelta(seconds=1))


def _not_begun(user: User, grid: Grid) -> None:
    everything(user, grid, starts_at=timezone.now() + timedelta(hours=1))


def _revoked(user: User, grid: Grid) -> None:
    everything(user, grid)
    RoleGrant.objects.filter(user=user).delete()


def _inactive(user: User, grid: Grid) -> None:
    everything(user, grid)
    User.objects.filter(pk=user.pk).update(is_active=False)


def _delegated_by_nobody(user: User, grid: Grid) -> None:
    """Whoever delegated them does not hold them any more."""
    everything(user, grid, delegated_by=a_user("gone"), expires_at=timezone.now() + timedelta(days=7))


def _of_the_wrong_level(user: User, grid: Grid) -> None:
    for name, on in grid.objects.items():
        hold(user, "Site Operations Manager" if name[0] != "S" else "NGI Operations Manager", on)


_DENIED = [_nobody, _expired, _not_begun, _revoked, _inactive, _delegated_by_nobody, _of_the_wrong_level]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("situation", _DENIED, ids=lambda each: each.__name__.strip("_"))
def test_who_holds_no_role_that_counts_may_nothing(grid, way, situation):
    user = a_user("alice")
    visitor = come_in(way, "alice")
    situation(user, grid)
    assert [each for each in results(way, visitor, grid) if each[2]] == []


@pytest.mark.parametrize("way", WAYS)
def test_who_does_not_say_who_they_are_may_nothing(grid, way):
    assert [each for each in results(way, come_in(way, ""), grid) if each[2]] == []


@pytest.mark.parametrize("way", ["api", "v5"])
def test_a_token_never_reaches_beyond_its_limits_nor_its_scopes(grid, way):
    everything(a_user("alice"), grid)
    limited = Robot("alice", limits=(f"site:{grid.objects['S11'].key}",))
    reached = {name for _, name, is_done in results(way, limited, grid) if is_done}
    assert reached == {"S11"}
    Token.objects.all().delete()
    narrow = Robot("alice", scopes=("probes",))
    assert [each for each in results(way, narrow, grid) if each[2]] == []


@pytest.mark.parametrize("role", ALL)
def test_the_explanation_says_what_is_so(grid, role):
    """The page "why may I, or not?" rests on the same facts, and shows them."""
    user = a_user("alice")
    hold(user, role, grid.objects[HELD_ON[role]])
    now = timezone.now()
    for action, names in TRIED_ON.items():
        asked = "grant_role" if action.startswith("grant_") else action
        for name in names if asked in ASKED_OF else ():
            found = explain(user, asked, grid.objects[name], now)
            assert found.is_allowed is is_expected(role, action, name), (action, name)
            assert found.is_allowed is any(held.is_enough for place in found.places for held in place.held)


@pytest.mark.parametrize("role", ALL)
def test_personal_data_is_read_by_those_whose_role_may(grid, role):
    hold(a_user("alice"), role, grid.objects[HELD_ON[role]])
    answer = Robot("alice").get("/credentials")
    assert answer.status_code == (403 if role in _GROUP else 200)
