"""Client certificates: as a proxy tells of them, and over our own TLS with real ones."""

import os
import ssl
import subprocess
import sys
from ipaddress import ip_network

import httpx
import pytest
from django.utils import timezone

from gridkeeper.people.models import Identity, IdentityKind, User
from tests.builders import a_user
from tests.certificates import Authority
from tests.services import free_port, wait_for_port

ALICE = "/DC=org/DC=example/CN=Alice Rossi"
BY_NGINX = "CN=Alice Rossi,DC=example,DC=org"


@pytest.fixture
def proxy(settings, db):
    """Whoever connects from 127.0.0.0/30 is our proxy."""
    changes = {
        "client_dn_header": "X-Client-Subject", "client_verify_header": "X-Client-Verify",
        "trusted_proxies": [ip_network("127.0.0.0/30"), ip_network("fd00::/8")],
    }  # fmt: skip
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update=changes)


def _headers(subject=BY_NGINX, verify="SUCCESS"):
    return {"X-Client-Subject": subject, "X-Client-Verify": verify}


def _linked(user, identifier=ALICE):
    now = timezone.now()
    return Identity.objects.create(
        user=user, kind=IdentityKind.X509, identifier=identifier, added_at=now, confirmed_at=now
    )


def _sign_in(client, headers=None, **extra):
    return client.post("/accounts/certificate/", headers=headers or _headers(), **extra)


def _user_of(client):
    return int(client.session.get("_auth_user_id", 0))


@pytest.mark.parametrize("stored", [ALICE, BY_NGINX, "CN=Alice Rossi, DC=example, DC=org"])
@pytest.mark.parametrize("sent", [ALICE, BY_NGINX])
@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "fd00::7"])
def test_the_proxy_signs_in_whom_it_has_verified(client, proxy, stored, sent, address):
    alice = a_user("alice")
    _linked(alice, stored)
    assert _sign_in(client, _headers(sent), REMOTE_ADDR=address)["Location"] == "/"
    assert _user_of(client) == alice.pk


@pytest.mark.parametrize("address", ["127.0.0.9", "192.0.2.1", "::1", "", "unix:"])
def test_headers_from_anybody_else_are_forged(client, proxy, address):
    _linked(a_user("alice"))
    answer = _sign_in(client, REMOTE_ADDR=address)
    assert answer.status_code == 403
    assert "for our proxy alone" in answer.content.decode()
    assert not _user_of(client)
    assert client.get("/api/v1/tokens", headers=_headers(), REMOTE_ADDR=address).status_code == 401


@pytest.mark.parametrize(
    ("subject", "verify", "words"),
    [
        (BY_NGINX, "FAILED:certificate has expired", "has expired; renew it"),
        (BY_NGINX, "FAILED:unable to verify the first certificate", "use one of a CA"),
        (BY_NGINX, "", "not verified"),
        (BY_NGINX, "GENEROUS", "not verified"),
        ("nonsense", "SUCCESS", "cannot be read"),
        ("", "SUCCESS", "cannot be read"),
        ("", "NONE", "has shown no certificate"),
        (BY_NGINX, "NONE", "has shown no certificate"),
    ],
)
def test_what_was_not_verified_is_refused_with_its_reason(client, proxy, subject, verify, words):
    _linked(a_user("alice"))
    answer = _sign_in(client, _headers(subject, verify))
    assert answer.status_code == 403
    assert words in answer.content.decode()
    assert not _user_of(client)


@pytest.mark.django_db
def test_it_is_off_unless_configured(client):
    _linked(a_user("alice"))
    assert _sign_in(client).status_code == 404
    assert "certificate" not in client.get("/accounts/login/").content.decode()
    assert client.get("/api/v1/tokens", headers=_headers()).status_code == 401


def test_pages_do_not_sign_in_by_themselves(client, proxy):
    _linked(a_user("alice"))
    assert client.get("/registry/sites/", headers=_headers()).status_code == 200
    assert not _user_of(client)
    page = client.get("/accounts/certificate/", headers=_headers()).content.decode()
    assert ALICE in page
    assert not _user_of(client)


def test_a_stranger_with_a_good_certificate_makes_an_account_without_roles(client, proxy):
    assert _sign_in(client)["Location"] == "/accounts/welcome/"
    client.post("/accounts/welcome/")
    user = User.objects.get()
    assert user.username == "alice.rossi"
    assert [str(identity) for identity in user.identities.all()] == [f"X.509 {ALICE}"]
    client.post("/accounts/logout/")
    assert _sign_in(client)["Location"] == "/"
    assert _user_of(client) == user.pk


# ---- our own TLS ----


