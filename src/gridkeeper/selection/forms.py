"""Forms of the changes of good sites. They parse; the rules are in `actions`."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.utils import timezone

from gridkeeper.registry.models import Site
from gridkeeper.selection.models import ListKind


class UtcField(forms.DateTimeField):
    """An instant that is typed in UTC, whatever the reader's zone: sites of many zones read it."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "60"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(UTC):
            moment = super().to_python(value)
        return moment.astimezone(UTC) if moment else None


class EntryForm(forms.Form):
    """A new entry of the white or the black list."""

    site = forms.ModelChoiceField(
        Site.objects.current(),
        to_field_name="name",
        widget=forms.TextInput({"list": "site-names", "autocomplete": "off"}),
        error_messages={"invalid_choice": "No site has that name; the list below the field helps."},
    )
    kind = forms.ChoiceField(choices=ListKind, label="List", widget=forms.RadioSelect, initial=ListKind.BLACK)
    reason = forms.CharField(max_length=300, help_text="Shown to the site and to everybody; at most 300 characters.")
    expires_at = UtcField(
        required=False, label="Expires", help_text="In UTC. Empty: until somebody removes it. A date keeps lists short."
    )


class RemovalForm(forms.Form):
    """Why an entry is taken off."""

    reason = forms.CharField(max_length=300, help_text="Kept with the change.")


class ReasonForm(forms.Form):
    """Why critical tests are chosen anew."""

    reason = forms.CharField(max_length=300, help_text="Kept in the history of the choice.")
