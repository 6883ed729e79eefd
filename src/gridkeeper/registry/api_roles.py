"""Roles over the API: who holds which, who asks, and the map of what they allow."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Schema
from ninja.decorators import decorate_view
from pydantic import ConfigDict, Field

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.permission import NotPermittedError, is_permitted, require
from gridkeeper.registry import role_actions
from gridkeeper.registry.api_changes import Call, change
from gridkeeper.registry.api_inputs import KeyText, Reason
from gridkeeper.registry.api_lookups import federation_of, region_of, service_group_of, site_of, unknown
from gridkeeper.registry.api_parameters import ChangedSince, Key, Sort, Text, exact, listed
from gridkeeper.registry.api_resources import Resource, with_version
from gridkeeper.registry.api_schemas import Moment, Ref
from gridkeeper.registry.models import Federation, Ngi, RequestState, RoleGrant, RoleRequest, ServiceGroup, Site
from gridkeeper.registry.role_rules import confirmation_due
from gridkeeper.registry.roles import ACTIONS, ROLES
from gridkeeper.web.api import ChangesPage, Limit, Offset
from gridkeeper.web.conditional import conditional
from gridkeeper.web.moments import moment_of

router = Router(tags=["roles"])

ObjectKind = Literal["federation", "region", "site", "service_group"]
_WORDS: dict[type, ObjectKind] = {Federation: "federation", Ngi: "region", Site: "site", ServiceGroup: "service_group"}
_FIND: dict[str, Any] = {
    "federation": federation_of, "region": region_of, "site": site_of, "service_group": service_group_of,
}  # fmt: skip
_ON = ("site__ngi__federation", "ngi__federation", "federation", "service_group")


class ObjectRef(Ref):
    """The object that a role is held on."""

    kind: ObjectKind = Field(examples=["site"])

    @staticmethod
    def resolve_kind(subject: Any) -> ObjectKind:
        return _WORDS[type(subject)]


class PersonOut(Schema):
    """A person, by account."""

    key: str
    username: str = Field(examples=["alice"])
    name: str

    @staticmethod
    def resolve_name(user: User) -> str:
        return user.full_name


class RoleOut(Schema):
    """A role that a person holds."""

    id: int = Field(examples=[7])
    role: str = Field(examples=["Site Administrator"])
    on: ObjectRef
    user: PersonOut
    granted_at: datetime | None
    starts_at: datetime | None
    expires_at: datetime | None
    confirmed_at: datetime | None
    confirmation_due: datetime | None = Field(description="When somebody has to say that it is still right.")
    delegated_by: PersonOut | None
    version: int = Field(examples=[17])

    @staticmethod
    def resolve_confirmation_due(grant: RoleGrant) -> datetime | None:
        return confirmation_due(grant.granted_at, grant.confirmed_at)


class RoleRequestOut(Schema):
    """Somebody asks for a role."""

    key: str
    role: str = Field(examples=["Site Administrator"])
    on: ObjectRef
    user: PersonOut
    state: RequestState
    message: str
    requested_at: datetime
    decided_at: datetime | None
    decided_by: PersonOut | None
    decision: str
    version: int = Field(examples=[17])


class On(Schema):
    """The object that a role is held on."""

    model_config = ConfigDict(extra="forbid")

    kind: ObjectKind = Field(examples=["site"])
    key: KeyText = Field(examples=["2G0"])

    def find(self) -> Any:
        """The object. Raises Problem 422."""
        return _FIND[self.kind](self.key)


class RoleRequestIn(Schema):
    """A role to ask for."""

    model_config = ConfigDict(extra="forbid")

    role: KeyText = Field(examples=["Site Administrator"])
    on: On
    message: Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")] = Field("", examples=["I run it now."])


class Grant(Reason):
    """A role to give to a person."""

    user: KeyText = Field(description="Key or user name.", examples=["alice"])
    role: KeyText = Field(examples=["Site Administrator"])
    on: On
    expires_at: Moment | None = None


class Decision(Reason):
    """Yes or no to a request."""

    is_granted: bool = Field(examples=[True])
    expires_at: Moment | None = None


class Delegation(Reason):
    """Somebody else holds the role as well, for a time."""

    to: KeyText = Field(description="Key or user name.", examples=["bob"])
    starts_at: Moment = Field(examples=["2026-12-20T00:00:00Z"])
    expires_at: Moment = Field(examples=["2027-01-07T00:00:00Z"])


class Nothing(Schema):
    """Nothing more is to be said."""

    model_config = ConfigDict(extra="forbid")


def _roles() -> "QuerySet[RoleGrant]":
    return with_version(RoleGrant.objects.select_related("user", "delegated_by", *_ON)).order_by("pk")


def _requests() -> "QuerySet[RoleRequest]":
    return with_version(RoleRequest.objects.select_related("user", "decided_by", *_ON)).order_by("-requested_at", "pk")


ROLE_GRANTS = Resource("role", RoleGrant, _roles, RoleOut, key="id")
ROLE_REQUESTS = Resource("role_request", RoleRequest, _requests, RoleRequestOut)


class RoleMapOut(Schema):
    """Which role may do what, on its object and all below it."""

    actions: dict[str, str] = Field(examples=[{"edit_site": "edit the site"}])
    roles: dict[str, dict[str, Any]] = Field(
        examples=[{"Site Administrator": {"level": "site", "may": ["edit_site", "declare_downtime"]}}]
    )


@router.get("/role-map", response=RoleMapOut, summary="Which role may do what")
@decorate_view(conditional)
def get_role_map(request: HttpRequest) -> dict[str, Any]:
    """The map is data of the installation; a site never certifies itself."""
    roles = {name: {"level": role.level, "may": sorted(role.permissions)} for name, role in ROLES.items()}
    return {"actions": ACTIONS, "roles": roles}


@router.get("/roles", response=ChangesPage[RoleOut], summary="Roles that people hold")
@decorate_view(conditional)
def list_roles(
    request: HttpRequest, user: Text = "", role: Text = "", site: Text = "", region: Text = "", federation: Text = "",
    service_group: Text = "", in_force: Annotated[bool, Query(True, description="False: also what is over.")] = True,
    changed_since: ChangedSince = None, order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """For whose role reads personal data; others see their own. `user` is a key or a user name, objects likewise."""
    rows = _readable(request, _roles()).filter(
        _named("site", site), _named("ngi", region), _named("federation", federation),
        _named("service_group", service_group), _person(user), **exact(role=role),
    )  # fmt: skip
    if in_force:
        rows = rows.in_force(moment_of(request))
    fields = {"role": "role", "user": "user__username", "granted_at": "granted_at", "expires_at": "expires_at"}
    return listed(
        request, ROLE_GRANTS, rows, closed=True, changed_since=changed_since, order=order, fields=fields, limit=limit,
        offset=offset,
    )  # fmt: skip


def _readable(request: HttpRequest, rows: Any) -> Any:
    reader = Actor.of(request, "api")
    if is_permitted(reader, "registry.read_personal_data"):
        return rows
    if reader.user is None:
        raise NotPermittedError("who holds which role is personal data; sign in first")
    return rows.filter(user=reader.user)


def _named(path: str, name: str) -> Q:
    return Q(**{f"{path}__name": name}) | Q(**{f"{path}__key": name}) if name else Q()


def _person(name: str) -> Q:
    return Q(user__username=name) | Q(user__key=name) if name else Q()


@router.get("/roles/{key}", response=RoleOut, summary="One role of a person")
@decorate_view(conditional)
def get_role(request: HttpRequest, key: Key) -> RoleGrant:
    """By its id. For whose role reads personal data; others see their own."""
    grant: RoleGrant = ROLE_GRANTS.find(key)
    _refuse_reading(request, grant.user)
    return ROLE_GRANTS.note(request, grant)


def _refuse_reading(request: HttpRequest, owner: User) -> None:
    reader = Actor.of(request, "api")
    if reader.user is None or reader.user.pk != owner.pk:
        require(reader, "registry.read_personal_data")


def _user(name: str, field: str) -> User:
    found = User.objects.filter(Q(key=name) | Q(username=name)).first()
    if found is None:
        raise unknown(field, "/roles", [name])
    return found


@change(router, "POST", "/roles", ROLE_GRANTS, "grant", summary="Grant a role", status=201)
def grant_role(call: Call, body: Grant) -> RoleGrant:
    """By who may grant roles there. Nobody grants one to themselves."""
    on = body.on.find()
    require(call.actor, "registry.grant_role", on)  # asked first: strangers do not learn who has an account
    return role_actions.grant_role(
        call.actor, user=_user(body.user, "user"), role=body.role, on=on, reason=body.reason, now=call.now,
        expires_at=body.expires_at,
    )  # fmt: skip


@change(router, "POST", "/roles/{key}/revoke", ROLE_GRANTS, "revoke", summary="Revoke a role")
def revoke_role(call: Call, grant: RoleGrant, body: Reason) -> RoleGrant:
    """It counts no more, nor does what was delegated of it. Answers the role as it was."""
    role_actions.revoke_role(call.actor, grant=grant, reason=body.reason, now=call.now)
    return grant


@change(router, "POST", "/roles/{key}/confirm", ROLE_GRANTS, "confirm", summary="Confirm a role for another year")
def confirm_role(call: Call, grant: RoleGrant, body: Nothing) -> RoleGrant:
    """By who may grant it, and not by its holder."""
    return role_actions.confirm_roles(call.actor, grants=[grant], now=call.now)[0]


@change(router, "POST", "/roles/{key}/delegate", ROLE_GRANTS, "delegate", summary="Delegate a role", status=201)
def delegate_role(call: Call, grant: RoleGrant, body: Delegation) -> RoleGrant:
    """By its holder, for 60 days at most. Answers the role of the other person."""
    require(call.actor, "registry.delegate_role", grant.on)
    return role_actions.delegate_role(
        call.actor, grant=grant, to=_user(body.to, "to"), starts_at=body.starts_at, expires_at=body.expires_at,
        reason=body.reason, now=call.now,
    )  # fmt: skip


@router.get("/role-requests", response=ChangesPage[RoleRequestOut], summary="Requests for roles")
@decorate_view(conditional)
def list_role_requests(
    request: HttpRequest, user: Text = "", role: Text = "", site: Text = "", region: Text = "", federation: Text = "",
    service_group: Text = "", state: Annotated[RequestState | None, Query(None)] = None,
    changed_since: ChangedSince = None, order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """Newest first. For whose role reads personal data; others see their own."""
    rows = _readable(request, _requests()).filter(
        _named("site", site), _named("ngi", region), _named("federation", federation),
        _named("service_group", service_group), _person(user), **exact(role=role, state=state),
    )  # fmt: skip
    return listed(
        request, ROLE_REQUESTS, rows, closed=True, changed_since=changed_since, order=order,
        fields={"requested_at": "requested_at", "user": "user__username"}, limit=limit, offset=offset,
    )  # fmt: skip


@router.get("/role-requests/{key}", response=RoleRequestOut, summary="One request for a role")
@decorate_view(conditional)
def get_role_request(request: HttpRequest, key: Key) -> RoleRequest:
    """For whose role reads personal data; others see their own."""
    asked: RoleRequest = ROLE_REQUESTS.find(key)
    _refuse_reading(request, asked.user)
    return ROLE_REQUESTS.note(request, asked)


@change(router, "POST", "/role-requests", ROLE_REQUESTS, "ask", summary="Ask for a role", status=201)
def request_role(call: Call, body: RoleRequestIn) -> RoleRequest:
    """For yourself; who may grant it there decides."""
    return role_actions.request_role(call.actor, role=body.role, on=body.on.find(), message=body.message, now=call.now)


@change(router, "POST", "/role-requests/{key}/decide", ROLE_REQUESTS, "decide", summary="Decide a request for a role")
def decide_request(call: Call, asked: RoleRequest, body: Decision) -> RoleRequest:
    """Once, and not by who asked."""
    return role_actions.decide_request(
        call.actor, request=asked, is_granted=body.is_granted, reason=body.reason, now=call.now,
        expires_at=body.expires_at,
    )  # fmt: skip


@change(
    router, "POST", "/role-requests/{key}/withdraw", ROLE_REQUESTS, "withdraw", summary="Withdraw your request"
)  # fmt: skip
def withdraw_request(call: Call, asked: RoleRequest, body: Nothing) -> RoleRequest:
    """By who asked."""
    return role_actions.withdraw_request(call.actor, request=asked, now=call.now)
