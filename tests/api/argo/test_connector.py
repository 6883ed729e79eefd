"""A day of a federation that a connector alone describes: pushed, judged, weighed and read again."""

import json

import pytest

from gridkeeper.availability.compute import compute_days
from gridkeeper.availability.topology_feeds import weights
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.probes.ingest import submit
from tests.api.argo.asking import read
from tests.availability.days import DAY, DAY_S, at
from tests.builders import a_result, a_test, a_vo, in_profile

pytestmark = pytest.mark.usefixtures("installation")
H = 3600
ON = f"?date={DAY}"


@pytest.fixture
def pushed(officer):
    """Two groups of one endpoint each: A is critical from noon and excused from 18:00, B is up; A weighs thrice B."""
    in_profile(a_vo("dteam"), a_test("SRM-put"), type="SRM")
    sites = ("SITE-A", "SITE-B")
    hosts = {site: f"se.{site.lower()}.example" for site in sites}
    report = {
        "info": {"name": "Fed", "description": ""}, "weight": "hepspec",
        "topology_schema": {"group": {"type": "NGI", "group": {"type": "SITES"}}},
        "profiles": [{"id": "", "type": "metric", "name": "dteam"}],
    }  # fmt: skip
    excuse = {"start_time": f"{DAY}T18:00:00Z", "end_time": f"{DAY}T23:59:59Z"}
    for path, document in {
        f"reports{ON}": report,
        f"topology/groups{ON}": [{"group": "NGIA", "type": "NGI", "subgroup": site, "tags": {}} for site in sites],
        f"topology/endpoints{ON}": [
            {"group": site, "type": "SITES", "service": "SRM", "hostname": hosts[site], "tags": {}} for site in sites
        ],
        f"downtimes{ON}": {"endpoints": [{"hostname": hosts["SITE-A"], "service": "SRM", **excuse}]},
        f"weights{ON}": {
            "name": "Critical", "weight_type": "hepspec", "group_type": "SITES",
            "groups": [{"name": "SITE-A", "value": 2}, {"name": "SITE-B", "value": 0}],
        },
    }.items():  # fmt: skip
        made = officer.post(f"/api/v2/{path}", json.dumps(document), content_type="application/json")
        assert made.status_code == 201, made.content
    from_feeds(officer)
    told = [("SITE-A", 0, Status.OK), ("SITE-A", 12 * H, Status.CRITICAL), ("SITE-B", 0, Status.OK)]
    submit(
        [
            a_result(SeriesKey(hosts[site], "SRM", "SRM-put", ""), status=status, executed_at=at(second))
            for site, second, status in told
        ],
        now=at(DAY_S + H),
    )
    compute_days([DAY], at(DAY_S + H))
    return officer


def from_feeds(officer) -> None:
    """ARGO has no word for where a topology comes from: the report says so on its page."""
    from gridkeeper.availability.models import ProfileVersion

    version = ProfileVersion.objects.get(profile__name="Fed")
    version.document["topology"] = "feed"
    version.save()


def test_what_was_pushed_is_judged_and_read_again(pushed) -> None:
    assert weights(DAY, "hepspec") == {"SITE-A": 2.0, "SITE-B": 0.0}
    days = {"start_time": f"{DAY}T00:00:00Z", "end_time": f"{DAY}T23:59:59Z"}
    [above] = read(pushed.get("/api/v3/results/Fed", days))["results"]
    assert (above["name"], [group["name"] for group in above["groups"]]) == ("NGIA", ["SITE-A", "SITE-B"])
    site_a = above["groups"][0]["results"][0]
    assert (site_a["availability"], site_a["reliability"]) == ("50", "66.66564")  # 43200 / (86400 - 21599)
    assert above["results"][0]["availability"] == "62.5"  # (50 * 3 + 100 * 1) / 4
    [found] = read(pushed.get("/api/v2/status/Fed/SITES/SITE-A", days))["groups"]
    assert [(each["timestamp"][11:19], each["value"]) for each in found["statuses"]] == [
        ("00:00:00", "OK"), ("12:00:00", "CRITICAL"), ("18:00:00", "DOWNTIME"), ("23:59:59", "CRITICAL"),
        ("23:59:59", "CRITICAL"),
    ]  # fmt: skip
