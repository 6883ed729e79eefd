"""Two people at one form: what the other one changed, beside what this one sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from gridkeeper.registry.property_forms import PropertiesForm
from gridkeeper.registry.trail import text_of


@dataclass(frozen=True, slots=True)
class ConflictRow:
    """One field that somebody else changed since the form was opened, as text.

    is_taken: this person had left the field alone; the other's value stands in the form now
    """

    label: str
    before: str
    now: str
    mine: str
    is_taken: bool


@dataclass(frozen=True, slots=True)
class Conflict:
    """who and at: of the newest change."""

    who: str
    at: Any
    reason: str
    rows: Sequence[ConflictRow]


def conflict_of(form: forms.Form, subject: Any, seen: int) -> Conflict | None:
    """What changed since the audit record `seen`, and merges it into the form where the person changed nothing there.

    The form's data must be a copy that may be changed. None where the record that was seen is not known.
    """
    records = subject.history.model.objects.filter(id=subject.pk)
    before = records.filter(history_id=seen).first()
    newest = records.order_by("-history_id").select_related("history_user").first()
    if before is None or newest is None:
        return None
    who = newest.history_user.get_username() if newest.history_user else newest.history_actor or "the installation"
    rows = _merge_properties(form, before, newest) if isinstance(form, PropertiesForm) else _merge(form, before, newest)
    return Conflict(who, newest.history_date, newest.history_change_reason or "", rows)


def _merge(form: forms.Form, before: Any, now: Any) -> list[ConflictRow]:
    read = getattr(form, "values_of", None)
    old, new = (read(before), read(now)) if read else ({}, {})
    rows = []
    for name, field in form.fields.items():
        was, stands = old.get(name, getattr(before, name, None)), new.get(name, getattr(now, name, None))
        if was == stands:
            continue
        mine = merged(was, stands, form.cleaned_data.get(name, was))
        put(form, name, mine)
        label = str(field.label or name)
        rows.append(ConflictRow(label, text_of(was), text_of(stands), text_of(mine), mine == stands))
    return rows


def _merge_properties(form: PropertiesForm, before: Any, now: Any) -> list[ConflictRow]:
    was, stands, mine = before.properties, now.properties, form.cleaned_data["properties"]
    kept = {key: merged(was.get(key), stands.get(key), mine.get(key)) for key in {**stands, **mine}}
    form.put({key: value for key, value in kept.items() if value is not None})
    return [
        ConflictRow(key, was.get(key, ""), stands.get(key, ""), kept.get(key) or "", kept.get(key) == stands.get(key))
        for key in sorted({**was, **stands})
        if was.get(key) != stands.get(key)
    ]


def merged(before: Any, now: Any, mine: Any) -> Any:
    """What the form shows after somebody else's change: theirs where the person changed nothing, else the person's.

    Lists are merged by their items, for each is a decision of its own.

    >>> merged("a", "b", "a"), merged("a", "b", "c")
    ('b', 'c')
    >>> merged(["EGI"], ["EGI", "SKA"], ["Local"])
    ['Local', 'SKA']
    """
    if isinstance(before, list) and isinstance(now, list):
        return sorted((set(now) | (set(mine) - set(before))) - (set(before) - set(mine)))
    return now if mine == before else mine


def put(form: Any, name: str, value: Any) -> None:
    """The form shows that value."""
    field = form.fields[name]
    if isinstance(field, forms.BooleanField):
        form.data.pop(name, None)
        if value:
            form.data[name] = "on"
    elif isinstance(field, forms.MultipleChoiceField):
        form.data.setlist(name, list(value))
    else:
        shown = field.prepare_value(value)
        form.data[name] = "" if shown is None else str(shown)
