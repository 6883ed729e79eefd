"""Proxies with attributes of a VO, from a server that speaks as VOMS does to what grid services read in them."""

import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import typer
from cryptography import x509
from django.core.exceptions import ValidationError
from typer.testing import CliRunner

from gridkeeper.people.actor import Actor
from gridkeeper.probes import catalogue_commands
from gridkeeper.probes.credential_actions import Entered, add_credential, renew_credential
from gridkeeper.probes.credential_attributes import AttributesError, read_attributes
from gridkeeper.probes.credential_proxies import VOMS_ATTRIBUTES, make_proxy, new_proxy_key, parse_robot
from gridkeeper.probes.credential_store import attributes_of, lease, renew_due
from gridkeeper.probes.models import Credential, CredentialSecret
from tests import voms_verify
from tests.builders import a_user, a_vo
from tests.certificates import Authority
from tests.services import free_port, require_service
from tests.voms_server import SmallVoms, running

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("cli")
ROBOT = (("DC", "org"), ("CN", "Robot: gridkeeper"))
ROLE = "/dteam/Role=lcgadmin"


@pytest.fixture
def authority(settings, tmp_path):
    authority = Authority(tmp_path, "Test CA")
    changes = {
        "credential_key_file": tmp_path / "keys", "denied_networks": [], "trusted_certificates": authority.file,
    }  # fmt: skip
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update=changes)
    return authority


@pytest.fixture
def files(authority):
    return authority.issue(*ROBOT, days=30)


@pytest.fixture
def voms(authority, files):
    with running(SmallVoms(authority), authority) as server:
        server.join(files, "/dteam", ROLE)
        yield server


def _robot(files, **options):
    pem = files.certificate.read_text() + files.key.read_text()
    return add_credential(
        SYSTEM, name="robot", vo=a_vo("dteam"), kind="x509", options=options, entered=Entered(pem), reason="needed",
        now=datetime.now(UTC),
    )  # fmt: skip


def _refusal(credential):
    with pytest.raises(ValidationError) as refused:
        renew_credential(SYSTEM, credential=credential, now=datetime.now(UTC))
    return " ".join(refused.value.messages)


def _proxy():
    return lease(test="put", vo="dteam", need="proxy", hostname="ce", worker="x", run_s=60, now=datetime.now(UTC))


def test_a_proxy_bears_the_groups_and_roles_that_were_asked_for(voms, files):
    voms.warning = "the validity of this AC was shortened"
    robot = _robot(files, voms_url=[voms.url], fqans=[ROLE], hours=12)
    handed = _proxy()
    assert voms.asked == [{"fqans": ROLE, "lifetime": "43200"}]
    certificate = x509.load_pem_x509_certificate(handed.content)
    assert not certificate.extensions.get_extension_for_oid(VOMS_ATTRIBUTES).critical
    [granted] = attributes_of(Credential.objects.get(pk=robot.pk))
    assert (granted.vo, granted.server, granted.fqans) == ("dteam", "voms.example.org:15004", (ROLE, "/dteam"))


def test_the_earlier_of_both_ends_ends_it_and_it_is_renewed_before(voms, files):
    _robot(files, voms_url=voms.url, hours=12)
    handed, now = _proxy(), datetime.now(UTC)
    certificate = x509.load_pem_x509_certificate(handed.content)
    assert handed.until < certificate.not_valid_after_utc
    assert now + timedelta(hours=5, minutes=59) < handed.until <= now + timedelta(hours=6)
    assert renew_due(now + timedelta(hours=3)) == []
    assert len(voms.asked) == 1
    assert renew_due(now + timedelta(hours=5)) == []
    assert len(voms.asked) == 2


def test_a_proxy_made_elsewhere_ends_with_its_attributes(voms, files):
    _robot(files, voms_url=voms.url)
    pem, until = _proxy().content.decode(), _proxy().until
    kept = add_credential(
        SYSTEM, name="kept", vo=None, kind="static", options={}, entered=Entered(pem), reason="x", now=datetime.now(UTC)
    )
    assert kept.not_after == until


