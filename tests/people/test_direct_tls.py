"""Client certificates over our own TLS: a real server, real certificates, good and bad."""

import os
import ssl
import subprocess
import sys

import httpx
import pytest

from tests.certificates import Authority
from tests.services import free_port, wait_for_port

# A server is made ready first, which takes its time on a busy machine; all tests share it.
pytestmark = [pytest.mark.service, pytest.mark.timeout(400), pytest.mark.xdist_group("direct-tls")]

ALICE = "/DC=org/DC=example/CN=Alice Rossi"
#: One process for what three commands would do.
_PREPARE = """
import os; os.environ["DJANGO_SETTINGS_MODULE"] = "gridkeeper.settings"
import django; django.setup()
from gridkeeper.cli import admin_commands, people_commands, run_commands
run_commands.migrate()
admin_commands.createadmin("alice")
people_commands.add("alice", certificate="CN=Alice Rossi,DC=example,DC=org")
"""


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
    command = [sys.executable, "-m", "gridkeeper.cli.main", "web"]
    subprocess.run([sys.executable, "-c", _PREPARE], env=environment, check=True, capture_output=True, timeout=200)
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    try:
        wait_for_port(port, seconds=150)
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


def test_a_certificate_opens_the_api_over_our_own_tls(authorities, server):
    with _client(authorities, _alice(authorities["Good CA"])) as client:
        assert client.get(f"{server}/api/v1/tokens").json()["count"] == 0
        forged = {"X-Client-Subject": "/CN=somebody else", "SSL-CLIENT-S-DN": "/CN=x"}
        assert client.get(f"{server}/api/v1/tokens", headers=forged).status_code == 200
        body = {"name": "x", "scopes": ["*"]}
        answer = client.post(f"{server}/api/v1/tokens", json=body)
        assert answer.status_code == 403, "a certificate makes no tokens"


def test_without_a_certificate_the_api_asks_to_sign_in(authorities, server):
    with _client(authorities) as client:
        assert client.get(f"{server}/api/v1/tokens").status_code == 401
        assert client.get(f"{server}/healthz").status_code == 200
        assert "no certificate" in client.get(f"{server}/accounts/certificate/").text


def test_a_stranger_with_a_good_certificate_is_told_what_to_do(authorities, server):
    files = authorities["Good CA"].issue(("DC", "org"), ("CN", "Mallory/CN=Alice Rossi"))
    with _client(authorities, files) as client:
        answer = client.get(f"{server}/api/v1/tokens")
        assert answer.status_code == 401
        assert client.post(f"{server}/api/v1/tokens", json={}).json()["title"] == "Nobody here is known by that"


@pytest.mark.parametrize(("ca", "days", "alert"), [("Good CA", -1, "EXPIRED"), ("Forged CA", 1, "UNKNOWN_CA")])
def test_expired_and_forged_certificates_do_not_get_through_the_handshake(authorities, server, ca, days, alert):
    with (
        _client(authorities, _alice(authorities[ca], days=days)) as client,
        pytest.raises(httpx.TransportError) as error,
    ):
        client.get(f"{server}/healthz")
    assert alert in str(error.value).upper().replace(" ", "_")


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
