"""Synthetic days in this installation: its registry, the facts in its lake, and the change points of each day.

For an installation that is there to be measured: it is refused where somebody's own sites are.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
from django.db import models, transaction
from simple_history.utils import bulk_create_with_history

from gridkeeper.availability.synthetic import DOWNTIME_S, REPORT, VALIDITY_S, Model, ModelError, results_of
from gridkeeper.core.windows import Window
from gridkeeper.lake.changes import Validity
from gridkeeper.lake.compaction import compact_day
from gridkeeper.lake.store import Lake, open_lake
from gridkeeper.lake.tables import SERIES
from gridkeeper.people.actor import Actor
from gridkeeper.people.audit import bulk_audit_options
from gridkeeper.probes.models import ProfileEntry, Test
from gridkeeper.registry.models import (
    Certification,
    Classification,
    Downtime,
    DowntimeService,
    Federation,
    Ngi,
    Service,
    ServiceType,
    Severity,
    Site,
)
from gridkeeper.vos.models import Vo, VoSupport

#: Synthetic sites and services were there ever since.
ERA = datetime(2020, 1, 1, tzinfo=UTC)
_FEDERATION = "Synthetic federation"
_BATCH = 500


def write_days(model: Model, days: Iterable[date]) -> int:
    """Makes the registry of the model where it is missing, and the facts of these days, compacted; returns how many.

    A day that has results already is left as it is. Raises ModelError where the registry holds anything else.
    """
    days = list(days)
    make_registry(model, days)
    lake, written = open_lake(), 0
    _write_series(lake, model)
    known = {file.day for file in lake.snapshot("results").files}
    for day in days:
        if day not in known:
            lake.rewrite("results", [], results_of(model, day), day=day, name="synthetic", is_same_data=False)
            compact_day(lake, day, Validity())
            written += model.results
    return written


def _write_series(lake: Lake, model: Model) -> None:
    if lake.snapshot("series").files:
        return
    keys = model.keys
    columns = {name: [getattr(key, name) for key in keys] for name in SERIES.schema.names}
    lake.append("series", pa.table(columns, schema=SERIES.schema))


@transaction.atomic
def make_registry(model: Model, days: Iterable[date]) -> None:
    """Regions, sites, services, tests, the operations VO with its profile, and the downtimes of these days.

    Nothing is made where it is there already. Raises ModelError where the registry holds another federation or size.
    """
    if _is_there(model):
        return
    federation = Federation(name=_FEDERATION, valid_from=ERA)
    vo = Vo(name=REPORT, valid_from=ERA)
    places = list(model.places())
    ngis = {name: Ngi(name=name, key=name, federation=federation, valid_from=ERA) for name, *_ in places}
    sites = {
        place.site: Site(
            name=place.site, key=place.site, ngi=ngis[place.region], certification=Certification.CERTIFIED,
            valid_from=ERA,
        )
        for place in places
    }  # fmt: skip
    types = {place.service_type: ServiceType(name=place.service_type) for place in places}
    services = [
        Service(
            key=place.hostname, hostname=place.hostname, site=sites[place.site], service_type=types[place.service_type],
            valid_from=ERA,
        )
        for place in places
    ]  # fmt: skip
    support = [VoSupport(vo=vo, service=service, valid_from=ERA) for service in services]
    for rows in ([federation], [vo], ngis.values(), sites.values(), types.values(), services, support):
        _store(rows)
    _make_profile(model, vo, types)
    _make_downtimes(model, services, days)


def _is_there(model: Model) -> bool:
    found = Site.objects.count()
    if not found and not Federation.objects.exists():
        return False
    if not Federation.objects.filter(name=_FEDERATION).exists():
        raise ModelError("the registry holds a federation; synthesize into an empty data folder (GRIDKEEPER_DATA_DIR)")
    if found != model.sites or Service.objects.count() != sum(1 for _ in model.places()):
        raise ModelError(f"the registry holds a synthetic federation of {found} sites; ask for the same, or start anew")
    return True


def _store(rows: Iterable[models.Model]) -> None:
    rows = list(rows)
    if rows:
        audit: dict[str, Any] = bulk_audit_options(Actor.system(), "synthetic days")
        bulk_create_with_history(rows, type(rows[0]), batch_size=_BATCH, **audit)


def _make_profile(model: Model, vo: Vo, types: dict[str, ServiceType]) -> None:
    """Every metric counts; nothing runs it, its results are synthetic."""
    tests = [
        (service_type, Test(name=name, abbreviation=f"m{number}", title=name, kind="passive", validity_s=VALIDITY_S))
        for service_type in types.values()
        for number, name in enumerate(model.metrics_of(service_type.name))
    ]
    _store(test for _, test in tests)
    _store(
        ProfileEntry(vo=vo, service_type=service_type, test=test, is_critical=True, valid_from=ERA)
        for service_type, test in tests
    )


def _make_downtimes(model: Model, services: Iterable[Service], days: Iterable[date]) -> None:
    by_name = {service.hostname: service for service in services}
    excused = [by_name[place.hostname] for place in model.excused()]
    downtimes = []
    for midnight in (Window.of_day(day).start for day in days):
        start, end = (midnight + timedelta(seconds=second) for second in DOWNTIME_S)
        downtimes.append(
            Downtime(
                severity=Severity.OUTAGE, classification=Classification.SCHEDULED, description="Synthetic works",
                declared_at=midnight - timedelta(days=3), start=start, end=end,
            )
        )  # fmt: skip
    if excused:
        _store(downtimes)
        _store(DowntimeService(downtime=downtime, service=service) for downtime in downtimes for service in excused)
