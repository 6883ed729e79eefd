"""get_service = get_service_endpoint, get_service_types. Written from plain columns: no client asks for more rows."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db.models import Q, TextField
from django.db.models.functions import Cast

from gridkeeper.api.gocdb.filters import like, property_filter, scope_filter, site_filter
from gridkeeper.api.gocdb.portal_links import link
from gridkeeper.api.gocdb.question import Question
from gridkeeper.api.gocdb.rows import QueryRows
from gridkeeper.api.gocdb.xml import (
    end,
    extensions_of_json,
    group,
    leaf,
    letter,
    optional,
    scopes_of_json,
    start,
)
from gridkeeper.registry.models import Endpoint, ServiceType
from gridkeeper.registry.queries import services_in_use

#: Columns of a row, in its order.
_COLUMNS = (
    "pk", "key", "hostname", "host_dn", "operating_system", "architecture", "is_beta", "service_type__name", "host_ip",
    "host_ipv6", "in_production", "is_monitored", "notifications", "site__name", "site__country", "site__country_code",
    "site__ngi__name", "url",
)  # fmt: skip


class _EndpointRow(NamedTuple):
    service_id: int
    pk: int
    key: str
    name: str
    url: str
    interface_name: str
    is_monitored: bool
    email: str
    properties: str


def service_rows(question: Question) -> QueryRows:
    """The services in use: none of a closed site."""
    condition = site_filter(question, "site__") & scope_filter(question) & property_filter(question)
    if (hostname := question.get("hostname")) is not None:
        condition &= like("hostname", hostname)
    if (service_type := question.get("service_type")) is not None:
        condition &= like("service_type__name", service_type)
    if (monitored := question.flag("monitored")) is not None:
        condition &= Q(is_monitored=monitored)
    texts = (Cast(name, TextField()) for name in ("scopes", "properties"))
    return QueryRows(services_in_use().filter(condition).values_list(*_COLUMNS, *texts), id_of=lambda row: int(row[0]))


def write_services(question: Question, rows: list[tuple[Any, ...]]) -> Iterator[str]:
    addresses = endpoints_of([row[0] for row in rows])
    for row in rows:
        yield _service(question.root, row, addresses.get(row[0], ""))


def _service(root: str, row: tuple[Any, ...], addresses: str) -> str:
    (
        _, key, hostname, dn, system, architecture, is_beta, service_type, ip, ipv6, in_production, is_monitored,
        notifications, site, country, country_code, ngi, url, scopes, properties,
    ) = row  # fmt: skip
    return "".join(
        (
            start("SERVICE_ENDPOINT", 1, PRIMARY_KEY=key),
            leaf("PRIMARY_KEY", key),
            optional("HOSTNAME", hostname),
            leaf("GOCDB_PORTAL_URL", link(root, "portal:service", key)),
            optional("HOSTDN", dn),
            optional("HOST_OS", system),
            optional("HOST_ARCH", architecture),
            leaf("BETA", letter(is_beta)),
            leaf("SERVICE_TYPE", service_type),
            optional("HOST_IP", ip),
            optional("HOST_IPV6", ipv6),
            "    <CORE/>\n",  # nobody has ever filled it
            leaf("IN_PRODUCTION", letter(in_production)),
            leaf("NODE_MONITORED", letter(is_monitored)),
            leaf("NOTIFICATIONS", letter(notifications)),
            leaf("SITENAME", site),
            leaf("COUNTRY_NAME", country),
            leaf("COUNTRY_CODE", country_code),
            leaf("ROC_NAME", ngi),
            leaf("URL", url),
            addresses or "    <ENDPOINTS/>\n",
            scopes_of_json(scopes),
            extensions_of_json(key, properties),
            end("SERVICE_ENDPOINT", 1),
        )
    )


def endpoints_of(services: list[int], *, depth: int = 2, with_email: bool = False) -> dict[int, str]:
    """ENDPOINTS of each of the services that has any: one query."""
    columns = ("service_id", "pk", "key", "name", "url", "interface_name", "is_monitored", "email")
    rows = Endpoint.objects.current().filter(service__in=services).order_by("pk")
    found: dict[int, list[str]] = {}
    for values in rows.values_list(*columns, Cast("properties", TextField())):
        row = _EndpointRow(*values)
        found.setdefault(row.service_id, []).append(_endpoint(row, depth + 1, with_email=with_email))
    return {service: group("ENDPOINTS", parts, depth) for service, parts in found.items()}


def _endpoint(row: _EndpointRow, depth: int, *, with_email: bool) -> str:
    parts = [
        leaf("ID", str(row.pk), depth + 1),
        leaf("NAME", row.name, depth + 1),
        extensions_of_json(row.key, row.properties, depth + 1),
        leaf("URL", row.url, depth + 1),
        leaf("INTERFACENAME", row.interface_name, depth + 1),
        leaf("ENDPOINT_MONITORED", letter(row.is_monitored), depth + 1),
    ]
    if with_email:
        parts.append(leaf("CONTACT_EMAIL", row.email, depth + 1))
    return group("ENDPOINT", parts, depth)


def service_type_rows(question: Question) -> QueryRows:
    """All service types."""
    return QueryRows(ServiceType.objects.all())


def write_service_types(question: Question, types: list[ServiceType]) -> Iterator[str]:
    for kind in types:
        yield start("SERVICE_TYPE", 1, TYPE_ID=kind.pk, PRIMARY_KEY=kind.key or f"{kind.pk}G0")
        yield leaf("SERVICE_TYPE_NAME", kind.name)
        yield leaf("SERVICE_TYPE_DESC", kind.description)
        yield end("SERVICE_TYPE", 1)
