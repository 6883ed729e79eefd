"""The checks of the information system, against a real BDII, and against servers of LDAP that lie."""

from datetime import UTC, datetime, timedelta

import pytest

from gridkeeper.core.status import Status
from gridkeeper.probes.native.ldap_client import Entry
from gridkeeper.probes.packs.bdii.glue import findings
from tests.realm.bdii import ENDPOINT_DN, SHARE_DN, SITE, running_bdii

_NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def bdii(tmp_path_factory):
    with running_bdii(tmp_path_factory.mktemp("bdii")) as running:
        yield running


@pytest.fixture
def asked(bdii, check):
    """Runs a check of the pack against the BDII."""

    async def run(name, **arguments):
        return await check(name, bdii.port, hostname=bdii.host, **arguments)

    return run


@pytest.mark.service
@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("bdii", {"bases": ["o=glue", "o=grid"]}, "the BDII answers for o=glue, o=grid"),
        ("bdii-freshness", {}, "last update 20"),
        ("bdii-entries", {}, "1 entry below o=glue"),
        ("bdii-glue", {"site": SITE}, "12 entries, all sane"),
        ("ldap", {"base": "o=grid", "scope": "sub", "expect": [f"GlueSiteName={SITE}"]}, "4 entries below o=grid"),
        (
            "ldap",
            {"base": "o=glue", "scope": "sub", "filter": "(&(GLUE2EndpointURL=https:*:443/*)(!(o=x)))"},
            "1 entry",
        ),
        ("ldap", {}, "1 entry"),
    ],
)
async def test_a_bdii_that_works_is_ok(asked, name, arguments, words):
    outcome = await asked(name, **arguments)
    assert outcome.status == Status.OK, outcome
    assert outcome.summary.startswith(words)


@pytest.mark.service
@pytest.mark.parametrize("name", ["bdii", "bdii-freshness", "bdii-entries", "bdii-glue", "ldap"])
async def test_a_bdii_that_hangs_is_red(bdii, asked, name):
    bdii.freeze()
    try:
        outcome = await asked(name, timeout_s=0.3)
    finally:
        bdii.thaw()
    assert (outcome.status, outcome.summary) == (
        Status.CRITICAL, "timed out after 0.3 s while binding anonymously"
    )  # fmt: skip


@pytest.mark.service
async def test_a_bdii_that_stopped_is_red(bdii, asked):
    bdii.stop()
    try:
        outcomes = [await asked(name) for name in ("bdii", "bdii-freshness", "bdii-entries", "bdii-glue")]
    finally:
        bdii.start()
    wanted = f"connection refused while connecting to 127.0.0.1 port {bdii.port}"
    assert {(outcome.status, outcome.summary) for outcome in outcomes} == {(Status.CRITICAL, wanted)}
    assert (await asked("bdii-freshness")).status == Status.OK


@pytest.mark.service
async def test_a_bdii_that_is_not_updated_is_red(bdii, asked):
    with bdii.not_updated():
        outcome = await asked("bdii-freshness", warning_age_s=0, critical_age_s=0)
    assert outcome.status == Status.CRITICAL
    assert outcome.summary.startswith("the BDII answers, but its last update is ")


@pytest.mark.service
async def test_a_bdii_that_lost_its_endpoints_is_red(bdii, asked):
    with bdii.emptied():
        outcome = await asked("bdii-entries")
    assert (outcome.status, outcome.summary) == (
        Status.CRITICAL, "the BDII answers, but publishes 0 entries below o=glue, wanted at least 1"
    )  # fmt: skip
    assert (await asked("bdii-entries")).status == Status.OK


@pytest.mark.service
@pytest.mark.parametrize(
    ("dn", "attribute", "value", "status", "words"),
    [
        (ENDPOINT_DN, "GLUE2EntityCreationTime", "2026-01-01T00:00:00Z", "WARNING", "outdated since"),
        (ENDPOINT_DN, "GLUE2EndpointServiceForeignKey", "gone", "CRITICAL",
         "GLUE2EndpointServiceForeignKey 'gone': nothing of that name is published"),
        (ENDPOINT_DN, "GLUE2EndpointHealthState", "fine", "WARNING", "GLUE2EndpointHealthState 'fine': is no health"),
        (SHARE_DN, "GLUE2ComputingShareWaitingJobs", "444444", "WARNING",
         "GLUE2ComputingShareWaitingJobs '444444': is a placeholder: nobody measures it"),
    ],
)  # fmt: skip
async def test_a_bdii_with_wrong_content_is_said(bdii, asked, dn, attribute, value, status, words):
    with bdii.replaced(dn, attribute, value):
        outcome = await asked("bdii-glue")
    assert (outcome.status.name, outcome.summary[: len(words)]) == (status, words)
    assert dn.lower() in outcome.output.lower()


