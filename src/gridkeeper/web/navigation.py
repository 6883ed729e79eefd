"""The left rail: each package adds its entries when it is ready; the shell shows those whose page exists."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

#: Groups in the order of the loop, with the icon of each.
GROUPS = {"Now": "pulse", "Registry": "sitemap", "Tests": "test", "Availability": "chart", "Good sites": "check"}


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One link of the rail. `permission`: shown only to those who have it; "" to all."""

    order: int
    label: str
    url_name: str
    group: str
    permission: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as it is shown."""

    label: str
    url: str
    is_here: bool


_entries: set[Entry] = set()


def add(group: str, label: str, url_name: str, order: int = 100, permission: str = "") -> None:
    """Adds a link. Raises ValueError for a group that the rail does not have."""
    if group not in GROUPS:
        raise ValueError(f"no group {group!r} in the rail; it has {', '.join(GROUPS)}")
    _entries.add(Entry(order, label, url_name, group, permission))


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
        (group, GROUPS[group], [Link(entry.label, url, url == here) for entry, url in items])
        for group, items in found.items()
        if items
    ]


def _address(entry: Entry, request: HttpRequest) -> str:
    if entry.permission and not request.user.has_perm(entry.permission):  # type: ignore[union-attr]
        return ""
    try:
        return reverse(entry.url_name)
    except NoReverseMatch:
        return ""  # a package that is not installed has no page


def _is_below(path: str, url: str) -> bool:
    return path == url if url == "/" else path.startswith(url)
