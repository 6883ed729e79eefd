"""The map: where the sites are and how they do, with a table of the same. It reads well without JavaScript."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from gridkeeper.core.status import Status
from gridkeeper.feeds.filters import COMMON, Choice, read_choice
from gridkeeper.feeds.parameters import BadParameterError, refuse
from gridkeeper.feeds.places import Place, places, worst
from gridkeeper.portal.map_rules import WORLD, ZOOM, Cluster, View, clustered, fitting
from gridkeeper.registry.models import Certification, Ngi
from gridkeeper.vos.models import Vo
from gridkeeper.web.htmx import render_page_or_part
from gridkeeper.web.moments import as_of_of, moment_of, travels
from gridkeeper.web.templatetags.gridkeeper import SHAPES

#: Units of vendor/world.svg a degree.
_UNITS = 20
#: Names in the title of a cluster.
_MOST_NAMED = 12
#: Statuses in the order of the legend.
_LEGEND = (
    Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN, Status.MISSING, Status.DOWNTIME, Status.EXCLUDED,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands on the map. x, y: per cent; count: 1 for a site alone."""

    x: str
    y: str
    status: Status
    shape: SafeString
    count: int
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table. status: for the VO chosen, else of all of its services."""

    place: Place
    status: Status


@travels
@require_safe
def world_map(request: HttpRequest) -> HttpResponse:
    """The page, or the picture alone to htmx."""
    moment = moment_of(request)
    try:
        choice, view, problem = _choice(request), _view(request.GET.get("view", "")), ""
    except BadParameterError as error:
        choice, view, problem = read_choice(QueryDict(), COMMON, moment), None, str(error)
    found = places(choice, moment, with_results=as_of_of(request) is None)
    vo = choice.vos[0] if choice.vos else ""
    rows = [Row(place, place.statuses.get(vo, place.status) if vo else place.status) for place in found]
    context = _picture(request, rows, view, vo) | _filters(choice) | {
        "rows": rows,
        "vo": vo,
        "problem": problem,
        "without_position": sum(not row.place.has_position for row in rows),
        "counts": _counts(rows),
        "feeds": _feeds(request),
        "moment": moment,
        "is_past": as_of_of(request) is not None,
    }  # fmt: skip
    return render_page_or_part(
        request, "portal/map.html", "portal/map_picture.html", context, status=400 if problem else 200
    )


def _choice(request: HttpRequest) -> Choice:
    """The filters of feeds; an empty one is none, as forms send it."""
    query = QueryDict(mutable=True)
    for name, values in request.GET.lists():
        if name in COMMON and any(values):
            query.setlist(name, values)
    return read_choice(query, COMMON, timezone.now())


def _view(text: str) -> View | None:
    """`view=longitude,latitude,width` in degrees; None: whatever fits. Raises BadParameterError."""
    if not text:
        return None
    try:
        longitude, latitude, width = (float(part) for part in text.split(","))
        if not all(abs(each) <= 1000 for each in (longitude, latitude, width)):  # also false for NaN
            raise ValueError(text)
    except ValueError:
        refuse("view", f"{text[:40]!r} is no view; write longitude,latitude,width in degrees, as 10,50,40")
    return View(longitude, latitude, width).within_world()


def _picture(request: HttpRequest, rows: Sequence[Row], view: View | None, vo: str) -> dict[str, Any]:
    points = [
        (longitude, latitude, index)
        for index, row in enumerate(rows)
        if (longitude := row.place.site.longitude) is not None and (latitude := row.place.site.latitude) is not None
    ]
    fitted = fitting([(longitude, latitude) for longitude, latitude, _ in points])
    view = view or fitted
    clusters = clustered(points, view)
    seen = sum(len(cluster.members) for cluster in clusters)
    left, top = view.longitude - view.width / 2, view.latitude + view.height / 2
    return {
        "view_box": " ".join(f"{_UNITS * each:.1f}" for each in (left, -top, view.width, view.height)),
        "marks": [mark for cluster in clusters for mark in _marks(request, cluster, rows, view, vo)],
        "moves": _moves(request, view),
        "all_url": _address(request, None),
        "outside": len(points) - seen,
        "view": _written(view),
    }


def _moves(request: HttpRequest, view: View) -> list[tuple[str, str, str]]:
    """Label, sign and address of each step."""
    steps = (
        ("Nearer", "+", view.zoomed(ZOOM)),
        ("Farther", "−", view.zoomed(1 / ZOOM)),
        ("West", "←", view.moved(-0.4, 0)),
        ("East", "→", view.moved(0.4, 0)),
        ("North", "↑", view.moved(0, 0.4)),
        ("South", "↓", view.moved(0, -0.4)),
        ("World", "World", WORLD),
    )
    return [(label, sign, _address(request, step)) for label, sign, step in steps]


def _address(request: HttpRequest, view: View | None) -> str:
    """This page with another view."""
    kept = [(name, value) for name, values in request.GET.lists() for value in values if name != "view" and value]
    if view is not None:
        kept.append(("view", _written(view)))
    return f"{request.path}?{urlencode(kept)}" if kept else request.path


def _written(view: View) -> str:
    return f"{view.longitude:.4g},{view.latitude:.4g},{view.width:.4g}"


def _marks(request: HttpRequest, cluster: Cluster[int], rows: Sequence[Row], view: View, vo: str) -> list[Mark]:
    """One mark; what stands at one place and cannot be told apart nearer by is a list in its title and the table."""
    members = [rows[index] for index in cluster.members]
    x, y = view.percent(cluster.longitude, cluster.latitude)
    status = worst(row.status for row in members)
    if len(members) == 1:
        title, url = _site_title(members[0], vo), members[0].place.site.get_absolute_url()
    else:
        title = _cluster_title(members)
        # Nothing nearer to see: the table has them.
        url = "#map-table" if cluster.is_one_place else _address(request, fitting(cluster.points))
    shape = mark_safe(SHAPES[status])  # noqa: S308  a literal of ours
    return [Mark(f"{x:.2f}%", f"{y:.2f}%", status, shape, len(members), title, url)]


def _site_title(row: Row, vo: str) -> str:
    site = row.place.site
    words = [f"{site.name}: {row.status.name}{f' for {vo}' if vo else ''}", f"{site.ngi.name}, {site.certification}"]
    words += [f"{d.get_severity_display()} until {until:%Y-%m-%d %H:%M} UTC" for d, until in row.place.downtimes]
    return "\n".join(words)


def _cluster_title(members: Sequence[Row]) -> str:
    counts = Counter(row.status for row in members)
    sums = ", ".join(f"{counts[status]} {status.name}" for status in _LEGEND if counts[status])
    names = [f"{row.place.site.name}: {row.status.name}" for row in members[:_MOST_NAMED]]
    more = [f"and {len(members) - _MOST_NAMED} more"] if len(members) > _MOST_NAMED else []
    return "\n".join([f"{len(members)} sites: {sums}", *names, *more])


def _counts(rows: Sequence[Row]) -> list[tuple[Status, int]]:
    counts = Counter(row.status for row in rows)
    return [(status, counts[status]) for status in _LEGEND if counts[status]]


def _filters(choice: Choice) -> dict[str, Any]:
    said = dict(choice.said)
    return {
        "vos": Vo.objects.current().values_list("name", flat=True),
        "regions": Ngi.objects.current().values_list("name", flat=True),
        "certifications": [value for value in Certification.values if value != Certification.CLOSED],
        "chosen": {name: said.get(name, "") for name in ("vo", "region", "certification")},
        "is_filtered": bool(said),
    }


def _feeds(request: HttpRequest) -> list[tuple[str, str, str]]:
    """Title, type and address of the same sites for other programs."""
    wanted = COMMON | {"as_of"}
    kept = [(name, value) for name, values in request.GET.lists() for value in values if name in wanted and value]
    query = f"?{urlencode(kept)}" if kept else ""
    return [
        ("GeoJSON", "application/geo+json", reverse("feeds:sites_geojson") + query),
        ("KML", "application/vnd.google-earth.kml+xml", reverse("feeds:sites_kml") + query),
    ]
