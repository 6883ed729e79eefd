"""The addresses of profiles and reports: `/operations_profiles`, `/aggregation_profiles`, ... and `/reports`."""

from collections.abc import Callable
from datetime import date
from typing import Any

from gridkeeper.api.argo import profiles
from gridkeeper.api.argo.answers import Answer, Asked, envelope, resource, said
from gridkeeper.api.argo.bodies import read_object
from gridkeeper.api.argo.question import parse_day
from gridkeeper.api.argo.refusal import RefusedError
from gridkeeper.availability.models import Profile, ProfileKind
from gridkeeper.availability.permissions import EDIT_PROFILE
from gridkeeper.availability.profiles import actions
from gridkeeper.availability.profiles.argo import from_argo
from gridkeeper.availability.profiles.documents import DocumentError
from gridkeeper.people.permission import require

#: Last word of the address, and ARGO's words for what was done.
WORDS = {
    ProfileKind.OPERATIONS: "operations_profiles",
    ProfileKind.AGGREGATION: "aggregation_profiles",
    ProfileKind.THRESHOLDS: "thresholds_profiles",
    ProfileKind.REPORT: "reports",
}
_MADE = {ProfileKind.REPORT: "Successfully Created Report"}
_CHANGED = {
    ProfileKind.REPORT: "Report was successfully updated",
    ProfileKind.OPERATIONS: "Operations Profile successfully updated (new snapshot created)",
}
_CLOSED = {ProfileKind.REPORT: "Report was successfully deleted"}


def _day(asked: Asked) -> date:
    return parse_day(asked.parameters.get("date", ""), asked.now.date())


def _lister(kind: str) -> Callable[[Asked], list[profiles.Listed]]:
    def found(asked: Asked) -> list[profiles.Listed]:
        if kind == ProfileKind.REPORT:
            return profiles.reports(asked.actor, _day(asked))
        return profiles.listed(kind, _day(asked))

    return found


def _metric_profiles(asked: Asked) -> list[profiles.Listed]:
    return profiles.metric_profiles(_day(asked))


def _all(lister: Callable[[Asked], list[profiles.Listed]]) -> Callable[[Asked], Answer]:
    def view(asked: Asked) -> Answer:
        name = asked.parameters.get("name")
        return envelope([each for each in lister(asked) if name is None or _name(each) == name])

    return view


def _name(item: profiles.Listed) -> Any:
    return item["info"]["name"] if "info" in item else item["name"]


def _one(lister: Callable[[Asked], list[profiles.Listed]]) -> Callable[[Asked], Answer]:
    return lambda asked: envelope(profiles.one_of(lister(asked), asked.words["key"]))


def _make(kind: ProfileKind) -> Callable[[Asked], Answer]:
    def view(asked: Asked) -> Answer:
        require(asked.actor, EDIT_PROFILE)
        name, document = _read(kind, asked)
        if Profile.objects.filter(kind=kind, name=name).exists():
            raise RefusedError(409, "Conflict", f"{kind.label} with the name {name} already exists; update that one")
        version = actions.create(
            asked.actor, kind=kind, name=name, document=document, valid_from=_day(asked), reason=_reason(asked),
            now=asked.now,
        )  # fmt: skip
        key = version.profile.key
        links = {"self": asked.address(f"/api/v2/{WORDS[kind]}/{key}")}
        return said(_MADE.get(kind, f"{_title(kind)} successfully created"), 201, id=key, links=links)

    return view


def _change(kind: ProfileKind) -> Callable[[Asked], Answer]:
    def view(asked: Asked) -> Answer:
        require(asked.actor, EDIT_PROFILE)
        profile = profiles.profile_of(kind, asked.words["key"])
        name, document = _read(kind, asked)
        if name != profile.name:
            raise RefusedError(
                409, "Conflict", f"{profile.name} keeps its name: figures name it; make {name} a new one"
            )
        actions.save_version(
            asked.actor, profile=profile, document=document, valid_from=_day(asked), reason=_reason(asked),
            now=asked.now,
        )  # fmt: skip
        links = {"self": asked.address(f"/api/v2/{WORDS[kind]}/{profile.key}")}
        return said(_CHANGED.get(kind, f"{_title(kind)} successfully updated"), id=profile.key, links=links)

    return view


def _close(kind: ProfileKind) -> Callable[[Asked], Answer]:
    def view(asked: Asked) -> Answer:
        require(asked.actor, EDIT_PROFILE)
        profile = profiles.profile_of(kind, asked.words["key"])
        actions.close(asked.actor, profile=profile, reason=_reason(asked), now=asked.now)
        return said(_CLOSED.get(kind, f"{_title(kind)} Successfully Deleted"))

    return view


def _read(kind: ProfileKind, asked: Asked) -> tuple[str, dict[str, Any]]:
    """Name and document of the body; a document that is none of ours says each field that is wrong (422)."""
    body = profiles.as_percent_or_fraction(read_object(asked))
    try:
        return from_argo(kind, body)
    except DocumentError as error:
        faults = [("Validation Failed", f"{path}: {words}" if path else words) for path, words in error.errors]
        raise RefusedError(422, "Validation Error", errors=faults) from error


def _reason(asked: Asked) -> str:
    """Why, for the audit record: what was sent, or that it came this way."""
    return asked.parameters.get("reason", "").strip()[:300] or "sent to ARGO's API"


def _title(kind: ProfileKind) -> str:
    return kind.label.replace("profile", "Profile")


def _resources(kind: ProfileKind) -> tuple[Any, Any]:
    lister = _lister(kind)
    return (
        resource(GET=_all(lister), POST=_make(kind)),
        resource(GET=_one(lister), PUT=_change(kind), DELETE=_close(kind)),
    )


#: By the last word of the address: the view of the list, and that of one.
RESOURCES: dict[str, tuple[Any, Any]] = {word: _resources(kind) for kind, word in WORDS.items()}
RESOURCES["metric_profiles"] = (resource(GET=_all(_metric_profiles)), resource(GET=_one(_metric_profiles)))
