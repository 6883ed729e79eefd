"""`/recomputations`: requests in ARGO's documents; what one asks for is decided together."""

from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction

from gridkeeper.api.argo.answers import Answer, Asked, envelope, resource, said
from gridkeeper.api.argo.bodies import read_object
from gridkeeper.api.argo.profiles import ABSENT
from gridkeeper.api.argo.question import parse_day
from gridkeeper.api.argo.refusal import RefusedError
from gridkeeper.availability.models import Recomputation
from gridkeeper.availability.recomputations import actions
from gridkeeper.availability.recomputations.argo import documents, wishes
from gridkeeper.availability.recomputations.queries import recomputations
from gridkeeper.core.windows import Window
from gridkeeper.people.permission import is_permitted

#: What ARGO's clients may set a request to, and what we do then; computing is the engine's own matter here.
_STEPS: Mapping[str, Callable[..., Any]] = {"approved": actions.approve, "rejected": actions.reject}
_KNOWN = ("pending", "approved", "rejected", "running", "done")


def _list(asked: Asked) -> Answer:
    found = recomputations(report=asked.parameters.get("report", ""))
    if text := asked.parameters.get("date"):
        window = Window.of_day(parse_day(text, asked.now.date()))
        found = found.filter(start__lt=window.end, end__gt=window.start)
    return _answer([_shown(asked, each) for each in documents(found)])


def _shown(asked: Asked, document: dict[str, Any]) -> dict[str, Any]:
    """Who asked is said to those who are known here; how to reach them to those who may read personal data."""
    user = asked.actor.user
    if user is None or not is_permitted(asked.actor, "registry.read_personal_data"):
        is_own = user is not None and document["requester_name"] == user.get_username()
        hidden = {} if is_own else {"requester_email": ""}
        return document | hidden | ({"requester_name": ""} if user is None else {})
    return document


def _answer(data: Any) -> Answer:
    """ARGO documents the list as `root` and answers it as `data`."""
    answer = envelope(data)
    return Answer({**answer.document, "root": data}) if isinstance(data, list) else answer


def _of_request(key: str) -> list[Recomputation]:
    """What one document asked for. Raises RefusedError 404."""
    found = [row for row in recomputations() if key in (row.document.get("request"), row.key)]
    if not found:
        raise RefusedError(404, "Not Found", ABSENT)
    return found


def _one(asked: Asked) -> Answer:
    return envelope(_shown(asked, documents(_of_request(asked.words["key"]))[0]))


def _make(asked: Asked) -> Answer:
    wanted = wishes({name: value for name, value in read_object(asked).items() if name != "id"})
    with transaction.atomic():
        for wish in wanted:
            actions.request(asked.actor, wish, now=asked.now)
    key = str(wanted[0].document["request"])
    links = {"self": asked.address(f"/api/v2/recomputations/{key}")}
    done = said("Recomputations successfully created", 201, id=key, links=links)
    return Answer(done.document, status=202)  # ARGO accepts it: 202 with the code 201


def _withdraw(asked: Asked) -> Answer:
    _each(asked, actions.withdraw, "withdrawn through ARGO's API")
    return said("Recomputation Successfully Deleted")


def _decide(asked: Asked) -> Answer:
    word = str(read_object(asked).get("status", ""))
    if word not in _KNOWN:
        accepted = ",".join(f'"{known}"' for known in _KNOWN)
        raise RefusedError(409, "Conflict", f"status should be among values: {accepted}")
    step = _STEPS.get(word)
    if step is None:
        raise RefusedError(409, "Conflict", f"{word} follows by itself; send approved or rejected")
    _each(asked, step, f"{word} through ARGO's API")
    return said(f"Recomputation status updated successfully to: {word}")


def _revert(asked: Asked) -> Answer:
    _each(asked, actions.revert, "reverted through ARGO's API")
    return said("Recomputation status reset to: pending")


def _each(asked: Asked, step: Callable[..., Any], reason: str) -> None:
    with transaction.atomic():
        for row in _of_request(asked.words["key"]):
            step(asked.actor, row, reason=reason, now=asked.now)


every = resource(GET=_list, POST=_make)
one = resource(GET=_one, DELETE=_withdraw)
status = resource(POST=_decide, DELETE=_revert)
