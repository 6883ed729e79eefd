"""OpenID Connect: the issuer's configuration and keys, the way there and back, and what its tokens say.

Written by OpenID Connect Core 1.0 (authorisation code flow, section 3.1; ID tokens, 3.1.3.7), with PKCE (RFC 7636), a
state and a nonce. Signatures are always verified, also of a token that came straight from the issuer.
"""

import hashlib
import hmac
import json
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt

#: Signatures that only the issuer can make; none of the kinds that share a secret with us, and never "none".
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
#: Clocks may differ by so much.
_LEEWAY_S = 30
_TIMEOUT_S = 10
_MAX_ANSWER_BYTES = 1_000_000
#: What the issuer says of itself, and its keys, are asked for again after so long.
_KEPT_S = 3600
#: Keys that we do not know are asked for at most so often, whatever tokens come.
_KEYS_ASKED_EVERY_S = 30
_SCOPES = "openid profile email"


class OpenIdError(Exception):
    """The issuer or its token is not to be relied upon; the message says why."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in on its way: kept in the session, compared when the person comes back.

    state, nonce: random words that must come back, with the person and inside the token
    verifier: PKCE's secret; next: where the person wanted to go; started_at: UTC
    """

    state: str
    nonce: str
    verifier: str
    next: str
    started_at: str

    @classmethod
    def new(cls, next_url: str, now: datetime) -> "Attempt":
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, next_url, now.isoformat())

    @property
    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(slots=True)
class Issuer:
    """An issuer, with what it has said of itself; kept for an hour.

    url: as its tokens name it; client_id, client_secret: this portal there; the secret is "" for a public client
    """

    url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    _configuration: dict[str, Any] = field(default_factory=dict, repr=False)
    _configured_s: float = field(default=0.0, repr=False)
    _keys: dict[str, Any] = field(default_factory=dict, repr=False)
    _keys_asked_s: float = field(default=float("-inf"), repr=False)
    # Two threads would both ask the issuer; the second one waits for the answer of the first.
    _lock: Any = field(default_factory=threading.Lock, repr=False)

    def address(self, attempt: Attempt, redirect_uri: str) -> str:
        """Where a person signs in. Raises OpenIdError."""
        parameters = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": redirect_uri, "scope": _SCOPES,
            "state": attempt.state, "nonce": attempt.nonce, "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }  # fmt: skip
        endpoint = self._endpoint("authorization_endpoint")
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"

    def exchange(self, code: str, attempt: Attempt, redirect_uri: str, now: datetime) -> dict[str, Any]:
        """The claims of the person who came back with that code. Raises OpenIdError."""
        body = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri,
            "client_id": self.client_id, "code_verifier": attempt.verifier,
        }  # fmt: skip
        if self.client_secret:
            body["client_secret"] = self.client_secret
        answer = _asked("POST", self._endpoint("token_endpoint"), body)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise OpenIdError("the issuer's answer holds no ID token")
        claims = self.claims(token, audiences=[self.client_id], now=now)
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), attempt.nonce.encode()):
            raise OpenIdError("the token was made for another sign-in (its nonce is wrong); sign in again")
        return claims

    def claims(self, token: str, *, audiences: Collection[str], now: datetime) -> dict[str, Any]:
        """What a token of this issuer says. Raises OpenIdError for a bad signature, issuer, audience or time."""
        key, algorithm = self._key_of(token)
        try:
            found: dict[str, Any] = jwt.decode(
                token, key, algorithms=[algorithm], audience=list(audiences), issuer=self.url,
                options={
                    "require": ["iss", "sub", "aud", "exp"],
                    # ours, below: `now` is whoever's clock the caller goes by
                    "verify_exp": False, "verify_nbf": False, "verify_iat": False,
                },
            )  # fmt: skip
        except jwt.InvalidAudienceError as error:
            raise OpenIdError("the token is meant for somebody else (its audience)") from error
        except jwt.PyJWTError as error:
            raise OpenIdError(f"the token is not valid: {error}") from error
        _check_times(found, now)
        if self.client_id in audiences:
            _check_party(found, self.client_id)
        return found

    def _key_of(self, token: str) -> tuple[Any, str]:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise OpenIdError(f"the token cannot be read: {error}") from error
        algorithm = header.get("alg")
        if algorithm not in _ALGORITHMS:
            raise OpenIdError(f"the token's signature {str(algorithm)[:20]!r} is of no kind that proves its issuer")
        found = self._known_keys(str(header.get("kid", ""))).get(str(header.get("kid", "")))
        if found is None:
            raise OpenIdError("the token is signed by a key that the issuer does not publish")
        if found.key_type != _family(algorithm):
            raise OpenIdError("the token's signature does not fit the issuer's key")
        return found.key, algorithm

    def _known_keys(self, wanted: str) -> dict[str, Any]:
        endpoint = self._endpoint("jwks_uri")
        with self._lock:
            age_s = time.monotonic() - self._keys_asked_s
            if age_s > (_KEPT_S if wanted in self._keys else _KEYS_ASKED_EVERY_S):
                self._keys_asked_s = time.monotonic()
                self._keys = _public_keys(_asked("GET", endpoint))
            return self._keys

    def _endpoint(self, name: str) -> str:
        with self._lock:
            if time.monotonic() - self._configured_s > _KEPT_S or not self._configuration:
                found = _asked("GET", f"{self.url.rstrip('/')}/.well-known/openid-configuration")
                if found.get("issuer") != self.url:
                    raise OpenIdError(f"the issuer calls itself {str(found.get('issuer'))[:100]!r}, not {self.url!r}")
                self._configuration, self._configured_s = found, time.monotonic()
            endpoint = self._configuration.get(name)
        if not isinstance(endpoint, str) or not endpoint.startswith(self.url.partition("://")[0] + "://"):
            raise OpenIdError(f"the issuer's configuration names no {name} that can be relied upon")
        return endpoint


