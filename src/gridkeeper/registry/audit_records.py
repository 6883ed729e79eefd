"""Audit records as programs read them: field by field, with values as JSON has them. Pages use `trail`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db.models import ForeignKey

from gridkeeper.registry.trail import is_personal

VERBS = {"+": "added", "~": "changed", "-": "removed"}
#: Packages whose objects the API changes.
_PACKAGES = ("registry", "vos", "probes")


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """old, new: as JSON; another object is told by its key. Both null where the reader may not see them."""

    field: str
    old: Any
    new: Any
    is_hidden: bool = False


def record_models() -> list[Any]:
    """The models of all audit records of what the API changes, in the order in which their objects are declared."""
    models = [model for package in _PACKAGES for model in apps.get_app_config(package).get_models()]
    names = [(model, getattr(model._meta, "simple_history_manager_attribute", "")) for model in models]
    return [getattr(model, name).model for model, name in names if name]


def kind_of(record: Any) -> str:
    """What the record is of: "site", "service group member"."""
    return str(record.instance_type._meta.verbose_name)


def name_of(record: Any) -> str:
    """The object's own name in it, without a query; "" where it has none."""
    names = ("name", "hostname", "role", "identifier", "description")
    return next((str(getattr(record, name))[:100] for name in names if hasattr(record, name)), "")


def differences(before: Any, after: Any, *, may_read_personal: bool) -> list[FieldDifference]:
    """What the second record says otherwise than the first one, of the same object."""
    own = {field.name for field in after.instance_type._meta.concrete_fields}
    found = []
    for field in after._meta.concrete_fields:
        old, new = getattr(before, field.attname), getattr(after, field.attname)
        if field.name not in own or field.primary_key or old == new:
            continue
        if is_personal(field.name) and not may_read_personal:
            found.append(FieldDifference(field.name, None, None, is_hidden=True))
        else:
            found.append(FieldDifference(field.name, _plain(field, old), _plain(field, new)))
    return found


def _plain(field: Any, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(field, ForeignKey) and value is not None:
        related = field.related_model
        word = "key" if any(each.name == "key" for each in related._meta.concrete_fields) else "pk"
        return related._default_manager.filter(pk=value).values_list(word, flat=True).first()
    return value
