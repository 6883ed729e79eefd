"""The properties of an object as a table: a row a property, and empty rows for more."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms

from gridkeeper.registry.forms import PlainForm, reason_field
from gridkeeper.registry.property_actions import MAX_KEY, MAX_PROPERTIES, MAX_VALUE

#: Empty rows below the present properties.
SPARE_ROWS = 3


class PropertiesForm(PlainForm):
    """`key_N` and `value_N` a row; a row whose key is empty is no property any more."""

    reason = reason_field()
    seen = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, data: Any, *, properties: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        # by key: PostgreSQL keeps no order of a JSON object
        items = [*sorted(properties.items()), *[("", "")] * SPARE_ROWS]
        sent = sum(1 for name in data if name.startswith("key_")) if data is not None else 0
        # those that came since the form was opened must not push the person's own rows out of it
        self.count = min(max(len(items), sent), MAX_PROPERTIES + SPARE_ROWS)
        for position in range(self.count):
            key, value = items[position] if position < len(items) else ("", "")
            self._add_row(position, key, value)

    def _add_row(self, position: int, key: str, value: str) -> None:
        number = position + 1
        self.fields[f"key_{position}"] = forms.CharField(
            required=False, strip=True, max_length=MAX_KEY, initial=key, label=f"Key {number}",
            widget=forms.TextInput({"aria-label": f"Key {number}", "autocomplete": "off"}),
        )  # fmt: skip
        self.fields[f"value_{position}"] = forms.CharField(
            required=False, strip=False, max_length=MAX_VALUE, initial=value, label=f"Value {number}",
            widget=forms.Textarea({"rows": 1, "aria-label": f"Value {number}"}),
        )  # fmt: skip

    def rows(self) -> Iterator[tuple[forms.BoundField, forms.BoundField]]:
        """Key and value of each row, for the table."""
        for position in range(self.count):
            yield self[f"key_{position}"], self[f"value_{position}"]

    def sections(self) -> list[tuple[str, list[forms.BoundField]]]:
        """What stands below the table."""
        return [("Why", [self["reason"]])]

    def put(self, properties: Mapping[str, str]) -> None:
        """The rows show those properties; the data must be a copy that may be changed."""
        data: Any = self.data
        for name in [name for name in data if name.startswith(("key_", "value_"))]:
            del data[name]
        for position, (key, value) in enumerate(sorted(properties.items())):
            data[f"key_{position}"], data[f"value_{position}"] = key, value

    def clean(self) -> dict[str, Any]:
        given: dict[str, str] = {}
        for position in range(self.count):
            key, value = self.cleaned_data.get(f"key_{position}", ""), self.cleaned_data.get(f"value_{position}", "")
            if key in given:
                self.add_error(f"key_{position}", f"{key} stands here twice; a key has one value.")
            elif key:
                given[key] = value.replace("\r\n", "\n")
            elif value.strip():
                self.add_error(f"key_{position}", "A value needs a key.")
        return self.cleaned_data | {"properties": given}
