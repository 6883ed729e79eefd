"""When sites became good or bad for VOs, newest first: the entries of `good-sites.atom`."""

from urllib.parse import urlencode

from django.urls import reverse

from gridkeeper.feeds.changes import MOST, Entry
from gridkeeper.feeds.filters import Choice
from gridkeeper.registry.models import Site
from gridkeeper.selection.models import GoodChange

#: What the feed can be narrowed by.
OF_GOOD_SITES = frozenset({"vo", "site", "region", "from", "until"})


def good_changes(choice: Choice) -> list[Entry]:
    """The newest changes of sites, not of their single services, of what the choice names; `MOST` at most."""
    rows = GoodChange.objects.filter(service="")
    if choice.start is not None and choice.end is not None:
        rows = rows.filter(at__gte=choice.start, at__lt=choice.end)
    if choice.vos:
        rows = rows.filter(vo__in=choice.vos)
    sites = Site.objects.all()
    if choice.sites or choice.is_own:
        sites = sites.filter(pk__in=choice.sites)
    if choice.regions:
        sites = sites.filter(ngi__in=choice.regions)
    if choice.sites or choice.regions or choice.is_own:
        rows = rows.filter(site__in=list(sites.values_list("name", flat=True)))
    return [_entry(row) for row in rows[:MOST]]


def _entry(row: GoodChange) -> Entry:
    query = urlencode({"vo": row.vo, "q": row.site, "show": "all"})
    return Entry(
        words=("good", row.vo, row.pk),
        kind="good" if row.is_good else "bad",
        at=row.at,
        title=f"{row.site} {'is good' if row.is_good else 'is good no longer'} for {row.vo}",
        text=row.reason,
        author="",
        path=f"{reverse('selection:sites')}?{query}",
    )