@pytest.fixture(scope="module")
def authorities(tmp_path_factory):
    return {name: Authority(tmp_path_factory.mktemp(name), name) for name in ("Good CA", "Forged CA")}


@pytest.fixture(scope="module")
def server(authorities, tmp_path_factory):
    """`gridkeeper web` over TLS, with alice, whose certificate is linked by the command."""
    ours = authorities["Good CA"].issue(("CN", "portal"), host="127.0.0.1")
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GRIDKEEPER_", "DJANGO_"))}
    environment |= {
        "GRIDKEEPER_DATA_DIR": str(tmp_path_factory.mktemp("data")), "GRIDKEEPER_PORT": str(port),
        "GRIDKEEPER_WEB_WORKERS": "1", "GRIDKEEPER_TLS_CERT": str(ours.certificate),
        "GRIDKEEPER_TLS_KEY": str(ours.key), "GRIDKEEPER_TLS_CLIENT_CA": str(authorities["Good CA"].file),
    }  # fmt: skip
    command = [sys.executable, "-m", "gridkeeper.cli.main"]
    for words in (["migrate"], ["createadmin", "alice"], ["identity", "add", "alice", "--certificate", BY_NGINX]):
        subprocess.run([*command, *words], env=environment, check=True, capture_output=True, timeout=110)
    process = subprocess.Popen([*command, "web"], env=environment, stderr=subprocess.PIPE)
    try:
        wait_for_port(port, seconds=60)
        yield f"https://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _client(authorities, files=None):
    context = ssl.create_default_context(cafile=authorities["Good CA"].file)
    if files is not None:
        context.load_cert_chain(files.certificate, files.key)
    return httpx.Client(verify=context, timeout=30)


def _alice(authority, **options):
    return authority.issue(("DC", "org"), ("DC", "example"), ("CN", "Alice Rossi"), **options)


@pytest.mark.service
def test_a_certificate_opens_the_api_over_our_own_tls(authorities, server):
    with _client(authorities, _alice(authorities["Good CA"])) as client:
        assert client.get(f"{server}/api/v1/tokens").json()["count"] == 0
        forged = {"X-Client-Subject": "/CN=somebody else", "SSL-CLIENT-S-DN": "/CN=x"}
        assert client.get(f"{server}/api/v1/tokens", headers=forged).status_code == 200
        body = {"name": "x", "scopes": ["*"]}
        answer = client.post(f"{server}/api/v1/tokens", json=body)
        assert answer.status_code == 403, "a certificate makes no tokens"


@pytest.mark.service
def test_without_a_certificate_the_api_asks_to_sign_in(authorities, server):
    with _client(authorities) as client:
        assert client.get(f"{server}/api/v1/tokens").status_code == 401
        assert client.get(f"{server}/healthz").status_code == 200
        assert "no certificate" in client.get(f"{server}/accounts/certificate/").text


@pytest.mark.service
def test_a_stranger_with_a_good_certificate_is_told_what_to_do(authorities, server):
    files = authorities["Good CA"].issue(("DC", "org"), ("CN", "Mallory/CN=Alice Rossi"))
    with _client(authorities, files) as client:
        answer = client.get(f"{server}/api/v1/tokens")
        assert answer.status_code == 401
        assert client.post(f"{server}/api/v1/tokens", json={}).json()["title"] == "Nobody here is known by that"


@pytest.mark.service
@pytest.mark.parametrize(("ca", "days", "alert"), [("Good CA", -1, "EXPIRED"), ("Forged CA", 1, "UNKNOWN_CA")])
def test_expired_and_forged_certificates_do_not_get_through_the_handshake(authorities, server, ca, days, alert):
    with (
        _client(authorities, _alice(authorities[ca], days=days)) as client,
        pytest.raises(httpx.TransportError) as error,
    ):
        client.get(f"{server}/healthz")
    assert alert in str(error.value).upper().replace(" ", "_")


@pytest.mark.service
def test_signing_in_over_our_own_tls_makes_a_secure_session(authorities, server):
    with _client(authorities, _alice(authorities["Good CA"])) as client:
        page = client.get(f"{server}/accounts/certificate/")
        assert ALICE in page.text
        headers = {"Referer": f"{server}/accounts/certificate/", "X-CSRFToken": client.cookies["csrftoken"]}
        answer = client.post(f"{server}/accounts/certificate/", headers=headers)
        assert answer.status_code == 302, answer.text
        cookie = next(line for line in answer.headers.get_list("set-cookie") if line.startswith("sessionid"))
        assert "Secure" in cookie
        assert "HttpOnly" in cookie
        assert client.get(f"{server}/account/").status_code == 200
