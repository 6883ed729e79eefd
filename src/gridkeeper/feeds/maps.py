"""Places as GeoJSON (RFC 7946) and as KML 2.2 (OGC 07-147r2), which globe viewers open."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from lxml import etree

from gridkeeper.core.status import Status
from gridkeeper.feeds.addresses import Origin
from gridkeeper.feeds.answers import writable
from gridkeeper.feeds.places import Place
from gridkeeper.web.exports import plain

GEOJSON_TYPE = "application/geo+json"
KML_TYPE = "application/vnd.google-earth.kml+xml"
_KML = "http://www.opengis.net/kml/2.2"
#: As on our pages, as KML writes colours: alpha, blue, green, red.
_COLOURS = {
    Status.OK: "ff3e8a2b", Status.WARNING: "ff0077c7", Status.CRITICAL: "ff2a2ac9", Status.UNKNOWN: "ffc44870",
    Status.MISSING: "ff94877b", Status.DOWNTIME: "ffa86325", Status.EXCLUDED: "ff9d9084",
}  # fmt: skip
#: Larger where a reader should look.
_SCALES = {Status.CRITICAL: "1.3", Status.WARNING: "1.1"}


def geojson(found: Iterable[Place], origin: Origin, *, with_results: bool) -> bytes:
    """A FeatureCollection; a site whose position is not known has a null geometry, as RFC 7946 (3.2) says."""
    features = [_feature(place, origin, with_results=with_results) for place in found]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()


def _feature(place: Place, origin: Origin, *, with_results: bool) -> dict[str, Any]:
    site = place.site
    point = {"type": "Point", "coordinates": [site.longitude, site.latitude]} if place.has_position else None
    properties = {
        "key": site.key,
        "name": site.name,
        "official_name": site.official_name,
        "region": site.ngi.name,
        "country_code": site.country_code,
        "country": site.country,
        "certification": site.certification,
        "infrastructure": site.infrastructure,
        "scopes": site.scopes,
        "services": place.service_count,
        "status": place.status.name,
        "status_by_vo": {vo: status.name for vo, status in place.statuses.items()},
        "has_results": with_results,
        "downtimes": [
            {"key": downtime.key, "severity": downtime.severity, "start": plain(downtime.start), "until": plain(until),
             "description": downtime.description}
            for downtime, until in place.downtimes
        ],
        "url": origin.url(site),
    }  # fmt: skip
    return {"type": "Feature", "id": site.key, "geometry": point, "properties": properties}


def kml(found: Iterable[Place], origin: Origin, *, name: str, description: str) -> bytes:
    """A folder a region; a placemark a site, in the style of its status. Sites of unknown position have no point."""
    root = etree.Element(f"{{{_KML}}}kml", nsmap={None: _KML})  # type: ignore[dict-item]
    document = _add(root, "Document")
    _add(document, "name", name)
    _add(document, "description", description)
    for status in Status:
        style = _add(document, "Style", id=f"status-{status.label}")
        icon = _add(style, "IconStyle")
        _add(icon, "color", _COLOURS[status])
        _add(icon, "scale", _SCALES.get(status, "0.9"))
        # No address of an icon: the viewer's own pin, in our colour, without a request to anybody.
        label = _add(style, "LabelStyle")
        _add(label, "scale", "0.8")
    regions: dict[str, list[Place]] = defaultdict(list)
    for place in found:
        regions[place.site.ngi.name].append(place)
    for region in sorted(regions):
        _folder(document, region, regions[region], origin)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _folder(document: "etree._Element", region: str, some: Sequence[Place], origin: Origin) -> None:
    folder = _add(document, "Folder")
    _add(folder, "name", region)
    _add(folder, "open", "0")
    for place in some:
        mark = _add(folder, "Placemark")
        # `id` is an XML ID, which an opaque key need not be; the key stands in the data below.
        _add(mark, "name", place.site.name)
        _add(mark, "description", _in_words(place, origin))
        _add(mark, "styleUrl", f"#status-{place.status.label}")
        _data(mark, place)
        if place.has_position:
            _add(_add(mark, "Point"), "coordinates", f"{place.site.longitude},{place.site.latitude},0")


def _data(mark: "etree._Element", place: Place) -> None:
    data = _add(mark, "ExtendedData")
    values = {"key": place.site.key, "status": place.status.name, "certification": place.site.certification}
    for name, value in (values | {f"status {vo}": status.name for vo, status in place.statuses.items()}).items():
        _add(_add(data, "Data", name=writable(name)), "value", value)


def _in_words(place: Place, origin: Origin) -> str:
    """The balloon. Viewers take it for HTML, so the markup characters of what people wrote are escaped once more."""
    lines = [
        f"{place.status.name}. {place.site.certification}, {place.site.get_infrastructure_display()}.",
        *(f"{vo}: {status.name}" for vo, status in place.statuses.items()),
        *(
            f"{downtime.get_severity_display()} until {until:%Y-%m-%d %H:%M} UTC: {downtime.description}"
            for downtime, until in place.downtimes
        ),
        origin.url(place.site),
    ]
    escaped = [line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for line in lines]
    return "<br>".join(escaped)


def _add(parent: "etree._Element", name: str, text: str = "", /, **attributes: str) -> "etree._Element":
    element = etree.SubElement(parent, f"{{{_KML}}}{name}", attributes)
    if text:
        element.text = writable(text)
    return element