@pytest.fixture
def trust(authority, tmp_path):
    """What a grid service keeps: the CAs that it trusts, and who may speak for the VO."""
    require_service(shutil.which("voms-proxy-info") is not None, "voms-clients")
    trusted, vomsdir = tmp_path / "trusted", tmp_path / "vomsdir"
    trusted.mkdir()
    (vomsdir / "dteam").mkdir(parents=True)
    (vomsdir / "dteam" / "voms.example.org.lsc").write_text("/DC=org/CN=voms.example.org\n/DC=org/CN=Test CA\n")
    shutil.copy(authority.file, trusted / "ca.pem")
    subprocess.run(["openssl", "rehash", trusted], check=True, capture_output=True)
    return vomsdir, trusted


def _verified(path, trust):
    words = [sys.executable, Path(voms_verify.__file__), path, *trust]
    return subprocess.run(words, capture_output=True, text=True).stdout.strip()


def test_grid_services_clients_and_openssl_take_it(voms, files, authority, trust, tmp_path):
    _robot(files, voms_url=voms.url, fqans=[ROLE])
    (tmp_path / "proxy.pem").write_bytes(_proxy().content)
    (tmp_path / "proxy.pem").chmod(0o600)
    assert _verified(tmp_path / "proxy.pem", trust) == "ok"
    said = subprocess.run(
        ["voms-proxy-info", "-all", "-file", tmp_path / "proxy.pem"], capture_output=True, text=True,
        env={"X509_CERT_DIR": str(trust[1]), "X509_VOMS_DIR": str(trust[0]), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert said.returncode == 0, said.stderr + said.stdout
    for line in ("VO        : dteam", "issuer    : /DC=org/CN=voms.example.org", f"attribute : {ROLE}/Capability=NULL"):
        assert line in said.stdout
    words = ["openssl", "verify", "-allow_proxy_certs", "-CAfile", authority.file, "-untrusted", files.certificate]
    assert subprocess.run([*words, tmp_path / "proxy.pem"], capture_output=True).returncode == 0


def test_grid_services_refuse_what_we_refuse_attributes_of_somebody_else(voms, files, trust, tmp_path):
    robot, now = parse_robot(files.certificate.read_bytes() + files.key.read_bytes()), datetime.now(UTC)
    der = voms.attributes(voms.certificate, ["/dteam"], now, now + timedelta(hours=1))
    assert not read_attributes(der).is_of(robot.certificate)
    proxy = make_proxy(robot, now=now, lifetime=timedelta(hours=1), key=new_proxy_key(), attributes=[der])
    (tmp_path / "proxy.pem").write_bytes(proxy.pem)
    assert "granted to a different certificate" in _verified(tmp_path / "proxy.pem", trust)


def test_damaged_attributes_are_read_or_refused_in_words(voms, files):
    holder, now = x509.load_pem_x509_certificate(files.certificate.read_bytes()), datetime.now(UTC)
    der = voms.attributes(holder, ["/dteam", ROLE], now, now + timedelta(hours=1))
    assert read_attributes(der).is_of(holder)
    refused = []
    for at in range(len(der)):
        for damaged in (
            der[:at],
            der[:at] + bytes([der[at] ^ 0xFF]) + der[at + 1 :],
            der[:at] + b"\x84\xff" + der[at:],
        ):
            try:
                read_attributes(damaged)
            except AttributesError as error:
                refused.append(str(error))
    assert all(words.startswith("it is no attribute certificate of VOMS: ") for words in refused)
    assert len(refused) > 2 * len(der)  # all that are cut or longer; a signature may be any bytes


def test_servers_are_tried_in_turn(voms, files):
    robot = _robot(files, voms_url=[f"https://127.0.0.1:{free_port()}", voms.url])
    renew_credential(SYSTEM, credential=robot, now=datetime.now(UTC))
    assert len(voms.asked) == 1


def test_what_failed_is_said_of_every_server(voms, files):
    port = free_port()
    voms.members.clear()
    said = _refusal(_robot(files, voms_url=[f"https://127.0.0.1:{port}", voms.url]))
    assert f"127.0.0.1:{port}: " in said
    assert (
        f"{urlsplit(voms.url).netloc}: NoSuchUser: not a member; have /DC=org/CN=Robot: gridkeeper registered" in said
    )
    assert CredentialSecret.objects.get().failure == said[:500]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"life": timedelta(hours=-1)}, "which is not now"),
        ({"since": timedelta(hours=2)}, "which is not now"),
        ({"vo": "atlas"}, "attributes of the VO atlas, not dteam"),
        ({"answer": (200, b"<voms><version>3</version></voms>")}, "HTTP 200 without attributes"),
        ({"answer": (200, b"<voms><ac>AAAA</ac></voms>")}, "cannot be read"),
        ({"answer": (200, b"<voms><ac>?</ac></voms>")}, "cannot be read"),
        ({"answer": (500, b"<voms><error><code>InternalError</code></error></voms>")}, "InternalError; ask those who"),
        ({"answer": (404, b"not here")}, "HTTP 404 with something that is no XML"),
        ({"answer": (200, b"<html><body/></html>")}, "XML that is no answer of VOMS"),
        ({"answer": (200, b'<!DOCTYPE v [<!ENTITY a "x">]><voms><ac>&a;</ac></voms>')}, "no answer of VOMS"),
        ({"answer": (200, b"<voms>" + b"<a>" * 2000 + b"</a>" * 2000 + b"</voms>")}, "that is no XML"),
        ({"answer": (200, b"<voms><ac>" + b"A" * (1 << 19) + b"</ac></voms>")}, "longer than"),
    ],
)
def test_an_answer_that_is_of_no_use_is_refused_in_words(voms, files, change, words):
    for name, value in change.items():
        setattr(voms, name, value)
    assert words in _refusal(_robot(files, voms_url=voms.url, voms_vo="dteam"))


