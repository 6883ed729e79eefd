"""Time travel of the matrix: its cells, rows and causes as they stood; two moments compared."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict
from django.utils import timezone

from gridkeeper.core.status import Status
from gridkeeper.portal.time_slider import slider_of
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.models import CauseRule
from tests.builders import a_downtime, a_result, a_service, a_site, a_test, a_vo, an_ngi, in_profile

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


class Past:
    """Two sites with a CE; results of CE-js and CE-ca at whole hours before now, and today's."""

    def __init__(self):
        self.now = timezone.now()
        italy = an_ngi(name="Italy")
        self.alpha, self.beta = a_site(name="ALPHA", ngi=italy), a_site(name="BETA", ngi=italy)
        self.ce = {
            site.name: a_service(of=site, hostname=f"ce.{site.name.lower()}.org") for site in (self.alpha, self.beta)
        }
        self.vo = a_vo("dteam", supported_by=list(self.ce.values()))
        for name in ("CE-js", "CE-ca"):
            in_profile(self.vo, a_test(name))

    def say(self, site, hours, status=Status.OK, metric="CE-js", **fields):
        result = a_result(self.ce[site], metric, status=status, executed_at=self.now - hours * HOUR, **fields)
        submit([result], now=self.now)
        return result

    def word(self, hours):
        return (self.now - hours * HOUR).isoformat()


@pytest.fixture
def past(settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"operations_vo": "dteam"})
    return Past()


def rows(client, **query):
    found = client.get("/matrix/", {"vo": "dteam", "format": "json"} | query).json()
    return {row["site"]: row["vos"]["dteam"] for row in found["rows"]}


def test_it_shows_what_the_tests_said_then(client, past):
    past.say("ALPHA", 5, summary="well")
    past.say("ALPHA", 3, Status.CRITICAL, summary="no slot free", cause="")
    past.say("ALPHA", 1, summary="2 6 0")
    letters = {hours: rows(client, as_of=past.word(hours))["ALPHA"]["tests"]["CE-js"]["letter"] for hours in (6, 4, 2)}
    assert letters == {6: "??", 4: "O", 2: "!!!"}
    assert rows(client)["ALPHA"]["tests"]["CE-js"]["letter"] == "2 6 0"
    assert rows(client, as_of=past.word(2))["ALPHA"]["tests"]["CE-js"]["summary"] == "no slot free"


def test_soft_results_and_what_was_older_than_its_validity_do_not_show(client, past):
    past.say("ALPHA", 30)
    past.say("ALPHA", 3, Status.CRITICAL, is_hard=False)
    assert rows(client, as_of=past.word(2))["ALPHA"]["tests"]["CE-js"]["letter"] == "??"
    assert rows(client, as_of=past.word(20))["ALPHA"]["tests"]["CE-js"]["letter"] == "O"


def test_rows_are_those_of_the_registry_of_that_time(client, past):
    past.say("ALPHA", 5)
    a_service(of=past.beta, hostname="new.beta.org", valid_from=past.now - 2 * HOUR)
    a_vo("dteam", supported_by=[a_service(of=past.beta, hostname="newer.beta.org", valid_from=past.now - HOUR)])
    downtime = {"start": past.now - 4 * HOUR, "end": past.now - 2 * HOUR, "declared_at": past.now - 9 * HOUR}
    a_downtime(past.ce["BETA"], **downtime)
    then = client.get("/matrix/", {"vo": "dteam", "as_of": past.word(3), "format": "json"}).json()["rows"]
    assert {row["hostname"]: row["overall"] for row in then} == {"ce.alpha.org": "CT", "ce.beta.org": "SD"}
    assert {row["hostname"] for row in client.get("/matrix/", {"format": "json"}).json()["rows"]} == {
        "ce.alpha.org", "ce.beta.org", "newer.beta.org"
    }  # fmt: skip


def test_a_cell_of_the_past_leads_to_the_log_of_that_time(client, past):
    past.say("ALPHA", 3, Status.CRITICAL, summary="no slot free")
    past.say("ALPHA", 1, summary="mended")
    page = client.get("/matrix/", {"as_of": past.word(2)}).content.decode()
    address = re.search(r"<td class=f><a href=(\w+/\w+@\d+)", page)[1]
    answer = client.get(f"/matrix/{address}", follow=True)
    assert "no slot free" in answer.content.decode()
    assert answer.redirect_chain[0][0].endswith(f"?as_of={(past.now - 2 * HOUR).strftime('%Y-%m-%dT%H:%M:%SZ')}")
    assert "has no past" not in answer.content.decode()
    assert "matrix-live" not in page


@pytest.mark.parametrize("address", ["1/1@1", "1/1@99999999999999999999", "lhcb/1/1@5"])
def test_a_cell_that_said_nothing_then_is_not_found(client, past, address):
    assert client.get(f"/matrix/{address}").status_code == 404


def a_bdii(past):
    """ALPHA's site BDII, from whose failure every failure at the site follows; it failed 4 hours ago, the CE after."""
    bdii = a_service(of=past.alpha, type="Site-BDII", hostname="bdii.alpha.org")
    test = a_test("BDII-fresh")
    in_profile(past.vo, test, type="Site-BDII")
    CauseRule.objects.create(cause=test, reach="site", accepted_at=past.now - 9 * HOUR)
    down = a_result(bdii, "BDII-fresh", status=Status.CRITICAL, summary="stale", executed_at=past.now - 4 * HOUR)
    submit([down], now=past.now)
    return bdii


