"""HTTP against servers that keep the protocol, and servers that do not."""

import asyncio
import ssl
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gridkeeper.core.status import RESULT_STATUSES
from gridkeeper.probes.native import Target
from gridkeeper.probes.native.basic import BASIC
from gridkeeper.probes.native.check import CheckFailedError, Handed, Run
from gridkeeper.probes.native.http_client import Request, Response, fetch, follow, redirected, with_credential
from tests.probes.native.servers import http, listening, saying

_CLOSED = "the server closed the connection while"


async def _asked(check, answer, *, timeout_s=0.5, tls=None, **arguments):
    async with listening(answer, tls=tls) as port:
        scheme = "https" if tls else "http"
        url = f"{scheme}://ce.example.org:{port}/status"
        return await check("http", port, url=url, timeout_s=timeout_s, **arguments), port


def _chunked(*chunks):
    return http(b"".join(chunks), headers=["Transfer-Encoding: chunked"])


@pytest.mark.parametrize(
    ("answer", "arguments", "status", "summary"),
    [
        (http(), {}, "OK", "HTTP 200 OK, 5 bytes"),
        (http(status="204 No Content"), {}, "OK", "HTTP 204 No Content, 0 bytes"),
        (http(status="200"), {}, "OK", "HTTP 200, 5 bytes"),
        (http(), {"expect": "ell"}, "OK", "HTTP 200 OK, 5 bytes"),
        (http(), {"expect": "bye"}, "CRITICAL", "HTTP 200 OK, but the body lacks 'bye'"),
        (http(), {"regex": "^h.*o$"}, "OK", "HTTP 200 OK, 5 bytes"),
        (http(), {"regex": "[0-9]"}, "CRITICAL", "HTTP 200 OK, but the body does not match '[0-9]'"),
        (http(status="500 Broken"), {}, "CRITICAL", "HTTP 500 Broken from {url}, wanted 200 to 399"),
        (http(status="403 No"), {"status": [200, 401]}, "CRITICAL", "HTTP 403 No from {url}, wanted 200 or 401"),
        (http(status="401 Who"), {"status": [200, 401]}, "OK", "HTTP 401 Who, 5 bytes"),
        (b"HTTP/1.0 200 OK\n\nold style", {"expect": "old style"}, "OK", "HTTP 200 OK, 9 bytes"),
        (_chunked(b"5\r\nhello\r\n", b"6;x=y\r\n world\r\n", b"0\r\n\r\n"), {}, "OK", "HTTP 200 OK, 11 bytes"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + http(), {}, "OK", "HTTP 200 OK, 5 bytes"),
        (http(b"x" * 5000), {"most_bytes": 1000}, "OK", "HTTP 200 OK, 1000 bytes (cut)"),
        (http(b"x" * 10, length=10**17), {"most_bytes": 10}, "OK", "HTTP 200 OK, 10 bytes (cut)"),
        # lies and nonsense
        (http(b"short", length=100), {}, "CRITICAL", "the answer promised 100 bytes and ended after 5"),
        (http(length="-5"), {}, "CRITICAL", "the answer's Content-Length is '-5'"),
        (http(length="9" * 5000), {}, "CRITICAL", "the answer's Content-Length is '" + "9" * 40 + "'"),
        (http(length="²"), {}, "CRITICAL", "the answer's Content-Length is 'Â²'"),
        (_chunked(b"-5\r\nhello"), {}, "CRITICAL", "a chunk of the answer has the size b'-5'"),
        (_chunked(b"zz\r\n"), {}, "CRITICAL", "a chunk of the answer has the size b'zz'"),
        (_chunked(b"5\r\nhel"), {}, "CRITICAL", f"{_CLOSED} reading the body of the answer"),
        (_chunked(b"1" * 100_000), {}, "CRITICAL", "the size of a chunk has no end: not HTTP"),
        (b"220 ftp\r\n", {}, "CRITICAL", "not an HTTP server: it said '220 ftp'"),
        (b"HTTP/1.1 \xb200 OK\r\n\r\n", {}, "CRITICAL", "not an HTTP server: it said 'HTTP/1.1 ²00 OK'"),
        (b"HTTP/1.1 999999 OK\r\n\r\n", {}, "CRITICAL", "not an HTTP server: it said 'HTTP/1.1 999999 OK'"),
        (b"x" * 200_000, {}, "CRITICAL", "the first line of the answer has no end: not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000, {}, "CRITICAL", "a header of the answer has no end: not HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200, {}, "CRITICAL", "the answer has more than 100 headers"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 20, {}, "CRITICAL", "more than 10 interim answers and no real one"),
        (b"", {}, "CRITICAL", f"{_CLOSED} waiting for the first line of the answer"),
        (b"HTTP/1.1 200 OK\r\nX", {}, "CRITICAL", f"{_CLOSED} reading the headers of the answer"),
    ],
)  # fmt: skip
async def test_an_answer_is_judged(check, answer, arguments, status, summary):
    outcome, port = await _asked(check, saying(answer, reads=True), **arguments)
    url = f"http://ce.example.org:{port}/status"
    assert (outcome.status.name, outcome.summary) == (status, summary.replace("{url}", url))


