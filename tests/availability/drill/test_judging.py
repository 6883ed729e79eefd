"""Days explained and supposed are those that were computed: the same seconds, and what becomes of them."""

from datetime import timedelta

import pytest

from gridkeeper.availability import queries
from gridkeeper.availability.compute import compute_days
from gridkeeper.availability.drill.causes import causes
from gridkeeper.availability.drill.groups import group_of
from gridkeeper.availability.drill.judging import Asked, judge_group
from gridkeeper.availability.drill.suppositions import SupposedDowntime, Supposition
from gridkeeper.availability.drill.what_if import what_if
from gridkeeper.availability.models import ProfileVersion, Recomputation
from gridkeeper.availability.months import Month
from gridkeeper.availability.profiles.actions import create
from gridkeeper.core.status import Status
from gridkeeper.core.windows import DAY as ONE_DAY
from gridkeeper.core.windows import Window
from gridkeeper.people.actor import Actor
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.models import ProfileEntry
from gridkeeper.registry.models import Service
from tests.availability.days import DAY as D
from tests.availability.days import at
from tests.builders import a_downtime, a_result, a_service, a_service_group, a_site, a_test, a_vo, in_profile

pytestmark = pytest.mark.usefixtures("installation")
H = 3600
NOW = at(36 * H)  # noon of the next day
DAYS = [D - ONE_DAY, D, D + ONE_DAY]
MONTH = Month.of(D)


@pytest.fixture
def service(installation) -> Service:
    """At 06:00:30.7 js fails, at 09 it works again and ver warns, at 21 js fails for good."""
    made = a_service(of=a_site(name="SITE"), hostname="ce.example")
    vo = a_vo("dteam", supported_by=[made])
    for name in ("CE-js", "CE-ver"):
        in_profile(vo, a_test(name))
    said = [
        ("CE-js", 0, Status.OK, ""),
        ("CE-ver", 0, Status.OK, ""),
        ("CE-js", 6 * H + 30.7, Status.CRITICAL, "CRITICAL: full"),
        ("CE-js", 9 * H, Status.OK, ""),
        ("CE-ver", 9 * H, Status.WARNING, "slow"),
        ("CE-js", 21 * H, Status.CRITICAL, "late"),
    ]
    results = [
        a_result(made, metric, executed_at=at(second), status=status, summary=text)
        for metric, second, status, text in said
    ]
    submit(results, now=NOW)
    return made


def stored(service: Service):
    """What is computed into the lake, by day."""
    compute_days(DAYS, NOW)
    found = queries.figures(MONTH.window, level="site", report="dteam", site=service.site.key)
    return {figure.day: figure.seconds for figure in found}


def test_several_days_in_one_run_are_the_days_that_were_computed(service) -> None:
    """One of them is not over, and one had no results at all."""
    judged = judge_group(group_of(service.site.key), "dteam", [Asked(day) for day in DAYS], NOW)
    assert {asked.day: tree.seconds for asked, tree in judged.items()} == stored(service)
    tree = judged[Asked(D)]
    assert [(segment.status.name, segment.seconds) for segment in tree.segments] == [
        ("OK", 6 * H + 30), ("CRITICAL", 3 * H - 30), ("WARNING", 12 * H), ("CRITICAL", 3 * H),
    ]  # fmt: skip


def test_a_supposed_downtime_is_what_a_declared_one_would_be(service) -> None:
    before = stored(service)
    window = Window(at(5 * H), at(30 * H))
    supposition = Supposition((SupposedDowntime("CE", "ce.example", window),))
    found = what_if(group_of(service.site.key), "dteam", MONTH, supposition, NOW)
    assert {each.day: each.compared.before for each in found.days} == {day: before[day] for day in DAYS[1:]}
    a_downtime(service, start=window.start, end=window.end)
    after = stored(service)
    assert {each.day: each.compared.after for each in found.days} == {day: after[day] for day in DAYS[1:]}
    assert found.month.after == sum(after.values(), start=type(found.month.after)())


def test_a_test_that_is_supposed_not_to_count_is_as_one_that_was_never_in_the_profile(service) -> None:
    stored(service)
    supposition = Supposition(without=frozenset({("CE-js", "CE")}))
    found = what_if(group_of(service.site.key), "dteam", MONTH, supposition, NOW)
    ProfileEntry.objects.filter(test__name="CE-js").delete()
    after = stored(service)
    assert {each.day: each.compared.after for each in found.days} == {day: after[day] for day in (D, D + ONE_DAY)}
    everything = Supposition(without=frozenset({("CE-js", "CE"), ("CE-ver", "CE")}))
    assert what_if(group_of(service.site.key), "dteam", MONTH, everything, NOW).month.after.total_s == 0


