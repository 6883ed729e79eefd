"""get_roc_list, get_ngi, get_service_group: regions, and groups of services."""

from collections.abc import Iterator

from django.db.models import Prefetch, Q

from gridkeeper.api.gocdb.filters import like, property_filter, scope_filter
from gridkeeper.api.gocdb.portal_links import link
from gridkeeper.api.gocdb.question import Question
from gridkeeper.api.gocdb.rows import QueryRows
from gridkeeper.api.gocdb.services import endpoints_of
from gridkeeper.api.gocdb.xml import empty, end, extensions, group, leaf, letter, scopes, start
from gridkeeper.registry.models import Ngi, Service, ServiceGroup, ServiceGroupMember, Site
from gridkeeper.registry.queries import count_of, services_in_use


def _roc(question: Question) -> Q:
    name = question.get("roc")
    return Q() if name is None else like("name", name)


def roc_rows(question: Question) -> QueryRows:
    """The regions; whatever their scopes."""
    return QueryRows(Ngi.objects.current().filter(_roc(question)))


def write_rocs(question: Question, ngis: list[Ngi]) -> Iterator[str]:
    for ngi in ngis:
        yield empty("ROC", 1, PRIMARY_KEY=ngi.key, ROC_NAME=ngi.name)


def ngi_rows(question: Question) -> QueryRows:
    """The regions with the number of their sites."""
    ngis = Ngi.objects.current().filter(_roc(question) & scope_filter(question))
    return QueryRows(ngis.annotate(site_count=count_of(Site.objects.current(), "ngi")))


def write_ngis(question: Question, ngis: list[Ngi]) -> Iterator[str]:
    for ngi in ngis:
        yield start("NGI", 1, ID=ngi.pk, NAME=ngi.name)
        yield leaf("PRIMARY_KEY", ngi.key)
        yield leaf("NAME", ngi.name)
        yield leaf("OBJECT_ID", str(ngi.pk))
        yield leaf("DESCRIPTION", ngi.description)
        yield leaf("EMAIL", ngi.email)
        yield leaf("GGUS_SU", ngi.support_unit)
        yield leaf("ROD_EMAIL", ngi.rod_email)
        yield leaf("HELPDESK_EMAIL", ngi.helpdesk_email)
        yield leaf("SECURITY_EMAIL", ngi.security_email)
        yield leaf("SITE_COUNT", str(ngi.site_count))  # type: ignore[attr-defined]
        yield scopes(ngi.scopes)
        yield end("NGI", 1)


def group_condition(question: Question) -> Q:
    """service_group_name and scope, for groups."""
    name = question.get("service_group_name")
    return scope_filter(question) & (Q() if name is None else like("name", name))


def group_rows(question: Question) -> QueryRows:
    """The service groups with their services in use."""
    members = ServiceGroupMember.objects.current().filter(service__in=services_in_use())
    members = members.select_related("service__service_type").order_by("service__pk")
    groups = ServiceGroup.objects.current().filter(group_condition(question) & property_filter(question))
    return QueryRows(groups.prefetch_related(Prefetch("members", members)))


def write_groups(question: Question, groups: list[ServiceGroup]) -> Iterator[str]:
    for each in groups:
        members = [member.service for member in each.members.all()]
        addresses = endpoints_of([service.pk for service in members], depth=3, with_email=True)
        yield start("SERVICE_GROUP", 1, ID=each.pk, PRIMARY_KEY=each.key)
        yield group_head(question, each)
        for service in members:
            yield _member(question, service, addresses.get(service.pk, ""))
        yield scopes(each.scopes)
        yield extensions(each.key, each.properties)
        yield end("SERVICE_GROUP", 1)


def group_head(question: Question, each: ServiceGroup) -> str:
    """What both methods about groups say first."""
    return "".join(
        (
            leaf("NAME", each.name),
            leaf("DESCRIPTION", each.description),
            leaf("MONITORED", letter(each.is_monitored)),
            leaf("CONTACT_EMAIL", each.email),
            leaf("GOCDB_PORTAL_URL", link(question.root, "registry:service_group", each.key)),
        )
    )


def _member(question: Question, service: Service, addresses: str) -> str:
    return "".join(
        (
            start("SERVICE_ENDPOINT", 2, PRIMARY_KEY=service.key),
            leaf("HOSTNAME", service.hostname, 3),
            leaf("GOCDB_PORTAL_URL", link(question.root, "portal:service", service.key), 3),
            leaf("SERVICE_TYPE", service.service_type.name, 3),
            leaf("HOST_IP", service.host_ip, 3),
            leaf("HOST_IPV6", service.host_ipv6, 3),
            leaf("HOSTDN", service.host_dn, 3),
            leaf("IN_PRODUCTION", letter(service.in_production), 3),
            leaf("NODE_MONITORED", letter(service.is_monitored), 3),
            addresses or group("ENDPOINTS", (), 3),
            scopes(service.scopes, 3),
            extensions(service.key, service.properties, 3),
            end("SERVICE_ENDPOINT", 2),
        )
    )
