"""What people do with credentials: enter, change, renew, end. Their secrets go in, and never come out again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.probes.credential_rules import CredentialError, Parsed, SecretError, check_options, parse_secret
from gridkeeper.probes.credential_store import renew as renew_stored
from gridkeeper.probes.credential_store import reseal_all, store_secret
from gridkeeper.probes.models import Credential, CredentialKind, CredentialSecret, Test
from gridkeeper.probes.permissions import EDIT_CREDENTIAL
from gridkeeper.probes.sealing import SealingError, load_keys, new_key, write_keys
from gridkeeper.vos.models import Vo

#: What an edit may change besides the secret.
CREDENTIAL_FIELDS = ("name", "options", "is_enabled")


@dataclass(frozen=True, slots=True)
class Entered:
    """What somebody typed or piped in. password: of the key; for a refresh token, the client's secret"""

    secret: str = field(repr=False)
    password: str = field(default="", repr=False)


def add_credential(
    actor: Actor,
    *,
    name: str,
    vo: Vo | None,
    kind: str,
    options: Mapping[str, Any],
    tests: Iterable[Test] = (),
    entered: Entered,
    reason: str,
    now: datetime,
) -> Credential:
    """Stores a credential, sealed. Raises NotPermittedError, and ValidationError by field without the secret in it."""
    require(actor, EDIT_CREDENTIAL, vo)
    _check_reason(reason)
    checked, parsed = _checked(kind, options, entered, now)
    with transaction.atomic(), recording(actor, reason):
        credential = Credential(name=name.strip(), vo=vo, kind=kind, options=checked)
        _take(credential, parsed)
        credential.full_clean()
        credential.save()
        credential.tests.set(tests)
        _seal(credential, parsed)
    return credential


def edit_credential(
    actor: Actor,
    *,
    credential: Credential,
    changes: Mapping[str, Any],
    tests: Iterable[Test] | None = None,
    entered: Entered | None = None,
    reason: str,
    now: datetime,
) -> Credential:
    """Changes CREDENTIAL_FIELDS, for which tests it is, and the secret where one is given."""
    require(actor, EDIT_CREDENTIAL, credential.vo)
    _check_reason(reason)
    if strangers := sorted(set(changes) - set(CREDENTIAL_FIELDS)):
        raise ValidationError(f"{', '.join(strangers)} cannot be changed; end this credential and enter another.")
    with transaction.atomic(), recording(actor, reason):
        fresh = Credential.objects.select_for_update(of=("self",)).get(pk=credential.pk)
        _move_to_other_issuer(fresh, changes, entered)
        for name, value in changes.items():
            setattr(fresh, name, value)
        _set_options(fresh, fresh.options, need=credential.options.get("need", ""))
        if entered is not None:
            options, parsed = _checked(fresh.kind, _own_options(fresh), entered, now)
            fresh.options = options
            _take(fresh, parsed)
        fresh.full_clean()
        fresh.save()
        if tests is not None:
            fresh.tests.set(tests)
        if entered is not None:
            _seal(fresh, parsed)
    return fresh


def _move_to_other_issuer(credential: Credential, changes: Mapping[str, Any], entered: Entered | None) -> None:
    """A stored secret goes to the address that it was entered for, and to no other: it must be entered again."""
    options = changes.get("options", credential.options)
    old, new = credential.options.get("token_endpoint"), isinstance(options, dict) and options.get("token_endpoint")
    if old and new != old and entered is None:
        raise ValidationError({"secret": "The secret would be sent to another address; enter it again for that one."})


def end_credential(actor: Actor, *, credential: Credential, reason: str) -> Credential:
    """Forgets the secret and all that was made from it; the name and the record of its uses stay."""
    require(actor, EDIT_CREDENTIAL, credential.vo)
    _check_reason(reason)
    with transaction.atomic(), recording(actor, reason):
        CredentialSecret.objects.filter(credential=credential).delete()
        fresh = Credential.objects.select_for_update(of=("self",)).get(pk=credential.pk)
        fresh.is_enabled = False
        fresh.save()
    return fresh


def renew_credential(actor: Actor, *, credential: Credential, now: datetime) -> datetime | None:
    """Makes a proxy or gets a token now; returns when it ends. Raises ValidationError with the issuer's words."""
    require(actor, EDIT_CREDENTIAL, credential.vo)
    if not CredentialSecret.objects.filter(credential=credential).exists():
        raise ValidationError("It has no secret; enter one first.")
    try:
        return renew_stored(credential, now=now).issued_until
    except CredentialError as error:
        raise ValidationError(str(error)) from error


def rotate_key(actor: Actor) -> int:
    """A new key for all secrets; the old ones are dropped once nothing needs them. Returns how many were resealed.

    Where the environment holds the keys, its first one is the new one: put it there before. Stopped in the middle, it
    leaves both keys and every secret readable; it is then done again. Raises SealingError.
    """
    require(actor, EDIT_CREDENTIAL, None)
    is_in_environment = bool(settings.GRIDKEEPER.credential_keys.get_secret_value().strip())
    keys = load_keys() if is_in_environment else [new_key(), *load_keys()]
    if not is_in_environment:
        _write(keys)
    with transaction.atomic(), recording(actor, "new key"):
        changed = reseal_all(keys)
    if not is_in_environment:
        _write(keys[:1])
    return changed


def _write(keys: list[Any]) -> None:
    try:
        write_keys(keys)
    except OSError as error:
        raise SealingError(f"the keys cannot be written: {error}; nothing was changed") from error


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise ValidationError({"reason": "Say why; it is kept in the history."})


def _own_options(credential: Credential) -> dict[str, Any]:
    """The options as people give them."""
    return {name: value for name, value in credential.options.items() if name != "need"}


def _set_options(credential: Credential, options: Any, *, need: str) -> None:
    """need: what a token or proxy that is kept as it is was recognised as; people do not give it."""
    given = {name: value for name, value in options.items() if name != "need"} if isinstance(options, dict) else options
    try:
        credential.options = check_options(credential.kind, given)
    except SecretError as error:
        raise ValidationError({error.field: str(error)}) from error
    if need:
        credential.options["need"] = need


def _checked(kind: str, options: Mapping[str, Any], entered: Entered, now: datetime) -> tuple[dict[str, Any], Parsed]:
    try:
        checked = check_options(kind, options)
        return checked, parse_secret(kind, checked, entered.secret, entered.password, now)
    except SecretError as error:
        raise ValidationError({error.field: str(error)}) from error


def _take(credential: Credential, parsed: Parsed) -> None:
    """What of the secret may be known."""
    if not parsed.subject.isprintable():  # a zero byte or half a surrogate pair, which no database takes
        raise ValidationError({"secret": "Whom it names holds a sign that cannot be printed; enter another."})
    credential.subject, credential.not_after = parsed.subject[:500], parsed.not_after
    if credential.kind == CredentialKind.STATIC:
        credential.options["need"] = str(parsed.need)


def _seal(credential: Credential, parsed: Parsed) -> None:
    try:
        store_secret(credential, parsed.content)
    except SealingError as error:
        raise ValidationError({"secret": str(error)}) from error