def test_the_pages_explain_every_level_to_the_result(client, service) -> None:
    stored(service)
    base = f"/availability/sites/{service.site.key}/"
    page = client.get(f"{base}{D}/", {"at": "06:00:30"}).content.decode()
    assert 'CE-js failed on CE ce.example for dteam</a><span class="said">: full' in page
    assert "CRITICAL 2026-03-10 06:00–09:00 UTC because CE-js failed on CE ce.example for dteam" in page
    assert "result of 2026-03-10 06:00:30 UTC" in page
    assert "decided the site&#x27;s status" in page or "decided the site's status" in page
    why = client.get(f"{base}why/", {"month": str(MONTH)}).content.decode()
    assert "CE-js failed on CE ce.example for dteam" in why
    assert "2 periods" in why
    region = service.site.ngi
    every = client.get("/availability/why/", {"month": str(MONTH)}).content.decode()
    assert f"region={region.key}" in every
    own = client.get("/availability/why/", {"month": str(MONTH), "region": region.key}).content.decode()
    assert f"{base}why/?month={MONTH}" in own
    assert client.get(f"{base}why/", {"month": "2025-01"}).content.decode().count("No figures of this month") == 1
    for path, given in (
        (f"{D}/", {"at": "noon"}),
        ("why/", {"month": "March"}),
        ("2026-02-30/", {}),
        (f"{D}/", {"vo": "x"}),
    ):
        assert client.get(base + path, given).status_code == 404
    assert client.get(f"/availability/sites/nobody/{D}/").status_code == 404


def test_the_page_of_suppositions_computes_and_says_what_is_wrong(client, service) -> None:
    stored(service)
    base = f"/availability/sites/{service.site.key}/what-if/"
    form = {"month": str(MONTH), "down": "CE|ce.example", "from": "2026-03-10T05:00", "until": "2026-03-10T10:00"}
    page = client.get(base, form).content.decode()
    assert "March 2026 would have been" in page
    assert "CE-ver on CE" in page
    assert "/availability/recomputations/new/?kind=status" in page
    assert (
        "/availability/recomputations/new/?kind=results"
        in client.get(base, {"month": str(MONTH), "without": "CE-js|CE"}).content.decode()
    )
    for wrong, text in (
        ({"until": ""}, "Say from when until when"), ({"until": "soon"}, "is no time"),
        ({"until": "2026-03-10T04:00"}, "ends before it begins"),
    ):  # fmt: skip
        answer = client.get(base, form | wrong)
        assert (answer.status_code, text in answer.content.decode()) == (422, True)
    assert client.get(base, {"down": "what"}).status_code == 404


def test_recomputations_are_reasons_and_lead_to_their_pages(client, service) -> None:
    asked = Recomputation.objects.create(
        kind="status", start=at(6 * H), end=at(8 * H), reason="the network of the monitoring", state="applied",
        document={"level": "service", "status": "UNKNOWN", "services": ["CE"]}, created_at=NOW - timedelta(hours=1),
    )  # fmt: skip
    page = client.get(f"/availability/sites/{service.site.key}/{D}/").content.decode()
    assert "a recomputation set CE ce.example to UNKNOWN" in page
    assert f"/availability/recomputations/{asked.key}/" in page
    assert "the network of the monitoring" in page


def define(kind: str, name: str, document: dict[str, object]) -> None:
    create(Actor.system(), kind=kind, name=name, document=document, valid_from=D - ONE_DAY, reason="x", now=NOW)


def test_functions_and_service_groups_are_explained_too(client, service) -> None:
    """The ARC CE takes over while the CE is critical: the function is up, and says thanks to whom."""
    other = a_service(of=service.site, type="ARC-CE", hostname="arc.example")
    a_vo("dteam", supported_by=[other])
    in_profile(a_vo("dteam"), a_test("ARC-submit"), type="ARC-CE")
    submit([a_result(other, "ARC-submit", executed_at=at(0), id="arc")], now=NOW)
    functions = [{"name": "compute", "operation": "OR", "services": {"CE": "OR", "ARC-CE": "OR"}}]
    define("aggregation", "either", {"functions": functions})
    define("report", "compute", {"title": "Compute", "aggregation": "either"})
    asked = Asked(D)
    site = judge_group(group_of(service.site.key), "compute", [asked], NOW)[asked]
    function = site.parts[0]
    assert [(function.kind, function.name, function.operation), len(function.parts)] == [
        ("function", "compute", "OR"),
        2,
    ]
    assert site.seconds.up_s == 24 * H
    assert {cause.branch.name for cause in causes(site, Window(at(7 * H), at(8 * H)))} == {"ARC-submit"}

    group = a_service_group(service, name="GROUP")
    define("report", "groups", {"title": "Groups", "group_kind": "service_group", "region_kind": "federation"})
    page = client.get(f"/availability/sites/{group.key}/{D}/", {"report": "groups"}).content.decode()
    assert "GROUP, Tue 2026-03-10" in page
    assert "CE-js failed on CE ce.example" in page


def test_a_verdict_of_thresholds_is_told_from_what_the_test_said(client, service) -> None:
    define("thresholds", "limits", {"rules": [{"metric": "CE-ver", "thresholds": "time=1s;0:5;0:8"}]})
    define("report", "strict", {"title": "Strict", "vo": "dteam", "thresholds": "limits"})
    submit([a_result(service, "CE-ver", executed_at=at(3 * H), perfdata="time=9s;;", id="slow")], now=NOW)
    base = f"/availability/sites/{service.site.key}/{D}/"
    strict = client.get(base, {"report": "strict", "at": "04:00:00"}).content.decode()
    assert "by the thresholds of the report; the test itself said OK" in strict
    assert "by the thresholds" not in client.get(base, {"at": "04:00:00"}).content.decode()


def test_a_report_that_cannot_be_judged_says_why(client, service) -> None:
    define("report", "broken", {"title": "Broken"})
    ProfileVersion.objects.filter(profile__name="broken").update(document={"title": "Broken", "aggregation": "lost"})
    answer = client.get(f"/availability/sites/{service.site.key}/{D}/", {"report": "broken"})
    assert (answer.status_code, b"lost" in answer.content) == (409, True)
