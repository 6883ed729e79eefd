"""Token issuers, as listeners that publish configuration and keys; tokens signed by the test."""

import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gridkeeper.probes.native.check import Handed
from tests.probes.native.servers import http, listening

KEY = rsa.generate_private_key(65537, 2048)
STRANGER = ec.generate_private_key(ec.SECP256R1())


def published(key, kid="one"):
    algorithm = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    name = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    return algorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid, "alg": name, "use": "sig"}


class Issuer:
    """Answers as an issuer does; `configuration` and `keys` are what it publishes, bytes as they are."""

    def __init__(self, **changes):
        self.changes = changes
        self.url = ""

    async def answer(self, reader, writer):
        name = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        content = self.configuration() if "well-known" in name else self.changes.get("keys", {"keys": [published(KEY)]})
        writer.write(content if isinstance(content, bytes) else http(json.dumps(content).encode()))
        await writer.drain()

    def configuration(self):
        known = {"issuer": self.url, "jwks_uri": f"{self.url}/jwk", "token_endpoint": f"{self.url}/token"}
        changed = self.changes.get("configuration", {})
        return changed if isinstance(changed, bytes | list) else known | changed


async def asked(check, authority, issuer, name="token-issuer", **arguments):
    async with listening(issuer.answer, tls=authority.server("localhost")) as port:
        issuer.url = f"https://localhost:{port}"
        credential = arguments.pop("credential", None)
        if callable(credential):
            credential = credential(issuer.url)
        return await check(name, port, ca_file=str(authority.file), credential=credential, **arguments)


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({}, "OK", "1 key for signatures (RS256)"),
        ({"keys": {"keys": [published(KEY), published(STRANGER, "two"), {"kty": "??"}, 7]}}, "OK", "2 keys"),
        ({"keys": {"keys": [{"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}]}}, "CRITICAL", "none of its 1 keys"),
        ({"keys": {"keys": []}}, "CRITICAL", "none of its 0 keys"),
        ({"keys": {}}, "CRITICAL", "no list of keys"),
        ({"keys": http(b"", status="500 Oops")}, "CRITICAL", "its keys at"),
        ({"configuration": {"issuer": "https://other.example.org"}}, "CRITICAL", "it calls itself"),
        ({"configuration": {"jwks_uri": "http://localhost/jwk"}}, "CRITICAL", "without TLS"),
        ({"configuration": {"token_endpoint": None}}, "CRITICAL", "lacks token_endpoint"),
        ({"configuration": []}, "CRITICAL", "no configuration"),
        ({"configuration": http(b"{", length=1)}, "CRITICAL", "no JSON"),
    ],
)
async def test_what_the_issuer_publishes_is_judged(check, authority, changes, status, words):
    outcome = await asked(check, authority, Issuer(**changes))
    assert outcome.status.name == status, outcome
    assert words in outcome.summary


def token(url, *, key=KEY, kid="one", left=timedelta(hours=1), **claims):
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    body = {"iss": url, "sub": "robot", "scope": "storage.read:/", "exp": datetime.now(UTC) + left} | claims
    return jwt.encode(body, key, algorithm, headers={"kid": kid})


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({}, "OK", "a token for robot with scope 'storage.read:/' holds for"),
        ({"left": timedelta(minutes=2)}, "WARNING", "holds for"),
        ({"left": timedelta(minutes=-2)}, "CRITICAL", "has expired"),
        ({"key": STRANGER, "kid": "two"}, "CRITICAL", "which is not published"),
        ({"key": STRANGER}, "CRITICAL", "none of the issuer's keys verifies"),
        ({"iss": "https://other.example.org"}, "CRITICAL", "the token is of 'https://other.example.org'"),
    ],
)
async def test_a_token_in_hand_is_verified(check, authority, tmp_path, fields, status, words):
    path = tmp_path / "token"

    def handed(url):
        path.write_text(token(url, **fields))
        return Handed(token_path=str(path))

    outcome = await asked(check, authority, Issuer(), "token", credential=handed)
    assert outcome.status.name == status, outcome
    assert words in outcome.summary
    assert path.read_text() not in repr(outcome)


async def test_what_is_no_token_is_red(check, authority, tmp_path):
    (tmp_path / "token").write_text("nonsense")
    handed = Handed(token_path=str(tmp_path / "token"))
    outcome = await asked(check, authority, Issuer(), "token", credential=handed)
    assert (outcome.status.name, "is no JWT" in outcome.summary) == ("CRITICAL", True)


async def test_without_a_token_the_test_says_what_it_needs(check, authority):
    outcome = await asked(check, authority, Issuer(), "token")
    assert (outcome.status.name, "needs a token" in outcome.summary) == ("UNKNOWN", True)
