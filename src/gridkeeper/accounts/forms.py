"""Forms of accounts. What a value must be is said by the actions; forms know kinds of inputs and help."""

from collections.abc import Sequence
from typing import Any

from django import forms

from gridkeeper.people.models import User
from gridkeeper.people.profile import FIELDS
from gridkeeper.people.tokens import SCOPES

_TEXT = {"class": "form-control"}
_REASON_LENGTH = 300
_READERS = "Shown to those whose role may read personal data; to nobody else."
_HELP = {
    "title": "As in Dr, Ing, Prof.",
    "email": f"Where notices of subscriptions go. {_READERS}",
    "telephone": f"With the country's code, e.g. +41 22 767 6111. {_READERS}",
    "working_hours_start": f"Local time, e.g. 09:00: when you can be called. {_READERS}",
    "working_hours_end": "Local time, e.g. 17:00.",
    "home_site": "Name of the site that you work at.",
    "description": "What colleagues should know: duties, deputies, languages.",
    "timezone": "An IANA name such as Europe/Rome: times are shown in it. Empty: the browser's zone. Exports are UTC.",
}
_LABELS = {
    "working_hours_start": "Working hours from",
    "working_hours_end": "Working hours to",
    "email": "Mail",
    "timezone": "Time zone",
}
_INPUT_TYPES = {"email": "email", "telephone": "tel"}


class ProfileForm(forms.Form):
    """What a person says of themselves."""

    def __init__(self, sent: Any, *, person: User) -> None:
        super().__init__(sent, initial={name: getattr(person, name) for name in FIELDS})
        for name in FIELDS:
            self.fields[name] = self._field(name)

    @staticmethod
    def _field(name: str) -> forms.CharField:
        model_field: Any = User._meta.get_field(name)
        is_long = name == "description"
        widget: forms.Widget = forms.Textarea(attrs=_TEXT | {"rows": 3}) if is_long else forms.TextInput(attrs=_TEXT)
        if name in _INPUT_TYPES:
            widget.input_type = _INPUT_TYPES[name]  # type: ignore[attr-defined]
        return forms.CharField(
            label=_LABELS.get(name, name.replace("_", " ").capitalize()),
            max_length=2000 if is_long else model_field.max_length,
            required=False,
            widget=widget,
            help_text=_HELP.get(name, ""),
        )


class TokenForm(forms.Form):
    """What a new token is for, what it may do and where."""

    name = forms.CharField(
        max_length=100, widget=forms.TextInput(attrs=_TEXT), help_text="What it is for, e.g. nightly probe."
    )
    scopes = forms.MultipleChoiceField(
        label="Actions",
        widget=forms.SelectMultiple(attrs={"class": "form-select", "size": 8}),
        choices=[(scope, "everything that you may do" if scope == "*" else scope) for scope in SCOPES],
        help_text="The less the better: probes.submit_results is enough to send results.",
    )
    own = forms.MultipleChoiceField(
        label="Only for",
        required=False,
        widget=forms.SelectMultiple(attrs={"class": "form-select", "size": 8}),
        help_text="Sites and regions of your roles, with what lies below. None chosen: all that you may reach.",
    )
    further = forms.CharField(
        label="Only for, by key",
        required=False,
        max_length=2000,
        widget=forms.TextInput(attrs=_TEXT | {"placeholder": "site:2G0 ngi:5G0"}),
        help_text="Others, as kind:key with spaces between; kinds are site, ngi, service, service_group, federation.",
    )
    days = forms.IntegerField(
        label="Valid for (days)",
        min_value=0,
        max_value=3650,
        initial=365,
        widget=forms.NumberInput(attrs=_TEXT),
        help_text="0: it never expires.",
    )

    def __init__(self, *args: Any, choices: Sequence[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        if choices:
            own: Any = self.fields["own"]
            own.choices = choices
        else:
            del self.fields["own"]

    def limits(self) -> list[str]:
        """Of a valid form."""
        return [*self.cleaned_data.get("own", []), *self.cleaned_data["further"].split()]


class ReasonForm(forms.Form):
    """Asks for the reason, and for the name as a confirmation that is not given by accident."""

    def __init__(self, *args: Any, confirm: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self._confirm = confirm
        if confirm:
            self.fields["confirm"] = forms.CharField(
                label=f"Write {confirm} to confirm", widget=forms.TextInput(attrs=_TEXT | {"autocomplete": "off"})
            )

    reason = forms.CharField(
        max_length=_REASON_LENGTH,
        widget=forms.TextInput(attrs=_TEXT),
        help_text="It stays in the audit records, at most 300 characters.",
    )

    def clean_confirm(self) -> str:
        written: str = self.cleaned_data["confirm"].strip()
        if written != self._confirm:
            raise forms.ValidationError(f"that is not {self._confirm}; nothing was done")
        return written
