"""API tokens: made once, shown once, kept as a hash."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.models import Token, User
from gridkeeper.people.permission import NotPermittedError, require_changeable

#: Makes a leaked token recognisable to secret scanners.
PREFIX = "gk_"

#: What a token may be limited to: a package, or one permission of it.
SCOPES = (
    "*", "registry", "registry.declare_downtime", "registry.change_downtime", "registry.edit_site",
    "registry.edit_service", "vos", "probes", "probes.submit_results", "probes.run_test", "availability", "selection",
    "feeds",
)  # fmt: skip

#: What a limit names: an object of these kinds, by its key.
_LIMIT = re.compile(r"(?:federation|ngi|site|service|service_group|vo):[^\s:]{1,100}")
MOST_LIMITS = 100
#: `last_used_at` is written at most this often, so that reading stays free of writes.
_TOUCH_EVERY = timedelta(minutes=1)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def create_token(
    actor: Actor,
    *,
    user: User,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    now: datetime,
    limits: Sequence[str] = (),
) -> tuple[Token, str]:
    """A new token of `user` and its secret, which cannot be had again.

    limits: objects that it reaches, with what lies below them ("site:2G0", "ngi:5G0"); none: all that the person may.
    Raises NotPermittedError for somebody else's account, ValidationError for unknown scopes, limits that name no kind
    of object or an expiry in the past.
    """
    _require_own(actor, user)
    require_changeable(actor)
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise ValidationError({"scopes": f"unknown scopes {unknown}; choose from {', '.join(SCOPES)}"})
    if not name.strip():
        raise ValidationError({"name": "say what the token is for"})
    if expires_at is not None and expires_at <= now:
        raise ValidationError({"expires_at": f"{expires_at.isoformat()} is past; give a later time or none"})
    _check_limits(limits)
    secret = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic(), recording(actor, f"token {name!r}"):
        token = Token.objects.create(
            user=user, name=name.strip()[:100], prefix=secret[:10], digest=_digest(secret),
            scopes=sorted(set(scopes)), limits=sorted(set(limits)), created_at=now, expires_at=expires_at,
        )  # fmt: skip
    return token, secret


def _check_limits(limits: Sequence[str]) -> None:
    wrong = sorted(limit for limit in set(limits) if not _LIMIT.fullmatch(limit))
    if wrong:
        raise ValidationError({"limits": f"{', '.join(wrong)[:200]}: write a limit as kind:key, such as site:2G0"})
    if len(set(limits)) > MOST_LIMITS:
        raise ValidationError(
            {"limits": f"at most {MOST_LIMITS} objects; make a second token, or limit it to the region"}
        )


def revoke_token(actor: Actor, *, token: Token, now: datetime) -> None:
    """From now on the token opens nothing; its row stays."""
    _require_own(actor, token.user)
    with transaction.atomic(), recording(actor, "revoked"):
        token = Token.objects.select_for_update().get(pk=token.pk)
        token.revoked_at = token.revoked_at or now
        token.save(update_fields=["revoked_at"])


def find_token(secret: str, now: datetime) -> Token | None:
    """The live token that this secret opens, or None. Notes its use."""
    token = Token.objects.select_related("user").filter(digest=_digest(secret), revoked_at=None).first()
    if token is None or (token.expires_at is not None and token.expires_at <= now) or not token.user.is_active:
        return None
    if token.last_used_at is None or now - token.last_used_at > _TOUCH_EVERY:
        Token.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def _require_own(actor: Actor, user: User) -> None:
    is_own = actor.user is not None and actor.user.pk == user.pk and actor.scopes is None
    if not (actor.is_system or is_own):
        raise NotPermittedError(f"{actor.name} may not manage tokens of {user}; sign in as {user}, not by a token")
