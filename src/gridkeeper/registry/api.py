"""The registry over HTTP: one router of the parts, one part a kind of object.

Fixed paths (`/downtimes/bulk`) come before those with a key: the first one that fits is taken.
"""

from ninja import Router

from gridkeeper.registry import (
    api_bulk,
    api_downtimes,
    api_federations,
    api_feeds,
    api_groups,
    api_history,
    api_recurrences,
    api_roles,
    api_services,
    api_sites,
    api_words,
)

router = Router(tags=["registry"])
for _part in (
    api_federations,
    api_sites,
    api_services,
    api_words,
    api_groups,
    api_recurrences,
    api_downtimes,
    api_roles,
    api_history,
    api_feeds,
    api_bulk,
):
    router.add_router("", _part.router)
