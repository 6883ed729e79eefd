"""Whose day it is: a site, or a service group where a report's groups are those."""

from dataclasses import dataclass

from django.http import Http404

from gridkeeper.availability import queries
from gridkeeper.availability.drill.asked import Asked
from gridkeeper.registry.models import ServiceGroup, Site


@dataclass(frozen=True, slots=True)
class Group:
    """What a report has figures of. region: key and name of what it belongs to; site: where it is one"""

    key: str
    name: str
    region: tuple[str, str] = ("", "")
    site: Site | None = None


def group_of(key: str, asked: Asked | None = None) -> Group:
    """The site of that key, else the service group; of a report that is made of feeds also a name.

    Raises Http404 where there is none.
    """
    site = Site.objects.select_related("ngi").filter(key=key).first()
    if site is not None:
        return Group(site.key, site.name, (site.ngi.key, site.ngi.name), site)
    found = ServiceGroup.objects.filter(key=key).order_by("-valid_from").first()
    if found is None and asked is not None and _is_of_feeds(asked):
        return Group(key, key)
    if found is None:
        raise Http404(f"There is no site and no service group of the key {key!r}.")
    return Group(found.key, found.name)


def _is_of_feeds(asked: Asked) -> bool:
    definitions = queries.definitions(asked.today)
    return any(each.document.topology == "feed" for each in definitions if each.name == asked.report)
