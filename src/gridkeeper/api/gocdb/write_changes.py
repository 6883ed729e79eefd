"""What a request of the write API does: properties of sites, services and endpoints; endpoints of services; fields."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.api.gocdb.write_request import ENDPOINT, EXTENSIONS, WriteRefusedError, WriteRequest, as_text
from gridkeeper.people.actor import Actor
from gridkeeper.registry.actions import edit_service
from gridkeeper.registry.models import Endpoint, Service, Site
from gridkeeper.registry.object_actions import add_endpoint, close_endpoint, edit_endpoint
from gridkeeper.registry.property_actions import remove_properties, require_edit, set_properties

Subject = Site | Service | Endpoint

#: Names that GOCDB has for fields, in lower case -> ours.
_SERVICE_FIELDS = {
    "email": "email", "description": "description", "url": "url", "host_dn": "host_dn", "host_ip": "host_ip",
    "host_ip_v6": "host_ipv6", "host_os": "operating_system", "host_arch": "architecture",
    "production": "in_production", "beta": "is_beta", "monitored": "is_monitored", "notify": "notifications",
}  # fmt: skip
_ENDPOINT_FIELDS = {
    "name": "name", "url": "url", "interfacename": "interface_name", "description": "description", "email": "email",
    "monitored": "is_monitored",
}  # fmt: skip
_FLAGS = frozenset({"in_production", "is_beta", "is_monitored", "notifications"})


def site_of(subject: Subject) -> Site:
    """The site whose machines may change the object."""
    if isinstance(subject, Endpoint):
        subject = subject.service
    return subject.site if isinstance(subject, Service) else subject


def find_subject(asked: WriteRequest) -> Subject:
    """The object of today under that number, or else under that key. Raises WriteRefusedError 404."""
    queries: dict[str, Any] = {
        "site": Site.objects.current(),
        "service": Service.objects.current().select_related("site__ngi__federation"),
        "endpoint": Endpoint.objects.current().select_related("service__site__ngi__federation"),
    }
    word, rows = asked.identifier, queries[asked.kind]
    is_number = word.isascii() and word.isdigit() and len(word) < 19
    found: Subject | None = (rows.filter(pk=int(word)).first() if is_number else None) or rows.filter(key=word).first()
    if found is None or (isinstance(found, Endpoint) and found.service.valid_until is not None):
        raise WriteRefusedError(404, f"There is no {asked.kind} {word[:80]!r}; ids are those of the read interface")
    return found


def change(actor: Actor, asked: WriteRequest, subject: Subject, now: datetime) -> None:
    """Makes the change. Raises WriteRefusedError, NotPermittedError, ValidationError."""
    require_edit(actor, subject)  # before anything is said of what stands there
    reason = f"GOCDB write API: {asked.verb} {asked.path}"[:300]
    with transaction.atomic():
        # What is there decides between an addition and a conflict: nobody may come between.
        fresh: Any = type(subject)._default_manager.select_for_update().get(pk=subject.pk)
        if asked.what == EXTENSIONS:
            _PROPERTIES[asked.verb](actor, asked, fresh, now, reason)
        elif asked.what == ENDPOINT and isinstance(fresh, Service):
            _ENDPOINTS[asked.verb](actor, asked, fresh, now, reason)
        else:
            _set_field(actor, asked, fresh, now, reason)


def _wanted(asked: WriteRequest) -> dict[str, str]:
    if asked.key:
        return {asked.key: as_text(asked.key, asked.value)}
    return {name: asked.text_of(name) for name in asked.body or ()}


def _add_properties(actor: Actor, asked: WriteRequest, subject: Any, now: datetime, reason: str) -> None:
    wanted = _wanted(asked)
    if there := sorted(set(wanted) & set(subject.properties)):
        raise WriteRefusedError(409, f"{subject} has {_names(there)} already; PUT overwrites")
    set_properties(actor, subject=subject, properties=wanted, reason=reason, now=now, is_partial=True)


def _put_properties(actor: Actor, asked: WriteRequest, subject: Any, now: datetime, reason: str) -> None:
    set_properties(actor, subject=subject, properties=_wanted(asked), reason=reason, now=now, is_partial=True)


def _remove_properties(actor: Actor, asked: WriteRequest, subject: Any, now: datetime, reason: str) -> None:
    """Those named; without a body all. A value that is given must be the one that stands there."""
    named = [asked.key] if asked.key else list(subject.properties if asked.body is None else asked.body)
    if missing := sorted(set(named) - set(subject.properties)):
        raise WriteRefusedError(404, f"{subject} has no property {_names(missing)}")
    expected = _wanted(asked) if asked.body is not None else {}
    others = sorted(key for key, value in expected.items() if value not in {"", subject.properties[key]})
    if others:
        raise WriteRefusedError(409, f"{_names(others)} of {subject} has another value; nothing was removed")
    remove_properties(actor, subject=subject, keys=named, reason=reason, now=now)


def _names(keys: list[str]) -> str:
    return ", ".join(repr(key[:80]) for key in keys)


_Change = Callable[[Actor, WriteRequest, Any, datetime, str], None]
_PROPERTIES: Mapping[str, _Change] = {
    "POST": _add_properties,
    "PUT": _put_properties,
    "DELETE": _remove_properties,
}


def _post_endpoint(actor: Actor, asked: WriteRequest, service: Service, now: datetime, reason: str) -> None:
    values = _endpoint_values(asked)
    if _endpoint_named(service, values["name"]):
        raise WriteRefusedError(409, f"{service} has an endpoint {values['name'][:80]!r} already; PUT overwrites")
    _add_endpoint(actor, service, values, now, reason)


def _put_endpoint(actor: Actor, asked: WriteRequest, service: Service, now: datetime, reason: str) -> None:
    values = _endpoint_values(asked)
    if endpoint := _endpoint_named(service, values["name"]):
        edit_endpoint(actor, endpoint=endpoint, changes=values, reason=reason, now=now)
    else:
        _add_endpoint(actor, service, values, now, reason)


def _delete_endpoint(actor: Actor, asked: WriteRequest, service: Service, now: datetime, reason: str) -> None:
    if not asked.key:
        raise WriteRefusedError(400, "Say which: DELETE .../Endpoint/ENDPOINT_ID")
    word = asked.key
    mine = Endpoint.objects.current().filter(service=service)
    is_number = word.isascii() and word.isdigit() and len(word) < 19
    endpoint = (mine.filter(pk=int(word)).first() if is_number else None) or mine.filter(key=word).first()
    if endpoint is None:
        raise WriteRefusedError(404, f"{service} has no endpoint {word[:80]!r}")
    close_endpoint(actor, endpoint=endpoint, reason=reason, now=now)


_ENDPOINTS: Mapping[str, _Change] = {
    "POST": _post_endpoint,
    "PUT": _put_endpoint,
    "DELETE": _delete_endpoint,
}


def _endpoint_named(service: Service, name: str) -> Endpoint | None:
    return Endpoint.objects.current().filter(service=service, name=name).first()


def _add_endpoint(actor: Actor, service: Service, values: dict[str, Any], now: datetime, reason: str) -> None:
    """What is not said of the interface and of monitoring is as with the service (GOCDB's note 5)."""
    if not values.get("url"):
        raise WriteRefusedError(400, "A new endpoint needs its url")
    defaults = {"interface_name": service.service_type.name, "is_monitored": service.is_monitored}
    add_endpoint(actor, service=service, values=defaults | values, reason=reason, now=now)


def _endpoint_values(asked: WriteRequest) -> dict[str, Any]:
    if asked.key:
        raise WriteRefusedError(400, f"{asked.verb} names the endpoint in its body, not in the address")
    body = {name.lower(): value for name, value in (asked.body or {}).items()}
    if strangers := sorted(set(body) - set(_ENDPOINT_FIELDS)):
        raise WriteRefusedError(400, f"An endpoint has no {_names(strangers)}; it has {', '.join(_ENDPOINT_FIELDS)}")
    values = {_ENDPOINT_FIELDS[name]: _field_value(_ENDPOINT_FIELDS[name], value) for name, value in body.items()}
    if not str(values.get("name", "")).strip():
        raise WriteRefusedError(400, "An endpoint needs its name")
    values["name"] = values["name"].strip()
    return values


def _field_value(field: str, value: Any) -> Any:
    if field not in _FLAGS:
        return as_text(field, value)
    words = {"true": True, "y": True, "1": True, "false": False, "n": False, "0": False}
    found = words.get(as_text(field, value).lower())
    if found is None:
        raise WriteRefusedError(400, f"{field}: write true or false")
    return found


def _set_field(actor: Actor, asked: WriteRequest, subject: Subject, now: datetime, reason: str) -> None:
    """A field of a service or an endpoint; POST only fills what is empty."""
    fields = {Service: _SERVICE_FIELDS, Endpoint: _ENDPOINT_FIELDS}.get(type(subject), {})
    field = fields.get(asked.what)
    if field is None or asked.key:
        offered = ", ".join(["ExtensionProperties", *(["Endpoint"] if isinstance(subject, Service) else []), *fields])
        raise WriteRefusedError(400, f"{asked.what[:80]!r} of a {asked.kind} cannot be written; these can: {offered}")
    if asked.verb == "DELETE":
        raise WriteRefusedError(400, "Only properties and endpoints are deleted; PUT an empty value instead")
    value = _field_value(field, asked.value)
    if asked.verb == "POST" and (field in _FLAGS or field == "name"):
        raise WriteRefusedError(400, f"{asked.what} always has a value; PUT another one")
    if asked.verb == "POST" and getattr(subject, field):
        raise WriteRefusedError(409, f"{asked.what} of {subject} has a value already; PUT overwrites")
    if isinstance(subject, Service):
        edit_service(actor, service=subject, changes={field: value}, reason=reason, now=now)
    elif isinstance(subject, Endpoint):
        edit_endpoint(actor, endpoint=subject, changes={field: value}, reason=reason, now=now)


def message_of(error: ValidationError) -> str:
    """All problems in one line, with their fields."""
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(
        f"{name}: {text}".removeprefix("__all__: ") for name, texts in error.message_dict.items() for text in texts
    )
