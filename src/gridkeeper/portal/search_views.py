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
    vos = Vo.objects.current().filter(name__icontains=text)
    ngis = Ngi.objects.current().filter(name__icontains=text)
    hosts = services.select_related("site", "service_type")
    groups = [
        (
            "Sites",
            [(item.get_absolute_url(), item.name, item.ngi.name) for item in sites.select_related("ngi")[:_MOST]],
        ),
        ("Services", [(item.get_absolute_url(), str(item), item.site.name) for item in hosts[:_MOST]]),
        ("Tests", [(item.get_absolute_url(), item.name, item.title) for item in tests[:_MOST]]),
        ("VOs", [(item.get_absolute_url(), item.name, item.long_name) for item in vos[:_MOST]]),
        ("Regions", [(item.get_absolute_url(), item.name, "") for item in ngis[:_MOST]]),
    ]
    return render(request, "portal/search.html", {"q": text, "groups": [group for group in groups if group[1]]})


def _exact(text: str) -> str | None:
    services = list(Service.objects.current().filter(hostname__iexact=text).select_related("site", "service_type")[:2])
    if len(services) == 1:
        return services[0].get_absolute_url()
    site = Site.objects.current().filter(name__iexact=text).first()
    if site is not None:
        return site.get_absolute_url()
    test = Test.objects.filter(name__iexact=text).first()
    return test.get_absolute_url() if test is not None else None
