"""`/results/...`: availability and reliability of a report, as the documents of ARGO's v2 and v3."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby, islice
from typing import Any

from gridkeeper.api.argo import lake_rows
from gridkeeper.api.argo.endpoints import Endpoints
from gridkeeper.api.argo.question import Granularity, Paging, Place
from gridkeeper.api.argo.rates import DayRates, Rates, of_groups, of_place
from gridkeeper.api.argo.reported import Reported
from gridkeeper.availability.levels import Level
from gridkeeper.core.windows import Window

Row = Mapping[str, Any]
_REGION = ("region_name", "region")
_SITE = ("site_name", "site")
#: ARGO's order of each document.
ORDERS: dict[Level, tuple[str, ...]] = {
    Level.REGION: (*_REGION, *_SITE, "date"),
    Level.SITE: (*_REGION, *_SITE, "date"),
    Level.FLAVOUR: (*_SITE, "service_type", "date"),
    Level.SERVICE: (*_SITE, "service_type", "hostname", "date"),
}
_FLAT = ("hostname", "service_type", *_SITE, "date")


def rows_of(window: Window, report: Reported, place: Place) -> Iterator[Row]:
    """The seconds that a document of this place is made of. Groups of groups are made of their groups."""
    level = Level.SITE if place.level is Level.REGION else place.level
    return lake_rows.day_rows(
        window, report=report.name, level=level.label, where=place.where, order=ORDERS[place.level]
    )


def documents(
    rows: Iterable[Row], level: Level, report: Reported, granularity: Granularity, endpoints: Endpoints
) -> Iterator[dict[str, Any]]:
    """The elements of v2's list `results`, from rows in ARGO's order."""
    match level:
        case Level.REGION:
            return _regions(rows, report, granularity)
        case Level.SITE:
            return _sites(rows, report, granularity)
        case Level.FLAVOUR:
            return _flavours(rows, report, granularity)
        case _:
            return _services(rows, report, granularity, endpoints)


def _regions(rows: Iterable[Row], report: Reported, granularity: Granularity) -> Iterator[dict[str, Any]]:
    for name, its in _grouped(rows, _REGION):
        figures = of_groups(map(DayRates.of, its), granularity)
        yield {"name": name, "type": report.region_type, "results": [each.words() for each in figures]}


def _sites(rows: Iterable[Row], report: Reported, granularity: Granularity) -> Iterator[dict[str, Any]]:
    for region, its in _grouped(rows, _REGION):
        groups = [
            {"name": site, "type": report.group_type, "results": _words(days, granularity)}
            for site, days in _grouped(its, _SITE)
        ]
        yield {"name": region, "type": report.region_type, "endpoints": groups}


def _flavours(rows: Iterable[Row], report: Reported, granularity: Granularity) -> Iterator[dict[str, Any]]:
    for site, its in _grouped(rows, _SITE):
        flavours = [
            {"name": service_type, "type": "service", "results": _words(days, granularity)}
            for service_type, days in _grouped(its, ("service_type",))
        ]
        yield {"name": site, "type": report.group_type, "serviceflavors": flavours}


def _services(
    rows: Iterable[Row], report: Reported, granularity: Granularity, endpoints: Endpoints
) -> Iterator[dict[str, Any]]:
    for site, its in _grouped(rows, _SITE):
        flavours = []
        for service_type, of_type in _grouped(its, ("service_type",)):
            hosts = [
                {"name": hostname, "type": "endpoint"}
                | endpoints.info(hostname, service_type)
                | {"results": _words(days, granularity)}
                for hostname, days in _grouped(of_type, ("hostname",))
            ]
            flavours.append({"name": service_type, "type": "service", "endpoints": hosts})
        yield {"name": site, "type": report.group_type, "serviceflavors": flavours}


def nested(rows: Iterable[Row], report: Reported, granularity: Granularity) -> Iterator[dict[str, Any]]:
    """The elements of v3's list `results`: groups of groups with their groups."""
    for region, its in _grouped(rows, _REGION):
        groups, days = [], []
        for site, of_site in _grouped(its, _SITE):
            own = [DayRates.of(row) for row in of_site]
            days.extend(own)
            groups.append({"name": site, "type": report.group_type, "results": _dated(of_place(own, granularity))})
        figures = _dated(of_groups(days, granularity))
        yield {"name": region, "type": report.region_type, "results": figures, "groups": groups}


def by_resource(rows: Iterable[Row], identifier: str, granularity: Granularity, endpoints: Endpoints) -> dict[str, Any]:
    """v3's document of the endpoints with one resource id."""
    found = []
    for (hostname, service_type, site), days in _endpoints(rows):
        figures = _dated(of_place(map(DayRates.of, days), granularity))
        place = {"name": hostname, "service": service_type, "supergroup": site, "group": site}
        found.append(place | endpoints.info(hostname, service_type) | {"results": figures})
    return {"id": identifier, "endpoints": found}


class Flat:
    """v2's flat list of endpoints. A page ends after so many figures, wherever that is, as in ARGO.

    after: what follows the list; complete when the list was taken
    """

    def __init__(self, rows: Iterable[Row], granularity: Granularity, paging: Paging, endpoints: Endpoints) -> None:
        self._figures = _flat_figures(rows, granularity)
        self._paging = paging
        self._endpoints = endpoints
        self.after: dict[str, Any] = {}

    @staticmethod
    def rows_of(window: Window, report: Reported, where: Mapping[str, str]) -> Iterator[Row]:
        return lake_rows.day_rows(window, report=report.name, level=Level.SERVICE.label, where=where, order=_FLAT)

    def items(self) -> Iterator[dict[str, Any]]:
        paging = self._paging
        page = islice(self._figures, paging.skip, paging.skip + paging.size) if paging.size else self._figures
        for (hostname, service_type, site), figures in groupby(page, key=lambda each: each[0]):
            place = {"name": hostname, "service": service_type, "supergroup": site, "type": "endpoint"}
            results = [figure.words() for _, figure in figures]
            yield place | self._endpoints.info(hostname, service_type) | {"results": results}
        if paging.size:
            if next(self._figures, None) is not None:
                self.after["nextPageToken"] = paging.next_token
            self.after["pageSize"] = paging.size


def _flat_figures(rows: Iterable[Row], granularity: Granularity) -> Iterator[tuple[tuple[str, str, str], Rates]]:
    for place, days in _endpoints(rows):
        for figure in of_place(map(DayRates.of, days), granularity):
            yield place, figure


def _endpoints(rows: Iterable[Row]) -> Iterator[tuple[tuple[str, str, str], Iterable[Row]]]:
    by: Callable[[Row], tuple[str, str, str]] = lambda row: (row["hostname"], row["service_type"], row["site_name"])  # noqa: E731
    return groupby(rows, key=by)


def _grouped(rows: Iterable[Row], columns: tuple[str, ...]) -> Iterator[tuple[str, Iterable[Row]]]:
    """Consecutive rows that agree in these columns, by the value of the first."""
    for values, together in groupby(rows, key=lambda row: tuple(row[column] for column in columns)):
        yield values[0], together


def _words(days: Iterable[Row], granularity: Granularity) -> list[dict[str, str]]:
    return [figure.words() for figure in of_place(map(DayRates.of, days), granularity)]


def _dated(figures: Iterable[Rates]) -> list[dict[str, str]]:
    return [figure.words("date") for figure in figures]
