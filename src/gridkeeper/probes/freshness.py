"""A test that stops reporting is MISSING at its validity: swept into the latest statuses, for whoever reads them.

Source: `shared/domain/tests.md` section 1, "MISSING no result in time". Facts are not touched: judgement over history
computes the same from them, and the next result takes its place in the projection as after a first one.
"""

from collections import defaultdict
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from gridkeeper.bus import inbox
from gridkeeper.core.status import Status
from gridkeeper.probes.models import LatestStatus, Test

#: How long a result holds whose test is not defined here; the default of `Test.validity_s`.
_DEFAULT_S = 86_400


def sweep(now: datetime) -> int:
    """Turns MISSING every hard status whose newest result has outlived its validity; returns how many.

    Since when: the end of the validity. Rows of one validity go in one statement.
    """
    metrics = defaultdict(list)
    for name, validity_s in Test.objects.values_list("name", "validity_s"):
        metrics[validity_s].append(name)
    known = [name for names in metrics.values() for name in names]
    stale = LatestStatus.objects.exclude(hard_status=Status.MISSING)
    if not stale.filter(executed_at__lt=now - timedelta(seconds=min(metrics, default=_DEFAULT_S))).exists():
        return 0
    with transaction.atomic():
        inbox.serialise_writers()  # a result that is being stored must not be overwritten by what was true before it
        found = sum(_outlive(stale.filter(metric__in=names), now, each) for each, names in metrics.items())
        return found + _outlive(stale.filter(~Q(metric__in=known)), now, _DEFAULT_S)


def _outlive(rows: "QuerySet[LatestStatus]", now: datetime, validity_s: int) -> int:
    held = timedelta(seconds=validity_s)
    return rows.filter(executed_at__lt=now - held).update(
        hard_status=Status.MISSING, hard_since=F("executed_at") + held
    )
