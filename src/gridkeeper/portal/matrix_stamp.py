"""When a page of the matrix must be made anew: its stamp, and what has changed since one."""

import zlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from gridkeeper.probes.models import CauseRule, LatestStatus, ProfileEntry, Test
from gridkeeper.registry.models import Downtime, Ngi, Service, Site
from gridkeeper.vos.models import Vo, VoSupport

#: A page asks again after so many seconds, and is made anew after the other even if nothing was recorded: results
#: grow old and downtimes begin without anybody writing.
REFRESH_S = 15
RENEWAL_S = 300

_CONFIGURATION: tuple[Any, ...] = (Site, Service, Downtime, Ngi, Vo, VoSupport, ProfileEntry, Test, CauseRule)


class Stamp(NamedTuple):
    """What a page was made from. Equal stamps: nothing has changed that it shows."""

    seq: int
    configuration: int

    def __str__(self) -> str:
        return f"{self.seq}.{self.configuration}"

    @classmethod
    def parse(cls, text: str) -> "Stamp | None":
        """None for what is not a stamp: the page is then made anew."""
        seq, _, configuration = text.partition(".")
        is_stamp = all(word.isascii() and word.isdigit() and len(word) < 20 for word in (seq, configuration))
        return cls(int(seq), int(configuration)) if is_stamp else None


def read_stamp(now: datetime) -> Stamp:
    """The stamp at present, in one query of maxima that indexes answer."""
    quote = connection.ops.quote_name
    tables = [
        (LatestStatus._meta.db_table, "seq"),
        *((_history_table(model), "history_id") for model in _CONFIGURATION),
    ]
    maxima = ", ".join(f"(SELECT MAX({column}) FROM {quote(table)})" for table, column in tables)  # noqa: S608  ours
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {maxima}")
        seq, *records = cursor.fetchone()
    words = [*records, int(now.timestamp()) // RENEWAL_S]
    return Stamp(seq or 0, zlib.crc32(repr(words).encode()))


def _history_table(model: Any) -> str:
    return str(model.history.model._meta.db_table)


def changed_services(since: int) -> set[tuple[str, str]]:
    """(hostname, service type) of everything that got a result after that receipt."""
    rows = LatestStatus.objects.filter(seq__gt=since)
    return set(rows.values_list("hostname", "service_type").distinct())


def sites_of(services: Iterable[tuple[str, str]]) -> set[int]:
    """The sites of these services (hostname, service type)."""
    wanted = set(services)
    rows = Service.objects.current().filter(hostname__in={hostname for hostname, _ in wanted})
    found = rows.values_list("hostname", "service_type__name", "site_id")
    return {site for hostname, kind, site in found if (hostname, kind) in wanted}
