"""The home page."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from gridkeeper.portal.home import read_home
from gridkeeper.registry.queries import counts
from gridkeeper.vos.models import Vo
from gridkeeper.web.htmx import render_page_or_part

_YEAR_S = 365 * 86_400


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """How is the grid now? The VO is the one in the address, else the last one, else the operations VO."""
    now = timezone.now()
    vos = list(Vo.objects.current().values_list("name", flat=True))
    vo = chosen_vo(request, vos)
    context = {"vos": vos, "vo": vo, "now": now}
    if vo:
        context["home"] = read_home(vo, now)
    else:
        context["counts"] = counts(now)
    response = render_page_or_part(request, "portal/home.html", "portal/home_part.html", context)
    if request.GET.get("vo") in vos:
        response.set_cookie("vo", vo, max_age=_YEAR_S, samesite="Lax", httponly=True)
    return response


def chosen_vo(request: HttpRequest, vos: list[str]) -> str:
    """The VO that the reader looks at; "" where there is none at all."""
    wishes = (request.GET.get("vo"), request.COOKIES.get("vo"), settings.GRIDKEEPER.operations_vo, *vos)
    return next((wish for wish in wishes if wish in vos), "")
