"""The feed of changes and what is published: replayed it gives the answer, loaded by a real LDAP server it holds."""

import json
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.probes.ingest import submit
from gridkeeper.selection.actions import add_to_list
from gridkeeper.selection.changes import Subject, changes_of, forget, last_known, note_changes
from gridkeeper.selection.judge import answer
from gridkeeper.selection.models import GoodChange
from gridkeeper.selection.publish import as_http_sd, as_ldif
from gridkeeper.selection.signals import good_changed
from tests.builders import NOW, a_result, a_service, a_site, a_test, a_user, a_vo, in_profile
from tests.services import require_service

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def grid():
    """FAIR and POOR serve lhcb, EMPTY does not; results hold for two hours."""

    class Grid:
        fair, poor, empty = (a_site(name=name) for name in ("FAIR", "POOR", "EMPTY"))
        fair_ce, poor_ce = a_service(of=fair, hostname="ce.fair.org"), a_service(of=poor, hostname="ce.poor.org")
        vo = a_vo("lhcb", supported_by=[fair_ce, poor_ce])
        test = a_test("CE-js", validity_s=7200)

    in_profile(Grid.vo, Grid.test)
    submit([a_result(Grid.fair_ce), a_result(Grid.poor_ce, status=Status.CRITICAL)], now=NOW)
    return Grid


def fed():
    return [(row.site, row.service, row.is_good) for row in changes_of("lhcb").order_by("pk")]


def test_the_first_judgement_says_how_things_stand(grid):
    told = []
    receiver = lambda **words: told.append(words["changes"])  # noqa: E731
    good_changed.connect(receiver)
    assert note_changes(NOW) == 4
    assert fed() == [
        ("FAIR", "", True), ("FAIR", "CE ce.fair.org", True), ("POOR", "", False), ("POOR", "CE ce.poor.org", False),
    ]  # fmt: skip
    assert note_changes(NOW) == 0
    assert told == []


def test_each_change_is_written_once_with_its_reason_and_told(grid):
    note_changes(NOW)
    told = []
    receiver = lambda **words: told.extend(words["changes"])  # noqa: E731
    good_changed.connect(receiver)
    later = NOW + HOUR
    submit([a_result(grid.poor_ce, executed_at=later)], now=later)
    assert note_changes(later) == 2
    assert note_changes(later) == 0
    row = GoodChange.objects.filter(site="POOR", service="").first()
    assert (row.is_good, row.reason, row.at) == (True, "good", later)
    assert [change.site for change in told] == ["POOR", "POOR"]


def test_time_itself_excludes_when_results_go_stale(grid):
    note_changes(NOW)
    note_changes(NOW + 3 * HOUR)
    row = GoodChange.objects.filter(site="FAIR", service="").first()
    assert row.is_good is False
    assert "has no result since 2026-03-10 12:00 UTC (was OK)" in row.reason


def test_the_feed_replayed_is_the_answer_of_that_instant(grid):
    moments = [NOW + step * HOUR / 2 for step in range(8)]
    for number, moment in enumerate(moments):
        if number == 2:
            submit([a_result(grid.poor_ce, executed_at=moment)], now=moment)
        if number == 3:
            add_to_list(
                Actor.system(),
                vo=grid.vo,
                site=grid.poor,
                kind="black",
                reason="x",
                expires_at=moment + HOUR,
                now=moment,
            )
        note_changes(moment)
    for moment in moments:
        good = {
            subject.site for subject, is_good in last_known("lhcb", moment).items() if is_good and not subject.service
        }
        assert good == {verdict.site.name for verdict in answer("lhcb", moment).good}, moment


def test_a_site_that_offers_nothing_any_more_is_out(grid):
    note_changes(NOW)
    grid.fair_ce.valid_until = NOW + HOUR
    grid.fair_ce.save()
    note_changes(NOW + 1.5 * HOUR)
    assert set(fed()[-2:]) == {("FAIR", "", False), ("FAIR", "CE ce.fair.org", False)}


def test_what_is_forgotten_is_never_how_things_stand(grid):
    note_changes(NOW)
    note_changes(NOW + 3 * HOUR)
    before = last_known("lhcb")
    assert forget(NOW + 9 * HOUR) == 2
    assert last_known("lhcb") == before
    assert before[Subject("FAIR")] is False


