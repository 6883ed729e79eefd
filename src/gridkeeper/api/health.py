"""For load balancers and Prometheus: is the process up, can it work, what does it count."""

import shutil
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Max, Min, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from gridkeeper.bus.models import InboxBatch
from gridkeeper.core.status import Status
from gridkeeper.probes.metrics import published
from gridkeeper.probes.models import LatestStatus

#: Below this much free disk we no longer promise to keep facts.
_LEAST_FREE_BYTES = 100 * 1024 * 1024


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


def _database() -> str:
    plan = MigrationExecutor(connection)
    pending = plan.migration_plan(plan.loader.graph.leaf_nodes())
    return f"{len(pending)} migrations are pending; run `gridkeeper migrate`" if pending else ""


def _disk() -> str:
    folder = Path(settings.GRIDKEEPER.data_dir)
    free_bytes = shutil.disk_usage(folder if folder.exists() else folder.parent).free
    return "less than 100 MiB of disk are free" if free_bytes < _LEAST_FREE_BYTES else ""


_CHECKS: dict[str, Callable[[], str]] = {"database": _database, "disk": _disk}


@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """503 with the reasons while the process cannot do its work."""
    faults = {}
    for name, check in _CHECKS.items():
        try:
            faults[name] = check()
        except (DatabaseError, OSError) as error:
            faults[name] = str(error)
    body = {name: fault or "ok" for name, fault in faults.items()}
    return JsonResponse(body, status=503 if any(faults.values()) else 200)


@require_safe
def metrics(_request: HttpRequest) -> HttpResponse:
    """Gauges from the database and the scheduler's figures: the same from whichever web process answers."""
    registry = CollectorRegistry()
    by_status = Gauge("gridkeeper_series", "Series by hard status.", ["status"], registry=registry)
    counts = dict(LatestStatus.objects.values_list("hard_status").annotate(Count("pk")))
    for status in Status:
        by_status.labels(status.name).set(counts.get(status.value, 0))
    inbox = InboxBatch.objects.aggregate(rows=Sum("rows"), oldest=Min("received_at"))
    Gauge("gridkeeper_inbox_rows", "Facts not yet in the lake.", registry=registry).set(inbox["rows"] or 0)
    age = (timezone.now() - inbox["oldest"]).total_seconds() if inbox["oldest"] else 0
    Gauge("gridkeeper_inbox_oldest_seconds", "Age of the oldest fact not in the lake.", registry=registry).set(age)
    newest = LatestStatus.objects.aggregate(newest=Max("executed_at"))["newest"]
    if newest:
        gauge = Gauge("gridkeeper_newest_result_timestamp_seconds", "When the newest result ran.", registry=registry)
        gauge.set(newest.timestamp())
    return HttpResponse(generate_latest(registry) + published(), content_type=CONTENT_TYPE_LATEST)
