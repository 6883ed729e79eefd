"""The methods of the interface, as a table (registry.md section 5, GOCDB's "lib/Gocdb_Services/PI")."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import Model

from gridkeeper.api.gocdb import certifications, contacts, downtimes, regions, services, sites
from gridkeeper.api.gocdb.filters import SCOPE, SITE, STATUS
from gridkeeper.api.gocdb.question import Question
from gridkeeper.api.gocdb.rows import Rows
from gridkeeper.registry.models import (
    CertificationChange,
    Downtime,
    DowntimeEndpoint,
    DowntimeService,
    Endpoint,
    Federation,
    Ngi,
    NgiMembership,
    RoleGrant,
    Scope,
    Service,
    ServiceGroup,
    ServiceGroupMember,
    ServiceType,
    Site,
)

Models = tuple[type[Model], ...]

_OF_SITES: Models = (Scope, Ngi, Site)
_OF_SERVICES: Models = (*_OF_SITES, ServiceType, Service, Endpoint)
_OF_DOWNTIMES: Models = (*_OF_SERVICES, Downtime, DowntimeService, DowntimeEndpoint)
_OF_PEOPLE: Models = (*_OF_SITES, Federation, NgiMembership, ServiceGroup, RoleGrant)


@dataclass(frozen=True, slots=True)
class Method:
    """level: 1 public, 2 for whoever has an identity
    parameters: those that it knows, besides the page
    rows, write: what it answers from, and how a few rows of it are written
    reads: tables that the answer depends on
    is_personal: true where the answer names people
    count: elements that some rows become
    """

    level: Literal[1, 2]
    parameters: frozenset[str]
    rows: Callable[[Question], Rows]
    write: Callable[[Question, list[Any]], Iterator[str]]
    reads: Models
    is_personal: bool = False
    count: Callable[[list[Any]], int] = len

    def is_of_the_clock(self, question: Question) -> bool:
        """True where the answer may change though the registry does not."""
        return self.is_personal or downtimes.is_of_the_clock(question)


def _public(names: tuple[str, ...], rows: Any, write: Any, reads: Models, count: Callable[..., int] = len) -> Method:
    return Method(1, frozenset(names), rows, write, reads, count=count)


def _protected(names: tuple[str, ...], rows: Any, write: Any, reads: Models) -> Method:
    return Method(2, frozenset(names), rows, write, reads)


def _personal(names: tuple[str, ...], rows: Any, write: Any) -> Method:
    return Method(2, frozenset(names), rows, write, _OF_PEOPLE, is_personal=True)


_SITES = (*SITE, *STATUS, *SCOPE)
_SERVICE = _public(
    (*SITE, *SCOPE, "hostname", "service_type", "monitored", "extensions"),
    services.service_rows, services.write_services, _OF_SERVICES,
)  # fmt: skip

METHODS: Mapping[str, Method] = {
    "get_site": _protected((*_SITES, "extensions"), sites.site_rows, sites.write_sites, _OF_SITES),
    "get_site_list": _public((*_SITES, "extensions"), sites.site_rows, sites.write_site_list, _OF_SITES),
    "get_site_contacts": _personal(
        (*SITE, *SCOPE, "roletype"), contacts.site_contact_rows, contacts.write_site_contacts
    ),
    "get_site_security_info": _protected(_SITES, sites.site_rows, sites.write_security_info, _OF_SITES),
    "get_site_count_per_country": _public(
        ("certification_status", "production_status", "scope"), sites.country_rows, sites.write_countries, _OF_SITES
    ),
    "get_roc_list": _public(("roc",), regions.roc_rows, regions.write_rocs, (Ngi,)),
    "get_roc_contacts": _personal(("roc", "roletype"), contacts.roc_contact_rows, contacts.write_roc_contacts),
    "get_ngi": _protected(("roc", *SCOPE), regions.ngi_rows, regions.write_ngis, _OF_SITES),
    "get_subgrid_list": _public(("subgrid",), sites.subgrid_rows, sites.write_subgrids, (Ngi, Site)),
    "get_service": _SERVICE,
    "get_service_endpoint": _SERVICE,
    "get_service_types": _public((), services.service_type_rows, services.write_service_types, (ServiceType,)),
    "get_downtime": _public(
        downtimes.PARAMETERS, downtimes.downtime_rows, downtimes.write_downtimes, _OF_DOWNTIMES, downtimes.count_told
    ),
    "get_downtime_nested_services": _public(
        downtimes.PARAMETERS, downtimes.downtime_rows, downtimes.write_nested_downtimes, _OF_DOWNTIMES
    ),
    "get_downtime_to_broadcast": _public(
        ("interval", "id", *SCOPE),
        downtimes.broadcast_rows, downtimes.write_broadcast, _OF_DOWNTIMES, downtimes.count_told,
    ),
    "get_service_group": _protected(
        ("service_group_name", *SCOPE, "extensions"), regions.group_rows, regions.write_groups,
        (*_OF_SERVICES, ServiceGroup, ServiceGroupMember),
    ),
    "get_service_group_role": _personal(
        ("service_group_name", *SCOPE), contacts.group_role_rows, contacts.write_group_roles
    ),
    "get_user": _personal(
        ("dn", "dnlike", "forename", "surname", "roletype"), contacts.user_rows, contacts.write_users
    ),
    "get_project_contacts": _personal(("project",), contacts.project_rows, contacts.write_project_contacts),
    "get_cert_status_date": _protected(
        ("certification_status", "roc"), certifications.status_rows, certifications.write_statuses, _OF_SITES
    ),
    "get_cert_status_changes": _protected(
        ("site", "startdate", "enddate"), certifications.change_rows, certifications.write_changes,
        (Site, CertificationChange),
    ),
}  # fmt: skip

#: The one that has no rows: it says whether one is known here, and as whom.
ACCESS_TEST = "access_test"

PARAMETERS: Mapping[str, frozenset[str]] = {
    ACCESS_TEST: frozenset(),
    **{name: method.parameters for name, method in METHODS.items()},
}
