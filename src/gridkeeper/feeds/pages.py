"""The page of feeds: what there is, an address made of chosen filters, and a person's own secret address."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from gridkeeper.feeds.addresses import Origin
from gridkeeper.feeds.filters import COMMON, OF_DOWNTIMES
from gridkeeper.feeds.good_changes import OF_GOOD_SITES
from gridkeeper.feeds.parameters import BadParameterError, one_of, words
from gridkeeper.feeds.views import TOKEN_SCOPE
from gridkeeper.people.actor import Actor
from gridkeeper.people.models import Token
from gridkeeper.people.tokens import create_token, revoke_token
from gridkeeper.registry.models import Certification, Infrastructure, Ngi, Scope, ServiceType, Severity, Site
from gridkeeper.vos.models import Vo


class Kind(NamedTuple):
    """A feed as the page describes it."""

    name: str
    title: str
    about: str
    filters: frozenset[str]


KINDS = (
    Kind("downtimes.ics", "Downtimes, calendar", "iCalendar; subscribe to it in any calendar.", OF_DOWNTIMES),
    Kind("recurrences.ics", "Rules of recurring downtimes", "iCalendar with RRULE; occurrences stand in the calendar.",
         OF_DOWNTIMES),
    Kind("changes.atom", "Changes", "Atom; downtimes, certification and topology, for news readers.", OF_DOWNTIMES),
    Kind("good-sites.atom", "Good sites", "Atom; when sites became good or bad for VOs, and why.", OF_GOOD_SITES),
    Kind("sites.geojson", "Sites, map data", "GeoJSON; position, certification, status by VO.", COMMON),
    Kind("sites.kml", "Sites, globe viewer", "KML; opens in a globe viewer.", COMMON),
    Kind("targets.json", "Targets of Prometheus", "HTTP service discovery; services in production that are monitored.",
         COMMON),
)  # fmt: skip
#: Filter -> label, in the order of the form.
_LABELS = {
    "region": "Region", "site": "Site", "vo": "VO", "service_type": "Service type", "scope": "Scope",
    "certification": "Certification", "infrastructure": "Infrastructure", "severity": "Severity",
}  # fmt: skip

#: What each filter may be, read when the form is shown.
_OPTIONS: dict[str, Callable[[], Iterable[str]]] = {
    "region": lambda: Ngi.objects.current().values_list("name", flat=True),
    "site": lambda: Site.objects.current().exclude(certification="Closed").values_list("name", flat=True),
    "vo": lambda: Vo.objects.current().values_list("name", flat=True),
    "service_type": lambda: ServiceType.objects.values_list("name", flat=True),
    "scope": lambda: Scope.objects.current().values_list("name", flat=True),
    "certification": lambda: Certification.values,
    "infrastructure": lambda: Infrastructure.values,
    "severity": lambda: Severity.values,
}


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every feed, and the address of the one that the form describes."""
    if not (settings.GRIDKEEPER.public_reading or request.user.is_authenticated):
        return redirect_to_login(request.get_full_path())
    return _page(request)


def _page(request: HttpRequest, secret_address: str = "") -> HttpResponse:
    try:
        name = one_of(request.GET, "feed", [kind.name for kind in KINDS], KINDS[0].name)
        chosen = {key: words(request.GET, key) for key in _LABELS}
        problem = ""
    except BadParameterError as error:
        name, chosen, problem = KINDS[0].name, dict.fromkeys(_LABELS, ()), str(error)
    kind = next(kind for kind in KINDS if kind.name == name)
    origin = Origin.of(request)
    query = {key: ",".join(some) for key, some in chosen.items() if some and key in kind.filters}
    context = {
        "kinds": [(each, origin.url(_address(each))) for each in KINDS],
        "kind": kind,
        "fields": [_field(key, label, kind, chosen) for key, label in _LABELS.items()],
        "built": origin.url(_address(kind)) + (f"?{urlencode(query)}" if query else ""),
        "is_built": bool(request.GET),
        "left_out": [_LABELS[key] for key, some in chosen.items() if some and key not in kind.filters],
        "problem": problem,
        "own": _own(request),
        "secret_address": secret_address,
    }
    response = render(request, "feeds/index.html", context, status=400 if problem else 200)
    response["Cache-Control"] = "no-store" if secret_address else "no-cache"
    return response


def _address(kind: Kind) -> str:
    return reverse(f"feeds:{kind.name.replace('.', '_')}")


def _field(key: str, label: str, kind: Kind, chosen: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    return {
        "name": key,
        "label": label,
        "options": list(_OPTIONS[key]()),
        "chosen": chosen[key],
        "value": ", ".join(chosen[key]),
        "is_listed": key == "site",
        "is_used": key in kind.filters,
    }


def _own(request: HttpRequest) -> list[Token]:
    """The person's own live addresses; one, unless two windows made one each at once."""
    if not request.user.is_authenticated:
        return []
    return [
        token for token in Token.objects.filter(user=request.user, revoked_at=None) if token.scopes == [TOKEN_SCOPE]
    ]


@sensitive_variables("secret")
@login_required
@require_POST
def make_address(request: HttpRequest) -> HttpResponse:
    """A new secret address of the person's own calendar; the one before stops to work. `stop`: none instead."""
    now, actor = timezone.now(), Actor.of(request)
    assert actor.user is not None
    for token in _own(request):
        revoke_token(actor, token=token, now=now)
    if "stop" in request.POST:
        messages.success(request, "Your secret address no longer works.")
        return redirect("feeds:index")
    _, secret = create_token(
        actor, user=actor.user, name="own calendar", scopes=[TOKEN_SCOPE], expires_at=None, now=now
    )
    # Shown in this one answer, not after a redirect: it is kept nowhere else but as a hash.
    return _page(request, Origin.of(request).url(reverse("feeds:personal", args=[secret, "downtimes.ics"])))
