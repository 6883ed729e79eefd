"""Columns of GOCDB's sites and services."""

from gridkeeper.registry.importers.gocdb_fields import Item, chosen
from gridkeeper.registry.importers.records import EndpointRecord
from gridkeeper.registry.models import Certification, Infrastructure

#: Columns of a site that only some answers tell: kept as they are where the answer does not.
_SITE_EXTRAS = {
    "csirt_tel": ("CSIRTTEL", "CSIRT_TEL"),
    "emergency_tel": ("EMERGENCYTEL", "EMERGENCY_TEL"),
    "emergency_email": ("EMERGENCYEMAIL", "EMERGENCY_EMAIL"),
    "helpdesk_email": ("HELPDESKEMAIL", "HELPDESK_EMAIL"),
    "location": ("LOCATION",),
}
_SERVICE_EXTRAS = {"description": ("DESCRIPTION",), "email": ("CONTACT_EMAIL",)}


def key_of(item: Item) -> str | None:
    """PRIMARY_KEY, the attribute before the element: it is what other systems refer to."""
    attribute = (item.element.get("PRIMARY_KEY") or "").strip()
    inner = item.text("PRIMARY_KEY")
    if attribute and inner and attribute != inner:
        item.repaired(
            "PRIMARY_KEY", inner, f"is another than the attribute PRIMARY_KEY ({attribute}), which was taken",
            "make both the same",
        )  # fmt: skip
    return attribute or inner or None


def site_fields(item: Item) -> dict[str, object]:
    """Columns of a site that a SITE tells."""
    return {
        "official_name": item.word("OFFICIAL_NAME"),
        "description": item.word("SITE_DESCRIPTION"),
        "home_url": item.word("HOME_URL"),
        "contact_email": item.word("CONTACT_EMAIL"),
        "contact_tel": item.word("CONTACT_TEL"),
        "alarm_email": item.word("ALARM_EMAIL"),
        "csirt_email": item.word("CSIRT_EMAIL"),
        "giis_url": item.word("GIIS_URL"),
        "tier": item.word("TIER"),
        "subgrid": item.word("SUBGRID"),
        **item.country(),
        "timezone": item.timezone(),
        "latitude": item.degrees("LATITUDE", 90),
        "longitude": item.degrees("LONGITUDE", 180),
        "domain": next(iter(item.words("DOMAIN", "DOMAIN_NAME")), ""),
        "ip_range": item.word("SITE_IP") or item.word("IP_RANGE"),
        "ipv6_range": item.word("SITE_IPV6"),
        "infrastructure": item.choice(
            "PRODUCTION_INFRASTRUCTURE", chosen(Infrastructure.values), Infrastructure.TEST.value
        ),
        "certification": item.choice(
            "CERTIFICATION_STATUS", chosen(Certification.values), Certification.CANDIDATE.value
        ),
        "notifications": item.flag("NOTIFICATIONS", default=False),
        "scopes": item.scopes(),
        "properties": item.extensions(),
        **item.told(_SITE_EXTRAS),
    }


def service_fields(item: Item) -> dict[str, object]:
    """Columns of a service that a SERVICE_ENDPOINT tells."""
    in_production = item.flag("IN_PRODUCTION", default=False)
    return {
        "url": item.word("URL"),
        "host_dn": item.word("HOSTDN"),
        "host_ip": item.address("HOST_IP", 4),
        "host_ipv6": item.address("HOST_IPV6", 6),
        "operating_system": item.word("HOST_OS"),
        "architecture": item.word("HOST_ARCH"),
        "is_beta": item.flag("BETA", default=False),
        "in_production": in_production,
        "is_monitored": item.flag("NODE_MONITORED", default=in_production),
        "notifications": item.flag("NOTIFICATIONS", default=False),
        "scopes": item.scopes(),
        "properties": item.extensions(),
        **item.told(_SERVICE_EXTRAS),
    }


def endpoints_of(service: Item) -> list[EndpointRecord]:
    """The addresses of a SERVICE_ENDPOINT."""
    records = []
    for element in service.children("ENDPOINTS", "ENDPOINT"):
        item = Item(service.report, "endpoint", service.file, element)
        name = item.text("NAME") or item.text("URL") or item.text("ID")
        item = item.named(name)
        if not name:
            item.rejected("NAME", "", "has neither name nor URL", "give it a NAME")
            continue
        fields = {
            "url": item.word("URL"),
            "interface_name": item.word("INTERFACENAME"),
            "is_monitored": item.flag("ENDPOINT_MONITORED", default=False),
            "properties": item.extensions(),
            **item.told(_SERVICE_EXTRAS),
        }
        records.append(
            EndpointRecord(place=item.place, name=name, key=item.text("ID") or None, raw=item.raw, fields=fields)
        )
    return records
