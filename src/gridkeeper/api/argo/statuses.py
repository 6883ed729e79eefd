"""`/status/...`: timelines of groups, services and endpoints, as the documents of ARGO's v2 and v3.

Each day begins with the status that holds at midnight, as ARGO's days do; the last entry closes the period.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from gridkeeper.api.argo import lake_rows
from gridkeeper.api.argo.endpoints import Endpoints
from gridkeeper.api.argo.question import Paging, Place, last_day
from gridkeeper.api.argo.reported import Reported
from gridkeeper.availability.levels import Level
from gridkeeper.availability.tables import state_of
from gridkeeper.core.windows import DAY, Window

Row = Mapping[str, Any]
_SITE = ("site_name", "site")
#: Closes timelines of days that are over.
MIDNIGHT = "T23:59:59Z"
ORDERS: dict[Level, tuple[str, ...]] = {
    Level.SITE: (*_SITE, "start"),
    Level.FLAVOUR: (*_SITE, "service_type", "start"),
    Level.SERVICE: (*_SITE, "service_type", "hostname", "start"),
}
_FLAT = ("hostname", "service_type", *_SITE, "start")


@dataclass(frozen=True, slots=True)
class View:
    """How timelines are shown.

    is_latest: only the closing entry
    closing: time of day of that entry, on the day of the last change; the present one where the period ends today
    """

    closing: str
    is_latest: bool = False

    @classmethod
    def of(cls, window: Window, now: datetime, *, is_latest: bool = False) -> "View":
        is_today = last_day(window) == now.date()
        return cls(f"T{now:%H:%M:%S}Z" if is_today else MIDNIGHT, is_latest)

    def entries(self, rows: Iterable[Row]) -> list[dict[str, str]]:
        """The entries of one place's timeline, from its periods in order."""
        found = [entry(row["start"], state_of(row)) for row in rows]
        return self.closed(found)

    def closed(self, entries: list[dict[str, str]]) -> list[dict[str, str]]:
        """With the closing entry; for the latest view that one alone."""
        if not entries:
            return []
        last = entries[-1]
        end = {"timestamp": last["timestamp"].partition("T")[0] + self.closing, "value": last["value"]}
        return [end] if self.is_latest else [*entries, end]


def entry(moment: datetime, value: str) -> dict[str, str]:
    return {"timestamp": f"{moment:%Y-%m-%dT%H:%M:%SZ}", "value": value}


def rows_of(window: Window, report: Reported, place: Place) -> Iterator[Row]:
    """The periods that a document of this place is made of; those of the day before where there are none yet."""
    found = _read(window, report, place)
    first = next(found, None)
    if first is None:
        yield from _read(Window(window.start - DAY, window.start), report, place)
        return
    yield first
    yield from found


def _read(window: Window, report: Reported, place: Place) -> Iterator[Row]:
    return lake_rows.period_rows(
        window, report=report.name, level=place.level.label, where=place.where, order=ORDERS[place.level]
    )


def documents(
    rows: Iterable[Row], level: Level, report: Reported, view: View, endpoints: Endpoints
) -> Iterator[dict[str, Any]]:
    """The elements of v2's list `groups`, from rows in order."""
    for site, its in _grouped(rows, _SITE):
        group: dict[str, Any] = {"name": site, "type": report.group_type}
        if level is Level.SITE:
            yield group | {"statuses": view.entries(its)}
        elif level is Level.FLAVOUR:
            yield group | {"services": _flavours(its, view)}
        else:
            yield group | {"services": _services(its, view, endpoints)}


def _flavours(rows: Iterable[Row], view: View) -> list[dict[str, Any]]:
    return [
        {"name": service_type, "type": "service", "statuses": view.entries(its)}
        for service_type, its in _grouped(rows, ("service_type",))
    ]


def _services(rows: Iterable[Row], view: View, endpoints: Endpoints) -> list[dict[str, Any]]:
    found = []
    for service_type, of_type in _grouped(rows, ("service_type",)):
        hosts = [
            {"name": hostname} | endpoints.info(hostname, service_type) | {"statuses": view.entries(its)}
            for hostname, its in _grouped(of_type, ("hostname",))
        ]
        found.append({"name": service_type, "type": "service", "endpoints": hosts})
    return found