@pytest.mark.parametrize(
    ("answer", "stage"),
    [
        (saying(hang=True), "waiting for the first line of the answer"),
        (saying(b"HTTP/1.1 200 OK\r\nServer: x", hang=True), "reading the headers of the answer"),
        (saying(http(b"hel", length=5), hang=True), "reading the body of the answer"),
        (saying(*[b"H"] * 1000, pause_s=0.01), "waiting for the first line of the answer"),
        (saying(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * 1000, pause_s=0.01), "reading the body of the answer"),
    ],
)
async def test_the_deadline_names_the_stage_that_hung(check, answer, stage):
    outcome, _ = await _asked(check, answer)
    assert (outcome.status.name, outcome.summary) == ("CRITICAL", f"timed out after 0.5 s while {stage}")


async def test_a_reset_connection_is_said(check):
    async def reset(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    outcome, _ = await _asked(check, reset)
    assert outcome.status.name == "CRITICAL"
    assert "while waiting for the first line of the answer" in outcome.summary


async def test_it_asks_for_what_it_is_told(check):
    asked = []

    async def answer(reader, writer):
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        asked.append(await reader.readexactly(4))
        writer.write(http())

    outcome, port = await _asked(
        check, answer, method="POST", path="/other?x=1", body="ping", headers={"X-Probe": "yes"}
    )
    assert outcome.status.name == "OK"
    lines = asked[0].decode().splitlines()
    assert lines[0] == "POST /other?x=1 HTTP/1.1"
    assert {f"Host: ce.example.org:{port}", "X-Probe: yes", "Content-Length: 4"} <= set(lines)
    assert asked[1] == b"ping"


def _redirecting(locations):
    async def answer(reader, writer):
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        location = locations.get(path)
        writer.write(
            http(path.encode()) if location is None else http(status="302 Found", headers=[f"Location: {location}"])
        )

    return answer


@pytest.mark.parametrize(
    ("locations", "arguments", "status", "summary"),
    [
        ({"/status": "/a", "/a": "b"}, {"expect": "/b"}, "OK", "HTTP 200 OK, 2 bytes"),
        ({"/status": "/a"}, {"redirects": 0}, "OK", "HTTP 302 Found, 5 bytes"),
        ({"/status": "/status"}, {}, "CRITICAL", "more than 3 redirects, the last to {url}"),
        ({"/status": "/a", "/a": "/b"}, {"redirects": 1}, "CRITICAL", "more than 1 redirects, the last to {host}/b"),
        ({"/status": "ftp://x/"}, {}, "CRITICAL", "the answer redirects to 'ftp://x/', which is no http or https URL"),
        (
            {"/status": "http://[x/"},
            {},
            "CRITICAL",
            "the answer redirects to 'http://[x/', which is no http or https URL",
        ),
        ({"/status": "http://127.0.0.1:1/"}, {}, "CRITICAL", "connection refused while connecting to 127.0.0.1 port 1"),
    ],
)
async def test_redirects_are_followed_so_far(check, locations, arguments, status, summary):
    outcome, port = await _asked(check, _redirecting(locations), **arguments)
    host = f"http://ce.example.org:{port}"
    wanted = summary.replace("{url}", f"{host}/status").replace("{host}", host)
    assert (outcome.status.name, outcome.summary) == (status, wanted)


async def test_a_redirect_into_a_denied_network_is_not_followed(check, settings):
    denied = type(settings.GRIDKEEPER)(denied_networks=["127.0.0.2/32"]).denied_networks
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"denied_networks": denied})
    outcome, _ = await _asked(check, _redirecting({"/status": "http://127.0.0.2/"}))
    assert outcome.status.name == "UNKNOWN"
    assert "127.0.0.2 lies in 127.0.0.2/32" in outcome.summary


