"""Addresses that the drill-down leads to. Portal pages lie floors above and may be missing."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.urls import NoReverseMatch, reverse

from gridkeeper.availability.drill.branches import Branch, Force, Forced
from gridkeeper.availability.drill.sentences import Links
from gridkeeper.registry.models import Service

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def url_of(name: str, *arguments: Any) -> str:
    """The page's address; empty where this installation has no such page."""
    try:
        return reverse(name, args=arguments)
    except NoReverseMatch:
        return ""


def result_url(series: int, executed_at: datetime) -> str:
    """The log of a result, which is named by its time to the microsecond."""
    return url_of("portal:result_at", series, (executed_at - _EPOCH) // timedelta(microseconds=1))


def decision_url(forced: Forced) -> str:
    """The downtime or the recomputation behind what was set by force."""
    if not forced.key:
        return ""
    pages = {Force.DOWNTIME: "registry:downtime", Force.RECOMPUTATION: "availability:recomputation"}
    return url_of(pages[forced.force], forced.key) if forced.force in pages else ""


LINKS = Links(result_url, decision_url)


def service_urls(tree: Branch) -> Mapping[Sequence[str], str]:
    """(service type, hostname) of the tree's services -> its page; the newest where one was registered again."""
    hosts = {branch.path.hostname for _, branch in tree.walk() if branch.path.hostname}
    services = Service.objects.filter(hostname__in=hosts).select_related("service_type").order_by("valid_from")
    return {(each.service_type.name, each.hostname): url_of("portal:service", each.key) for each in services}
