"""The left rail: each package adds its entries when it is ready; the shell shows those whose page exists."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from gridkeeper.web.vo import looked_at

#: Groups in the order of the loop, with the icon of each.
GROUPS = {"Now": "pulse", "Registry": "sitemap", "Tests": "test", "Availability": "chart", "Good sites": "check"}


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One link of the rail.

    permission: shown only to those who have it; "" to all
    is_per_vo: the page shows one VO; its link names the one that the reader looks at, so that it can be sent on
    """

    order: int
    label: str
    url_name: str
    group: str
    permission: str = ""
    is_per_vo: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as it is shown."""

    label: str
    url: str
    is_here: bool


_entries: set[Entry] = set()


def add(
    group: str, label: str, url_name: str, order: int = 100, permission: str = "", *, is_per_vo: bool = False
) -> None:
    """Adds a link. Raises ValueError for a group that the rail does not have."""
    if group not in GROUPS:
        raise ValueError(f"no group {group!r} in the rail; it has {', '.join(GROUPS)}")
    _entries.add(Entry(order, label, url_name, group, permission, is_per_vo))


def links(request: HttpRequest) -> list[tuple[str, str, list[Link]]]:
    """Group, icon and links, only what exists and may be seen; the longest matching address is where we are."""
    found: dict[str, list[tuple[Entry, str]]] = {group: [] for group in GROUPS}
    for entry in sorted(_entries):
        address = _address(entry, request)
        if address:
            found[entry.group].append((entry, address))
    here = max(
        (url for items in found.values() for _, url in items if _is_below(request.path, url)), key=len, default=""
    )
    return [
        (group, GROUPS[group], [Link(entry.label, url + _query(entry, request), url == here) for entry, url in items])
        for group, items in found.items()
        if items
    ]


def _address(entry: Entry, request: HttpRequest) -> str:
    if entry.permission and not request.user.has_perm(entry.permission):
        return ""
    try:
        return reverse(entry.url_name)
    except NoReverseMatch:
        return ""  # a package that is not installed has no page


def _query(entry: Entry, request: HttpRequest) -> str:
    vo = looked_at(request) if entry.is_per_vo else ""
    return f"?{urlencode({'vo': vo})}" if vo and vo != settings.GRIDKEEPER.operations_vo else ""


def _is_below(path: str, url: str) -> bool:
    return path == url if url == "/" else path.startswith(url)
