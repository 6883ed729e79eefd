"""Token issuers (IAM, Check-in, CILogon and others): discovery, keys, and a token that the keys verify.

Sources: OpenID Connect Discovery 1.0 section 4; RFC 8414; RFC 7517 (keys); RFC 7519 (tokens).
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt

from gridkeeper.core.status import Status
from gridkeeper.core.units import format_duration
from gridkeeper.probes.native.check import Arguments, Check, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.http_client import Request, fetch_json, split

#: Signatures that clients of the grid verify (WLCG Common JWT Profiles section 4.1.1); symmetric ones prove nothing.
_ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256")
_WANTED = ("issuer", "jwks_uri", "token_endpoint")


class IssuerArguments(Arguments, frozen=True, kw_only=True):
    """issuer: its URL, "" the service's; verify, ca_file: of its certificate

    warning_left_s: least time that a token in hand must still hold
    """

    issuer: str = ""
    verify: bool = True
    ca_file: str = ""
    warning_left_s: int = 300


def _issuer(target: Target, arguments: IssuerArguments) -> str:
    issuer = arguments.issuer or target.url
    if not issuer.startswith(("https://", "http://")):
        port = arguments.port or target.port
        issuer = f"https://{target.hostname}{f':{port}' if port else ''}/"
    split(issuer)
    return issuer


async def _asked(target: Target, url: str, arguments: IssuerArguments, run: Run, what: str) -> Any:
    request = Request("GET", url, verify=arguments.verify, ca_file=arguments.ca_file)
    with run.doing(f"fetching {what}"):
        status, answer = await fetch_json(target, request, run)
    if status != 200:
        raise CheckFailedError(Status.CRITICAL, f"{what} at {url}: HTTP {status}", json.dumps(answer)[:2000])
    return answer


async def _discovered(target: Target, arguments: IssuerArguments, run: Run) -> dict[str, Any]:
    """What the issuer says of itself. Raises CheckFailedError where clients could not use it."""
    issuer = _issuer(target, arguments)
    url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    found = await _asked(target, url, arguments, run, "the configuration")
    if not isinstance(found, dict):
        raise CheckFailedError(Status.CRITICAL, f"{url} holds no configuration of an issuer")
    missing = [name for name in _WANTED if not isinstance(found.get(name), str) or not found[name]]
    if missing:
        raise CheckFailedError(Status.CRITICAL, f"its configuration lacks {' and '.join(missing)}", json.dumps(found))
    if found["issuer"].rstrip("/") != issuer.rstrip("/"):
        raise CheckFailedError(
            Status.CRITICAL, f"it calls itself {found['issuer'][:200]!r}, not {issuer!r}: no client takes its tokens"
        )
    return found


async def _keys(target: Target, found: dict[str, Any], arguments: IssuerArguments, run: Run) -> list[jwt.PyJWK]:
    """Its public keys for signatures; keys of kinds that we do not know are left out."""
    url = found["jwks_uri"]
    if urlsplit(url).scheme == "http" and urlsplit(found["issuer"]).scheme == "https":
        raise CheckFailedError(Status.CRITICAL, f"its keys are at {url}, without TLS: anybody could replace them")
    answer = await _asked(target, url, arguments, run, "its keys")
    listed = answer.get("keys") if isinstance(answer, dict) else None
    if not isinstance(listed, list):
        raise CheckFailedError(Status.CRITICAL, f"{url} holds no list of keys", json.dumps(answer)[:2000])
    usable = [key for item in listed[:100] if (key := _key(item)) is not None]
    if not usable:
        raise CheckFailedError(Status.CRITICAL, f"none of its {len(listed)} keys verifies signatures")
    return usable


def _key(item: Any) -> jwt.PyJWK | None:
    if not isinstance(item, dict) or item.get("use", "sig") != "sig":
        return None
    try:
        key = jwt.PyJWK.from_dict(item)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return key if key.algorithm_name in _ALGORITHMS else None


async def _check_issuer(target: Target, arguments: IssuerArguments, run: Run) -> Outcome:
    found = await _discovered(target, arguments, run)
    keys = await _keys(target, found, arguments, run)
    names = ", ".join(sorted({key.algorithm_name for key in keys}))
    text = f"{found['issuer'][:200]}: {len(keys)} key{'s' * (len(keys) > 1)} for signatures ({names})"
    return Outcome(Status.OK, text, json.dumps(found, indent=1)[:8000], f"keys={len(keys)};;;0")


async def _check_token(target: Target, arguments: IssuerArguments, run: Run) -> Outcome:
    """The token that the run was handed is of this issuer, signed by one of its keys, and still holds."""
    token = _token(run)
    found = await _discovered(target, arguments, run)
    keys = await _keys(target, found, arguments, run)
    claims = _claims(token, keys)
    if str(claims.get("iss", "")).rstrip("/") != found["issuer"].rstrip("/"):
        raise CheckFailedError(Status.CRITICAL, f"the token is of {str(claims.get('iss'))[:200]!r}")
    expires = claims.get("exp")
    if not isinstance(expires, int | float):
        raise CheckFailedError(Status.CRITICAL, "the token does not say when it ends")
    left_s = float(expires) - datetime.now(UTC).timestamp()
    who = str(claims.get("sub", "nobody"))[:100]
    perfdata = f"left={left_s:.0f}s;{arguments.warning_left_s}:"
    scope = str(claims.get("scope", ""))[:200]
    text = f"a token for {who} with scope {scope!r} holds for {format_duration(max(0.0, left_s))}"
    return Outcome(Status.OK if left_s >= arguments.warning_left_s else Status.WARNING, text, perfdata=perfdata)


def _token(run: Run) -> str:
    path = run.credential.token_path if run.credential is not None else ""
    if not path:
        raise CheckFailedError(Status.UNKNOWN, "the test needs a token: set its credential, and give the VO one")
    token = Path(path).read_text(encoding="utf-8").strip()
    run.secrets.append(token)
    return token


def _claims(token: str, keys: list[jwt.PyJWK]) -> dict[str, Any]:
    """What the token says, once a key has verified it. Raises CheckFailedError."""
    try:
        named = jwt.get_unverified_header(token).get("kid")
    except jwt.PyJWTError as error:
        raise CheckFailedError(Status.CRITICAL, f"the token is no JWT: {error}") from error
    fitting = [key for key in keys if named is None or key.key_id in {None, named}]
    if not fitting:
        raise CheckFailedError(
            Status.CRITICAL, f"the token is signed by the key {str(named)[:80]!r}, which is not published"
        )
    failure: jwt.PyJWTError | None = None
    for key in fitting:
        try:
            return jwt.decode(token, key, algorithms=[key.algorithm_name], options={"verify_aud": False})
        except jwt.ExpiredSignatureError as error:
            raise CheckFailedError(Status.CRITICAL, "the token has expired") from error
        except jwt.PyJWTError as error:
            failure = error
    raise CheckFailedError(Status.CRITICAL, f"none of the issuer's keys verifies the token: {failure}")


CHECKS = (Check("token-issuer", IssuerArguments, _check_issuer), Check("token", IssuerArguments, _check_token))
