"""Tables of the registry's lists."""

from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from gridkeeper.registry.models import Downtime, Severity
from gridkeeper.web.tables import FlagColumn, ListTable, MomentColumn, NumberColumn, WordColumn

CERTIFICATION_TONES = {
    "Certified": "tone-good",
    "Uncertified": "tone-attention",
    "Candidate": "tone-attention",
    "Suspended": "tone-bad",
    "Closed": "tone-quiet",
}
SEVERITY_TONES = {"OUTAGE": "tone-strong"}
STATE_TONES = {"now": "tone-now", "next": "tone-attention", "past": "tone-quiet", "cancelled": "tone-quiet"}


def affects(downtime: Downtime) -> str:
    """How much a downtime touches, in words; its services and their sites must be prefetched.

    "3 services of CERN-PROD", "12 services of 4 sites"
    """
    services = downtime.services.all()
    sites = sorted({service.site.name for service in services})
    where = sites[0] if len(sites) == 1 else f"{len(sites)} sites"
    return f"{len(services)} service{'' if len(services) == 1 else 's'} of {where}"


class NgiTable(ListTable):
    """Regions."""

    card_title = "name"
    card_facts = ("site_count", "service_count")
    name = tables.Column(linkify=True, verbose_name="Region")
    site_count = NumberColumn(verbose_name="Sites")
    certified_count = NumberColumn(verbose_name="Certified")
    service_count = NumberColumn(verbose_name="Services")
    downtime_count = NumberColumn(verbose_name="Downtimes now")
    description = tables.Column(orderable=False)

    def render_description(self, value: str) -> str:
        return Truncator(value).chars(80)


class SiteTable(ListTable):
    """Sites."""

    card_title = "name"
    card_facts = ("certification", "service_count")
    name = tables.Column(linkify=True, verbose_name="Site")
    ngi = tables.Column(linkify=True, verbose_name="Region", order_by="ngi__name")
    certification = WordColumn(tones=CERTIFICATION_TONES)
    infrastructure = tables.Column()
    country = tables.Column()
    tier = tables.Column()
    service_count = NumberColumn(verbose_name="Services")
    downtime_count = NumberColumn(verbose_name="Downtimes now")


class ServiceTable(ListTable):
    """Services."""

    card_title = "hostname"
    card_facts = ("service_type", "site")
    hostname = tables.Column(linkify=True, verbose_name="Host")
    service_type = tables.Column(accessor="service_type__name", verbose_name="Type")
    site = tables.Column(linkify=True, order_by="site__name")
    region = tables.Column(accessor="site__ngi__name", verbose_name="Region")
    in_production = FlagColumn(verbose_name="In production")
    is_monitored = FlagColumn(verbose_name="Monitored")


class DowntimeTable(ListTable):
    """Downtimes; the rows need `state` (`queries.with_state`) and their services prefetched."""

    card_title = "affects"
    card_facts = ("state", "start")
    affects = tables.Column(empty_values=(), orderable=False, verbose_name="Affects")
    state = WordColumn(tones=STATE_TONES, order_by="start")
    severity = WordColumn(tones=SEVERITY_TONES, labels=dict(Severity.choices))
    start = MomentColumn()
    end = MomentColumn()
    classification = WordColumn()
    description = tables.Column(orderable=False)

    def render_affects(self, record: Downtime) -> SafeString:
        return format_html('<a href="{}">{}</a>', record.get_absolute_url(), affects(record))

    def render_classification(self, value: str) -> str:
        return value.lower()

    def render_description(self, value: str) -> str:
        return Truncator(value).chars(90)


class ServiceTypeTable(ListTable):
    """Service types. The number of services leads to them."""

    card_title = "name"
    card_facts = ("service_count", "has_monitoring_exception")
    name = tables.Column(linkify=True, verbose_name="Service type")
    service_count = NumberColumn(verbose_name="Services")
    has_monitoring_exception = FlagColumn(verbose_name="May be unmonitored")
    description = tables.Column(orderable=False)

    def render_service_count(self, value: int, record: Any) -> SafeString:
        url = reverse("registry:services", query={"type": record.name})
        return format_html('<a href="{}">{}</a>', url, value)


class FederationTable(ListTable):
    """Federations."""

    card_title = "name"
    card_facts = ("region_count", "site_count")
    name = tables.Column(linkify=True, verbose_name="Federation")
    region_count = NumberColumn(verbose_name="Regions")
    further_count = NumberColumn(verbose_name="Further regions")
    site_count = NumberColumn(verbose_name="Sites")
    notice_hours = NumberColumn(verbose_name="Notice, h")
    description = tables.Column(orderable=False)

    def render_description(self, value: str) -> str:
        return Truncator(value).chars(80)


class ServiceGroupTable(ListTable):
    """Service groups."""

    card_title = "name"
    card_facts = ("service_count", "is_monitored")
    name = tables.Column(linkify=True, verbose_name="Service group")
    service_count = NumberColumn(verbose_name="Services")
    site_count = NumberColumn(verbose_name="Sites")
    is_monitored = FlagColumn(verbose_name="Monitored")
    scopes = tables.Column(orderable=False)
    description = tables.Column(orderable=False)

    def render_scopes(self, value: list[str]) -> str:
        return ", ".join(value)

    def render_description(self, value: str) -> str:
        return Truncator(value).chars(80)


class ScopeTable(ListTable):
    """Scopes."""

    card_title = "name"
    card_facts = ("is_reserved", "is_default")
    name = tables.Column(linkify=True, verbose_name="Scope")
    is_reserved = FlagColumn(verbose_name="Kind", yes="reserved", no="optional")
    is_default = FlagColumn(verbose_name="Default", no="")
    description = tables.Column(orderable=False)

    def render_description(self, value: str) -> str:
        return Truncator(value).chars(100)


class CredentialTable(ListTable):
    """API credentials."""

    card_title = "identifier"
    card_facts = ("site", "may_write")
    identifier = tables.Column()
    kind = tables.Column()
    site = tables.Column(linkify=True, order_by="site__name")
    may_write = FlagColumn(verbose_name="May write")
    last_used_at = MomentColumn(verbose_name="Last used")
    added_by = tables.Column(verbose_name="Added by", orderable=False)

    def render_identifier(self, value: str, record: Any) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("registry:credential_edit", args=[record.key]), value)
