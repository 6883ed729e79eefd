"""Published months: their permanent pages, downloads, versions, and the printed report."""

import csv
import hashlib
import io
import sys
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest
from django.test import override_settings

from gridkeeper.availability.compute import compute_days
from gridkeeper.availability.models import ProfileVersion, PublishedReport
from gridkeeper.availability.months import Month
from gridkeeper.availability.profiles.actions import create
from gridkeeper.availability.publishing.actions import publish
from gridkeeper.core.status import Status
from gridkeeper.core.windows import DAY as ONE_DAY
from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.probes.ingest import submit
from gridkeeper.registry.models import Site
from tests.availability.days import DAY as D
from tests.availability.days import at
from tests.builders import a_downtime, a_result, a_service, a_site, a_test, a_user, a_vo, an_ngi, in_profile

pytestmark = pytest.mark.usefixtures("installation")
H = 3600
MONTH = Month.of(D)
#: After whatever marked the days while the test ran.
AFTER = datetime(2090, 1, 1, tzinfo=UTC)
BASE = "/reports/dteam/2026-03/"


@pytest.fixture
def month(installation):
    """BAD is up for 12 h, in downtime for 6 h and critical for 18 h, then silent; <ODD> is up a day, then silent."""
    region = an_ngi(name="Italy")
    services = {
        name: a_service(of=a_site(name=name, ngi=region), hostname=f"ce.{name[:3].lower()}.example")
        for name in ("<ODD>", "BAD")
    }
    vo = a_vo("dteam", supported_by=list(services.values()))
    in_profile(vo, a_test("CE-js"))
    told = [("<ODD>", 0, Status.OK), ("BAD", 0, Status.OK), ("BAD", 12 * H, Status.CRITICAL)]
    submit(
        [a_result(services[name], status=status, executed_at=at(second)) for name, second, status in told], now=AFTER
    )
    a_downtime(services["BAD"], start=at(18 * H), end=at(24 * H))
    compute_days([D, D + ONE_DAY], AFTER)
    return services


@pytest.fixture
def published(month):
    return publish(Actor.system(), report="dteam", month=MONTH, now=AFTER)


def test_a_version_has_a_permanent_page_with_its_checksum(client, published) -> None:
    page = client.get(f"{BASE}v1/").content.decode()
    assert published.checksum in page
    assert "http://testserver/reports/dteam/2026-03/v1/" in page
    assert "33.33 %" in page
    assert "40.00 %" in page
    assert "&lt;ODD&gt;" in page
    assert "1 of 2" in page
    assert client.get(BASE).status_code == 200
    # What the checksum is of never changes.
    answer = client.get(f"{BASE}v1/report.json")
    assert hashlib.sha256(answer.content).hexdigest() == published.checksum
    assert "immutable" in answer["Cache-Control"]


def test_the_tables_say_the_same_as_csv_and_parquet_and_in_print(client, published) -> None:
    lines = list(csv.DictReader(io.StringIO(client.get(f"{BASE}v1/figures.csv").content.decode())))
    found = pq.read_table(io.BytesIO(client.get(f"{BASE}v1/figures.parquet").content)).to_pylist()
    assert [line["site_name"] for line in lines] == [row["site_name"] for row in found]
    assert {line["availability"] for line in lines if line["site_name"] == "BAD"} == {"33.33333"}
    days = list(csv.DictReader(io.StringIO(client.get(f"{BASE}v1/days.csv").content.decode())))
    assert {(line["date"], line["site_name"], line["up_s"]) for line in days if line["date"] == str(D)} == {
        (str(D), "BAD", "43200"), (str(D), "<ODD>", "86400"),
    }  # fmt: skip
    answer = client.get(f"{BASE}v1/report.pdf")
    assert (answer.status_code, answer["Content-Type"], answer.content[:5]) == (200, "application/pdf", b"%PDF-")


def test_a_correction_is_the_next_version_and_the_former_one_stays(client, month, published) -> None:
    a_downtime(month["BAD"], start=at(12 * H), end=at(18 * H))
    compute_days([D, D + ONE_DAY], AFTER)
    assert "have changed since" in client.get(BASE).content.decode()
    publish(Actor.system(), report="dteam", month=MONTH, now=AFTER + timedelta(hours=1), reason="late downtime")
    newest = client.get(BASE).content.decode()
    assert "What version 2 changed, and why" in newest
    assert "late downtime" in newest
    former = client.get(f"{BASE}v1/").content.decode()
    assert "Version 2</a> corrects it: late downtime" in former
    assert published.checksum in former


