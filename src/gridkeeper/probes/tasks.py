"""What comes back by itself: closed days are compacted, small files joined, old facts dropped."""

from datetime import datetime, timedelta

import structlog
from django.conf import settings

from gridkeeper.bus.facts import open_facts
from gridkeeper.bus.locks import only_one
from gridkeeper.bus.periodic import Periodic
from gridkeeper.core.windows import as_utc
from gridkeeper.lake import compaction
from gridkeeper.lake.changes import Validity
from gridkeeper.lake.store import open_lake
from gridkeeper.people.actor import Actor
from gridkeeper.probes.cause_actions import learn_causes
from gridkeeper.probes.credential_store import renew_due
from gridkeeper.probes.freshness import sweep
from gridkeeper.probes.models import PlaceStatus, Test

log = structlog.get_logger(__name__)

#: Two compactors would both replace the same files; the second one's commit would fail.
MAINTENANCE_LOCK = "lake-maintenance"
#: Days of one run, so that a month of imported history does not keep the other jobs waiting.
_DAYS_A_RUN = 4
_PLACES_KEPT = timedelta(days=30)


def validity() -> Validity:
    """How long the results of each test hold."""
    return Validity(dict(Test.objects.values_list("name", "validity_s")))


def compact(now: datetime, most_days: int = _DAYS_A_RUN) -> int:
    """Compacts closed days, newest first; returns how many. Nothing where a compactor is at work."""
    with only_one(MAINTENANCE_LOCK) as is_mine:
        if not is_mine:
            return 0
        lake = open_lake()
        days = compaction.days_to_compact(lake, now)[::-1][:most_days]
        for day in days:
            compaction.compact_day(lake, day, validity())
            log.info("compacted", day=day.isoformat())
        return len(days)


def join_files(now: datetime) -> None:
    """Keeps the open days' files few."""
    with only_one(MAINTENANCE_LOCK) as is_mine:
        if not is_mine:
            return
        lake, today = open_lake(), as_utc(now).date()
        for table in ("results", "logs"):
            for day in (today - timedelta(days=1), today):
                compaction.join_small_files(lake, table, day)
        compaction.join_series(lake)


def expire(now: datetime) -> int:
    """Drops what is older than its retention and the files that nothing refers to; returns how many were dropped."""
    with only_one(MAINTENANCE_LOCK) as is_mine:
        if not is_mine:
            return 0
        lake, config = open_lake(), settings.GRIDKEEPER
        dropped = compaction.expire(
            lake, now, results_days=config.results_retention_days, logs_days=config.logs_retention_days
        )
        deleted = compaction.vacuum(lake)
        log.info("expired", dropped=dropped, deleted=deleted)
        return dropped


def propose_causes(now: datetime) -> None:
    """What follows from what, learned anew from the closed days."""
    with only_one("learned-causes") as is_mine:
        if is_mine:
            log.info("causes learned", proposals=learn_causes(Actor.system(), open_facts(), now=now))


def _compact(now: datetime) -> None:
    compact(now)


def _expire(now: datetime) -> None:
    expire(now)


def renew_credentials(now: datetime) -> None:
    """Proxies and tokens are made anew long before they end; what fails is tried again in a minute."""
    with only_one("credentials") as is_mine:
        for problem in renew_due(now) if is_mine else ():
            log.warning("a credential was not renewed", problem=problem)


def forget_places(now: datetime) -> None:
    """What a worker said of a series that it has not been asked about since is nobody's news."""
    PlaceStatus.objects.filter(executed_at__lt=now - _PLACES_KEPT).delete()


def _sweep(now: datetime) -> None:
    sweep(now)


PERIODIC = [
    Periodic("statuses: missing at their validity", timedelta(seconds=30), _sweep),
    Periodic("credentials: renew", timedelta(minutes=1), renew_credentials),
    Periodic("lake: compact closed days", timedelta(minutes=5), _compact),
    Periodic("lake: join small files", timedelta(minutes=5), join_files),
    Periodic("probes: learn causes", timedelta(hours=24), propose_causes),
    Periodic("places: forget what is long past", timedelta(hours=24), forget_places),
    Periodic("lake: expire", timedelta(hours=6), _expire),
]
