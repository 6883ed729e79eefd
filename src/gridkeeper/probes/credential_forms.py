"""Forms of credentials. What is typed as a secret is never put back into a page."""

from typing import Any

from django import forms

from gridkeeper.probes.catalogue_forms import JsonField
from gridkeeper.probes.credential_actions import Entered
from gridkeeper.probes.credential_rules import MOST_PROXY_HOURS
from gridkeeper.probes.credential_voms_options import VOMS_OPTIONS
from gridkeeper.probes.models import Credential, CredentialKind, Test
from gridkeeper.registry.forms import PlainForm, reason_field
from gridkeeper.vos.models import Vo

_OPTIONS_HELP = (
    'Robot certificate: {"hours": 12}, the life of its proxies. OAuth2: {"token_endpoint": "https://...", '
    '"client_id": "...", "scope": "...", "audience": "..."}. Kept as it is: {}.'
)
_VOMS_ORDER = ("voms_url", "fqans", "voms_vo", "voms_hours")


class SecretInput(forms.Textarea):
    """Shows nothing of what it was given."""

    def format_value(self, value: Any) -> str:
        return ""


class LinesField(forms.CharField):
    """A list of texts, a line of each."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=forms.Textarea({"rows": 2, "spellcheck": "false"}), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]


class _CredentialForm(PlainForm):
    options = JsonField(_OPTIONS_HELP)
    voms_url = LinesField(
        label="VOMS servers", help_text="Robot certificate: who gives its proxies attributes of the VO. One a line, "
        "tried in turn: https://voms.example.org:8443/voms/dteam, or a line of a vomses file, which names the "
        "subject of the certificate too. None: proxies without attributes, which most CEs and storages refuse.",
    )  # fmt: skip
    fqans = LinesField(
        label="Groups and roles", help_text="FQANs that are asked for, one a line, the most important first: "
        "/dteam/Role=lcgadmin. None: membership of the VO alone.",
    )  # fmt: skip
    voms_vo = forms.CharField(
        required=False, max_length=255, label="VO at the VOMS servers", help_text="Where its name there is another one."
    )
    voms_hours = forms.IntegerField(
        required=False, min_value=1, max_value=MOST_PROXY_HOURS, label="Hours of the attributes",
        help_text="Empty: as long as the proxy. Servers shorten it to their own limit, often 12 or 24.",
    )  # fmt: skip
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

    def clean(self) -> dict[str, Any]:
        """The fields of VOMS are options as any other."""
        given = dict(super().clean() or self.cleaned_data)
        options = given.get("options")
        if isinstance(options, dict):
            given["options"] = options | {name: given[name] for name in VOMS_OPTIONS if given.get(name)}
        return given

    def entered(self) -> Entered | None:
        """What was typed; None where nothing was."""
        given = self.cleaned_data
        return Entered(given["secret"], given["password"]) if given["secret"] else None


class CredentialNewForm(_CredentialForm):
    """A new credential; its VO and kind are for ever."""

    field_order = ("name", "vo", "kind", "options", *_VOMS_ORDER, "tests", "secret", "password", "reason")
    name = forms.CharField(max_length=100, help_text="As pages and the history name it, e.g. lhcb robot.")
    vo = forms.ModelChoiceField(
        Vo.objects.current(), required=False, label="VO", empty_label="no VO: for tests that run once for all",
    )  # fmt: skip
    kind = forms.ChoiceField(choices=CredentialKind)
    reason = reason_field()


class CredentialEditForm(_CredentialForm):
    """Changes of one; the secret stays where none is typed."""

    field_order = ("name", "is_enabled", "options", *_VOMS_ORDER, "tests", "secret", "password", "reason")
    name = forms.CharField(max_length=100)
    is_enabled = forms.BooleanField(required=False, label="Enabled", help_text="Off: no run is handed it.")
    reason = reason_field()

    def __init__(self, data: Any, *, credential: Credential) -> None:
        of_voms = {name: value for name, value in credential.options.items() if name in VOMS_OPTIONS}
        options = {name: value for name, value in credential.options.items() if name not in {"need", *of_voms}}
        initial = {
            "name": credential.name, "is_enabled": credential.is_enabled, "options": options,
            "tests": list(credential.tests.all()), **of_voms,
        }  # fmt: skip
        super().__init__(data, initial=initial)
        self.fields["secret"].required = False
        self.fields["secret"].label = "New secret"

    def changes(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("name", "is_enabled", "options")}
