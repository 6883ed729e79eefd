"""Addresses of pages that keep all their state in the query."""

from urllib.parse import urlencode

from django.http import QueryDict


def address_with(query: QueryDict, **changes: str) -> str:
    """`?...` with those parameters replaced; an empty one is taken away.

    >>> address_with(QueryDict("vo=ops&vo=lhcb&type=CE"), type="", q="x")
    '?vo=ops&vo=lhcb&q=x'
    """
    kept = [(name, value) for name, values in query.lists() for value in values if name not in changes and value]
    return "?" + urlencode([*kept, *((name, value) for name, value in changes.items() if value)])