def looks_like_token(secret: str) -> bool:
    """True for what has the shape of a signed token (JWT): three parts, of which the first is JSON."""
    return secret.count(".") == 2 and secret.startswith("ey")


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    second = now.timestamp()
    times = {name: claims.get(name) for name in ("exp", "nbf", "iat")}
    if not all(value is None or _is_number(value) for value in times.values()):
        raise OpenIdError("the token's times are no numbers")
    if second >= float(times["exp"] or 0) + _LEEWAY_S:
        raise OpenIdError("the token has expired; get a new one")
    if second < max(float(times["nbf"] or 0), float(times["iat"] or 0)) - _LEEWAY_S:
        raise OpenIdError("the token is not valid yet; compare the clocks")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_party(claims: Mapping[str, Any], client_id: str) -> None:
    """Core 3.1.3.7: of several audiences, the one that asked is named."""
    audience, party = claims["aud"], claims.get("azp")
    if (isinstance(audience, list) and len(audience) > 1 and party is None) or party not in {None, client_id}:
        raise OpenIdError("the token was asked for by somebody else (azp)")


def _family(algorithm: str) -> str:
    return {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}[algorithm[:2]]


def _public_keys(answer: Mapping[str, Any]) -> dict[str, Any]:
    """By key id; keys for encryption, and of kinds that we do not know, are left out."""
    try:
        keys = jwt.PyJWKSet.from_dict(dict(answer)).keys
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
        raise OpenIdError(f"the issuer publishes no keys that can be read: {error}") from error
    return {
        key.key_id or "": key
        for key in keys
        if key.public_key_use in {None, "sig"} and key.key_type in {"RSA", "EC", "OKP"}
    }


def _asked(method: str, url: str, form: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The JSON object that the issuer answers. Raises OpenIdError."""
    accept = {"Accept": "application/json"}
    try:
        with httpx.stream(method, url, data=form, timeout=_TIMEOUT_S, follow_redirects=False, headers=accept) as answer:
            body = _read(answer)
        found = json.loads(body)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise OpenIdError(f"the issuer cannot be asked now ({type(error).__name__}); try again later") from error
    if not isinstance(found, dict):
        raise OpenIdError("the issuer's answer is no JSON object")
    return found


def _read(answer: httpx.Response) -> bytes:
    body = b""
    for part in answer.iter_bytes():
        body += part
        if len(body) > _MAX_ANSWER_BYTES:
            raise OpenIdError("the issuer's answer is too long")
    if answer.status_code != 200:
        raise OpenIdError(f"the issuer answered {answer.status_code}; try again later")
    return body
