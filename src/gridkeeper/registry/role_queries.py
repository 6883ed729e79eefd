"""What pages and commands ask about roles: whose they are, what waits for whom, and why somebody may do something."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.past import moment_travelled_to
from gridkeeper.people.permission import is_permitted
from gridkeeper.people.read_only import read_only
from gridkeeper.registry.models import (
    Endpoint,
    Federation,
    Ngi,
    RequestState,
    RoleGrant,
    RoleRequest,
    Service,
    ServiceGroup,
    Site,
)
from gridkeeper.registry.models.roles import RoleObject, level_of
from gridkeeper.registry.permissions import GRANT_BY_LEVEL, grantable
from gridkeeper.registry.role_rules import CONFIRMED_FOR, DUE_AHEAD
from gridkeeper.registry.roles import ACTIONS, ROLES, Level, roles_that_may

#: Words for levels, as pages write them.
LEVEL_WORDS: dict[Level, str] = {
    "site": "site", "ngi": "region", "federation": "federation", "service_group": "service group",
}  # fmt: skip
MODELS: dict[Level, Any] = {"site": Site, "ngi": Ngi, "federation": Federation, "service_group": ServiceGroup}
_OBJECTS = ("site", "ngi", "federation", "service_group")
#: Permission -> the levels of the objects that it is asked of; services go by their site.
ASKED_OF: dict[str, tuple[Level, ...]] = {
    "edit_federation": ("federation",), "edit_ngi": ("ngi",), "add_site": ("ngi",), "edit_site": ("site",),
    "add_service": ("site",), "edit_service": ("site",), "close_service": ("site",), "declare_downtime": ("site",),
    "change_certification": ("site",), "edit_service_group": ("service_group",),
    "grant_role": ("site", "ngi", "federation", "service_group"), "read_personal_data": (), "add_service_group": (),
}  # fmt: skip
WORDS = ACTIONS | {
    "grant_role": "Grant and revoke roles",
    "add_service_group": "Add a service group",
}
#: Those who are named as people to ask; a long list helps nobody.
_MOST_ASKED = 10


def places_reaching(subject: Any) -> list[RoleObject]:
    """The objects whose roles reach the subject, nearest first: itself, its region, the region's federations."""
    if isinstance(subject, Endpoint):
        return places_reaching(subject.service)
    if isinstance(subject, Service):
        return places_reaching(subject.site)
    if isinstance(subject, Site):
        return [subject, *places_reaching(subject.ngi)]
    if isinstance(subject, Ngi):
        further = [each.federation for each in subject.memberships.current().select_related("federation")]
        return [subject, subject.federation, *(each for each in further if each != subject.federation)]
    return [subject]


@dataclass(frozen=True, slots=True)
class Held:
    """A role of the person there. note: why it does not count now ("expired 2026-03-01"), "" where it counts."""

    grant: RoleGrant
    is_enough: bool
    note: str


