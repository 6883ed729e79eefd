"""What pages, the API, compute.py and ARGO's API ask of recomputations."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from gridkeeper.availability.models import Recomputation, RecomputationState
from gridkeeper.availability.recomputations.documents import parse
from gridkeeper.availability.recomputations.rules import Change
from gridkeeper.core.windows import DAY, Window
from gridkeeper.registry.models import Site

#: Which of them figures are made with.
IN_FORCE = (RecomputationState.APPROVED, RecomputationState.APPLIED)


def recomputations(*, report: str = "", state: str = "") -> "QuerySet[Recomputation]":
    """All of them, newest first; those of one state, or that concern a report, where these are given."""
    found = Recomputation.objects.select_related("author", "decided_by")
    if state:
        found = found.filter(state=state)
    if report:
        keys = [pk for pk, reports in found.values_list("pk", "reports") if not reports or report in reports]
        found = found.filter(pk__in=keys)
    return found


def in_force(window: Window) -> list[Recomputation]:
    """Those that figures of the window's days are made with, in the order in which they are applied."""
    # A source's results are missed on the day after too.
    near = Recomputation.objects.filter(state__in=IN_FORCE, start__lt=window.end, end__gt=window.start - DAY)
    return list(near.order_by("position", "created_at", "pk"))


def change_of(recomputation: Recomputation) -> Change:
    """What it does, as a value."""
    said = parse(recomputation.kind, recomputation.document)
    window = Window(recomputation.start, recomputation.end)
    return Change(recomputation.key, said, window, frozenset(recomputation.reports))


def changes_in_force(window: Window) -> list[Change]:
    """The same as values."""
    return [change_of(row) for row in in_force(window)]


def places_of(recomputation: Any) -> list[Site | None]:
    """The sites that it names, for permissions; [None] where it is about more than sites that are known."""
    return sites_named(getattr(parse(recomputation.kind, recomputation.document), "groups", ()))


def sites_named(groups: Iterable[str]) -> list[Site | None]:
    """The sites by name or key; None for a group that is no site; [None] for no group at all."""
    wanted = set(groups)
    sites = Site.objects.filter(name__in=wanted) | Site.objects.filter(key__in=wanted)
    found: list[Site | None] = list(sites.select_related("ngi__federation").distinct())
    known = {word for site in found if site for word in (site.name, site.key)}
    return [*found, None] if wanted - known or not found else found