def test_consequences_stand_apart_from_their_cause(client, past):
    bdii = a_bdii(past)
    a_vo("dteam", supported_by=[bdii])
    past.say("ALPHA", 3, Status.CRITICAL, summary="no match")
    past.say("ALPHA", 3, Status.UNKNOWN, "CE-ca")
    past.say("BETA", 3, Status.CRITICAL)
    page = client.get("/matrix/", {"type": "all"}).content.decode()
    assert re.search(
        r'<td class=y><a [^>]*title="CRITICAL: no match\nFailed because BDII-fresh fails on Site-BDII', page
    )
    assert "<td class=z>" in page
    assert re.search(r'<td class="f r"><a [^>]*2 other failures follow from it', page)
    assert page.count("<td class=f>") == 1  # BETA's own
    cells = rows(client, type="CE")["ALPHA"]["tests"]
    assert cells["CE-js"]["letter"] == "(X)"
    assert cells["CE-js"]["because"] == "failed because BDII-fresh fails on Site-BDII bdii.alpha.org"


def test_causes_of_the_past_are_those_of_that_time(client, past):
    a_bdii(past)
    past.say("ALPHA", 3, Status.CRITICAL)
    assert rows(client, as_of=timezone.now().isoformat())["ALPHA"]["tests"]["CE-js"]["letter"] == "(X)"
    # the rule was not yet written down then
    assert rows(client, as_of=past.word(2))["ALPHA"]["tests"]["CE-js"]["letter"] == "!!!"


def test_two_moments_compared(client, past):
    past.say("ALPHA", 5)
    past.say("ALPHA", 5, metric="CE-ca")
    past.say("BETA", 5)
    past.say("BETA", 5, Status.CRITICAL, "CE-ca", summary="old CAs")
    past.say("ALPHA", 2, Status.CRITICAL, summary="no slot free")
    past.say("BETA", 2, metric="CE-ca")
    newer = a_service(of=past.beta, hostname="newer.beta.org", valid_from=past.now - HOUR)
    a_vo("dteam", supported_by=[newer])
    query = {"from": past.word(3), "vo": "dteam"}
    found = client.get("/matrix/compare/", query | {"format": "json"}).json()["changes"]
    assert [
        (row["course"], row["hostname"], row["status_before"], row["status_after"], row["test"]) for row in found
    ] == [
        ("worse", "ce.alpha.org", "OK", "CT", "CE-js"),
        ("better", "ce.beta.org", "CT", "OK", "CE-ca"),
        ("entered", "newer.beta.org", "", "NA", ""),
    ]
    assert (found[0]["before"], found[0]["after"], found[0]["summary_after"]) == ("O", "!!!", "no slot free")
    page = client.get("/matrix/compare/", query).content.decode()
    assert "3 services changed" in page
    # from a letter to the log of that moment
    address = re.search(r'href="(/matrix/[\w/]+@\d+)" title="old CAs"', page)[1]
    assert "old CAs" in client.get(address, follow=True).content.decode()
    assert "newer.beta.org" not in client.get("/matrix/compare/", query | {"show": "worse"}).content.decode()
    csv = client.get("/matrix/compare/", query | {"format": "csv"}).getvalue().decode().splitlines()
    assert csv[1].startswith("worse,Italy,ALPHA,CE,ce.alpha.org,dteam,OK,CT,CE-js,O,!!!")


def test_the_same_moment_twice_has_no_change_and_wrong_ones_are_explained(client, past):
    past.say("ALPHA", 5)
    word = past.word(2)
    assert "Nothing changed" in client.get("/matrix/compare/", {"from": word, "to": word}).content.decode()
    wrong = client.get("/matrix/compare/", {"from": "tomorrowish"})
    assert wrong.status_code == 422
    assert "tomorrowish" in wrong.content.decode()
    assert client.get("/matrix/compare/", {"format": "xml"}).status_code == 400


NOW = datetime(2026, 3, 10, 12, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "past", "span", "place", "back", "on"),
    [
        # steps stand at full quarters: now is the one that ends 12:15
        ("", None, "24h", 0, "2026-03-10T12:00:00Z", ""),
        ("", NOW - 127 * timedelta(minutes=1), "24h", -9, "2026-03-10T09:45:00Z", "2026-03-10T10:15:00Z"),
        ("", NOW - timedelta(seconds=1), "24h", -1, "2026-03-10T11:45:00Z", ""),
        ("", NOW - 3 * timedelta(days=1), "7d", -73, "2026-03-07T11:00:00Z", "2026-03-07T13:00:00Z"),
        ("span=30d", None, "30d", 0, "2026-03-10T12:00:00Z", ""),
        ("span=24h", NOW - 60 * timedelta(days=1), "30d", -241, "2026-01-09T06:00:00Z", "2026-01-09T18:00:00Z"),
    ],
)  # fmt: skip
def test_the_slider_stands_where_the_page_is(query, past, span, place, back, on):
    slider = slider_of(QueryDict(query), NOW, past)
    shown = (slider.span.name, slider.place, QueryDict(slider.back[1:]).get("as_of"))
    assert shown == (span, place, back)
    assert QueryDict(slider.on[1:]).get("as_of", "") == on
