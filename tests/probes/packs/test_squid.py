"""The Squid check against a real Squid, and against what only looks like one."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.probes.checks import check_named
from gridkeeper.probes.native import CheckArgumentError
from gridkeeper.probes.packs.squid import was_hit
from tests.probes.native.servers import http, listening, saying
from tests.realm.squid import squid
from tests.services import free_port


@pytest.fixture(scope="module")
def proxy():
    with squid() as running:
        yield running


@pytest.fixture
def asked(proxy, check):
    def run(path="/object", **arguments):
        return asyncio.run(check("squid", proxy.port, fetch=f"{proxy.origin.url}{path}", **arguments))

    return run


@pytest.mark.service
def test_a_proxy_that_works_is_ok(proxy, asked):
    outcome = asked(expect="origin")
    assert (outcome.status.name, outcome.summary) == (
        "OK", f"23 bytes of {proxy.origin.url}/object from the cache, 0 s old"
    )  # fmt: skip
    assert proxy.origin.asked == ["/object"]


@pytest.mark.service
def test_a_stopped_proxy_is_red(proxy, asked):
    proxy.stop()
    try:
        outcome = asked()
    finally:
        proxy.start()
    assert outcome.status.name == "CRITICAL"
    words = f"connection refused while fetching through the proxy, connecting to 127.0.0.1 port {proxy.port}"
    assert outcome.summary == words


@pytest.mark.service
def test_a_hung_proxy_is_red(proxy, asked):
    proxy.freeze()
    try:
        outcome = asked(timeout_s=0.5)
    finally:
        proxy.thaw()
    assert (outcome.status.name, outcome.summary) == (
        "CRITICAL",
        "timed out after 0.5 s while fetching through the proxy, waiting for the first line of the answer",
    )


@pytest.mark.service
def test_wrong_content_is_red(proxy, asked):
    with proxy.other_content("/wrong", b"a portal that wants a password"):
        outcome = asked("/wrong", expect="origin")
    assert outcome.status.name == "CRITICAL"
    assert outcome.summary.endswith("/wrong: it lacks 'origin'")


@pytest.mark.service
def test_a_proxy_that_keeps_nothing_is_a_warning(proxy, asked):
    with proxy.without_caching(), proxy.other_content("/fresh", b"always new"):
        outcome = asked("/fresh")
    assert outcome.status.name == "WARNING"
    words = "does not keep it: the second answer was a MISS; the origin says Cache-Control: no-store"
    assert outcome.summary.endswith(words)


@pytest.mark.service
def test_what_the_proxy_cannot_fetch_names_the_reason(proxy, asked, check):
    assert asked("/none").summary.startswith("the origin answered HTTP 404 Not Found for")
    nobody = f"http://127.0.0.1:{free_port()}/x"
    outcome = asyncio.run(check("squid", proxy.port, fetch=nobody))
    assert (outcome.status.name, outcome.summary) == (
        "CRITICAL",
        f"the proxy cannot fetch {nobody}: it cannot connect to the origin (HTTP 503 Service Unavailable)",
    )


@pytest.mark.service
def test_a_forbidden_origin_names_the_access_list(check):
    with squid(lines="http_access deny all") as closed:
        outcome = asyncio.run(check("squid", closed.port, fetch=f"{closed.origin.url}/object"))
    assert outcome.status.name == "CRITICAL"
    assert ": its access list forbids it (HTTP 403 Forbidden)" in outcome.summary


def _cached(where, *headers):
    return http(b"an object", headers=[f"X-Cache: {where}", *headers])


@pytest.mark.parametrize(
    ("answer", "arguments", "status", "words"),
    [
        (_cached("HIT from squid"), {}, "OK", "9 bytes of http://origin.example.org/o from the cache"),
        (_cached("MISS from parent, HIT from squid"), {}, "OK", "from the cache"),
        (_cached("HIT from parent, MISS from squid"), {}, "WARNING", "the second answer was a MISS"),
        (_cached("MISS from squid"), {"need_hit": False}, "OK", "not from the cache"),
        (http(headers=["Via: 1.1 squid"]), {"need_hit": False}, "OK", "without saying whether from the cache"),
        (http(headers=["Via: 1.1 squid", "Age: 90"]), {}, "OK", "from the cache, 1 min 30 s old"),
        (_cached("HIT", "Age: 7200"), {"most_age_s": 3600}, "CRITICAL", "the cache gives an object that is 2 h old"),
        (_cached("HIT", "Age: ²"), {"most_age_s": 3600}, "OK", "from the cache"),
        (_cached("HIT", "Age: " + "9" * 400), {"most_age_s": 3600}, "OK", "from the cache"),
        (http(), {}, "CRITICAL", "no proxy answered: the answer has neither Via nor X-Cache"),
        (http(status="404 No"), {}, "CRITICAL", "no proxy: HTTP 404 No for http://origin.example.org/o"),
        (http(status="503 No", headers=["X-Squid-Error: ERR_DNS_FAIL 0"]), {}, "CRITICAL",
         "it cannot look up the origin's name (HTTP 503 No)"),
        (http(status="503 No", headers=["X-Squid-Error: ERR_<script>"]), {}, "CRITICAL", "ERR_<script> (HTTP 503 No)"),
        (b"SSH-2.0-x\r\n", {}, "CRITICAL", "not an HTTP server: it said 'SSH-2.0-x'"),
    ],
)  # fmt: skip
async def test_an_answer_is_judged(check, answer, arguments, status, words):
    async with listening(saying(answer, reads=True)) as port:
        outcome = await check("squid", port, fetch="http://origin.example.org/o", **arguments)
    assert (outcome.status.name, words in outcome.summary) == (status, True), outcome


async def test_the_whole_address_is_asked_for(check):
    asked = []

    async def answer(reader, writer):
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(_cached("HIT"))

    async with listening(answer) as port:
        await check("squid", port, fetch="http://user@origin.example.org:8080/o?x=1")
    assert asked[0].startswith(
        b"GET http://origin.example.org:8080/o?x=1 HTTP/1.1\r\nHost: origin.example.org:8080\r\n"
    )


@pytest.mark.parametrize("url", ["", "https://x.example.org/", "ftp://x/", "http://", "http://x/a b", "http://x/é", 5])
def test_an_address_that_no_proxy_caches_is_refused(url):
    with pytest.raises(CheckArgumentError):
        check_named("squid").parse({"fetch": url})


@given(st.dictionaries(st.sampled_from(["x-cache", "age", "via", "cache-control"]), st.text(max_size=60)))
def test_headers_are_read_whatever_they_are(headers):
    assert was_hit(headers) in {True, False, None}
