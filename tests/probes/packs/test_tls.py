"""Certificates of endpoints, STARTTLS and lists of revoked certificates, with an authority of our own."""

from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from cryptography import x509

from gridkeeper.core.status import Status
from gridkeeper.probes.checks import check_named
from gridkeeper.probes.native import CheckArgumentError, Target
from gridkeeper.probes.native.basic import BASIC
from tests.probes.native.servers import Authority, http, listening, saying


@asynccontextmanager
async def _endpoints(authority, *lifetimes_days):
    """Ports of servers whose certificates have so many days left."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                listening(saying(hang=True), tls=authority.server("localhost", ends_days=days))
            )
            for days in lifetimes_days
        ]


@pytest.mark.parametrize(
    ("lifetimes", "status", "summary"),
    [
        ([], "OK", "no known endpoint speaks TLS"),
        ([90], "OK", "1 endpoint, the first to expire is that of localhost:{0}: the certificate expires in 89 d 23 h"),
        ([90, 30], "OK", "2 endpoints, the first to expire is that of localhost:{1}: the certificate expires in 29 d"),
        ([90, 5], "WARNING", "localhost:{1}: the certificate expires in 4 d 23 h"),
        ([90, -2, 5], "CRITICAL", "localhost:{1}: the certificate expired 2 d "),
    ],
)
async def test_the_worst_of_all_endpoints_counts(check, authority, lifetimes, status, summary):
    async with _endpoints(authority, *lifetimes) as ports:
        urls = " ".join(f"https://localhost:{port}/x" for port in ports)
        outcome = await check(
            "tls-endpoints", 0, urls=f"{urls} ldap://localhost http://localhost:1/ nonsense https://["
        )
    assert outcome.status.name == status
    assert outcome.summary.startswith(summary.format(*ports))
    assert len(outcome.output.splitlines()) == len(lifetimes)


async def test_one_endpoint_that_hangs_leaves_the_others_their_say(check, authority):
    async with _endpoints(authority, 90) as ports, listening(saying(hang=True)) as hung:
        urls = f"https://localhost:{ports[0]} davs://localhost:{hung}"
        outcome = await check("tls-endpoints", 0, urls=urls, timeout_s=0.5)
    assert outcome.status == Status.CRITICAL
    assert outcome.summary.startswith(f"localhost:{hung}: timed out after 0.4 s while connecting by TLS")
    assert outcome.summary.endswith("; 1 of 2 endpoints are not as they should be")
    assert f"OK       localhost:{ports[0]}: the certificate expires in 89 d" in outcome.output


async def test_an_endpoint_in_a_denied_network_is_not_looked_at(check, settings):
    networks = type(settings.GRIDKEEPER)(denied_networks=["127.0.0.2/32"]).denied_networks
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"denied_networks": networks})
    outcome = await check("tls-endpoints", 0, urls="https://127.0.0.2:1/")
    assert (outcome.status, "127.0.0.2 lies in 127.0.0.2/32" in outcome.summary) == (Status.UNKNOWN, True)


@asynccontextmanager
async def _revocations(authority, answer, *, fields=None):
    """Port of a server whose certificate names a list that is served as `answer(authority, serial)` says."""
    state = {}

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(authority, state["serial"]))

    async with listening(serve) as web:
        uri = x509.UniformResourceIdentifier(f"http://127.0.0.1:{web}/ca.crl")
        points = x509.CRLDistributionPoints([x509.DistributionPoint([uri], None, None, None)])
        file = authority.issue("localhost", extensions=[points], **(fields or {}))
        state["serial"] = x509.load_pem_x509_certificate(file.read_bytes()).serial_number
        tls = authority.context(file)
        async with listening(saying(hang=True), tls=tls) as port:
            yield port


def _listed(**fields):
    return lambda authority, _: http(authority.revocations(**fields))


@pytest.mark.parametrize(
    ("answer", "arguments", "status", "words"),
    [
        (_listed(), {}, "OK", "the list of revoked certificates is 1 d old, valid until"),
        (lambda authority, serial: http(authority.revocations(revoked=[serial + 1])), {}, "OK", "the list of revoked"),
        (_listed(next_days=0.5), {}, "WARNING", "the list of revoked certificates is 1 d old, valid until"),
        (_listed(updated_days=-9), {"warning_age_days": 7}, "WARNING", "the list of revoked certificates is 9 d old"),
        (_listed(updated_days=-9, next_days=-2), {}, "CRITICAL", "the list of revoked certificates expired 2 d "),
        (_listed(updated_days=2), {}, "CRITICAL", "the list of revoked certificates is not valid before"),
        (lambda authority, serial: http(authority.revocations(revoked=[serial])), {}, "CRITICAL",
         "the certificate of localhost (serial "),
        (lambda *_: http(b"<html>"), {}, "CRITICAL", "what http://127.0.0.1:"),
        (lambda *_: http(status="404 Not Found"), {}, "CRITICAL", "the list of revoked certificates: HTTP 404 from"),
    ],
)  # fmt: skip
async def test_a_list_of_revoked_certificates_is_judged(check, authority, answer, arguments, status, words):
    async with _revocations(authority, answer) as port:
        outcome = await check("tls-crl", port, ca_file=str(authority.file), **arguments)
    assert (outcome.status.name, outcome.summary[: len(words)]) == (status, words)


async def test_a_list_of_another_authority_is_refused(check, authority, tmp_path):
    other = Authority(tmp_path)
    async with _revocations(authority, lambda *_: http(other.revocations())) as port:
        outcome = await check("tls-crl", port, ca_file=str(authority.file))
    assert outcome.status == Status.CRITICAL
    assert outcome.summary.endswith("is not signed by CN=Test CA")


async def test_a_certificate_that_names_no_list_is_unknown(check, authority):
    async with listening(saying(hang=True), tls=authority.server("localhost")) as port:
        outcome = await check("tls-crl", port, ca_file=str(authority.file))
    assert (outcome.status, outcome.summary) == (
        Status.UNKNOWN, "the certificate names no list of revoked ones; give the test a `url`"
    )  # fmt: skip


async def test_a_list_can_be_named(authority):
    crl = check_named("tls-crl")
    async with listening(saying(http(authority.revocations()), reads=True)) as port:
        outcome = await crl.run(Target("localhost"), crl.parse({"url": f"http://127.0.0.1:{port}/x"}), 5)
    assert outcome.status == Status.OK


def _speaking(authority, *turns, greeting=b"", extra=b"", **fields):
    """A server that answers line by line, and goes on with TLS after the last answer."""

    async def answer(reader, writer):
        writer.write(greeting)
        for wanted, said in turns:
            assert (await reader.readexactly(len(wanted))) == wanted
            writer.write(said)
        writer.write(extra)
        await writer.drain()
        await writer.start_tls(authority.server("localhost", **fields))
        await reader.read(1)

    return answer


_SMTP = ((b"EHLO gridkeeper\r\n", b"250-x\r\n250 STARTTLS\r\n"), (b"STARTTLS\r\n", b"220 go\r\n"))
_LDAP = (
    (bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037", bytes.fromhex("300c02010178070a010004000400")),
)
_POSTGRES = ((bytes.fromhex("0000000804d2162f"), b"S"),)


@pytest.mark.parametrize(
    ("protocol", "greeting", "turns"),
    [
        ("smtp", b"220-a\r\n220 mail.example.org ESMTP\r\n", _SMTP),
        ("ftp", b"220 gridftp\r\n", ((b"AUTH TLS\r\n", b"234 go\r\n"),)),
        ("ldap", b"", _LDAP),
        ("postgres", b"", _POSTGRES),
    ],
)
async def test_tls_after_starttls_is_judged(check, authority, protocol, greeting, turns):
    for days, status in ((90, "OK"), (5, "WARNING"), (-2, "CRITICAL")):
        async with listening(_speaking(authority, *turns, greeting=greeting, ends_days=days)) as port:
            outcome = await check("tls", port, starttls=protocol, ca_file=str(authority.file))
        assert outcome.status.name == status, outcome
        assert outcome.summary.startswith("the certificate expire")


@pytest.mark.parametrize(
    ("protocol", "answer", "words"),
    [
        ("smtp", saying(b"SSH-2.0-x\r\n"), "not an SMTP server: it said 'SSH-2.0-x'"),
        ("smtp", saying(b"220 x\r\n502 no\r\n", hang=True), "EHLO gridkeeper: the server says '502 no'"),
        ("smtp", saying(b"220-x\r\n" * 200, hang=True), "the answer has more than 100 lines: not SMTP"),
        ("smtp", saying(b"2" * 200_000), "the server sends a line without end, not SMTP"),
        ("smtp", saying(hang=True), "timed out after 0.5 s while waiting for the greeting"),
        ("smtp", saying(b"220 x\r\n", hang=True), "timed out after 0.5 s while waiting for the answer to EHLO"),
        ("smtp", saying(b"220 x\r\n250 x\r\n220 go\r\n250 injected\r\n", hang=True),
         "the connection failed while shaking hands for TLS: the server went on without TLS after it"),
        ("ldap", saying(b"220 x\r\n", hang=True), "not an LDAP server: its answer holds b'22' where a short answer"),
        ("ldap", saying(bytes.fromhex("300c02010178070a013504000400")), "the LDAP server refuses StartTLS: result 53"),
        ("postgres", saying(b"N"), "the server refuses TLS"),
        ("postgres", saying(b"E"), "not a PostgreSQL server: it said b'E'"),
        ("postgres", saying(b"S", hang=True), "timed out after 0.5 s while shaking hands for TLS"),
    ],
)  # fmt: skip
async def test_a_server_that_does_not_come_to_tls_is_red(check, protocol, answer, words):
    async with listening(answer) as port:
        outcome = await check("tls", port, starttls=protocol, timeout_s=0.5)
    assert (outcome.status, outcome.summary[: len(words)]) == (Status.CRITICAL, words)


def test_an_unknown_protocol_is_refused():
    with pytest.raises(CheckArgumentError, match="starttls 'gopher' is none of smtp, ftp, ldap, postgres"):
        BASIC["tls"].parse({"starttls": "gopher"})


async def test_an_authority_that_ends_soon_is_said(check, tmp_path):
    authority = Authority(tmp_path, ends_days=5)
    async with listening(saying(hang=True), tls=authority.server("localhost")) as port:
        outcome = await check("tls", port, ca_file=str(authority.file))
    assert outcome.status == Status.WARNING
    assert "; that of its authority CN=Test CA expires in 4 d 23 h" in outcome.summary


async def test_the_settings_name_what_is_trusted(check, authority, settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"trusted_certificates": authority.file})
    async with listening(saying(hang=True), tls=authority.server("localhost")) as port:
        assert (await check("tls", port)).status == Status.OK
