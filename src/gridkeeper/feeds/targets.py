"""Services as targets of Prometheus (HTTP service discovery)."""

import json
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from gridkeeper.feeds.addresses import Origin
from gridkeeper.registry.models import Service

#: Prometheus wants exactly this (prometheus.io, "HTTP SD", requirements).
CONTENT_TYPE = "application/json"
_PORTS = {"http": 80, "https": 443, "ldap": 389, "ldaps": 636, "gsiftp": 2811, "root": 1094, "roots": 1094}


def targets(services: Iterable[Service], vos: Mapping[int, list[str]], origin: Origin) -> bytes:
    """One group a service, with what is known of it in labels `__meta_gridkeeper_*`; relabelling chooses.

    Lists are joined by commas with a comma at each end, as Prometheus' own discoveries write them, so that
    `.*,atlas,.*` matches.
    """
    groups = [
        {"targets": [target_of(service)], "labels": _labels(service, vos.get(service.pk, []), origin)}
        for service in services
    ]
    return json.dumps(groups, ensure_ascii=False).encode()


def target_of(service: Service) -> str:
    """Host and port of the service's URL, else its host alone: a module of the exporter knows the port.

    >>> target_of(Service(hostname="ce.example.org", url="https://ce.example.org:9619/x"))
    'ce.example.org:9619'
    >>> target_of(Service(hostname="ce.example.org", url="condor ce"))
    'ce.example.org'
    """
    try:
        parts = urlsplit(service.url if "://" in service.url else f"//{service.url}")
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        host, port = "", None
    if not host or not port or any(char.isspace() for char in host):
        return service.hostname
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _labels(service: Service, vos: list[str], origin: Origin) -> dict[str, str]:
    site = service.site
    labels = {
        "key": service.key,
        "service_type": service.service_type.name,
        "hostname": service.hostname,
        "url": service.url,
        "site": site.name,
        "site_key": site.key,
        "region": site.ngi.name,
        "country_code": site.country_code,
        "certification": site.certification,
        "infrastructure": site.infrastructure,
        "in_production": str(service.in_production).lower(),
        "monitored": str(service.is_monitored).lower(),
        "scopes": _joined(service.scopes),
        "vos": _joined(vos),
        "page": origin.url(service),
    }
    return {f"__meta_gridkeeper_{name}": value for name, value in labels.items()}


def _joined(words: Iterable[str]) -> str:
    text = ",".join(words)
    return f",{text}," if text else ""
