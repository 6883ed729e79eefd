"""The home page."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from gridkeeper.portal.home import read_home
from gridkeeper.registry.queries import counts
from gridkeeper.web.htmx import render_page_or_part
from gridkeeper.web.vo import looked_at


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """How is the grid now? For the VO that the reader looks at."""
    now = timezone.now()
    vo = looked_at(request)
    context = {"vo": vo, "now": now} | ({"home": read_home(vo, now)} if vo else {"counts": counts(now)})
    return render_page_or_part(request, "portal/home.html", "portal/home_part.html", context)
