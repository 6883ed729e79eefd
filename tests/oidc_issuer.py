"""A small OpenID Connect issuer on loopback: real keys, real signatures, and every way to be a bad one."""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT = "gridkeeper-test"
SECRET = "client-secret"


class SmallIssuer:
    """Signs in whomever `person` describes, without asking. `change` spoils the ID token; `signing_key` forges it."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.signing_key: Any = self.key
        self.person: dict[str, Any] = {"sub": "alice-at-home", "name": "Alice Rossi", "email": "alice@example.org"}
        self.change: dict[str, Any] = {}
        self.now: datetime | None = None
        self.asked_for_keys = 0
        self.codes: dict[str, dict[str, str]] = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def token(self, *, audience: str = CLIENT, now: datetime, **changes: Any) -> str:
        """A signed token about `person`, valid for five minutes."""
        at = int(now.timestamp())
        claims = {"iss": self.url, "aud": audience, "iat": at, "exp": at + 300} | self.person | changes
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, self.signing_key, algorithm="RS256", headers={"kid": "first"})

    def keys(self) -> dict[str, Any]:
        self.asked_for_keys += 1
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [public | {"kid": "first", "use": "sig", "alg": "RS256"}]}

    def configuration(self) -> dict[str, Any]:
        ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return {"issuer": self.url} | {name: f"{self.url}/{path}" for name, path in ends.items()}

    def authorize(self, asked: dict[str, str]) -> str:
        """The address to which the browser is sent back."""
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def exchange(self, sent: dict[str, str]) -> dict[str, Any] | None:
        """The answer for a code; None where the client has not proved that it began the sign-in."""
        asked = self.codes.pop(sent.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(sent.get("code_verifier", "").encode()).digest())
        if asked is None or sent.get("client_secret") != SECRET:
            return None
        if challenge.rstrip(b"=").decode() != asked["code_challenge"] or sent["redirect_uri"] != asked["redirect_uri"]:
            return None
        now = self.now or datetime.now().astimezone()
        changes = {"nonce": asked["nonce"]} | self.change
        return {"access_token": "unused", "token_type": "Bearer", "id_token": self.token(now=now, **changes)}

    def _handler(issuer) -> type[BaseHTTPRequestHandler]:  # noqa: N805  the handler's own self is inside
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                at = urlsplit(self.path)
                if at.path == "/authorize":
                    self.send_response(302)
                    self.send_header("Location", issuer.authorize(_flat(at.query)))
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                elif at.path == "/keys":
                    self._answer(issuer.keys())
                else:
                    self._answer(issuer.configuration())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                answer = issuer.exchange(_flat(body))
                self._answer(answer or {"error": "invalid_grant"}, 200 if answer else 400)

            def _answer(self, body: dict[str, Any], status: int = 200) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                """Says nothing on the console of the tests."""

        return Handler


def _flat(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


@contextmanager
def running_issuer() -> Iterator[SmallIssuer]:
    issuer = SmallIssuer()
    thread = threading.Thread(target=issuer.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        issuer.server.shutdown()
        issuer.server.server_close()
        thread.join()