async def test_a_redirect_to_another_host_takes_no_headers_along(check):
    asked = []

    async def other(reader, writer):
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(http())

    async with listening(other) as port:
        location = {"/status": f"http://127.0.0.1:{port}/"}
        await _asked(check, _redirecting(location), headers={"Authorization": "Bearer secret"})
    assert b"secret" not in asked[0]


@pytest.mark.parametrize(
    ("url", "words"),
    [("ldap://x", ""), ("http://ce:99999/", "is no URL"), ("http:///", "no http or https URL with a host")],
)
async def test_a_url_that_is_none_is_unknown(check, url, words):
    outcome = await check("http", 1, url=url, timeout_s=1)
    assert words in outcome.summary
    assert outcome.status.name == ("CRITICAL" if not words else "UNKNOWN")


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({}, "OK", "HTTP 200 OK"),
        ({"name": "other.example.org"}, "CRITICAL", "the certificate is not trusted: Hostname mismatch"),
        ({"ends_days": -3}, "CRITICAL", "the certificate expired 3 d "),
        ({"starts_days": 5}, "CRITICAL", "the certificate is not valid before"),
    ],
)
async def test_https_verifies_chain_and_name(check, authority, fields, status, words):
    answer = saying(http(), reads=True)
    outcome, _ = await _asked(check, answer, timeout_s=5, tls=authority.server(**fields), ca_file=str(authority.file))
    assert outcome.status.name == status
    assert outcome.summary.startswith(words)


async def test_https_of_an_unknown_authority_is_refused_unless_told_otherwise(check, authority):
    answer, tls = saying(http(), reads=True), authority.server()
    refused, _ = await _asked(check, answer, timeout_s=5, tls=tls)
    trusted, _ = await _asked(check, answer, timeout_s=5, tls=tls, verify=False)
    assert refused.summary.startswith("the certificate is not trusted: unable to get local issuer")
    assert trusted.status.name == "OK"


async def test_https_to_a_plain_server_says_that_tls_failed(check):
    async with listening(saying(http(), reads=False)) as port:
        outcome = await check("http", port, url=f"https://ce.example.org:{port}/")
    assert outcome.status.name == "CRITICAL"
    assert outcome.summary.startswith(f"TLS failed while connecting by TLS to 127.0.0.1 port {port}")


async def test_a_ca_file_that_is_missing_is_said(check):
    outcome = await check("http", 1, url="https://ce.example.org/", ca_file="/nonexistent.pem")
    assert outcome.status.name == "UNKNOWN"
    assert outcome.summary.startswith("cannot read the CA file /nonexistent.pem")


@given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Location: http://127.0.0.1:1/\r\n", b"HTTP/1.1 301 x\r\n", b"\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n",
])), max_size=8))  # fmt: skip
@hypothesis_settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_answer_raises(parts):
    async def main():
        async with listening(saying(*parts)) as port:
            target = Target("ce.example.org", "127.0.0.1", port, f"http://ce.example.org:{port}/")
            return await BASIC["http"].run(target, BASIC["http"].parse({}), 2)

    assert asyncio.run(main()).status in RESULT_STATUSES


async def test_a_body_waits_until_a_redirecting_server_wants_it():
    """A door of a storage sends the PUT on before it takes a byte; the pool gets the whole request."""
    got = []

    async def pool(reader, writer):
        got.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        got.append(await reader.readexactly(4))
        writer.write(http(status="201 Created"))

    async with listening(pool) as inner:
        door = saying(http(status="307 x", headers=[f"Location: http://127.0.0.1:{inner}/pool"]), reads=True)
        async with listening(door) as outer:
            url = f"http://ce.example.org:{outer}/f"
            headers = {"Authorization": "Basic secret", "Want-Digest": "adler32"}
            request = Request("PUT", url, headers, b"data", asks_first=True, travels=True)
            response = await follow(Target("ce.example.org", "127.0.0.1", outer), request, Run(5))
    assert (response.status, got[1]) == (201, b"data")
    assert got[0].startswith(b"PUT /pool HTTP/1.1\r\n")
    assert b"Want-Digest: adler32" in got[0]
    assert b"secret" not in got[0]


