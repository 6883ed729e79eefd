"""Rules of credentials: which one a run gets, when it is renewed, what a secret must be. Pure."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from gridkeeper.core.status import Status
from gridkeeper.probes.credential_proxies import ProxyError, parse_robot, proxy_end, robot_pem
from gridkeeper.probes.credential_voms_options import VOMS_OPTIONS, VomsOptionError, check_voms
from gridkeeper.probes.models import CredentialKind, CredentialNeed

#: RFC 6750 section 2.1.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+", re.ASCII)
#: Hours of a proxy: what services take without question, and the most that they take at all.
PROXY_HOURS, MOST_PROXY_HOURS = 12, 168
_MOST_SECRET = 100_000
#: Options by kind, with whether they must be given.
OPTIONS: Mapping[str, Mapping[str, bool]] = {
    CredentialKind.X509: {"hours": False, **dict.fromkeys(VOMS_OPTIONS, False)},
    CredentialKind.CLIENT: {
        "token_endpoint": True, "client_id": True, "scope": False, "audience": False, "auth": False,
    },
    CredentialKind.REFRESH: {
        "token_endpoint": True, "client_id": True, "scope": False, "audience": False, "auth": False,
    },
    CredentialKind.STATIC: {},
}  # fmt: skip


class CredentialError(Exception):
    """There is no usable credential; the message says which, why, and what to do. It holds no secret."""


class SecretError(ValueError):
    """What was entered as secret or options cannot be one. field: of which input."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


@dataclass(frozen=True, slots=True)
class Parsed:
    """A secret as it is sealed, and what may be known of it.

    need: what runs get of it; subject: whom it says that we are; not_after: its end, None where it tells none
    """

    content: Mapping[str, str]
    need: CredentialNeed
    subject: str
    not_after: datetime | None


def parse_secret(kind: str, options: Mapping[str, Any], text: str, password: str, now: datetime) -> Parsed:
    """Raises SecretError."""
    text = text.strip()
    if not text:
        raise SecretError("secret", "Enter it; it is stored encrypted and never shown again.")
    if len(text) > _MOST_SECRET:
        raise SecretError("secret", f"It has {len(text)} characters; {_MOST_SECRET} at most.")
    if kind == CredentialKind.X509:
        return _parse_robot(text, password, now)
    if kind == CredentialKind.STATIC:
        return _parse_static(text, now)
    name = "client_secret" if kind == CredentialKind.CLIENT else "refresh_token"
    content = {name: text}
    if kind == CredentialKind.REFRESH and password:
        content["client_secret"] = password
    return Parsed(content, CredentialNeed.TOKEN, str(options.get("client_id", "")), None)


def _parse_robot(text: str, password: str, now: datetime) -> Parsed:
    try:
        robot = parse_robot(text.encode(), password)
    except ProxyError as error:
        raise SecretError("secret", f"It is no robot certificate with its key: {error}.") from error
    _require_future(robot.not_after, now)
    return Parsed({"pem": robot_pem(robot).decode()}, CredentialNeed.PROXY, robot.subject, robot.not_after)


def _parse_static(text: str, now: datetime) -> Parsed:
    if "-----BEGIN" not in text:
        if not _TOKEN.fullmatch(text):
            raise SecretError("secret", "It is neither a token (RFC 6750) nor a proxy in PEM.")
        claims = claims_of(text)
        end = _end_of(claims)
        _require_future(end, now)
        return Parsed({"text": text}, CredentialNeed.TOKEN, str(claims.get("sub", "")), end)
    try:
        robot, end = parse_robot(text.encode()), proxy_end(text.encode())
    except ProxyError as error:
        raise SecretError("secret", f"It is no proxy: {error}.") from error
    _require_future(end, now)
    return Parsed({"pem": text + "\n"}, CredentialNeed.PROXY, robot.subject, end)


def _require_future(end: datetime | None, now: datetime) -> None:
    if end is not None and end <= now:
        raise SecretError("secret", f"It ended at {end:%Y-%m-%d %H:%M} UTC; enter one that is valid.")


