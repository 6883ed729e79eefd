"""GOCDB_PORTAL_URL: the page of an object on our portal."""

from functools import lru_cache
from urllib.parse import quote

from django.urls import NoReverseMatch, reverse

_STAND_IN = "KEY"


@lru_cache
def _around(route: str) -> tuple[str, str]:
    """What stands before and after the key in an address; routes are looked up once, not for each of 10,000 rows."""
    try:
        before, _, after = reverse(route, args=[_STAND_IN]).rpartition(_STAND_IN)
    except NoReverseMatch:  # these objects have no page of their own
        return "/", ""
    return before, after


def link(root: str, route: str, key: str) -> str:
    """The absolute address; that of the portal itself where such objects have no pages."""
    before, after = _around(route)
    return f"{root}{before}{quote(key, safe='')}{after}" if after else root + before
