"""What a reader of the matrix, and of its sisters, chose: read from the address, with what the filter bar offers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from gridkeeper.portal.addresses import address_with
from gridkeeper.portal.matrix import ALL_TYPES, DEFAULT_TYPE, Choice
from gridkeeper.portal.matrix_rules import VoStatus
from gridkeeper.portal.time_slider import slider_of
from gridkeeper.registry.models import Ngi, ServiceType
from gridkeeper.vos.models import Vo
from gridkeeper.web.moments import as_of_of

#: Most VOs side by side: more make a table that nobody can read.
MOST_VOS = 6
#: Boxes for VOs that stand in a line; with more VOs only the chosen ones have one, the others stand in a menu.
_BOXES = 10
#: Words of one parameter that are looked at.
_MOST_WORDS = 50


def read_choice(query: QueryDict, known: Sequence[str], usual: str = "") -> Choice:
    """The choice that the address states; words that name nothing are left out, as after a VO has gone.

    usual: the VO that the reader last looked at, used where the address names none
    """
    operations = settings.GRIDKEEPER.operations_vo
    first = next((vo for vo in (usual, operations, *known) if vo in known), "")
    vos = [vo for vo in dict.fromkeys(query.getlist("vo")) if vo in known][:MOST_VOS]
    return Choice(
        vos=tuple(vos or [first] * bool(first)),
        service_type=clean(query.get("type", "")) or _usual_type(),
        regions=tuple(filter(None, map(clean, query.getlist("region")[:_MOST_WORDS]))),
        statuses=tuple(pair for word in query.getlist("status")[:_MOST_WORDS] if (pair := _status(word))),
        text=clean(query.get("q", "")),
    )


def _usual_type() -> str:
    """The CE, as in the SFT report; every type where the federation has no such type."""
    return DEFAULT_TYPE if ServiceType.objects.filter(name=DEFAULT_TYPE).exists() else ALL_TYPES


def clean(text: str) -> str:
    """Bounded, and without NUL, which PostgreSQL cannot compare with."""
    return text.replace("\0", "").strip()[:200]


def _status(word: str) -> tuple[str, VoStatus] | None:
    """`CT`, or `lhcb:CT` for one of the VOs shown."""
    vo, _, status = word.rpartition(":")
    return (vo, VoStatus(status)) if status in VoStatus.__members__ else None


def vo_names() -> list[str]:
    """The VOs of the instant that queries look at."""
    return list(Vo.objects.current().values_list("name", flat=True))


def filter_bar(request: HttpRequest, choice: Choice, known: Sequence[str], now: datetime) -> dict[str, Any]:
    """What the filters and the slider of time show. now: of the clock, also where the page looks at the past."""
    types = list(ServiceType.objects.values_list("name", flat=True))
    return {
        "choice": choice,
        "known_vos": known,
        "is_filtered": bool(choice.regions or choice.text or choice.statuses or "type" in request.GET),
        "boxed_vos": known if len(known) <= _BOXES else choice.vos,
        "more_vos": [] if len(known) <= _BOXES else [vo for vo in known if vo not in choice.vos],
        "service_types": types if choice.service_type in (*types, ALL_TYPES) else [choice.service_type, *types],
        "all_types": ALL_TYPES,
        "regions": Ngi.objects.current().values_list("name", flat=True),
        "slider": slider_of(request.GET, now, as_of_of(request)),
        "tabs": _tabs(request.GET),
    }


def _tabs(query: QueryDict) -> list[tuple[str, str, str]]:
    """The views of the tests, each of the same choice: name, label, address."""
    here = address_with(query, status="", show="", page="", **{"from": "", "to": ""})
    compared = address_with(query, status="", page="", as_of="", **{"from": query.get("as_of", query.get("from", ""))})
    views = (("matrix", "Matrix", here), ("sam", "SAM view", here), ("tests", "By site", here))
    compare = ("compare", "Two moments", compared)
    return [(name, label, reverse(f"portal:{name}") + address) for name, label, address in (*views, compare)]
