"""Declaring a downtime of 50 services, with all its audit records and listeners, and a file of 2,000 downtimes.

    python -m benchmarks.downtime_declare [--json] [--quick]

The reference writes the same rows in the same transactions without permission, rules, audit records or listeners.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

SERVICES, BULK = 50, 2000
OFTEN = 20
GOALS = {"one": 100.0, "bulk": 20.0}
_NOW = datetime.now(UTC).replace(microsecond=0)
_HOUR = timedelta(hours=1)


def _set_up(folder: str) -> None:
    os.environ |= {"GRIDKEEPER_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "gridkeeper.settings"}
    os.environ |= {"GRIDKEEPER_LOG_LEVEL": "ERROR"}
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def _make_grid() -> tuple[Any, list[Any]]:
    """A site manager, and their services among ten times as many of others."""
    from gridkeeper.people.actor import Actor
    from gridkeeper.people.models import User
    from gridkeeper.registry.models import Certification, Federation, Ngi, RoleGrant, Service, ServiceType, Site

    era = {"valid_from": _NOW - timedelta(days=400)}
    ngi = Ngi.objects.create(name="Region", federation=Federation.objects.create(name="Benchmark", **era), **era)
    kind = ServiceType.objects.create(name="CE")
    sites = Site.objects.bulk_create(
        Site(name=f"SITE-{n:02}", ngi=ngi, certification=Certification.CERTIFIED, **era) for n in range(11)
    )
    services = Service.objects.bulk_create(
        Service(site=site, service_type=kind, hostname=f"ce{n:02}.{site.name.lower()}.example.org", **era)
        for site in sites
        for n in range(SERVICES)
    )
    user = User.objects.create_user("manager")
    RoleGrant.objects.create(user=user, role="Site Administrator", site=sites[0])
    return Actor(user=user), [service for service in services if service.site_id == sites[0].pk]


def _median_ms(often: int, run: Callable[[int], Any]) -> float:
    """Median wall time of `run`, in ms, after one run to warm up."""
    run(0)
    times = []
    for number in range(1, often + 1):
        start = time.perf_counter()
        run(number)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def measure(often: int) -> list[dict[str, Any]]:
    """The rows of the benchmark's table."""
    from django.db import transaction

    from gridkeeper.registry.downtime_actions import declare_downtime
    from gridkeeper.registry.downtime_bulk import BulkRow, declare_many
    from gridkeeper.registry.models import Downtime, DowntimeService, Service

    actor, mine = _make_grid()
    keys = [service.pk for service in mine]

    def declare(number: int) -> None:
        services = list(Service.objects.filter(pk__in=keys))
        start = _NOW + (48 + number) * _HOUR
        declare_downtime(
            actor, services=services, severity="OUTAGE", start=start, end=start + _HOUR, description="Works", now=_NOW
        )

    def rows_alone(number: int) -> None:
        services = list(Service.objects.filter(pk__in=keys))
        start = _NOW + (48 + number) * _HOUR
        with transaction.atomic():
            row = Downtime.objects.create(
                severity="OUTAGE", classification="SCHEDULED", description="Works", start=start, end=start + _HOUR
            )
            DowntimeService.objects.bulk_create(DowntimeService(downtime=row, service=each) for each in services)

    one_ms, bare_ms = _median_ms(often, declare), _median_ms(often, rows_alone)
    rows = [
        BulkRow(n, "WARNING", _NOW + (500 + n) * _HOUR, _NOW + (501 + n) * _HOUR, "Reboot", services=(mine[0].key,))
        for n in range(BULK)
    ]
    begin = time.perf_counter()
    report = declare_many(actor, rows=rows, now=_NOW)
    bulk_ms = (time.perf_counter() - begin) * 1000 / BULK
    assert report.count("declared") == BULK
    return [
        _row(f"declare a downtime of {SERVICES} services", one_ms, "one", bare_ms, "the rows alone, no audit or rules"),
        _row(f"declare {BULK} downtimes of a file, each", bulk_ms, "bulk", one_ms, f"one of {SERVICES} services"),
    ]


def _row(name: str, value: float, goal: str, reference: float, note: str) -> dict[str, Any]:
    return {
        "name": name,
        "value": f"{value:.1f} ms",
        "reference": f"{reference:.1f} ms",
        "ratio": f"{value / reference:.2f}",
        "goal": f"<= {GOALS[goal]:g} ms",
        "is_met": value <= GOALS[goal],
        "note": note,
    }


def main(options: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="gridkeeper-bench-") as folder:
        _set_up(folder)
        rows = measure(5 if "--quick" in options else OFTEN)
    if "--json" not in options:
        for row in rows:
            print(*(f"{key}: {row[key]}" for key in ("name", "value", "reference", "goal", "is_met")), sep="; ")
    print(json.dumps(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
