"""Forms of credentials. What is typed as a secret is never put back into a page."""

from typing import Any

from django import forms

from gridkeeper.probes.catalogue_forms import JsonField
from gridkeeper.probes.credential_actions import Entered
from gridkeeper.probes.models import Credential, CredentialKind, Test
from gridkeeper.registry.forms import PlainForm, reason_field
from gridkeeper.vos.models import Vo

_OPTIONS_HELP = (
    'Robot certificate: {"hours": 12}. OAuth2: {"token_endpoint": "https://...", "client_id": "...", "scope": "...", '
    '"audience": "..."}. Kept as it is: {}.'
)


class SecretInput(forms.Textarea):
    """Shows nothing of what it was given."""

    def format_value(self, value: Any) -> str:
        return ""


class _CredentialForm(PlainForm):
    options = JsonField(_OPTIONS_HELP)
    tests = forms.ModelMultipleChoiceField(
        Test.objects.none(), required=False,
        help_text="Tests that may use it; none chosen: all tests of the VO that need one of its kind.",
        widget=forms.SelectMultiple({"size": 6}),
    )  # fmt: skip
    secret = forms.CharField(
        strip=True, widget=SecretInput({"rows": 5, "spellcheck": "false", "autocomplete": "off"}),
        help_text="Robot: certificate, key and chain in PEM. OAuth2: the client's secret, or the refresh token. Stored "
        "encrypted; nobody can read it again.",
    )  # fmt: skip
    password = forms.CharField(
        required=False, strip=False, widget=forms.PasswordInput({"autocomplete": "off"}),
        help_text="Of the robot's key; with a refresh token, the client's secret if it has one.",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        needing = Test.objects.exclude(credential="").order_by("name")
        self.fields["tests"].queryset = needing  # type: ignore[attr-defined]

    def entered(self) -> Entered | None:
        """What was typed; None where nothing was."""
        given = self.cleaned_data
        return Entered(given["secret"], given["password"]) if given["secret"] else None


class CredentialNewForm(_CredentialForm):
    """A new credential; its VO and kind are for ever."""

    field_order = ("name", "vo", "kind", "options", "tests", "secret", "password", "reason")
    name = forms.CharField(max_length=100, help_text="As pages and the history name it, e.g. lhcb robot.")
    vo = forms.ModelChoiceField(
        Vo.objects.current(), required=False, label="VO", empty_label="no VO: for tests that run once for all",
    )  # fmt: skip
    kind = forms.ChoiceField(choices=CredentialKind)
    reason = reason_field()


class CredentialEditForm(_CredentialForm):
    """Changes of one; the secret stays where none is typed."""

    field_order = ("name", "is_enabled", "options", "tests", "secret", "password", "reason")
    name = forms.CharField(max_length=100)
    is_enabled = forms.BooleanField(required=False, label="Enabled", help_text="Off: no run is handed it.")
    reason = reason_field()

    def __init__(self, data: Any, *, credential: Credential) -> None:
        options = {name: value for name, value in credential.options.items() if name != "need"}
        initial = {
            "name": credential.name, "is_enabled": credential.is_enabled, "options": options,
            "tests": list(credential.tests.all()),
        }  # fmt: skip
        super().__init__(data, initial=initial)
        self.fields["secret"].required = False
        self.fields["secret"].label = "New secret"

    def changes(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("name", "is_enabled", "options")}
