"""Identities: the certificates and OpenID Connect subjects by which people sign in, besides a password.

An identity is linked in two steps: its holder proves it while signed in otherwise (`add_identity`), and confirms once
more that it is theirs (`confirm_identity`). Until then it opens nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.distinguished_names import spellings
from gridkeeper.people.models import Identity, IdentityKind, User
from gridkeeper.people.permission import NotPermittedError, require, require_changeable

#: `last_used_at` is written at most this often.
_TOUCH_EVERY = timedelta(minutes=1)
_MOST_IDENTITIES = 20


@dataclass(frozen=True, slots=True)
class Claim:
    """Who somebody has just proved to be: a certificate's subject, or an issuer's.

    kind: of IdentityKind; issuer: URL of the OpenID Connect issuer, "" for certificates; identifier: as in Identity
    name, email: as the source says; shown, and put into an account that is made of it
    """

    kind: str
    identifier: str
    issuer: str = ""
    name: str = ""
    email: str = ""

    def __str__(self) -> str:
        if self.kind == IdentityKind.X509:
            return f"the certificate {self.identifier}"
        return f"{self.name or self.identifier} at {self.issuer}"


def find_identity(claim: Claim) -> Identity | None:
    """The identity that was proved, whether it is confirmed or not."""
    names = spellings(claim.identifier) if claim.kind == IdentityKind.X509 else [claim.identifier]
    found = Identity.objects.select_related("user").filter(kind=claim.kind, identifier__in=names)
    if claim.kind == IdentityKind.OIDC:
        found = found.filter(issuer=claim.issuer)
    return min(found, key=lambda identity: (identity.confirmed_at is None, identity.pk), default=None)


def user_of(claim: Claim, now: datetime) -> User | None:
    """The person whom the identity opens the account of; None while it is unknown, unconfirmed or the account closed.

    Notes its use.
    """
    identity = find_identity(claim)
    if identity is None or identity.confirmed_at is None or not identity.user.is_active:
        return None
    if identity.last_used_at is None or now - identity.last_used_at > _TOUCH_EVERY:
        Identity.objects.filter(pk=identity.pk).update(last_used_at=now)
    return identity.user


def add_identity(actor: Actor, *, user: User, claim: Claim, now: datetime) -> Identity:
    """Notes that the holder of the account has proved this identity; it opens nothing before it is confirmed.

    The caller has verified the claim in this very session. What somebody else has added and never confirmed gives way.
    Raises NotPermittedError; ValidationError where it is somebody else's, or this account's already.
    """
    _require_own(actor, user)
    with transaction.atomic(), recording(actor, "proved, not confirmed yet"):
        User.objects.select_for_update().get(pk=user.pk)
        existing = find_identity(claim)
        if existing is not None and existing.confirmed_at is not None:
            whose = "your account has it already" if existing.user_id == user.pk else "it belongs to another account"
            raise ValidationError(f"{claim} cannot be linked: {whose}.")
        if user.identities.count() >= _MOST_IDENTITIES:
            raise ValidationError(f"An account has at most {_MOST_IDENTITIES} identities; unlink one first.")
        if existing is not None and existing.user_id == user.pk:
            return existing
        if existing is not None:
            existing.delete()
        return Identity.objects.create(
            user=user, kind=claim.kind, issuer=claim.issuer, identifier=claim.identifier, added_at=now
        )


def confirm_identity(actor: Actor, *, identity: Identity, now: datetime) -> Identity:
    """From now on it opens the account. Raises NotPermittedError, ValidationError where it is gone."""
    _require_own(actor, identity.user)
    with transaction.atomic(), recording(actor, "confirmed"):
        fresh = Identity.objects.select_for_update().filter(pk=identity.pk).first()
        if fresh is None:
            raise ValidationError("That identity is gone; sign in with it once more to link it.")
        if fresh.confirmed_at is None:
            fresh.confirmed_at = now
            fresh.save(update_fields=["confirmed_at"])
    return fresh


def unlink_identity(actor: Actor, *, identity: Identity, reason: str = "unlinked") -> None:
    """It opens nothing any more. Raises NotPermittedError; ValidationError for the last way into the account."""
    _require_own(actor, identity.user)
    with transaction.atomic(), recording(actor, reason):
        # two requests at once could each leave the other's identity as the last one: they queue here
        user = User.objects.select_for_update().get(pk=identity.user_id)
        fresh = Identity.objects.filter(pk=identity.pk).first()
        if fresh is None:
            return
        if fresh.confirmed_at is not None and not _has_another_way(user, fresh):
            raise ValidationError(
                "This is the only way into the account; set a password or link another identity before you unlink it."
            )
        fresh.delete()


def create_account(actor: Actor, *, claim: Claim, now: datetime) -> User:
    """An account without roles for somebody whom nobody here knows, with the identity that they have just proved.

    Raises ReadOnlyError in read-only mode; ValidationError where the identity is known already.
    """
    require_changeable(actor, "people.create_account")
    with transaction.atomic():
        if find_identity(claim) is not None:
            raise ValidationError(f"{claim} is known here already; sign in with it.")
        first, _, last = claim.name.strip().partition(" ")
        user = User(
            username=_free_username(claim), first_name=first[:150], last_name=last[:150], email=claim.email[:254]
        )
        user.set_unusable_password()
        with recording(actor, f"first sign-in by {claim.kind}"):
            user.save()
            Identity.objects.create(
                user=user, kind=claim.kind, issuer=claim.issuer, identifier=claim.identifier, added_at=now,
                confirmed_at=now, last_used_at=now,
            )  # fmt: skip
    return user


def _has_another_way(user: User, identity: Identity) -> bool:
    if user.has_usable_password():
        return True
    return user.identities.exclude(pk=identity.pk).exclude(confirmed_at=None).exists()


def _free_username(claim: Claim) -> str:
    """Of the name, or of the last part of the subject: words that an address can hold, with a number if need be."""
    source = claim.name or claim.identifier.rpartition("CN=")[2] or claim.identifier
    words = "".join(letter if letter.isalnum() else "." for letter in source.lower()).strip(".")
    stem = ".".join(filter(None, words.split(".")))[:100] or "person"
    taken = set(User.objects.filter(username__startswith=stem).values_list("username", flat=True))
    return next(name for name in (stem, *(f"{stem}{number}" for number in range(2, 100_000))) if name not in taken)


def _require_own(actor: Actor, user: User) -> None:
    """The person, signed in by session, or a superuser; never a token."""
    require(actor, "people.manage_identities", user)
    if actor.scopes is not None:
        raise NotPermittedError(f"{actor.name} may not manage identities by a token; sign in as {user}")