@dataclass(frozen=True, slots=True)
class Place:
    """One object whose roles reach the subject.

    roles: those that allow it when held here; held: the person's here; askable: people who may grant roles here
    """

    on: RoleObject
    level: Level
    word: str
    roles: Sequence[str]
    held: Sequence[Held]
    askable: Sequence[User]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a person may do something, or not.

    reasons: what decides besides roles ("is an operator of the whole installation", read-only mode)
    """

    is_allowed: bool
    user: User
    permission: str
    words: str
    subject: Any
    reasons: Sequence[str]
    places: Sequence[Place]

    @property
    def can_ask(self) -> bool:
        """True where a role would help."""
        return not self.is_allowed and self.user.is_active and any(place.roles for place in self.places)


def explain(user: User, permission: str, subject: Any, now: datetime) -> Explanation:
    """The chain of facts behind `is_permitted(Actor(user), "registry.<permission>", subject)`.

    permission: a key of ASKED_OF; subject: an object of one of its levels, None where it is asked of nothing
    """
    actor = Actor(user=user)
    places: list[RoleObject] = places_reaching(subject) if subject is not None else _places_of(user)
    return Explanation(
        is_allowed=is_permitted(actor, f"registry.{permission}", subject),
        user=user,
        permission=permission,
        words=WORDS.get(permission, permission),
        subject=subject,
        reasons=_reasons(user, permission),
        places=[_place(user, permission, subject, on, now) for on in places],
    )


def _reasons(user: User, permission: str) -> list[str]:
    reasons = []
    if not user.is_active:
        reasons.append("The account is closed, so no role of it counts.")
    elif user.is_superuser:
        reasons.append("The account is an operator's of the whole installation, which may do everything.")
    mode = read_only()
    if mode is not None and not permission.startswith("read_"):
        reasons.append(f"The whole installation is read-only for now: {mode.reason}")
    if moment_travelled_to() is not None and not permission.startswith("read_"):
        reasons.append("This page shows the past, which nobody can change.")
    return reasons


def _places_of(user: User) -> list[RoleObject]:
    grants = RoleGrant.objects.filter(user=user).select_related(*_OBJECTS)
    return list({(level_of(grant.on), grant.on.pk): grant.on for grant in grants}.values())


def _place(user: User, permission: str, subject: Any, on: RoleObject, now: datetime) -> Place:
    level = level_of(on)
    roles = _roles_enough(permission, subject, level)
    here = RoleGrant.objects.filter(**{level: on})
    counting = set(here.in_force(now).filter(user=user).values_list("pk", flat=True))
    held = [
        Held(grant, grant.pk in counting and grant.role in roles, _note(grant, now, counts=grant.pk in counting))
        for grant in here.filter(user=user).order_by("role")
    ]
    return Place(on, level, LEVEL_WORDS[level], roles, held, who_grants(on, now)[:_MOST_ASKED])


def _roles_enough(permission: str, subject: Any, level: Level) -> list[str]:
    if permission == "grant_role":
        return roles_that_may(GRANT_BY_LEVEL[type(subject)], level)
    if permission == "add_service_group":
        return list(ROLES)
    return roles_that_may(permission, level)


def _note(grant: RoleGrant, now: datetime, *, counts: bool) -> str:
    if counts:
        return ""
    if grant.starts_at is not None and grant.starts_at > now:
        return f"begins {grant.starts_at:%Y-%m-%d %H:%M} UTC"
    if grant.expires_at is not None and grant.expires_at <= now:
        return f"expired {grant.expires_at:%Y-%m-%d %H:%M} UTC"
    return "the role that it was delegated from has ended"


def who_grants(on: RoleObject, now: datetime) -> list[User]:
    """The people who may grant roles on the object, by a role on it or above it."""
    permission = GRANT_BY_LEVEL[type(on)]
    enough = Q(pk__in=[])
    for place in places_reaching(on):
        level = level_of(place)
        enough |= Q(role__in=roles_that_may(permission, level), **{level: place})
    grants = RoleGrant.objects.in_force(now).filter(enough, user__is_active=True)
    return list(User.objects.filter(pk__in=grants.values("user")).order_by("last_name", "username"))


def last_manager_warning(grant: RoleGrant, now: datetime) -> str:
    """What would follow if this role ended and nobody else on the object could grant roles; "" where others can."""
    level = level_of(grant.on)
    managing = roles_that_may(GRANT_BY_LEVEL[type(grant.on)], level)
    if grant.role not in managing:
        return ""
    others = RoleGrant.objects.in_force(now).filter(role__in=managing, user__is_active=True, **{level: grant.on})
    if others.exclude(user=grant.user_id).exclude(delegated_by=grant.user_id).exists():
        return ""
    above = [str(place) for place in places_reaching(grant.on)[1:]]
    who = f"only people of {' or '.join(above)}" if above else "only an operator of the installation"
    return (
        f"{grant.user} is the last person of {grant.on} who may grant roles on it. Afterwards {who} can: "
        "name a successor first."
    )


def with_objects(rows: "QuerySet[Any]") -> "QuerySet[Any]":
    """Grants or requests with their people and objects, without a query a row."""
    return rows.select_related("user", *_OBJECTS)


def requests_to_decide(actor: Actor) -> "QuerySet[RoleRequest]":
    """The requests that wait for this person, oldest first; one's own never."""
    waiting = grantable(actor, RoleRequest.objects.filter(state=RequestState.PENDING))
    return with_objects(_of_others(actor, waiting)).order_by("requested_at")


def decisions(actor: Actor) -> "QuerySet[RoleRequest]":
    """What was decided where this person may decide, newest first."""
    decided = grantable(actor, RoleRequest.objects.exclude(state=RequestState.PENDING))
    return with_objects(decided).select_related("decided_by").order_by("-decided_at")


def confirmations_due(actor: Actor, now: datetime) -> "QuerySet[RoleGrant]":
    """The roles that this person should confirm, the most overdue first; `last_said` is when somebody last did."""
    grants = grantable(actor, RoleGrant.objects.in_force(now).filter(delegated_by=None, user__is_active=True))
    return _unconfirmed(_of_others(actor, grants), now)


def own_unconfirmed(user: User, now: datetime) -> "QuerySet[RoleGrant]":
    """The person's own roles that somebody else should confirm."""
    return _unconfirmed(RoleGrant.objects.in_force(now).filter(delegated_by=None, user=user), now)


def _unconfirmed(grants: "QuerySet[RoleGrant]", now: datetime) -> "QuerySet[RoleGrant]":
    said: QuerySet[RoleGrant] = with_objects(grants).annotate(last_said=Coalesce("confirmed_at", "granted_at"))
    due = said.filter(Q(last_said=None) | Q(last_said__lte=now + DUE_AHEAD - CONFIRMED_FOR))
    return due.order_by(F("last_said").asc(nulls_first=True), "pk")


def _of_others(actor: Actor, rows: "QuerySet[Any]") -> "QuerySet[Any]":
    if actor.user is None or actor.user.is_superuser:
        return rows
    return rows.exclude(user=actor.user)


def find_object(text: str, levels: Sequence[Level]) -> RoleObject | None:
    """By key or by name ("ROMA1", "2G0", "site:2G0"), among the current objects of those levels; None: no such one."""
    kind, _, key = text.strip().partition(":")
    if key and kind in levels:
        levels, text = [level for level in levels if level == kind], key
    for by in ("key", "name"):
        for level in levels:
            found: RoleObject | None = MODELS[level].objects.filter(**{by: text.strip()}).order_by("-pk").first()
            if found is not None:
                return found
    return None
