"""Credentials in the database: opened, renewed, leased to runs with a note of the use. Synchronous."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from gridkeeper.bus.locks import only_one
from gridkeeper.probes.credential_attributes import Attributes
from gridkeeper.probes.credential_proxies import ProxyError, attributes_in, make_proxy, new_proxy_key, parse_robot
from gridkeeper.probes.credential_rules import (
    PROXY_HOURS,
    Candidate,
    CredentialError,
    choose,
    is_renewal_due,
    lives_for,
)
from gridkeeper.probes.credential_tokens import request_token
from gridkeeper.probes.credential_voms import request_attributes
from gridkeeper.probes.models import Credential, CredentialKind, CredentialNeed, CredentialSecret, CredentialUse
from gridkeeper.probes.sealing import Key, SealingError, is_of_newest, load_keys, seal, unseal

log = structlog.get_logger(__name__)
#: How long a renewal by another process is waited for, and how often it is looked at.
_RENEWAL_S, _PAUSE_S = 10.0, 0.1


@dataclass(frozen=True, slots=True)
class Material:
    """What one run acts with.

    need: "proxy" or "token"; content: of the private file; until: None where it does not end by itself
    credential: its name, for logs
    """

    need: str
    content: bytes = field(repr=False)
    until: datetime | None
    credential: str


@dataclass(frozen=True, slots=True)
class _Issued:
    """What was made from a secret. renewed: the secret itself where the issuer replaced it; {} where not"""

    content: bytes = field(repr=False)
    until: datetime | None
    renewed: Mapping[str, str] = field(default_factory=dict, repr=False)


def purpose_of(credential: Credential, column: str) -> str:
    return f"credential {credential.pk} {column}"


def store_secret(credential: Credential, content: Mapping[str, str]) -> CredentialSecret:
    """Seals what was entered; what had been made from an older secret is forgotten. Raises SealingError."""
    sealed = seal(json.dumps(dict(content)).encode(), purpose=purpose_of(credential, "secret"), keys=load_keys())
    fields = {"sealed": sealed, "issued": b"", "issued_until": None, "renewed_at": None, "failure": ""}
    return CredentialSecret.objects.update_or_create(credential=credential, defaults=fields)[0]


def _open(secret: CredentialSecret, keys: list[Key]) -> dict[str, str]:
    text = unseal(bytes(secret.sealed), purpose=purpose_of(secret.credential, "secret"), keys=keys)
    return dict(json.loads(text))


def need_of(credential: Credential) -> CredentialNeed:
    """What runs get of it."""
    if credential.kind == CredentialKind.X509:
        return CredentialNeed.PROXY
    if credential.kind == CredentialKind.STATIC:
        return CredentialNeed(credential.options.get("need", CredentialNeed.TOKEN))
    return CredentialNeed.TOKEN


def find(*, test: str, vo: str, need: str) -> Credential:
    """The credential of a run, by `credential_rules.choose`. Raises CredentialError that says what is missing."""
    rows = Credential.objects.filter(is_enabled=True).exclude(secret=None)
    known = {row.name: row for row in rows.select_related("vo", "secret").prefetch_related("tests")}
    candidates = [
        Candidate(row.name, row.vo.name if row.vo else "", need_of(row), frozenset(t.name for t in row.tests.all()))
        for row in known.values()
    ]
    chosen = choose(candidates, test=test, vo=vo, need=need, operations_vo=settings.GRIDKEEPER.operations_vo)
    if chosen is None:
        whom = f"the VO {vo}" if vo else f"tests for all VOs (or the VO {settings.GRIDKEEPER.operations_vo})"
        raise CredentialError(f"there is no {need} for {whom}; enter a credential at /tests/credentials/")
    return known[chosen.name]


def lease(*, test: str, vo: str, need: str, hostname: str, worker: str, run_s: float, now: datetime) -> Material:
    """What a run of that test acts with, renewed where it would end meanwhile; the use is noted before it is given.

    run_s: longest duration of the run, seconds. Raises CredentialError.
    """
    credential = find(test=test, vo=vo, need=need)
    material = current(credential, now=now, run_s=run_s)
    note_use(credential, test=test, worker=worker, hostname=hostname, now=now)
    return material


def current(credential: Credential, *, now: datetime, run_s: float) -> Material:
    """The newest proxy or token, made now where there is none that lasts. Raises CredentialError."""
    secret = credential.secret
    if not _is_usable(secret, now, run_s):
        secret = _renewed(credential, now, run_s)
    if not secret.issued:
        raise CredentialError(f"credential {credential.name} is being renewed by another process; it takes too long")
    if not lives_for(secret.issued_until, now, run_s):
        raise CredentialError(
            f"credential {credential.name} ends at {secret.issued_until:%Y-%m-%d %H:%M} UTC, before the run would; "
            "enter a new one at /tests/credentials/"
        )
    try:
        content = unseal(bytes(secret.issued), purpose=purpose_of(credential, "issued"), keys=load_keys())
    except SealingError as error:
        raise CredentialError(f"credential {credential.name}: {error}") from error
    return Material(need_of(credential), content, secret.issued_until, credential.name)


def _renewed(credential: Credential, now: datetime, run_s: float) -> CredentialSecret:
    """As `renew`, after whoever else renews it at this moment has done so or given up."""
    end_s = time.monotonic() + _RENEWAL_S
    secret = renew(credential, now=now)
    while not _is_usable(secret, now, run_s) and not _is_renewed(secret, now) and time.monotonic() < end_s:
        time.sleep(_PAUSE_S)
        secret = renew(credential, now=now)
    return secret


def _is_usable(secret: CredentialSecret, now: datetime, run_s: float) -> bool:
    return bool(secret.issued) and lives_for(secret.issued_until, now, run_s)


def _is_renewed(secret: CredentialSecret, now: datetime) -> bool:
    return secret.renewed_at is not None and secret.renewed_at >= now


def renew(credential: Credential, *, now: datetime) -> CredentialSecret:
    """Makes a proxy or gets a token anew; of several processes one does it. Raises CredentialError, kept as `failure`.

    The issuer is asked outside of any transaction: it may take its time, and a refresh token that it replaces may be
    used once only (RFC 6749 section 10.4), hence the lock.
    """
    with only_one(f"credential-{credential.pk}") as is_mine:
        fresh = CredentialSecret.objects.select_related("credential").get(credential=credential)
        if not is_mine or _is_renewed(fresh, now):
            return fresh  # somebody else renews it at this moment, or has just done so
        try:
            issued = _issue(credential, _open(fresh, load_keys()), now)
        except (CredentialError, SealingError, ProxyError) as error:
            text = f"credential {credential.name}: {error}"
            CredentialSecret.objects.filter(pk=fresh.pk).update(failure=text[:500])
            raise CredentialError(text) from error
        return _store(fresh, issued, now)


def _store(secret: CredentialSecret, issued: _Issued, now: datetime) -> CredentialSecret:
    keys, credential = load_keys(), secret.credential
    secret.issued = seal(issued.content, purpose=purpose_of(credential, "issued"), keys=keys)
    secret.issued_until, secret.renewed_at, secret.failure = issued.until, now, ""
    if issued.renewed:
        text = json.dumps(dict(issued.renewed)).encode()
        secret.sealed = seal(text, purpose=purpose_of(credential, "secret"), keys=keys)
    secret.save()
    return secret


def _issue(credential: Credential, secret: dict[str, str], now: datetime) -> _Issued:
    options: dict[str, Any] = credential.options
    if credential.kind == CredentialKind.X509:
        return _issue_proxy(credential, secret["pem"].encode(), now)
    if credential.kind == CredentialKind.STATIC:
        return _Issued((secret.get("pem") or secret["text"]).encode(), credential.not_after)
    token = asyncio.run(request_token(options, secret, now))
    is_replaced = "refresh_token" in secret and token.refresh_token not in ("", secret["refresh_token"])
    return _Issued(
        token.text.encode(), token.until, secret | {"refresh_token": token.refresh_token} if is_replaced else {}
    )


def _issue_proxy(credential: Credential, pem: bytes, now: datetime) -> _Issued:
    """With attributes of the VO where a VOMS server is named; it is of no use any more when either ends."""
    options: dict[str, Any] = credential.options
    robot, hours = parse_robot(pem), options.get("hours", PROXY_HOURS)
    lifetime, key = timedelta(hours=hours), new_proxy_key()
    if not options.get("voms_url"):
        proxy = make_proxy(robot, now=now, lifetime=lifetime, key=key)
        return _Issued(proxy.pem, proxy.not_after)
    asked_for, own = timedelta(hours=options.get("voms_hours", hours)), credential.vo.name if credential.vo else ""
    granted = asyncio.run(request_attributes(robot, options, vo=own, lifetime=asked_for, now=now))
    for warning in granted.warnings:
        log.warning("a VOMS server gave attributes with a warning", credential=credential.name, warning=warning)
    proxy = make_proxy(robot, now=now, lifetime=lifetime, key=key, attributes=[granted.der])
    return _Issued(proxy.pem, min(proxy.not_after, granted.attributes.not_after))


def attributes_of(credential: Credential) -> tuple[Attributes, ...]:
    """VO, groups and roles of its newest proxy, for pages and lists; () for a token. Raises CredentialError."""
    secret = getattr(credential, "secret", None)
    if secret is None or not secret.issued or need_of(credential) != CredentialNeed.PROXY:
        return ()
    try:
        pem = unseal(bytes(secret.issued), purpose=purpose_of(credential, "issued"), keys=load_keys())
        return attributes_in(pem)
    except (SealingError, ProxyError) as error:
        raise CredentialError(f"credential {credential.name}: {error}") from error


def renew_due(now: datetime) -> list[str]:
    """Renews what is in the last third of its life; returns what could not be, in words."""
    problems = []
    rows = CredentialSecret.objects.filter(credential__is_enabled=True).select_related("credential")
    for secret in rows.exclude(credential__kind=CredentialKind.STATIC):
        if is_renewal_due(secret.renewed_at, secret.issued_until, now):
            try:
                renew(secret.credential, now=now)
            except CredentialError as error:
                problems.append(str(error))
    return problems


def note_use(credential: Credential, *, test: str, worker: str, hostname: str, now: datetime) -> None:
    """One more run of that hour. The row is there before the credential leaves our hands."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    key = {"credential": credential, "test": test[:100], "worker": worker[:100], "hour": hour}
    change = {"times": F("times") + 1, "last_hostname": hostname[:255]}
    if CredentialUse.objects.filter(**key).update(**change):
        return
    try:
        with transaction.atomic():
            CredentialUse.objects.create(**key, times=1, last_hostname=hostname[:255])
    except IntegrityError:  # another run of the same hour was first
        CredentialUse.objects.filter(**key).update(**change)


def reseal_all(keys: list[Key]) -> int:
    """Seals everything with the newest of the keys; returns how many credentials changed. Raises SealingError."""
    changed = 0
    for secret in CredentialSecret.objects.select_related("credential"):
        columns = [("sealed", "secret"), ("issued", "issued")]
        old = [(name, word) for name, word in columns if getattr(secret, name)]
        stale = [(name, word) for name, word in old if not is_of_newest(getattr(secret, name), keys)]
        for name, word in stale:
            purpose = purpose_of(secret.credential, word)
            setattr(
                secret,
                name,
                seal(unseal(getattr(secret, name), purpose=purpose, keys=keys), purpose=purpose, keys=keys),
            )
        if stale:
            secret.save()
            changed += 1
    return changed
