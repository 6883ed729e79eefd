"""API credentials of a site: the machines that may write to its entry."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.registry.editing import (
    announce,
    check,
    check_known,
    check_reason,
    close_rows,
    locked,
    set_values,
    store,
    store_new,
)
from gridkeeper.registry.field_rules import dn_problem
from gridkeeper.registry.models import ApiCredential, CredentialKind, Site

CREDENTIAL_FIELDS = ("kind", "identifier", "may_write")


def add_credential(
    actor: Actor, *, site: Site, kind: str, identifier: str, reason: str, now: datetime, may_write: bool = False
) -> ApiCredential:
    """That machine may read, and with `may_write` change, the site's properties and endpoints.

    Raises NotPermittedError, ValidationError.
    """
    require(actor, "registry.edit_site", site)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        home = locked(site)  # no credential is added to a site that is closed at this moment
        if home.certification == "Closed":
            raise ValidationError(f"{home} is closed; nothing can write to it.")
        credential = ApiCredential(site=home, added_by=actor.user, valid_from=now)
        set_values(credential, {"kind": kind, "identifier": identifier, "may_write": may_write})
        _check(credential, CREDENTIAL_FIELDS)
        store_new(credential)
        announce("credential.added", credential, actor, now, reason=reason)
    return credential


def edit_credential(
    actor: Actor,
    *,
    credential: ApiCredential,
    changes: Mapping[str, Any],
    reason: str,
    now: datetime,
    seen: int | None = None,
) -> ApiCredential:
    """Changes those of CREDENTIAL_FIELDS. Raises NotPermittedError, ValidationError."""
    require(actor, "registry.edit_site", credential.site)
    check_known(changes, CREDENTIAL_FIELDS)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(credential, seen)
        changed = set_values(fresh, changes)
        _check(fresh, changed)
        if changed:
            store(fresh, changed)
            announce("credential.changed", fresh, actor, now, reason=reason, fields=changed)
    return fresh


def _check(credential: ApiCredential, names: Any) -> None:
    check(credential, list(names))
    if credential.kind == CredentialKind.X509 and (problem := dn_problem(credential.identifier)):
        raise ValidationError({"identifier": problem})


def close_credential(
    actor: Actor, *, credential: ApiCredential, reason: str, now: datetime, seen: int | None = None
) -> ApiCredential:
    """That machine may write no more. Raises NotPermittedError, and ValidationError where it was closed before."""
    require(actor, "registry.edit_site", credential.site)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(credential, seen)
        close_rows([fresh], now)
        announce("credential.closed", fresh, actor, now, reason=reason)
    return fresh
