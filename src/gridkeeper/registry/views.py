"""Pages of one region, site or downtime: authorise, query, render. Tabs are addresses of their own and htmx parts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import is_permitted
from gridkeeper.registry.models import (
    ApiCredential,
    CertificationChange,
    Downtime,
    Endpoint,
    Ngi,
    NgiMembership,
    RoleGrant,
    Service,
    Site,
)
from gridkeeper.registry.queries import ngis_with_counts, people_with_roles, with_counts, with_services, with_state
from gridkeeper.registry.tables import DowntimeTable, SiteTable
from gridkeeper.registry.trail import trail_of
from gridkeeper.web.htmx import is_part, render_page_or_part
from gridkeeper.web.moments import moment_of

#: Downtimes that ended longer ago are in the list of downtimes, not on the tab.
_RECENT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab of a page: its label, template part and what that shows."""

    label: str
    template: str
    context: Callable[[Any, Actor, datetime], dict[str, Any]]


def _recent_downtimes(downtimes: "QuerySet[Downtime]", now: datetime) -> DowntimeTable:
    recent = downtimes.filter(end__gt=now - _RECENT).distinct().order_by("-start", "-pk")
    return DowntimeTable(with_services(with_state(recent, now)), orderable=False)


def _ngi_sites(ngi: Ngi, _: Actor, now: datetime) -> dict[str, Any]:
    sites = with_counts(Site.objects.current().filter(ngi=ngi), now).order_by("name")
    return {"table": SiteTable(sites, exclude=["ngi"], orderable=False)}


def _ngi_downtimes(ngi: Ngi, _: Actor, now: datetime) -> dict[str, Any]:
    return {"table": _recent_downtimes(Downtime.objects.filter(services__site__ngi=ngi), now)}


def contacts_context(subject: Any, actor: Actor, _: datetime) -> dict[str, Any]:
    """The people who hold a role on a federation, region, site or service group; the tab of that name."""
    return {
        "people": people_with_roles(subject) if actor.user else [],
        "may_grant": is_permitted(actor, "registry.grant_role", subject),
        "level": subject.lineage()[0].partition(":")[0],
    }


def _ngi_details(ngi: Ngi, actor: Actor, _: datetime) -> dict[str, Any]:
    memberships = ngi.memberships.current().select_related("federation")
    return {"memberships": memberships, "may_administer": is_permitted(actor, "registry.administer", ngi)}


def _ngi_history(ngi: Ngi, actor: Actor, _: datetime) -> dict[str, Any]:
    sources = [(Ngi, Q(id=ngi.pk)), (NgiMembership, Q(ngi=ngi.pk)), (RoleGrant, Q(ngi=ngi.pk))]
    return {"trail": trail_of(sources, actor)}


def _site_services(site: Site, actor: Actor, _: datetime) -> dict[str, Any]:
    services = Service.objects.current().filter(site=site).select_related("service_type", "site__ngi")
    return {
        "services": services.prefetch_related("endpoints").order_by("service_type__name", "hostname"),
        "may_edit": is_permitted(actor, "registry.edit_service", site),
        "may_add": site.certification != "Closed" and is_permitted(actor, "registry.add_service", site),
        "closed_count": Service.objects.filter(site=site, valid_until__isnull=False).count(),
    }


def _site_downtimes(site: Site, actor: Actor, now: datetime) -> dict[str, Any]:
    return {
        "table": _recent_downtimes(Downtime.objects.filter(services__site=site), now),
        "may_declare": is_permitted(actor, "registry.declare_downtime", site),
    }


def _site_details(site: Site, actor: Actor, _: datetime) -> dict[str, Any]:
    # any other scheme (javascript:, data:) is shown as text
    home_is_web = site.home_url.lower().startswith(("http://", "https://"))
    may_edit = is_permitted(actor, "registry.edit_site", site)
    return {
        "may_edit": may_edit,
        "may_move": is_permitted(actor, "registry.add_site", site.ngi),
        "may_certify": is_permitted(actor, "registry.change_certification", site),
        "home_is_web": home_is_web,
        "credentials": site.api_credentials.current().select_related("added_by") if may_edit else [],
    }


