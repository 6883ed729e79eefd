"""Personal tokens over the API: a person's own, managed from a session only."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import AwareDatetime, Field

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import Token
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.people.tokens import MOST_LIMITS, create_token, revoke_token
from gridkeeper.web.api import Limit, Offset, Page, paginate

router = Router(tags=["tokens"])


class TokenIn(Schema):
    """What a new token is for."""

    name: str = Field(min_length=1, max_length=100, examples=["nightly probe"])
    scopes: list[str] = Field(min_length=1, max_length=20, examples=[["probes.submit_results"]])
    limits: list[str] = Field(
        [], max_length=MOST_LIMITS, examples=[["site:2G0"]], description="Objects that it reaches; none: all of yours."
    )
    expires_at: AwareDatetime | None = Field(None, examples=["2027-01-01T00:00:00Z"])


class TokenOut(Schema):
    """A token as it can be seen again."""

    id: int = Field(examples=[7])
    name: str = Field(examples=["nightly probe"])
    prefix: str = Field(examples=["gk_1a2B3c4"])
    scopes: list[str] = Field(examples=[["probes.submit_results"]])
    limits: list[str] = Field(examples=[["site:2G0"]])
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class NewToken(TokenOut):
    """A token at the one moment when its secret is shown."""

    secret: str = Field(description="Keep it: it is not shown again.")


def _owner(request: HttpRequest) -> Actor:
    actor = Actor.of(request, "api")
    if actor.user is None:
        raise NotPermittedError("tokens belong to a person; sign in first")
    return actor


@router.get("/tokens", response=Page[TokenOut], summary="Your tokens")
def list_tokens(request: HttpRequest, limit: Limit = 100, offset: Offset = 0) -> dict[str, Any]:
    """Newest first; the secrets are not among the fields."""
    return paginate(request, Token.objects.filter(user=_owner(request).user), limit, offset)


@router.post("/tokens", response={201: NewToken}, summary="Make a token")
def make_token(request: HttpRequest, body: TokenIn) -> Status[dict[str, Any]]:
    """The answer holds the secret, once. Only from a session: a token cannot make tokens."""
    actor = _owner(request)
    assert actor.user is not None
    token, secret = create_token(
        actor, user=actor.user, name=body.name, scopes=body.scopes, limits=body.limits, expires_at=body.expires_at,
        now=timezone.now(),
    )  # fmt: skip
    fields = ("id", "name", "prefix", "scopes", "limits", "created_at", "expires_at", "revoked_at", "last_used_at")
    return Status(201, {name: getattr(token, name) for name in fields} | {"secret": secret})


@router.delete("/tokens/{token_id}", response={204: None}, summary="Revoke a token")
def delete_token(request: HttpRequest, token_id: int) -> Status[None]:
    """It opens nothing from now on."""
    actor = _owner(request)
    token = get_object_or_404(Token, pk=token_id, user=actor.user)
    revoke_token(actor, token=token, now=timezone.now())
    return Status(204, None)