def test_attributes_of_somebody_else_are_refused(voms, files, authority):
    other = authority.issue(*ROBOT)  # the same name, another certificate
    voms.holder = x509.load_pem_x509_certificate(other.certificate.read_bytes())
    assert "attributes of somebody else" in _refusal(_robot(files, voms_url=voms.url))


def test_a_role_that_is_not_granted_is_told(voms, files):
    said = _refusal(_robot(files, voms_url=voms.url, fqans=["/dteam", "/dteam/Role=production"]))
    assert "it does not grant /dteam/Role=production; have /DC=org/CN=Robot: gridkeeper given it" in said


def test_a_vomses_line_names_the_subject_that_the_server_must_have(voms, files):
    port = urlsplit(voms.url).port
    right, wrong = (f'"x" "127.0.0.1" "{port}" "/DC=org/CN={host}" "dteam"' for host in ("voms.example.org", "other"))
    said = _refusal(_robot(files, voms_url=[wrong]))
    assert "certificate is of /DC=org/CN=voms.example.org, not of /DC=org/CN=other" in said
    assert voms.asked == []
    Credential.objects.update(options={"voms_url": [wrong, right]})
    assert renew_credential(SYSTEM, credential=Credential.objects.get(), now=datetime.now(UTC))


def test_denied_networks_and_unknown_authorities_hold_for_it(voms, files, settings, tmp_path):
    robot = _robot(files, voms_url=voms.url)
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"denied_networks": [ip_network("127.0.0.0/8")]})
    assert "GRIDKEEPER_DENIED_NETWORKS forbids" in _refusal(robot)
    other = Authority(tmp_path, "Other CA").file
    changes = {"denied_networks": [], "trusted_certificates": other}
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update=changes)
    assert "certificate" in _refusal(robot)
    assert voms.asked == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"voms_url": "http://voms.example.org"}, "neither an https:// address"),
        ({"voms_url": "https://voms.example.org/?x=1"}, "neither an https:// address"),
        ({"voms_url": "https://voms.example.org:99999"}, "no address"),
        ({"voms_url": '"dteam" "voms.example.org" "15004"'}, "five"),
        ({"voms_url": '"dteam" "voms.example.org" "15004" "CN" "dteam"'}, "no subject"),
        ({"voms_url": '"dteam" "voms.example.org" "x" "/CN=x" "dteam"'}, "no host and port"),
        ({"voms_url": 5}, "a text or a list"),
        ({"fqans": [ROLE]}, "give voms_url too"),
        ({"voms_url": "https://voms.example.org", "fqans": ["/dteam&lifetime=9"]}, "one looks like /dteam"),
        ({"voms_url": "https://voms.example.org", "voms_hours": 1000}, "1 to 168"),
        ({"voms_url": "https://voms.example.org", "voms_vo": "a b"}, "no name of a VO"),
    ],
)
def test_options_that_cannot_be_are_refused(files, options, words):
    with pytest.raises(ValidationError, match=words):
        _robot(files, **options)


