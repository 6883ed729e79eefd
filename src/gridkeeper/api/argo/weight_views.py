"""`/weights`: how much groups count in the figures of their groups, by kind; connectors give them by day."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction

from gridkeeper.api.argo import feeds
from gridkeeper.api.argo.answers import Answer, Asked, envelope, resource, said
from gridkeeper.api.argo.bodies import read_object
from gridkeeper.api.argo.profiles import ABSENT
from gridkeeper.api.argo.refusal import RefusedError, bad_request
from gridkeeper.api.argo.reported import identifier
from gridkeeper.api.argo.topology_views import day_of
from gridkeeper.availability.models import FeedKind, Weight
from gridkeeper.availability.permissions import EDIT_WEIGHT
from gridkeeper.availability.profiles.argo import weights as in_argos_shape
from gridkeeper.availability.profiles.weights import WeightGiven, kinds, set_weights, weights_on
from gridkeeper.people.permission import require
from gridkeeper.registry.models import Site

_SITES = "SITES"


def _resources(day: date) -> list[dict[str, Any]]:
    """What connectors gave, by name; then each kind of our own that none of them has the name of."""
    found = [
        {"id": identifier("weights", each.name), "date": f"{each.day}", "name": each.name} | each.document
        for each in feeds.named(day)
    ]
    given = {each["name"] for each in found}
    return found + [_of_kind(kind, day) for kind in kinds() if kind not in given]


def _of_kind(kind: str, day: date) -> dict[str, Any]:
    called = dict(Site.objects.values_list("key", "name"))
    values = {called[key]: _number(value) for key, value in weights_on(day, kind).items()}
    rows = Weight.objects.filter(kind=kind, valid_from__lte=day).order_by("-valid_from")
    since = rows.values_list("valid_from", flat=True).first() or day
    return in_argos_shape(identifier("weights", kind), kind, since, values)


def _number(value: float) -> float:
    return int(value) if value == int(value) else value


def _list(asked: Asked) -> Answer:
    name = asked.parameters.get("name")
    return envelope([each for each in _resources(day_of(asked)) if name is None or each["name"] == name])


def _one(asked: Asked) -> Answer:
    return envelope([_found(asked)])


def _found(asked: Asked) -> dict[str, Any]:
    for each in _resources(day_of(asked)):
        if each["id"] == asked.words["key"]:
            return each
    raise RefusedError(404, "Not Found", ABSENT)


def _make(asked: Asked) -> Answer:
    require(asked.actor, EDIT_WEIGHT)
    name, document = _read(read_object(asked))
    if any(each["name"] == name for each in _resources(day_of(asked))):
        raise RefusedError(409, "Conflict", f"weights with the name {name} already exist; update those")
    _keep(asked, name, document)
    return _told(asked, "created", name, 201)


def _change(asked: Asked) -> Answer:
    require(asked.actor, EDIT_WEIGHT)
    known = _found(asked)["name"]
    name, document = _read(read_object(asked))
    if name != known:
        raise RefusedError(409, "Conflict", f"{known} keeps its name; make {name} new ones")
    _keep(asked, name, document)
    return _told(asked, "updated", name, 200)


def _drop(asked: Asked) -> Answer:
    known = _found(asked)
    snapshots = [each for each in feeds.named(day_of(asked)) if each.name == known["name"]]
    if not snapshots:
        raise RefusedError(409, "Conflict", "these weights are kept at the sites; change them there")
    for each in snapshots:
        feeds.drop(asked.actor, kind=FeedKind.WEIGHTS, day=each.day, now=asked.now, name=each.name)
    return said("Weight resource Successfully Deleted")


def _keep(asked: Asked, name: str, document: dict[str, Any]) -> None:
    """The snapshot as it came; and what it says of sites that we know, where they count by that kind."""
    day = day_of(asked)
    with transaction.atomic():
        feeds.take(
            asked.actor, kind=FeedKind.WEIGHTS, day=day, document=document, now=asked.now, name=name, replaces=True
        )
        set_weights(asked.actor, _given(document, name, day), reason=f"weights {name}", now=asked.now)


def _given(document: Mapping[str, Any], name: str, day: date) -> list[WeightGiven]:
    if document["group_type"].upper() != _SITES:
        return []
    values = {group["name"]: Decimal(str(group["value"])) for group in document["groups"]}
    sites = Site.objects.current().filter(name__in=list(values))
    return [
        WeightGiven(site, document["weight_type"], day, values[site.name], source=f"weights {name}"[:100])
        for site in sites
    ]


def _read(body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and document of the body. Raises RefusedError 400, 422."""
    words = {}
    for field, most in (("name", 100), ("weight_type", 40), ("group_type", 40)):
        value = body.get(field)
        if not isinstance(value, str) or not 1 <= len(value.strip()) <= most:
            raise bad_request(("Bad Request", f"{field} is {value!r:.60}; write a text of 1 to {most} characters"))
        words[field] = value.strip()
    groups = body.get("groups")
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise bad_request(("Bad Request", "groups is no list of objects"))
    name = words.pop("name")
    return name, words | {"groups": feeds.checked_weights(groups)}


def _told(asked: Asked, what: str, name: str, status: int) -> Answer:
    key = identifier("weights", name)
    links = {"self": asked.address(f"/api/v2/weights/{key}")}
    return said(f"Weight resource successfully {what}", status, id=key, links=links)


every = resource(GET=_list, POST=_make)
one = resource(GET=_one, PUT=_change, DELETE=_drop)