def claims_of(token: str) -> dict[str, Any]:
    """What a JWT says, without checking who says it; {} for a token of another kind."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _end_of(claims: Mapping[str, Any]) -> datetime | None:
    end = claims.get("exp")
    if not isinstance(end, int | float) or isinstance(end, bool) or not 0 < end < 1 << 33:
        return None
    return datetime.fromtimestamp(end, UTC)


def check_options(kind: str, options: Any) -> dict[str, Any]:
    """The options of a kind. Raises SecretError for what it does not know, or lacks."""
    known = OPTIONS.get(kind)
    if known is None:
        raise SecretError("kind", f"{kind!r} is none of {', '.join(OPTIONS)}.")
    if not isinstance(options, dict):
        raise SecretError("options", 'Write an object: {"client_id": "..."}.')
    given = {name: value for name, value in options.items() if value not in ("", None, [])}
    if strangers := sorted(set(given) - set(known)):
        raise SecretError("options", f"{', '.join(strangers)}: such a credential knows {', '.join(known) or 'none'}.")
    if missing := [name for name, is_needed in known.items() if is_needed and name not in given]:
        raise SecretError("options", f"Give {' and '.join(missing)}.")
    _check_values(given)
    try:
        return check_voms(given)
    except VomsOptionError as error:
        raise SecretError("options", str(error)) from error


def _check_values(given: Mapping[str, Any]) -> None:
    hours = given.get("hours", PROXY_HOURS)
    if not isinstance(hours, int) or isinstance(hours, bool) or not 1 <= hours <= MOST_PROXY_HOURS:
        raise SecretError("options", f"hours is a whole number from 1 to {MOST_PROXY_HOURS}.")
    if given.get("auth", "basic") not in {"basic", "post"}:
        raise SecretError("options", "auth is basic (the usual) or post.")
    if "token_endpoint" in given:
        _check_endpoint(str(given["token_endpoint"]))
    for name in ("client_id", "scope", "audience"):
        if not str(given.get(name, "")).isprintable():
            raise SecretError("options", f"{name} holds a sign that cannot be printed.")


def _check_endpoint(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_near = parts.hostname in {"127.0.0.1", "::1", "localhost"}
    except ValueError as error:
        raise SecretError("options", f"token_endpoint is no URL: {error}.") from error
    if not parts.hostname or parts.scheme not in {"https", "http"} or (parts.scheme == "http" and not is_near):
        raise SecretError("options", "token_endpoint is an https:// address: secrets are sent there.")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A credential as the choice sees it. vo: "" for one that belongs to no VO; tests: empty: all of the VO."""

    name: str
    vo: str
    need: str
    tests: frozenset[str]


def choose(candidates: Iterable[Candidate], *, test: str, vo: str, need: str, operations_vo: str) -> Candidate | None:
    """The credential of a run: of its own VO only; one that names the test before one for all tests.

    A test that runs once for all VOs acts with a credential of no VO, else with the operations VO's.

    >>> of_lhcb, of_ops = Candidate("a", "lhcb", "proxy", frozenset()), Candidate("b", "ops", "proxy", frozenset())
    >>> choose([of_lhcb, of_ops], test="put", vo="atlas", need="proxy", operations_vo="ops") is None
    True
    >>> choose([of_lhcb, of_ops], test="put", vo="", need="proxy", operations_vo="ops").name
    'b'
    """
    owners = [vo] if vo else ["", operations_vo]
    fitting = [
        item
        for item in candidates
        if item.need == need and item.vo in owners and (not item.tests or test in item.tests)
    ]
    return min(fitting, key=lambda item: (owners.index(item.vo), not item.tests, item.name), default=None)


def is_renewal_due(renewed_at: datetime | None, issued_until: datetime | None, now: datetime) -> bool:
    """True in the last third of the life of what was issued: an issuer that is down for a while stops no test."""
    if renewed_at is None or issued_until is None:
        return True
    return now >= issued_until - (issued_until - renewed_at) / 3


def lifetime_status(
    not_after: datetime | None,
    issued_until: datetime | None,
    failure: str,
    *,
    now: datetime,
    warning_days: float,
    critical_days: float,
) -> tuple[Status, str]:
    """How long a credential will do, and what to do about it.

    not_after: end of what was entered; issued_until: of the newest proxy (with its attributes of a VO) or token
    failure: of its last renewal
    """  # fmt: skip
    if not_after is not None:
        left = not_after - now
        words = f"{left.days} days are left, to {not_after:%Y-%m-%d %H:%M} UTC"
        if left <= timedelta(0):
            return Status.CRITICAL, f"it ended at {not_after:%Y-%m-%d %H:%M} UTC; get a new one and enter it"
        if left <= timedelta(days=critical_days):
            return Status.CRITICAL, f"{words}; get a new one today and enter it"
    if failure and (issued_until is None or issued_until <= now):
        return Status.CRITICAL, f"it cannot be renewed: {failure}"
    if failure:
        return Status.WARNING, f"renewing it fails, and what there is ends at {issued_until:%H:%M} UTC: {failure}"
    if not_after is not None and not_after - now <= timedelta(days=warning_days):
        return Status.WARNING, f"{words}; ask for a new one"
    if not_after is not None and (issued_until is None or issued_until > now):
        return Status.OK, words
    return _made(issued_until, now)


def _made(issued_until: datetime | None, now: datetime) -> tuple[Status, str]:
    """What is said of a secret by what was made from it last: it tells no end itself, or what was made has ended."""
    if issued_until is None:
        return Status.OK, "nothing was made from it yet; the first run that needs it shows whether it is good"
    if issued_until <= now:
        ended = f"what was made from it ended at {issued_until:%Y-%m-%d %H:%M} UTC"
        return Status.WARNING, f"{ended}, and nothing renews it: is the role `gridkeeper tasks` running?"
    return Status.OK, f"it is renewed in time; the newest lasts to {issued_until:%Y-%m-%d %H:%M} UTC"


def lives_for(until: datetime | None, now: datetime, seconds: float) -> bool:
    """True where it lasts to the end of a run that begins now."""
    return until is None or until > now + timedelta(seconds=seconds)