@pytest.mark.service
@pytest.mark.parametrize(
    ("name", "arguments", "status", "words"),
    [
        ("bdii", {"bases": ["o=shadow"]}, "CRITICAL", "the BDII answers, but has no o=shadow: nothing is published"),
        (
            "bdii-entries",
            {"warning_entries": 5},
            "WARNING",
            "the BDII answers, but publishes 1 entry below o=glue, wan",
        ),
        ("bdii-glue", {"site": "OTHER"}, "CRITICAL", f"publishes the site {SITE}, not OTHER; 1 errors"),
        ("bdii-glue", {"bases": ["o=nothing"]}, "CRITICAL", "the BDII answers, but publishes nothing below o=nothing"),
        ("ldap", {"base": "o=nothing"}, "CRITICAL", "searching o=nothing: no such object"),
        ("ldap", {"base": "o=grid", "expect": ["o=other"]}, "CRITICAL", "no entry of 1 has o=other"),
        ("ldap", {"base": "not a DN"}, "CRITICAL", "searching not a DN: invalid DN (invalid DN)"),
    ],
)
async def test_what_is_not_as_wanted_is_said(asked, name, arguments, status, words):
    outcome = await asked(name, **arguments)
    assert (outcome.status.name, outcome.summary[: len(words)]) == (status, words)


def _entry(dn="x", **attributes):
    return Entry(
        dn, {name.lower(): (value,) if isinstance(value, str) else value for name, value in attributes.items()}
    )


_SERVICE = _entry("s", objectClass="GLUE2Service", GLUE2ServiceID="s", GLUE2ServiceType="t")
_FINE = {"GLUE2EndpointURL": "https://x/", "GLUE2EndpointInterfaceName": "i", "GLUE2EndpointServingState": "production",
         "GLUE2EndpointHealthState": "ok", "GLUE2EndpointServiceForeignKey": "s"}  # fmt: skip


def _endpoint(**changed):
    return _entry("e", objectClass="GLUE2Endpoint", **(_FINE | changed))


@pytest.mark.parametrize(
    ("entries", "wanted"),
    [
        ([_SERVICE, _endpoint()], []),
        ([_SERVICE, _endpoint(GLUE2EndpointURL=())], [("CRITICAL", "GLUE2EndpointURL is missing")]),
        ([_SERVICE, _endpoint(GLUE2EndpointURL="x")], [("CRITICAL", "GLUE2EndpointURL 'x': the endpoint has no URL")]),
        ([_SERVICE, _endpoint(GLUE2EndpointHealthState="?")],
         [("WARNING", "GLUE2EndpointHealthState '?': is no health state")]),
        ([_SERVICE, _endpoint(GLUE2EndpointID="1"), _endpoint(GLUE2EndpointID="1")],
         [("WARNING", "GLUE2EndpointID '1' is published 2 x")] * 2),
        ([_entry(objectClass="GlueSite", GlueSiteUniqueID="A", GlueSiteLatitude="91")],
         [("WARNING", "GlueSiteLatitude '91': is no latitude")]),
        ([_entry(objectClass="GlueSite", GlueSiteUniqueID="A", GlueSiteLatitude="north")],
         [("WARNING", "GlueSiteLatitude 'north': is no latitude")]),
        ([_entry(objectClass="GlueCE", GlueCEUniqueID="ce", GlueCEStateStatus="Production")],
         [("CRITICAL", "GlueCEUniqueID 'ce': is not host:port/queue")]),
        # made at 11:00 and valid for half an hour: outdated since half an hour at 12:00
        ([_entry(GLUE2EntityCreationTime="2026-11-21T11:00:00Z", GLUE2EntityValidity="1800")],
         [("WARNING", "outdated since 30 min: made 2026-11-21 11:00:00 UTC, valid 1800 s")]),
        ([_entry(GLUE2EntityCreationTime="2026-11-21T11:00:00Z", GLUE2EntityValidity="3600")], []),
        ([_entry(GLUE2EntityCreationTime="2026-11-21T13:00:00Z")],
         [("WARNING", "made 1 h in the future: the clock there is wrong")]),
        ([_entry(GLUE2EntityCreationTime="yesterday", GLUE2EntityValidity="9" * 5000)], []),
    ],
)  # fmt: skip
def test_sanity_of_glue(entries, wanted):
    assert [(item.status.name, item.text) for item in findings(entries, _NOW)] == wanted


def test_the_site_must_be_published():
    other = _entry(objectClass="GLUE2AdminDomain", GLUE2DomainID="B")
    assert [item.text for item in findings([_SERVICE], _NOW, site="A")] == ["the site A is not published"]
    assert [item.text for item in findings([other], _NOW, site="A")] == ["publishes the site B, not A"]
    assert findings([other], _NOW + timedelta(days=1), site="B") == []
