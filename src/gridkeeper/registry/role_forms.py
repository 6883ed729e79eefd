"""Forms about roles. They parse input; the actions of `role_actions` check it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.utils import timezone

from gridkeeper.people.models import User
from gridkeeper.registry.forms import PlainForm, reason_field
from gridkeeper.registry.models import RoleGrant
from gridkeeper.registry.role_actions import MAX_MESSAGE
from gridkeeper.registry.role_queries import ASKED_OF, LEVEL_WORDS, WORDS, find_object
from gridkeeper.registry.role_rules import LONGEST_DELEGATION


class UtcDateTimeField(forms.DateTimeField):
    """An instant that is typed and shown in UTC, whatever the reader's zone: roles are read across zones."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "60"}, format="%Y-%m-%dT%H:%M")

    def prepare_value(self, value: Any) -> Any:
        with timezone.override(UTC):
            return super().prepare_value(value)

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(UTC):
            moment = super().to_python(value)
        return moment.astimezone(UTC) if moment else None


class PersonField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Somebody, by user name."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            User.objects.filter(is_active=True),
            to_field_name="username",
            widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
            error_messages={"invalid_choice": "Nobody with an open account has that user name; correct it."},
            **{"label": "User name"} | options,
        )

    def prepare_value(self, value: Any) -> Any:
        return value.username if isinstance(value, User) else value


def _roles(names: Iterable[str]) -> list[tuple[str, str]]:
    return [(name, name) for name in names]


class RoleForm(PlainForm):
    """Who is to hold which role, and until when."""

    user = PersonField()
    role = forms.ChoiceField()
    expires_at = UtcDateTimeField(
        label="Until (UTC)", required=False, help_text="Empty: until somebody revokes it; confirmed once a year."
    )
    reason = reason_field()

    def __init__(self, *args: Any, roles: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = _roles(roles)  # type: ignore[attr-defined]


class RequestForm(PlainForm):
    """Which role somebody asks for, and why."""

    role = forms.ChoiceField(widget=forms.RadioSelect)
    message = forms.CharField(
        label="Why you need it",
        required=False,
        max_length=MAX_MESSAGE,
        widget=forms.Textarea({"rows": 3}),
        help_text=f"Read by those who decide, and kept with the request; at most {MAX_MESSAGE} characters.",
    )

    def __init__(self, *args: Any, roles: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = _roles(roles)  # type: ignore[attr-defined]


class DecisionForm(PlainForm):
    """Yes or no, with the reason."""

    decision = forms.ChoiceField(
        choices=[("grant", "Grant the role"), ("reject", "Reject the request")], widget=forms.RadioSelect
    )
    expires_at = UtcDateTimeField(
        label="Until (UTC)", required=False, help_text="Of a granted role. Empty: until somebody revokes it."
    )
    reason = reason_field()


class DelegationForm(PlainForm):
    """Who holds the role too, and from when to when."""

    to = PersonField(label="To whom (user name)")
    starts_at = UtcDateTimeField(label="From (UTC)")
    expires_at = UtcDateTimeField(label="Until (UTC)", help_text=f"At most {LONGEST_DELEGATION.days} days later.")
    reason = reason_field()


class ConfirmForm(forms.Form):
    """The roles that are still right."""

    grants = forms.ModelMultipleChoiceField(
        RoleGrant.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Tick the roles that are still right."},
    )

    def __init__(self, *args: Any, due: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["grants"].queryset = due  # type: ignore[attr-defined]


class WhyForm(PlainForm):
    """Whose permission to do what to which object is explained."""

    person = PersonField(required=False, help_text="Empty: you.")
    action = forms.ChoiceField(label="Wants to", choices=[(name, WORDS[name]) for name in ASKED_OF if name in WORDS])
    object = forms.CharField(
        label="On",
        required=False,
        max_length=255,
        help_text="Name of the site, region, federation or service group; of a service, its site.",
    )

    def __init__(self, *args: Any, may_choose_person: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_choose_person:
            del self.fields["person"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        levels = ASKED_OF.get(cleaned.get("action", ""), ())
        cleaned["subject"] = find_object(cleaned.get("object", ""), levels) if levels else None
        if levels and cleaned["subject"] is None:
            self.add_error("object", f"No {_any_of(levels)} has that name or key; correct it.")
        return cleaned


def _any_of(levels: Sequence[Any]) -> str:
    words = [LEVEL_WORDS[level] for level in levels]
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
