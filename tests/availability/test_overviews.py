"""The pages that compare, over a federation of two regions with known figures; weights of a report beside the rest."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from gridkeeper.availability import queries, trends
from gridkeeper.availability.compute import compute_days
from gridkeeper.availability.models import ProfileKind
from gridkeeper.availability.periods import Span, Step
from gridkeeper.availability.profiles.actions import create
from gridkeeper.availability.profiles.weights import WeightGiven, set_weights
from gridkeeper.core.status import Status
from gridkeeper.core.windows import DAY, Window
from gridkeeper.people.actor import Actor
from gridkeeper.probes.ingest import submit
from gridkeeper.registry.models import Service
from tests.availability.days import DAY as D
from tests.availability.days import DAY_S, MIDNIGHT, at
from tests.builders import a_result, a_service, a_service_type, a_site, a_test, a_vo, an_ngi, in_profile

pytestmark = pytest.mark.usefixtures("installation")
H = 3600
NEXT = D + DAY
MONTH = {"period": "2026-03"}


@pytest.fixture
def sites(installation):
    """Tier-1 GOOD is up for two days; Tier-2 BAD fails from the first noon to the second 06:00. Weights 3 : 1."""
    vo = a_vo("dteam")
    region = an_ngi(name="Italy")
    ce = a_service_type("CE")
    ce.service_class = "C"
    ce.save()
    made = {}
    for name, tier in (("GOOD", "1"), ("BAD", "2")):
        site = a_site(name=name, ngi=region, tier=tier)
        made[name] = a_service(of=site, hostname=f"ce.{name.lower()}.example")
        a_vo("dteam", supported_by=[made[name]])
    in_profile(vo, a_test("CE-js"))
    told = [
        ("GOOD", 0, Status.OK), ("BAD", 0, Status.OK), ("BAD", 12 * H, Status.CRITICAL),
        ("GOOD", DAY_S, Status.OK), ("BAD", DAY_S, Status.CRITICAL), ("BAD", DAY_S + 6 * H, Status.OK),
    ]  # fmt: skip
    submit([a_result(made[name], status=status, executed_at=at(second)) for name, second, status in told],
           now=at(2 * DAY_S + H))  # fmt: skip
    _weighed_report({name: service.site for name, service in made.items()})
    compute_days([D, NEXT], at(2 * DAY_S + H))
    return {name: service.site for name, service in made.items()}


def _weighed_report(sites) -> None:
    actor, now, first = Actor.system("tests"), at(2 * DAY_S + H), D - 30 * DAY
    weights = [WeightGiven(sites["GOOD"], "hepspec", first, Decimal(300)),
               WeightGiven(sites["BAD"], "hepspec", first, Decimal(100))]  # fmt: skip
    set_weights(actor, weights, reason="pledged", now=now)
    document = {"vo": "dteam", "weight": "hepspec", "targets": {"availability": 90}}
    create(actor, kind=ProfileKind.REPORT, name="weighed", document=document, valid_from=first, reason="tests", now=now)


def text_of(client, path: str, **query: str) -> str:
    answer = client.get(path, MONTH | query)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_weighted_and_plain_figures_stand_beside_each_other(client, sites) -> None:
    page = text_of(client, "/availability/", report="weighed")
    # Up 48 h and 30 h of 96 h; weighted (3 x 48 + 30) of (3 x 48 + 48) h.
    assert "All regions 2026-03: 81.25 %" in page
    assert "All regions 2026-03, weighted: 90.62 %" in page
    assert "Weighted: each site counts as much as its hepspec" in page
    assert "1 site met the target of 90 %, 1 did not" in page
    assert "Weighted" not in text_of(client, "/availability/")
    # Without regions, the worst first.
    worst = text_of(client, "/availability/", order="worst")
    assert worst.index(">BAD<") < worst.index(">GOOD<")
    assert ">Italy<" not in worst
    assert ">Italy<" in page


def test_a_period_of_any_length_is_a_sum_of_seconds(client, sites) -> None:
    expected = {
        "2026-03-10": "BAD 2026-03-10 12:00–13:00 UTC: 0.00 %", "2026-W11": "BAD 2026-03-10: 50.00 %",
        "2026-Q1": "BAD 2026-W11: 62.50 %", "2026": "BAD 2026-03: 62.50 %",
        "2026-03-01..2026-03-10": "BAD 2026-03-01..2026-03-10: 50.00 %",
    }  # fmt: skip
    for period, words in expected.items():
        assert words in text_of(client, "/availability/", period=period), period


def test_the_tiers_and_the_service_types_have_pages(client, sites) -> None:
    page = text_of(client, "/availability/tiers/")
    assert 'class="bar-target"' in page
    assert "GOOD" in page
    assert "BAD" not in page
    assert "1 of 1 sites meet the target of 80 %" in page
    assert "BAD" in text_of(client, "/availability/tiers/", tier="2")
    assert "No figures of such sites" in text_of(client, "/availability/tiers/", tier="3")
    assert client.get("/availability/tiers/", {"tier": "9"}).status_code == 404
    # Service types open into sites and instances.
    assert "CE 2026-03: 81.25 %" in text_of(client, "/availability/services/")
    page = text_of(client, "/availability/services/", service_type="CE")
    assert "ce.bad.example 2026-03-10: 50.00 %" in page
    assert "No figures of services" in text_of(client, "/availability/services/", service_type="LFC")


def test_hours_are_good_or_bad(client, sites) -> None:
    page = text_of(client, "/availability/hours/")
    assert "BAD: 30 good hours, 18 bad" in page
    assert "81.25 %" in page  # 78 of 96 hours
    rows = json.loads(client.get("/availability/hours/", MONTH | {"format": "json"}).getvalue())
    assert {row["site_name"]: row["good_percent"] for row in rows} == {"GOOD": 100.0, "BAD": 62.5}
    assert "Hours are shown for a day, a week or a month" in text_of(client, "/availability/hours/", period="2026")


def test_an_outage_goes_on_over_midnight(client, sites) -> None:
    window = Span.parse("2026-03").window
    (outage,) = trends.longest_outages(window, report="dteam", level="site")
    assert (outage.place.site_name, outage.seconds, outage.is_going_on) == ("BAD", 18 * H, False)
    assert outage.start == MIDNIGHT + timedelta(hours=12)
    (worst,) = trends.worst_metrics(window, report="dteam")
    assert (worst.metric, worst.critical_s, worst.services) == ("CE-js", 18 * H, 1)
    (flapping,) = trends.flapping(window, report="dteam", level="service")
    assert (flapping.place.hostname, flapping.flips) == ("ce.bad.example", 2)
    page = text_of(client, "/availability/trends/")
    assert "10 Mar 12:00" in page
    assert "18 h" in page


def test_service_levels_say_who_misses_the_target_and_by_how_much(client, sites) -> None:
    page = text_of(client, "/availability/sla/")
    # 62.5 % of 48 h known, target 80 %: 9.6 h were allowed, 18 h were lost.
    assert "none, 8 h 24 min over" in page
    assert "Class C: availability 95 %" in page
    row, = [row for row in json.loads(client.get("/availability/sla/", MONTH | {"format": "json"}).getvalue())
            if row["site_name"] == "BAD"]  # fmt: skip
    assert (row["outlook"], row["value"], row["left_s"], row["standing"]) == ("lost", 62.5, -30_240, "good")


def test_a_longer_step_adds_up_what_days_say(sites) -> None:
    window = Window(MIDNIGHT, MIDNIGHT + 2 * DAY)
    by_day = queries.figures(window, level="site", report="weighed")
    whole = queries.sums_of_steps(window, None, levels=("site",), report="weighed")
    by_month = queries.sums_of_steps(window, Step.MONTH, levels=("site",), report="weighed")
    assert [figure.seconds for figure in whole] == [figure.seconds for figure in by_month]
    assert sum(figure.seconds.up_s for figure in whole) == sum(figure.seconds.up_s for figure in by_day)
    assert all(figure.weighted is not None for figure in whole)
    # What was read of a day is kept, but not beyond its being computed again.
    submit([a_result(Service.objects.get(site=sites["GOOD"]), status=Status.CRITICAL, executed_at=at(12 * H))],
           now=at(2 * DAY_S + 2 * H))  # fmt: skip
    compute_days([D], at(2 * DAY_S + 2 * H))
    again = queries.sums_of_steps(window, None, levels=("site",), report="weighed")
    assert sum(figure.seconds.up_s for figure in whole) - sum(figure.seconds.up_s for figure in again) == 12 * H


def test_periods_by_the_api(client, sites) -> None:
    query = {"period": "2026-03", "level": "federation", "vo": "weighed"}
    answer = client.get("/api/v1/availability/periods", query).json()
    assert [(item["date"], item["availability"], item["weighted_availability"]) for item in answer["items"]] == [
        ("2026-03-01", "81.25000", "90.62500"),
    ]  # fmt: skip
    weeks = client.get("/api/v1/availability/periods", {"period": "2026-03", "level": "function", "step": "day"}).json()
    assert {item["function"] for item in weeks["items"]} == {"CE"}
    refused = client.get("/api/v1/availability/periods", {"period": "soon"})
    assert (refused.status_code, "write it as" in refused.json()["detail"]) == (422, True)


def test_a_report_that_is_not_public_is_there_for_those_who_signed_in(client, django_user_model) -> None:
    a_vo("dteam")
    create(
        Actor.system("tests"), kind=ProfileKind.REPORT, name="draft", document={"vo": "dteam", "is_public": False},
        valid_from=D, reason="tests", now=at(0),
    )  # fmt: skip
    named = {"report": "draft"}
    assert client.get("/availability/", named).status_code == 404
    assert client.get("/api/v1/availability/periods", {"period": "2026-03", "vo": "draft"}).status_code == 422
    client.force_login(django_user_model.objects.create(username="alice"))
    assert client.get("/availability/", named).status_code == 200
    assert client.get("/api/v1/availability/periods", {"period": "2026-03", "vo": "draft"}).status_code == 200
