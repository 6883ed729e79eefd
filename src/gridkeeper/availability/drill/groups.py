"""Whose day it is: a site, or a service group where a report's groups are those."""

from dataclasses import dataclass

from django.http import Http404

from gridkeeper.registry.models import ServiceGroup, Site


@dataclass(frozen=True, slots=True)
class Group:
    """What a report has figures of. region: key and name of what it belongs to; site: where it is one"""

    key: str
    name: str
    region: tuple[str, str] = ("", "")
    site: Site | None = None


def group_of(key: str) -> Group:
    """The site of that key, else the service group. Raises Http404 where there is neither."""
    site = Site.objects.select_related("ngi").filter(key=key).first()
    if site is not None:
        return Group(site.key, site.name, (site.ngi.key, site.ngi.name), site)
    found = ServiceGroup.objects.filter(key=key).order_by("-valid_from").first()
    if found is None:
        raise Http404(f"There is no site and no service group of the key {key!r}.")
    return Group(found.key, found.name)
