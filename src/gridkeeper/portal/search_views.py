"""The search over everything: sites, services, hosts, tests, VOs, regions."""

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from gridkeeper.probes.models import Test
from gridkeeper.registry.models import Ngi, Service, Site
from gridkeeper.vos.models import Vo

#: Found of each kind; whoever needs more narrows the words or opens the list.
_MOST = 20


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """What fits the words. An exact host, site or test name goes straight to its page."""
    text = request.GET.get("q", "").strip().replace("\x00", "")[:200]
    if not text:
        return render(request, "portal/search.html", {"q": "", "groups": []})
    exact = _exact(text)
    if exact is not None:
        return redirect(exact)
    sites = Site.objects.current().filter(Q(name__icontains=text) | Q(official_name__icontains=text))
    services = Service.objects.current().filter(Q(hostname__icontains=text) | Q(url__icontains=text))
    tests = Test.objects.filter(Q(name__icontains=text) | Q(abbreviation__iexact=text) | Q(title__icontains=text))
    groups = [
        (
            "Sites",
            [(site.get_absolute_url(), site.name, site.ngi.name) for site in sites.select_related("ngi")[:_MOST]],
        ),
        (
            "Services",
            [
                (service.get_absolute_url(), str(service), service.site.name)
                for service in services.select_related("site", "service_type")[:_MOST]
            ],
        ),
        ("Tests", [(test.get_absolute_url(), test.name, test.title) for test in tests[:_MOST]]),
        (
            "VOs",
            [(vo.get_absolute_url(), vo.name, "") for vo in Vo.objects.current().filter(name__icontains=text)[:_MOST]],
        ),
        (
            "Regions",
            [
                (ngi.get_absolute_url(), ngi.name, "")
                for ngi in Ngi.objects.current().filter(name__icontains=text)[:_MOST]
            ],
        ),
    ]
    return render(request, "portal/search.html", {"q": text, "groups": [group for group in groups if group[1]]})


def _exact(text: str) -> str | None:
    services = list(Service.objects.current().filter(hostname__iexact=text).select_related("site", "service_type")[:2])
    if len(services) == 1:
        return services[0].get_absolute_url()
    for found in (
        Site.objects.current().filter(name__iexact=text).first(),
        Test.objects.filter(name__iexact=text).first(),
    ):
        if found is not None:
            return found.get_absolute_url()
    return None