def _site_history(site: Site, actor: Actor, _: datetime) -> dict[str, Any]:
    sources = [
        (Site, Q(id=site.pk)),
        (Service, Q(site=site.pk)),
        (Endpoint, Q(service__site=site.pk)),
        (ApiCredential, Q(site=site.pk)),
        (RoleGrant, Q(site=site.pk)),
    ]
    return {
        "trail": trail_of(sources, actor),
        "certification_changes": CertificationChange.objects.filter(site=site)[:20],
        "may_certify": is_permitted(actor, "registry.change_certification", site),
    }


NGI_TABS: Mapping[str, Tab] = {
    "sites": Tab("Sites", "registry/tab_table.html", _ngi_sites),
    "downtimes": Tab("Downtimes", "registry/tab_downtimes.html", _ngi_downtimes),
    "details": Tab("Details", "registry/ngi_details.html", _ngi_details),
    "contacts": Tab("Contacts", "registry/ngi_contacts.html", contacts_context),
    "history": Tab("History", "registry/tab_history.html", _ngi_history),
}
#: The parts of the registry on the page of a site; that page is the portal's.
SITE_TABS: Mapping[str, Tab] = {
    "services": Tab("Services", "registry/site_services.html", _site_services),
    "downtimes": Tab("Downtimes", "registry/tab_downtimes.html", _site_downtimes),
    "details": Tab("Details", "registry/site_details.html", _site_details),
    "contacts": Tab("Contacts", "registry/site_contacts.html", contacts_context),
    "history": Tab("History", "registry/site_history.html", _site_history),
}


def known_tab(tabs: Mapping[str, Tab], name: str) -> str:
    """That name, or Http404."""
    if name not in tabs:
        raise Http404(f"there is no tab {name!r}; there are {', '.join(tabs)}")
    return name


def ngi(request: HttpRequest, key: str, tab: str = "sites") -> HttpResponse:
    """A region with its numbers and tabs."""
    now, actor = moment_of(request), Actor.of(request)
    chosen = NGI_TABS[known_tab(NGI_TABS, tab)]
    regions = ngis_with_counts(Ngi.objects.select_related("federation"), now)
    subject = get_object_or_404(regions, key=key)
    context = chosen.context(subject, actor, now) | {"ngi": subject, "subject": subject, "tab": tab, "tabs": NGI_TABS}
    is_admin = is_permitted(actor, "registry.administer", subject)
    context |= {
        "tab_template": chosen.template, "tab_url": "registry:ngi", "may_administer": is_admin,
        "may_edit_ngi": is_permitted(actor, "registry.edit_ngi", subject),
        "may_add_site": is_permitted(actor, "registry.add_site", subject),
    }  # fmt: skip
    return render_page_or_part(request, "registry/ngi.html", chosen.template, context)


def site_tab_context(site: Site, tab: str, actor: Actor, now: datetime) -> dict[str, Any]:
    """What `SITE_TABS[tab].template` shows, for a page that includes it. Raises Http404 for an unknown tab."""
    chosen = SITE_TABS[known_tab(SITE_TABS, tab)]
    return chosen.context(site, actor, now) | {"site": site, "subject": site, "tab_template": chosen.template}


def site_part(request: HttpRequest, key: str, tab: str) -> HttpResponse:
    """A tab of a site, as a part for htmx; a reader is sent to the site's own page, which shows it."""
    if not is_part(request):
        return redirect("portal:site_tab", key, known_tab(SITE_TABS, tab))
    site = get_object_or_404(Site.objects.select_related("ngi__federation"), key=key)
    context = site_tab_context(site, tab, Actor.of(request), moment_of(request))
    return render(request, context["tab_template"], context)