def test_the_feed_over_http_goes_on_where_one_stopped(client, grid):
    note_changes(NOW)
    first = client.get("/api/v1/good-sites/lhcb/changes", {"limit": 3}).json()
    assert [item["site"] for item in first["items"]] == ["FAIR", "FAIR", "POOR"]
    rest = client.get("/api/v1/good-sites/lhcb/changes", {"after": first["next_after"]}).json()
    assert [item["service"] for item in rest["items"]] == ["CE ce.poor.org"]
    end = client.get("/api/v1/good-sites/lhcb/changes", {"after": rest["next_after"]}).json()
    assert (end["items"], end["next_after"]) == ([], rest["next_after"])
    assert client.get("/api/v1/good-sites/lhbc/changes").status_code == 404


def test_prometheus_and_ldap_get_only_what_is_good(client, grid):
    (group,) = json.loads(as_http_sd(answer("lhcb", NOW)))
    assert group["targets"] == ["ce.fair.org"]
    assert group["labels"]["__meta_gridkeeper_site"] == "FAIR"
    ldif = as_ldif(answer("lhcb", NOW))
    assert "GLUE2EntityValidity: 7200" in ldif
    assert "POOR" not in ldif
    now = timezone.now()
    submit([a_result(grid.fair_ce, executed_at=now)], now=now)
    for wanted, kind in (("http_sd", "application/json"), ("ldif", "text/plain")):
        found = client.get("/api/v1/good-sites", {"vo": "lhcb", "format": wanted})
        assert found["Content-Type"].startswith(kind)
        assert "ce.fair.org" in found.content.decode()


@pytest.mark.service
def test_a_real_ldap_server_with_the_glue_schema_loads_the_fragment(grid, tmp_path):
    schema = Path("/etc/ldap/schema/GLUE20.schema")
    slapadd, slapcat = shutil.which("slapadd", path="/usr/sbin"), shutil.which("slapcat", path="/usr/sbin")
    require_service(bool(schema.exists() and slapadd and slapcat), "slapd with the GLUE schema")
    hostile = a_site(name='A, "site"; of=<odd> #names+é')
    service = a_service(of=hostile, hostname="ce.odd.org")
    a_vo("lhcb", supported_by=[service])
    submit([a_result(service)], now=NOW)
    configuration = tmp_path / "slapd.conf"
    (tmp_path / "db").mkdir()
    configuration.write_text(
        f"include /etc/ldap/schema/core.schema\ninclude {schema}\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n"
        f'database mdb\nsuffix "o=glue"\ndirectory {tmp_path}/db\nmaxsize 10485760\n'
    )
    fragment = as_ldif(answer("lhcb", NOW))
    base = "dn: o=glue\nobjectClass: organization\no: glue\n\n"
    loaded = subprocess.run(
        [slapadd, "-f", configuration], input=base + fragment, text=True,
        capture_output=True,
    )  # fmt: skip
    assert loaded.returncode == 0, loaded.stderr
    shown = subprocess.run([slapcat, "-f", configuration, "-o", "ldif-wrap=no"], capture_output=True, text=True).stdout
    assert shown.count("objectClass: GLUE2AdminDomain") == 2
    assert shown.count("objectClass: GLUE2Service") == 2


def test_the_api_proposes_decides_and_previews(client, grid):
    carol, dave = a_user("carol", vo=grid.vo), a_user("dave", vo=grid.vo)

    def post(user, path, body):
        client.force_login(user)
        client.get("/")
        return client.post(f"/api/v1/good-sites/lhcb/{path}", json.dumps(body), content_type="application/json")

    assert post(carol, "policy", {"needs_approval": True, "reason": "two"}).status_code == 200
    asked = post(carol, "lists", {"site": "FAIR", "kind": "black", "reason": "slow"})
    assert (asked.status_code, asked.json()["changes"]) == (202, ["FAIR goes on the black list: slow"])
    path = f"proposals/{asked.json()['id']}"
    assert post(carol, f"{path}/approve", {}).status_code == 403
    assert post(dave, f"{path}/approve", {"decision": "fine"}).json()["state"] == "approved"
    assert post(dave, f"{path}/reject", {"decision": "no"}).status_code == 422
    (entry,) = client.get("/api/v1/good-sites/lhcb/lists").json()["items"]
    effect = post(dave, "what-if", {"remove": [entry["id"]], "freshest_s": 0}).json()
    assert effect["leaving"] == []
    assert post(dave, "what-if", {"remove": [99]}).status_code == 422
    removal = post(dave, f"lists/{entry['id']}/remove", {"reason": "it is fast again"})
    assert removal.status_code == 202
    critical = {"changes": [{"service_type": "CE", "test": "CE-js", "is_critical": False}], "reason": "x"}
    assert post(dave, "tests", critical).status_code == 202
    assert client.get("/api/v1/good-sites/lhcb/proposals").json()["count"] == 2
