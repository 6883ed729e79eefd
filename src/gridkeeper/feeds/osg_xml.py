"""OSG's documents, element by element in the order of its schemas (rgsummary.xsd, rgdowntime.xsd, vosummary.xsd)."""

from collections.abc import Iterable, Mapping

from lxml import etree

from gridkeeper.feeds.answers import writable
from gridkeeper.feeds.osg import NO_DESCRIPTION, NO_GROUP_DESCRIPTION, NO_INFORMATION, Group, Resource, ServiceEntry

CONTENT_TYPE = "text/xml; charset=utf-8"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
#: Properties of a site, each after "OSG site ", that are elements of Site.
_SITE_PROPERTIES = ("AddressLine1", "AddressLine2", "City", "State", "Zipcode", "Description")
_WLCG = (
    "InteropBDII", "LDAPURL", "InteropMonitoring", "InteropAccounting", "AccountingName", "KSI2KMin", "KSI2KMax",
    "StorageCapacityMin", "StorageCapacityMax", "HEPSPEC", "APELNormalFactor", "TapeCapacity",
)  # fmt: skip
_WLCG_DEFAULTS = {"InteropBDII": "False", "TapeCapacity": "0"}

Element = etree._Element


def document(name: str) -> Element:
    """The root of a document, with the name space that OSG's programs may expect to be bound."""
    return etree.Element(name, nsmap={"xsi": _XSI})


def add(parent: Element, name: str, text: object = "") -> Element:
    """An element with that text at the end of the parent."""
    element = etree.SubElement(parent, name)
    if text != "":
        element.text = writable(str(text))
    return element


def as_bytes(root: Element) -> bytes:
    """As it goes over the wire; indented, as OSG's own is."""
    return etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True)


def word(value: bool) -> str:
    """A boolean of the schemas."""
    return "True" if value else "False"


def resource_summary(groups: Iterable[Group]) -> bytes:
    """`/rgsummary/xml`."""
    root = document("ResourceSummary")
    for group in groups:
        _group(root, group)
    return as_bytes(root)


def _group(root: Element, group: Group) -> None:
    site = group.site
    element = add(root, "ResourceGroup")
    grid = "OSG Production Resource" if group.is_production else "OSG Integration Test Bed Resource"
    add(element, "GridType", grid)
    add(element, "GroupID", group.number)
    add(element, "GroupName", site.name)
    add(element, "Disable", word(group.is_disabled))
    _named(element, "Facility", group.facility)
    _site(_named(element, "Site", group.osg_site), group)
    _named(element, "SupportCenter", group.support_centre)
    add(element, "GroupDescription", site.description or NO_GROUP_DESCRIPTION)
    resources = add(element, "Resources")
    for resource in group.resources.values():
        _resource(resources, resource)


def _named(parent: Element, name: str, what: tuple[int, str]) -> Element:
    element = add(parent, name)
    add(element, "ID", what[0])
    add(element, "Name", what[1])
    return element


def _site(element: Element, group: Group) -> None:
    site = group.site
    values: dict[str, object] = {
        name: site.properties.get(f"OSG site {name}", "") for name in _SITE_PROPERTIES
    } | {
        "Country": site.country,
        "LongName": site.official_name,
        "Latitude": "" if site.latitude is None else site.latitude,
        "Longitude": "" if site.longitude is None else site.longitude,
    }  # fmt: skip
    for name in sorted(values):
        if values[name] != "":
            add(element, name, values[name])


def _resource(parent: Element, resource: Resource) -> None:
    element = add(parent, "Resource")
    add(element, "ID", resource.number)
    add(element, "Name", resource.name)
    add(element, "Active", word(resource.is_active))
    add(element, "Disable", "False")
    services = add(element, "Services")
    for service in resource.services:
        _service(services, service)
    tags = add(element, "Tags") if resource.listed("Tags") else None
    for tag in resource.listed("Tags"):
        assert tags is not None
        add(tags, "Tag", tag)
    add(element, "Description", resource.description or NO_DESCRIPTION)
    add(element, "FQDN", resource.fqdn)
    aliases = add(element, "FQDNAliases")
    for alias in resource.listed("FQDNAliases"):
        add(aliases, "FQDNAlias", alias)
    _ownership(element, resource.inner("VOOwnership"))
    _wlcg(element, resource.inner("WLCGInformation"))
    # Who they are is personal data, which these feeds do not hold.
    add(element, "ContactLists")


def _service(parent: Element, service: ServiceEntry) -> None:
    element = add(parent, "Service")
    add(element, "ID", service.type_number)
    add(element, "Name", service.type_name)
    add(element, "Description", service.description)
    details = add(element, "Details")
    for name, value in service.details.items():
        add(details, name, value)


def _ownership(parent: Element, owners: Mapping[str, str]) -> None:
    if not owners:
        add(parent, "VOOwnership", NO_INFORMATION)
        return
    element = add(parent, "VOOwnership")
    rest = 100 - sum(int(percent) for percent in owners.values() if percent.isdecimal())
    for name, percent in (dict(owners) | ({"(Other)": str(rest)} if rest > 0 else {})).items():
        each = add(element, "Ownership")
        add(each, "Percent", percent)
        add(each, "VO", name)
    # OSG named a picture at a service that is no longer there.
    add(element, "ChartURL")


def _wlcg(parent: Element, values: Mapping[str, str]) -> None:
    if not values:
        add(parent, "WLCGInformation", NO_INFORMATION)
        return
    element = add(parent, "WLCGInformation")
    for name in _WLCG:
        value = values.get(name, _WLCG_DEFAULTS.get(name, ""))
        add(element, name, value.capitalize() if value in {"true", "false"} else value)