def nested(
    groups: Iterable[Row], services: Iterable[Row], report: Reported, view: View, endpoints: Endpoints
) -> Iterator[dict[str, Any]]:
    """The elements of v3's list `groups`: groups with their endpoints. Both kinds of rows in the order of sites."""
    of_sites = _grouped_by_key(services)
    ahead = next(of_sites, None)
    for (name, key), its in groupby(groups, key=_site_of):
        while ahead is not None and ahead[0] < (name, key):
            ahead = next(of_sites, None)
        found = []
        if ahead is not None and ahead[0] == (name, key):
            found = _v3_endpoints(ahead[1], view, endpoints)
        yield {"name": name, "type": report.group_type, "statuses": view.entries(its), "endpoints": found}


def _v3_endpoints(rows: Iterable[Row], view: View, endpoints: Endpoints) -> list[dict[str, Any]]:
    return [
        {"hostname": hostname, "service": service_type}
        | endpoints.info(hostname, service_type)
        | {"statuses": view.entries(its)}
        for (service_type, hostname), its in groupby(rows, key=lambda row: (row["service_type"], row["hostname"]))
    ]


def by_resource(rows: Iterable[Row], identifier: str, view: View, endpoints: Endpoints) -> dict[str, Any]:
    """v3's document of the endpoints with one resource id."""
    found = [
        {"name": hostname, "service": service_type, "supergroup": site, "group": site}
        | endpoints.info(hostname, service_type)
        | {"statuses": view.entries(its)}
        for (hostname, service_type, site), its in groupby(rows, key=_endpoint_of)
    ]
    return {"id": identifier, "endpoints": found}


class Flat:
    """v2's flat list of endpoints; a page ends after so many changes, and only the last closes a timeline there.

    after: what follows the list; complete when the list was taken
    """

    def __init__(self, rows: Iterator[Row], view: View, paging: Paging, endpoints: Endpoints) -> None:
        self._rows = rows
        self._view = view
        self._paging = paging
        self._endpoints = endpoints
        self.after: dict[str, Any] = {}

    @staticmethod
    def rows_of(window: Window, report: Reported, where: Mapping[str, str]) -> Iterator[Row]:
        return lake_rows.period_rows(window, report=report.name, level=Level.SERVICE.label, where=where, order=_FLAT)

    def items(self) -> Iterator[dict[str, Any]]:
        page, following = paged(self._rows, self._paging)
        for place, its in groupby(page, key=_endpoint_of):
            hostname, service_type, site = place
            found = [entry(row["start"], state_of(row)) for row in its]
            goes_on = bool(following) and _endpoint_of(following[0]) == place
            words = {"name": hostname, "service": service_type, "supergroup": site}
            statuses = found if goes_on else self._view.closed(found)
            yield words | self._endpoints.info(hostname, service_type) | {"statuses": statuses}
        self.after |= after_page(self._paging, bool(following))


def paged(rows: Iterator[Row], paging: Paging) -> tuple[Iterable[Row], list[Row]]:
    """The rows of the page, and the first one after it if there is any."""
    if not paging.size:
        return rows, []
    for _ in range(paging.skip):
        if next(rows, None) is None:
            return [], []
    page = [row for row, _ in zip(rows, range(paging.size), strict=False)] if paging.size else []
    following = next(rows, None)
    return page, [following] if following is not None else []


def after_page(paging: Paging, has_next: bool) -> dict[str, Any]:
    if not paging.size:
        return {}
    return ({"nextPageToken": paging.next_token} if has_next else {}) | {"pageSize": paging.size}


def _endpoint_of(row: Row) -> tuple[str, str, str]:
    return row["hostname"], row["service_type"], row["site_name"]


def _site_of(row: Row) -> tuple[str, str]:
    return row["site_name"], row["site"]


def _grouped_by_key(rows: Iterable[Row]) -> Iterator[tuple[tuple[str, str], list[Row]]]:
    for key, its in groupby(rows, key=_site_of):
        yield key, list(its)


def _grouped(rows: Iterable[Row], columns: tuple[str, ...]) -> Iterator[tuple[str, Iterable[Row]]]:
    """Consecutive rows that agree in these columns, by the value of the first."""
    for values, together in groupby(rows, key=lambda row: tuple(row[column] for column in columns)):
        yield values[0], together
