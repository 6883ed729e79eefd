"""Proxies as grid services check them: OpenSSL is the judge."""

import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from gridkeeper.probes.credential_proxies import (
    PROXY_CERT_INFO,
    ProxyError,
    make_proxy,
    new_proxy_key,
    parse_robot,
    proxy_end,
    robot_pem,
)
from tests.certificates import Authority

ROBOT = (("DC", "org"), ("O", "gridkeeper"), ("CN", "Robot: gridkeeper"))
HOURS = timedelta(hours=12)
KEY = new_proxy_key()


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "Test CA")


def _pem(authority, **options):
    files = authority.issue(*ROBOT, **options)
    return files.certificate.read_bytes() + files.key.read_bytes()


def _verified(authority, proxy, tmp_path):
    """What `openssl verify` says of the proxy."""
    blocks = proxy.pem.split(b"-----END CERTIFICATE-----\n")
    own, above = blocks[0] + b"-----END CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n".join(blocks[1:])
    (tmp_path / "own.pem").write_bytes(own)
    (tmp_path / "above.pem").write_bytes(above)
    words = ["openssl", "verify", "-allow_proxy_certs", "-CAfile", authority.file, "-untrusted", tmp_path / "above.pem"]
    return subprocess.run([*words, tmp_path / "own.pem"], capture_output=True, text=True)


def test_a_proxy_is_accepted_where_its_robot_is(authority, tmp_path):
    now = datetime.now(UTC)
    robot = parse_robot(_pem(authority))
    proxy = make_proxy(robot, now=now, lifetime=HOURS, key=KEY)
    answer = _verified(authority, proxy, tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert proxy.subject.startswith("/DC=org/O=gridkeeper/CN=Robot: gridkeeper/CN=")
    assert proxy.not_after == (now + HOURS).replace(microsecond=0)
    certificate = x509.load_pem_x509_certificate(proxy.pem)
    assert certificate.extensions.get_extension_for_oid(PROXY_CERT_INFO).critical
    assert certificate.public_key() == KEY.public_key()
    assert proxy_end(proxy.pem) == proxy.not_after


def test_without_leave_for_proxies_it_is_refused(authority, tmp_path):
    proxy = make_proxy(parse_robot(_pem(authority)), now=datetime.now(UTC), lifetime=HOURS, key=KEY)
    (tmp_path / "own.pem").write_bytes(proxy.pem)
    words = ["openssl", "verify", "-CAfile", authority.file, "-untrusted", tmp_path / "own.pem", tmp_path / "own.pem"]
    assert subprocess.run(words, capture_output=True).returncode != 0


def test_a_proxy_never_outlives_its_robot(authority):
    robot = parse_robot(_pem(authority, days=1))
    assert make_proxy(robot, now=datetime.now(UTC), lifetime=timedelta(days=7), key=KEY).not_after == robot.not_after


def test_the_file_holds_proxy_key_and_chain_in_that_order(authority):
    robot = parse_robot(_pem(authority) + authority.file.read_bytes())
    pem = make_proxy(robot, now=datetime.now(UTC), lifetime=HOURS, key=KEY).pem.decode()
    kinds = [line.removeprefix("-----BEGIN ").rstrip("-") for line in pem.splitlines() if line.startswith("-----BEGIN")]
    assert kinds == ["CERTIFICATE", "RSA PRIVATE KEY", "CERTIFICATE", "CERTIFICATE"]


def test_a_robot_that_has_expired_makes_none(authority):
    robot = parse_robot(_pem(authority, days=-1))
    with pytest.raises(ProxyError, match="ask its CA for a new one"):
        make_proxy(robot, now=datetime.now(UTC), lifetime=HOURS, key=KEY)


def test_what_was_read_is_read_again(authority):
    robot = parse_robot(_pem(authority))
    assert robot_pem(parse_robot(robot_pem(robot))) == robot_pem(robot)


def test_a_key_with_a_password_needs_it(authority):
    files = authority.issue(*ROBOT)
    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"open sesame"),
    )
    pem = files.certificate.read_bytes() + locked
    assert parse_robot(pem, "open sesame").subject == "/DC=org/O=gridkeeper/CN=Robot: gridkeeper"
    for password, words in (("", "give its password"), ("wrong", "is the password right")):
        with pytest.raises(ProxyError, match=words):
            parse_robot(pem, password)


def test_what_is_no_pair_is_refused_in_words(authority):
    first, second = authority.issue(*ROBOT), authority.issue(*ROBOT)
    cases = {
        b"": "no certificate",
        b"-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n": "no certificate",
        first.certificate.read_bytes(): "no private key",
        first.certificate.read_bytes() + second.key.read_bytes(): "belongs to none",
    }
    for pem, words in cases.items():
        with pytest.raises(ProxyError, match=words):
            parse_robot(pem)
