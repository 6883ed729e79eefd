"""The page of good sites: per VO, in or out, and why; now or at an instant of the past."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from gridkeeper.core.moments import MomentError, parse_moment
from gridkeeper.selection.errors import UnknownVoError
from gridkeeper.selection.judge import Answer, answer
from gridkeeper.selection.outputs import as_json, as_text, iso
from gridkeeper.selection.publish import as_http_sd, as_ldif
from gridkeeper.selection.rules import Kind, Verdict
from gridkeeper.vos.models import Vo
from gridkeeper.web.exports import csv_lines

#: Rows of a page.
_PAGE = 200
#: Reasons that a row shows at once; the others open on request.
SHOWN_REASONS = 2


def is_offering(verdict: Verdict) -> bool:
    """False where the only thing to say of a site is that it has nothing for the VO."""
    return verdict.is_good or any(reason.kind is not Kind.NOTHING_CRITICAL for reason in verdict.reasons)


#: The switches of the page: word in the address, label, which verdicts it shows.
SHOWS: dict[str, tuple[str, Callable[[Verdict], bool]]] = {
    "": ("serve the VO", is_offering),
    "in": ("in", lambda verdict: verdict.is_good),
    "out": ("out", lambda verdict: not verdict.is_good and is_offering(verdict)),
    "nothing": ("offer nothing critical", lambda verdict: not is_offering(verdict)),
    "all": ("all sites", lambda verdict: True),
}


class Tab(NamedTuple):
    """A link to one of the pages of a VO."""

    label: str
    url: str
    is_here: bool


def sites(request: HttpRequest) -> HttpResponseBase:
    """Every site with its verdict. `at` may be any time that a person writes; the address then holds the instant."""
    now = timezone.now()
    vo, known = chosen_vo(request)
    context = common(request, "sites", vo, known)
    text = request.GET.get("at", "").strip()
    try:
        at = parse_moment(text, now)
        # also a name from a link: the VO may be younger than the instant asked for
        found = answer(vo, at) if vo else None
    except (MomentError, UnknownVoError) as error:
        return render(request, "selection/sites.html", context | {"problem": str(error), "at_text": text}, status=400)
    if text and text != iso(at):
        return redirect(_with(request, at="" if at == now else iso(at.replace(microsecond=0)) or ""))
    if found is None:
        return render(request, "selection/sites.html", context)
    verdicts = _filtered(request, found)
    if wanted := request.GET.get("format", ""):
        return _export(found, verdicts, wanted)
    return render(
        request, "selection/sites.html", context | _shown(request, found, verdicts, at if text else None, now)
    )


def chosen_vo(request: HttpRequest) -> tuple[str, list[str]]:
    """The VO of the address, or the operations VO, or the first; and those that exist. "" where there is none."""
    known = list(Vo.objects.current().values_list("name", flat=True))
    asked = request.GET.get("vo", "").replace("\0", "")[:100]
    # the VO that the reader chose on the home page
    usual = (request.COOKIES.get("vo", ""), settings.GRIDKEEPER.operations_vo, *known)
    return asked or next((vo for vo in usual if vo in known), ""), known


def common(request: HttpRequest, page: str, vo: str, known: Sequence[str]) -> dict[str, Any]:
    """What the pages of a VO share."""
    labels = (
        ("sites", "Sites"), ("tests", "Critical tests"), ("lists", "White and black list"), ("policy", "Policy"),
        ("proposals", "Proposals"), ("changes", "Changes"),
    )  # fmt: skip
    query = f"?{urlencode({'vo': vo})}" if vo else ""
    return {
        "vo": vo,
        "known_vos": known,
        "tabs": [Tab(label, reverse(f"selection:{name}") + query, name == page) for name, label in labels],
    }


def _filtered(request: HttpRequest, found: Answer) -> list[Verdict]:
    keep = SHOWS.get(request.GET.get("show", ""), SHOWS[""])[1]
    text = request.GET.get("q", "").strip().lower()
    return [
        verdict
        for verdict in found.verdicts
        if keep(verdict) and (not text or any(text in words.lower() for words in _words(verdict)))
    ]


def _words(verdict: Verdict) -> list[str]:
    return [verdict.site.name, verdict.site.region, *(reason.sentence for reason in verdict.reasons)]


def _shown(
    request: HttpRequest, found: Answer, verdicts: Sequence[Verdict], past: datetime | None, now: datetime
) -> dict[str, Any]:
    pages = Paginator(verdicts, _PAGE)
    page = pages.get_page(request.GET.get("page"))
    return {
        "answer": found,
        "past": past,
        "at_text": request.GET.get("at", ""),
        "quick": [
            (label, _with(request, at=iso((now - ago).replace(second=0, microsecond=0)) or ""))
            for label, ago in _QUICK.items()
        ],
        "now_url": _with(request, at=""),
        "switches": [
            (label, _with(request, show=word), sum(map(keep, found.verdicts)), request.GET.get("show", "") == word)
            for word, (label, keep) in SHOWS.items()
        ],
        "text": request.GET.get("q", ""),
        "show": request.GET.get("show", ""),
        "rows": [
            (verdict, verdict.reasons[:SHOWN_REASONS], verdict.reasons[SHOWN_REASONS:]) for verdict in page.object_list
        ],
        "page": page,
        "earlier_url": _with(request, page=str(page.number - 1)) if page.has_previous() else "",
        "later_url": _with(request, page=str(page.number + 1)) if page.has_next() else "",
        "exports": [(word.upper(), _with(request, format=word)) for word in ("csv", "json", "text", "ldif", "http_sd")],
    }


_QUICK = {"1 h ago": timedelta(hours=1), "6 h ago": timedelta(hours=6), "a day ago": timedelta(days=1)}


def _with(request: HttpRequest, **changes: str) -> str:
    """The address with those parameters replaced; an empty one is taken away, and the page begins anew."""
    changes = {"page": ""} | changes
    kept = {name: value for name, value in request.GET.items() if name not in changes and value}
    query = urlencode(kept | {name: value for name, value in changes.items() if value})
    return f"{request.path}?{query}" if query else request.path


_TEXTS: dict[str, Callable[[Answer], str]] = {"text": as_text, "ldif": as_ldif}


def _export(found: Answer, verdicts: Sequence[Verdict], wanted: str) -> HttpResponseBase:
    chosen = Answer(found.vo, found.at, found.profile, tuple(verdicts))
    headers = {"Content-Disposition": f'attachment; filename="good-sites-{found.at:%Y%m%dT%H%MZ}.{wanted}"'}
    if wanted == "json":
        return JsonResponse(as_json(chosen), headers=headers)
    if wanted in _TEXTS:
        return HttpResponse(_TEXTS[wanted](chosen), content_type="text/plain; charset=utf-8")
    if wanted == "http_sd":
        return HttpResponse(as_http_sd(chosen), content_type="application/json", headers=headers)
    if wanted == "csv":
        columns = ("site", "region", "verdict", "list", "reasons")
        rows = (
            (
                verdict.site.name,
                verdict.site.region,
                "in" if verdict.is_good else "out",
                verdict.entry.kind.value if verdict.entry else "",
                "; ".join(reason.sentence for reason in verdict.reasons),
            )
            for verdict in verdicts
        )
        return StreamingHttpResponse(csv_lines(columns, rows), content_type="text/csv; charset=utf-8", headers=headers)
    text = f"format={wanted[:20]} is not offered here; use csv, json, text, ldif or http_sd\n"
    return HttpResponse(text, status=400, content_type="text/plain; charset=utf-8")
