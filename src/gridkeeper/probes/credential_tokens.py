"""Tokens from an OAuth2 issuer: client credentials (RFC 6749 section 4.4) and refresh (section 6)."""

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from gridkeeper.probes.credential_rules import CredentialError, claims_of
from gridkeeper.probes.native.check import FAILURES, Run, Target, outcome_of
from gridkeeper.probes.native.http_client import Request, Response, fetch

TIMEOUT_S = 20.0
#: Where the issuer does not say how long a token lives (RFC 6749 section 5.1 only recommends it).
_USUAL_LIFE_S = 3600
_LONGEST_LIFE_S = 400 * 86_400


@dataclass(frozen=True, slots=True)
class Token:
    """What an issuer gave. refresh_token: "" where it gave no new one"""

    text: str = field(repr=False)
    until: datetime
    subject: str
    refresh_token: str = field(default="", repr=False)


async def request_token(options: Mapping[str, Any], secret: Mapping[str, str], now: datetime) -> Token:
    """A new access token. secret: client_secret, or refresh_token with perhaps a client_secret.

    The issuer is reached as tests reach services: GRIDKEEPER_DENIED_NETWORKS holds for it too. Raises CredentialError.
    """
    url = str(options["token_endpoint"])
    run = Run(TIMEOUT_S)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            response = await fetch(Target(urlsplit(url).hostname or ""), _request(url, options, secret), run)
    except FAILURES as error:
        raise CredentialError(f"the token issuer {url} gave none: {outcome_of(error, run).summary}") from error
    return _token(url, response, now)


def _request(url: str, options: Mapping[str, Any], secret: Mapping[str, str]) -> Request:
    client_id, client_secret = str(options["client_id"]), secret.get("client_secret", "")
    if "refresh_token" in secret:
        form = {"grant_type": "refresh_token", "refresh_token": secret["refresh_token"]}
    else:
        form = {"grant_type": "client_credentials"}
    form |= {name: str(options[name]) for name in ("scope", "audience") if options.get(name)}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if options.get("auth") == "post" or not client_secret:
        form |= {"client_id": client_id} | ({"client_secret": client_secret} if client_secret else {})
    else:
        # Section 2.3.1: both are form-encoded before they are joined.
        pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    return Request("POST", url, headers, urlencode(form).encode(), most_bytes=1 << 17)


def _token(url: str, response: Response, now: datetime) -> Token:
    try:
        answer = json.loads(response.body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise CredentialError(f"the token issuer {url} answered {response.status} with something that is no JSON")
    if response.status != 200 or not isinstance(answer.get("access_token"), str):
        said = ": ".join(str(answer[name])[:200] for name in ("error", "error_description") if answer.get(name))
        raise CredentialError(f"the token issuer {url} answered {response.status}: {said or 'no token in it'}")
    text, kind = answer["access_token"], str(answer.get("token_type", "Bearer"))
    if kind.lower() != "bearer":
        raise CredentialError(f"the token issuer {url} gave a token of the type {kind[:40]!r}; tests use Bearer only")
    if not text.isascii() or not text.isprintable() or " " in text or not text:
        raise CredentialError(f"the token issuer {url} gave a token with signs that no token has")
    refresh = answer.get("refresh_token")
    life = timedelta(seconds=_life_s(answer.get("expires_in")))
    return Token(text, now + life, str(claims_of(text).get("sub", "")), refresh if isinstance(refresh, str) else "")


def _life_s(value: Any) -> int:
    """Seconds; issuers write numbers and texts."""
    try:
        seconds = int(value)
    except (TypeError, ValueError):
        return _USUAL_LIFE_S
    return min(seconds, _LONGEST_LIFE_S) if seconds > 0 else _USUAL_LIFE_S
