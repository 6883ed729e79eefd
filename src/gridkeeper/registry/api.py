"""The registry over HTTP: one router of the parts, one part a kind of object.

Fixed paths come before those with a key: the first one that fits is taken.
"""

from ninja import Router

from gridkeeper.registry import (
    api_downtimes,
    api_federations,
    api_groups,
    api_recurrences,
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
):
    router.add_router("", _part.router)