def test_what_is_not_published_can_be_printed_as_a_draft(client, month) -> None:
    page = client.get(BASE)
    assert page.status_code == 404
    assert b"Not published" in page.content
    assert client.get(f"{BASE}draft.pdf").content[:5] == b"%PDF-"


def test_without_its_library_the_printed_report_says_what_to_install(client, month, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    answer = client.get(f"{BASE}draft.pdf")
    assert (answer.status_code, b"libpango-1.0-0" in answer.content) == (503, True)


def test_an_address_that_means_nothing_is_not_found(client, published) -> None:
    paths = ("nobody/2026-03/", "dteam/March/", "dteam/2026-03/v9/", "dteam/2026-03/v1/secrets.csv",
             "dteam/2026-03/v1/figures.xls", "dteam/2020-01/draft.pdf")  # fmt: skip
    assert [client.get(f"/reports/{path}").status_code for path in paths] == [404] * len(paths)


def test_only_federation_staff_publish(client, month) -> None:
    a_user("alice", site=month["BAD"].site)
    client.login(username="alice", password="alice-password")
    assert client.post(f"{BASE}publish/").status_code == 403
    User.objects.create_superuser("root", password="root-password")
    client.login(username="root", password="root-password")
    assert "Publish March 2026" in client.get(BASE).content.decode()
    assert client.post(f"{BASE}publish/", follow=True).redirect_chain[-1][0] == f"{BASE}v1/"
    again = client.post(f"{BASE}publish/", {"reason": "again"}, follow=True).content.decode()
    assert "Nothing has changed since version 1" in again
    assert PublishedReport.objects.count() == 1


def test_a_report_that_is_not_public_asks_for_sign_in_behind_the_wall(client, published, settings) -> None:
    assert f'href="{BASE}"' in client.get("/reports/").content.decode()
    config = settings.GRIDKEEPER.model_copy(update={"public_reading": False})
    with override_settings(GRIDKEEPER=config):
        for path in ("", "v1/", "v1/report.json", "v1/report.pdf", "v1/figures.csv", "draft.pdf"):
            assert client.get(BASE + path)["Location"].startswith("/accounts/login/")
        assert "March 2026" not in client.get("/reports/").content.decode()


def test_a_month_without_anything_says_so(client, db) -> None:
    assert b"Nothing is published yet" in client.get("/reports/").content


def test_a_defined_report_is_read_as_it_says(client, published, settings) -> None:
    """It takes the place of the VO's; public: even behind the wall, though not its drafts; else only after sign-in."""
    document = {"title": "Ours", "vo": "dteam", "is_public": True}
    create(Actor.system(), kind="report", name="dteam", document=document, valid_from=D, reason="x", now=AFTER)
    with override_settings(GRIDKEEPER=settings.GRIDKEEPER.model_copy(update={"public_reading": False})):
        assert [client.get(BASE + path).status_code for path in ("v1/", "draft.pdf")] == [200, 302]
    ProfileVersion.objects.update(document=document | {"is_public": False})
    assert client.get(f"{BASE}v1/").status_code == 302
    assert client.get("/availability/why/", {"report": "dteam"}).status_code == 404
    a_user("bob")
    client.login(username="bob", password="bob-password")
    assert client.get(f"{BASE}v1/report.json")["Cache-Control"].startswith("private")


def test_a_report_is_held_against_its_own_targets_and_calls_tiers_tiers(client, month) -> None:
    targets = {"availability": 95, "reliability": 97, "unknown": 5}
    document = {"vo": "dteam", "region_kind": "tier", "targets": targets}
    create(Actor.system(), kind="report", name="ours", document=document, valid_from=D, reason="x", now=AFTER)
    Site.objects.filter(name="BAD").update(tier="1")
    Site.history.filter(name="BAD").update(tier="1")
    compute_days([D, D + ONE_DAY], AFTER)
    publish(Actor.system(), report="ours", month=MONTH, now=AFTER)
    said = client.get("/reports/ours/2026-03/v1/report.json").json()
    assert (said["targets"], said["region_kind"]) == ({"availability": "95", "reliability": "97"}, "tier")
    page = client.get("/reports/ours/2026-03/v1/").content.decode()
    assert "Tier-1" in page
    assert "Targets: availability 95 %, reliability 97 %" in page
