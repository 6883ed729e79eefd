"""Forms of the changes of good sites. They parse; the rules are in `actions`."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.utils import timezone

from gridkeeper.registry.forms import PlainForm
from gridkeeper.registry.models import Site
from gridkeeper.selection.models import ListKind


class UtcField(forms.DateTimeField):
    """An instant that is typed in UTC, whatever the reader's zone: sites of many zones read it."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "60"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(UTC):
            moment = super().to_python(value)
        return moment.astimezone(UTC) if moment else None


class EntryForm(PlainForm):
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


class RemovalForm(PlainForm):
    """Why an entry is taken off."""

    reason = forms.CharField(max_length=300, help_text="Kept with the change.")


class ReasonForm(PlainForm):
    """Why critical tests are chosen anew."""

    reason = forms.CharField(max_length=300, help_text="Kept in the history of the choice.")


class PolicyForm(PlainForm):
    """How the VO chooses."""

    needs_approval = forms.BooleanField(
        required=False, label="Changes need two",
        help_text="A change of critical tests, lists or this policy waits until another manager of the VO agrees.",
    )  # fmt: skip
    freshest_s = forms.IntegerField(
        label="Oldest result, seconds", min_value=0, max_value=31 * 86_400,
        help_text="Older results make nothing good. 0: what the validity of each test says; it is never exceeded.",
    )  # fmt: skip
    reason = forms.CharField(max_length=300, help_text="Kept in the history of the policy.")


class DecisionForm(PlainForm):
    """What the second manager says."""

    decision = forms.CharField(max_length=300, required=False)