def test_pages_take_the_options_and_show_the_attributes(voms, files, client):
    vo = a_vo("dteam")
    client.force_login(a_user("carla", vo=vo))
    sent = {
        "name": "robot", "vo": vo.pk, "kind": "x509", "options": '{"hours": 8}', "voms_url": f"{voms.url}\r\n",
        "fqans": f"{ROLE}\r\n/dteam", "secret": files.certificate.read_text() + files.key.read_text(), "reason": "x",
    }  # fmt: skip
    assert client.post("/tests/credentials/new/", sent).status_code == 302
    stored = Credential.objects.get()
    assert stored.options == {"hours": 8, "voms_url": [voms.url], "fqans": [ROLE, "/dteam"]}
    assert "Renewed, until" in client.post(f"/tests/credentials/{stored.pk}/renew/", follow=True).content.decode()
    page = client.get(f"/tests/credentials/{stored.pk}/").content.decode()
    for words in (f"<code>{ROLE}</code>", "of the VO dteam by voms.example.org:15004", voms.url):
        assert words in page
    assert f"{ROLE}, /dteam" in client.get("/tests/credentials/").content.decode()
    form = client.get(f"/tests/credentials/{stored.pk}/edit/").content.decode()
    assert f"{ROLE}\n/dteam" in form
    assert client.post(f"/tests/credentials/{stored.pk}/edit/", sent | {"voms_url": "ftp://x"}).status_code == 422
    sent |= {"voms_url": "", "fqans": "", "is_enabled": "on", "secret": ""}
    assert client.post(f"/tests/credentials/{stored.pk}/edit/", sent).status_code == 302
    assert Credential.objects.get().options == {"hours": 8}


def test_the_command_line_takes_and_shows_them(voms, files):
    app = typer.Typer()
    catalogue_commands.register(app)

    def gridkeeper(*words):
        return CliRunner().invoke(app, ["credentials", *map(str, words)], env={"COLUMNS": "300"})

    a_vo("dteam")
    secret = ["--file", files.certificate, "--file", files.key]
    asked = ["--voms", voms.url, "--fqan", ROLE, "--fqan", "/dteam", "--voms-hours", 3]
    said = gridkeeper("add", "robot", "--kind", "x509", "--vo", "dteam", *secret, *asked)
    assert said.exit_code == 0, said.output
    assert gridkeeper("renew", "robot").exit_code == 0
    assert voms.asked == [{"fqans": f"{ROLE},/dteam", "lifetime": "10800"}]
    assert f"dteam: {ROLE}, /dteam until " in gridkeeper("list").stdout
