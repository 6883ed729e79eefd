"""The checks of SSH against a real OpenSSH server, and against servers that break the protocol."""

import asyncssh
import pytest

from gridkeeper.core.status import Status
from tests.probes.native.servers import listening, saying
from tests.realm.sshd import running_sshd


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    with running_sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.mark.service
async def test_a_server_that_works_is_ok(sshd, check):
    outcome = await check("ssh-host-key", sshd.port, fingerprints=[sshd.fingerprint])
    assert (outcome.status, outcome.summary) == (
        Status.OK, f"host key {sshd.fingerprint} (ssh-ed25519) as wanted"
    )  # fmt: skip
    assert (await check("ssh-host-key", sshd.port)).status == Status.OK
    assert (await check("ssh", sshd.port)).summary.startswith("OpenSSH_")


@pytest.mark.service
async def test_a_changed_host_key_is_red(sshd, check):
    known = sshd.fingerprint
    with sshd.other_key():
        outcome = await check("ssh-host-key", sshd.port, fingerprints=[known])
    assert outcome.status == Status.CRITICAL
    assert outcome.summary.startswith("the host key has changed: it is SHA256:")
    assert outcome.summary.endswith(f"wanted {known}")
    assert (await check("ssh-host-key", sshd.port, fingerprints=[known])).status == Status.OK


@pytest.mark.service
async def test_a_hung_server_is_red(sshd, check):
    sshd.freeze()
    try:
        key = await check("ssh-host-key", sshd.port, timeout_s=0.4)
        banner = await check("ssh", sshd.port, timeout_s=0.4)
    finally:
        sshd.thaw()
    assert (key.status, key.summary) == (
        Status.CRITICAL, "timed out after 0.4 s while exchanging keys with the SSH server"
    )  # fmt: skip
    assert (banner.status, banner.summary) == (
        Status.CRITICAL, "timed out after 0.4 s while waiting for the identification line"
    )  # fmt: skip


@pytest.mark.service
async def test_a_stopped_server_is_red(sshd, check):
    sshd.stop()
    try:
        outcomes = [await check(name, sshd.port) for name in ("ssh", "ssh-host-key")]
    finally:
        sshd.start()
    wanted = (Status.CRITICAL, f"connection refused while connecting to 127.0.0.1 port {sshd.port}")
    assert [(outcome.status, outcome.summary) for outcome in outcomes] == [wanted, wanted]


@pytest.mark.service
async def test_no_algorithm_in_common_is_said(sshd, check):
    outcome = await check("ssh-host-key", sshd.port, algorithms=["ssh-rsa"])
    # It ends the connection, in order or not.
    assert outcome.status == Status.CRITICAL
    assert "exchang" in outcome.summary


async def test_a_weak_key_is_a_warning(check):
    key = asyncssh.generate_private_key("ssh-rsa", key_size=1024)
    async with await asyncssh.listen("127.0.0.1", 0, server_host_keys=[key]) as server:
        outcome = await check("ssh-host-key", server.get_port())
    assert outcome.status == Status.WARNING
    assert outcome.summary.startswith("the host key is weak: ssh-rsa of 1024 bits, SHA256:")


@pytest.mark.parametrize(
    "answer",
    [
        saying(b"220 smtp\r\n" * 2000),
        saying(b"SSH-2.0-x\r\n" + b"\x00" * 500),
        saying(b"SSH-2.0-x\r\n" + b"\xff" * 500),
        saying(b"SSH-1.5-old\r\n"),
        saying(b"x" * 200_000),
        saying(),
    ],
)
async def test_a_server_that_is_none_is_red(check, answer):
    async with listening(answer) as port:
        outcome = await check("ssh-host-key", port, timeout_s=2)
    assert outcome.status == Status.CRITICAL
    assert outcome.summary