async def test_a_server_that_does_not_know_expect_gets_the_body_all_the_same():
    async def old(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(http(await reader.readexactly(4) + head[:4]))

    async with listening(old) as port:
        request = Request("COPY", f"http://ce.example.org:{port}/f", body=b"data", asks_first=True)
        response = await fetch(Target("ce.example.org", "127.0.0.1", port), request, Run(5))
    assert response.body == b"dataCOPY"


async def test_a_client_certificate_is_shown(authority):
    tls = authority.server()
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(authority.file)
    async with listening(saying(http(), reads=True), tls=tls) as port:
        target, url = Target("ce.example.org", "127.0.0.1", port), f"https://ce.example.org:{port}/"
        shown = Request("MKCOL", url, ca_file=str(authority.file), certificate=str(authority.issue()))
        assert (await fetch(target, shown, Run(5))).status == 200
        with pytest.raises((OSError, EOFError, CheckFailedError)):
            await fetch(target, replace(shown, certificate=""), Run(5))


async def test_a_token_goes_out_and_never_comes_back(check, authority, tmp_path):
    async def echoing(reader, writer):
        writer.write(http(await reader.readuntil(b"\r\n\r\n")))

    file = tmp_path / "token"
    file.write_text("header.secret.signature\n")
    handed = Handed(token_path=str(file))
    async with listening(echoing, tls=authority.server()) as port:
        url = f"https://ce.example.org:{port}/"
        target = Target("ce.example.org", "127.0.0.1", port, url)
        arguments = BASIC["http"].parse({"ca_file": str(authority.file), "expect": "Bearer header.secret.signature"})
        outcome = await BASIC["http"].run(target, arguments, 5, handed)
        assert outcome.status.name == "OK"
        assert "Authorization: Bearer [removed]" in outcome.output
        in_the_clear = await BASIC["http"].run(replace(target, url=url.replace("https", "http")), arguments, 5, handed)
    assert in_the_clear.summary.startswith("the token is not sent to http://")


@pytest.mark.parametrize(
    ("content", "words"), [("two words", "has other characters"), (None, "cannot be read"), ("a\r\nb", "other char")]
)
async def test_a_token_that_is_none_is_not_sent(tmp_path, content, words):
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    run = Run(5, credential=Handed(token_path=str(file)))
    with pytest.raises(CheckFailedError, match=words):
        with_credential(Request("GET", "https://ce.example.org/"), run)


def test_credentials_do_not_leave_tls_by_a_redirect():
    request = Request("GET", "https://ce.example.org/", {"Authorization": "Bearer x"}, certificate="proxy.pem")
    answer = Response(request.url, 307, "", {"location": "http://ce.example.org/"}, b"")
    after = redirected(answer, request)
    assert (after.url, after.headers, after.certificate) == ("http://ce.example.org/", {}, "")


def _breaking(handshakes, port):
    """An answer that says nonsense in the middle of so many handshakes, and then passes on to a TLS server."""
    left = [handshakes]

    async def answer(reader, writer):
        if left[0]:
            left[0] -= 1
            await reader.read(65536)
            writer.write(b"\x16\x03\x03\x00\x04\x14\x00\x00\x00")  # a handshake message that comes last, said first
            return
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)

        async def pass_on(source, sink):
            try:
                while part := await source.read(65536):
                    sink.write(part)
            finally:
                sink.close()

        try:
            await asyncio.gather(pass_on(reader, inner_writer), pass_on(inner_reader, writer))
        finally:
            inner_writer.close()
            await inner_writer.wait_closed()

    return answer


@pytest.mark.parametrize(("broken", "tries", "is_answered"), [(0, 1, True), (1, 1, False), (2, 3, True), (3, 3, False)])
async def test_a_broken_handshake_is_begun_anew_where_that_is_wanted(authority, broken, tries, is_answered):
    async with (
        listening(saying(http(), reads=True), tls=authority.server()) as inner,
        listening(_breaking(broken, inner)) as port,
    ):
        target = Target("ce.example.org", "127.0.0.1", port)
        request = Request(
            "GET", f"https://ce.example.org:{port}/", ca_file=str(authority.file), handshakes=tries,
        )  # fmt: skip
        if is_answered:
            response = await fetch(target, request, Run(5.0))
            assert (response.status, response.broken_handshakes) == (200, broken)
        else:
            with pytest.raises(ssl.SSLError, match="UNEXPECTED_MESSAGE"):
                await fetch(target, request, Run(5.0))
