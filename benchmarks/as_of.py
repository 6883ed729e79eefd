"""Pages and API of the past against the same of the present; and the SQL queries of the registry's lists.

    python -m benchmarks.as_of [--json] [--quick]

A registry of 500 sites and 10,000 services, each changed three times. The reference of a past page is the same page of
the present in the same run; requests take turns, the median counts.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from typing import Any

GOAL_RATIO, GOAL_QUERIES = 2.0, 12
PAGES = (
    ("sites", "/registry/sites/"),
    ("services", "/registry/services/"),
    ("downtimes", "/registry/downtimes/"),
    ("API: services", "/api/v1/services?limit=100"),
    ("API: one site", "/api/v1/sites/{site}"),
)
#: Yesterday, which is asked for most; and an instant after which everything was changed, which costs most.
PASTS = (("yesterday", "1d", GOAL_RATIO), ("250 days ago", "250d", None))
_LISTS = ("sites", "services", "downtimes", "service-types", "regions", "service-groups", "scopes")


def _set_up(folder: str) -> None:
    os.environ |= {"GRIDKEEPER_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "gridkeeper.settings"}
    os.environ |= {"GRIDKEEPER_LOG_LEVEL": "ERROR"}
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def make_registry(sites: int, services: int, changes: int) -> str:
    """With audit records of every change; returns the key of a site."""
    from simple_history.utils import bulk_create_with_history, bulk_update_with_history

    from gridkeeper.registry.models import (
        Certification,
        Downtime,
        DowntimeService,
        Federation,
        Ngi,
        Service,
        ServiceType,
        Site,
    )

    now = datetime.now(UTC)
    era = {"valid_from": now - timedelta(days=400)}
    federation = Federation.objects.create(name="Benchmark", **era)
    ngis = bulk_create_with_history([Ngi(name=f"NGI_{n}", federation=federation, **era) for n in range(20)], Ngi)
    kinds = bulk_create_with_history([ServiceType(name=f"type.{n}") for n in range(20)], ServiceType)
    places = bulk_create_with_history(
        [
            Site(name=f"SITE-{n:04}", ngi=ngis[n % 20], certification=Certification.CERTIFIED, scopes=["EGI"], **era)
            for n in range(sites)
        ],
        Site,
    )
    made = bulk_create_with_history(
        [
            Service(
                site=places[n % sites], service_type=kinds[n % 20], hostname=f"h{n}.example.org", scopes=["EGI"], **era
            )
            for n in range(services)
        ],
        Service,
    )
    for turn in range(changes):
        for row in (*made, *places):
            row.description = f"turn {turn}"
        bulk_update_with_history(made, Service, ["description"], batch_size=2000)
        bulk_update_with_history(places, Site, ["description"], batch_size=2000)
    _spread_changes(now)
    downtimes = bulk_create_with_history(
        [
            Downtime(
                severity="OUTAGE", classification="SCHEDULED", description="works", declared_at=now - timedelta(days=n),
                start=now - timedelta(days=n), end=now - timedelta(days=n) + timedelta(hours=3),
            )
            for n in range(300)
        ],
        Downtime,
    )  # fmt: skip
    bulk_create_with_history(
        [DowntimeService(downtime=each, service=made[n]) for n, each in enumerate(downtimes)], DowntimeService
    )
    return str(places[0].key)


def _spread_changes(now: datetime) -> None:
    """The changes happened 300, 200, ... days ago; the last one of one object in fifty happened today."""
    from django.db.models import F, OuterRef, Subquery
    from django.db.models.functions import Coalesce

    from gridkeeper.registry.models import Service, Site

    for model in (Service, Site):
        records = model.history.model.objects  # type: ignore[attr-defined]
        for turn, days in (("", 400), ("turn 0", 300), ("turn 1", 200), ("turn 2", 100)):
            records.filter(description=turn).update(history_date=now - timedelta(days=days))
        today = records.annotate(rest=F("id") % 50).filter(description="turn 2", rest=0)
        records.filter(pk__in=list(today.values_list("pk", flat=True))).update(history_date=now)
        following = records.filter(id=OuterRef("id"), history_id__gt=OuterRef("history_id")).order_by("history_id")
        superseded = Subquery(following.values("history_date")[:1])
        records.update(history_until=Coalesce(superseded, F("history_until")))


def measure(quick: bool) -> list[dict[str, Any]]:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    site = make_registry(100 if quick else 500, 1000 if quick else 10_000, 3)
    client = Client(headers={"Accept-Encoding": "gzip", "Host": "localhost"})
    rows = []
    for name, path in PAGES:
        url = path.format(site=site)
        for words, ago, goal in PASTS:
            past = f"{url}{'&' if '?' in url else '?'}as_of={ago}"
            present_ms, past_ms = _turns(client, url, past, 5 if quick else 15)
            ratio = past_ms / present_ms
            rows.append({
                "name": f"as_of {words}: {name}", "value": f"{past_ms:.0f} ms", "ratio": f"{ratio:.2f} x",
                "reference": f"{present_ms:.0f} ms (the present)", "goal": goal and f"<= {goal:.0f} x",
                "is_met": None if goal is None else ratio <= goal, "note": "10,000 services" if not quick else "quick",
            })  # fmt: skip
    for name in _LISTS:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = client.get(f"/registry/{name}/")
        if answer.status_code == 404:
            continue
        rows.append({
            "name": f"list of {name}", "value": f"{len(queries)} queries", "reference": None, "ratio": None,
            "goal": f"<= {GOAL_QUERIES}", "is_met": len(queries) <= GOAL_QUERIES, "note": "",
        })  # fmt: skip
    return rows


def _turns(client: Any, present: str, past: str, times: int) -> tuple[float, float]:
    """Medians in ms."""
    found: dict[str, list[float]] = {present: [], past: []}
    for _ in range(times + 1):
        for url, spent in found.items():
            began = time.perf_counter()
            answer = client.get(url)
            spent.append((time.perf_counter() - began) * 1000)
            if answer.status_code != 200:
                raise SystemExit(f"{url} answered {answer.status_code}")
    return statistics.median(found[present][1:]), statistics.median(found[past][1:])


def main(words: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="gridkeeper-bench-") as folder:
        _set_up(folder)
        rows = measure("--quick" in words)
        if "--json" in words:
            print(json.dumps(rows))
        else:
            for row in rows:
                print(f"{row['name']}: {row['value']} ({row['reference']}), {row['ratio']}, goal {row['goal']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
