"""Scopes and properties over the API: the same operations for every kind of object that bears them."""

from typing import Any

from ninja import Router

from gridkeeper.registry.api_changes import Call, change
from gridkeeper.registry.api_inputs import PropertiesIn, PropertyKeys, ScopesIn
from gridkeeper.registry.api_resources import Resource
from gridkeeper.registry.object_effects import effects_of_scopes
from gridkeeper.registry.property_actions import remove_properties, set_properties
from gridkeeper.registry.scope_actions import set_scopes


def offer_scopes(router: Router, path: str, resource: Resource[Any]) -> None:
    """`PUT {path}/{key}/scopes`."""
    word = resource.kind.replace("_", " ")

    @change(
        router, "PUT", f"{path}/{{key}}/scopes", resource, "set_scopes", summary=f"Set the scopes of a {word}",
        warn=_what_scopes_change,
    )  # fmt: skip
    def set_all(call: Call, subject: Any, body: ScopesIn) -> Any:
        """It bears exactly these; reserved ones are the operator's, and what lies below loses them with it."""
        return set_scopes(
            call.actor, subject=subject, scopes=body.scopes, reason=body.reason, now=call.now, seen=call.seen
        )


def _what_scopes_change(call: Call, subject: Any, body: ScopesIn) -> list[str]:
    effects = effects_of_scopes(subject, body.scopes)
    return [*effects.consequences, *(f"{name} changes with it" for name in effects.affected)]


def offer_properties(router: Router, path: str, resource: Resource[Any]) -> None:
    """`PUT` and `PATCH {path}/{key}/properties`, `POST {path}/{key}/properties/remove`."""
    word = resource.kind.replace("_", " ")

    @change(
        router, "PUT", f"{path}/{{key}}/properties", resource, "set_properties",
        summary=f"Set all properties of a {word}",
    )  # fmt: skip
    def set_all(call: Call, subject: Any, body: PropertiesIn) -> Any:
        """It has exactly these from now on."""
        return set_properties(
            call.actor, subject=subject, properties=body.properties, reason=body.reason, now=call.now, seen=call.seen
        )

    @change(
        router, "PATCH", f"{path}/{{key}}/properties", resource, "add_properties",
        summary=f"Add or change properties of a {word}",
    )  # fmt: skip
    def add(call: Call, subject: Any, body: PropertiesIn) -> Any:
        """Those that are not named stay as they are."""
        return set_properties(
            call.actor, subject=subject, properties=body.properties, reason=body.reason, now=call.now,
            is_partial=True, seen=call.seen,
        )  # fmt: skip

    @change(
        router, "POST", f"{path}/{{key}}/properties/remove", resource, "remove_properties",
        summary=f"Remove properties of a {word}",
    )  # fmt: skip
    def remove(call: Call, subject: Any, body: PropertyKeys) -> Any:
        """Refused where it has one of them not."""
        return remove_properties(
            call.actor, subject=subject, keys=body.keys, reason=body.reason, now=call.now, seen=call.seen
        )
