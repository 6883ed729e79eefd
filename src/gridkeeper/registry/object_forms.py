"""Forms of what operator and managers keep: federations, regions, types, groups, scopes, credentials; of adding."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.db.models import QuerySet

from gridkeeper.registry.credential_actions import CREDENTIAL_FIELDS
from gridkeeper.registry.federation_actions import FEDERATION_FIELDS, SCOPED_KINDS, SERVICE_TYPE_FIELDS
from gridkeeper.registry.field_help import HELP
from gridkeeper.registry.forms import EditForm, NgiForm, PlainForm, ServiceForm, SiteForm, reason_field
from gridkeeper.registry.group_actions import GROUP_FIELDS
from gridkeeper.registry.models import (
    ApiCredential,
    Endpoint,
    Federation,
    Ngi,
    Scope,
    Service,
    ServiceGroup,
    ServiceType,
    Site,
)
from gridkeeper.registry.object_actions import ENDPOINT_FIELDS
from gridkeeper.registry.scope_actions import SCOPE_FIELDS
from gridkeeper.registry.widgets import Datalist

_KIND_LABELS = dict(zip(SCOPED_KINDS, ("region", "site", "service", "service group"), strict=True))


class FederationForm(EditForm):
    """The minimum of scopes is a number a kind; the action takes them as one mapping."""

    class Meta:
        model = Federation
        fields = [name for name in FEDERATION_FIELDS if name != "minimum_scopes"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        policy = self.instance.minimum_scopes or {}
        for kind, label in _KIND_LABELS.items():
            self.fields[f"minimum_{kind}"] = forms.IntegerField(
                min_value=0,
                max_value=20,
                initial=policy.get(kind, 0),
                label=f"Least scopes of a {label}",
                help_text=f"0 to 20; a {label} that would bear fewer is refused. Present ones stay as they are.",
            )
        self.order_fields([name for name in self.fields if name != "reason"])

    def values_of(self, record: Any) -> dict[str, Any]:
        """The fields that are no fields of the model, of an audit record."""
        return {f"minimum_{kind}": (record.minimum_scopes or {}).get(kind, 0) for kind in _KIND_LABELS}

    def changes(self) -> dict[str, Any]:
        given = super().changes()
        counts = {kind: given.pop(f"minimum_{kind}") for kind in _KIND_LABELS}
        before = self.instance.minimum_scopes or {}
        # a kind that was never spoken of and asks for nothing stays unspoken: no change where nobody changed
        return given | {"minimum_scopes": {kind: n for kind, n in counts.items() if n or kind in before}}


class ServiceTypeForm(EditForm):
    class Meta:
        model = ServiceType
        fields = SERVICE_TYPE_FIELDS


class ScopeForm(EditForm):
    class Meta:
        model = Scope
        fields = SCOPE_FIELDS


class ServiceGroupForm(EditForm):
    class Meta:
        model = ServiceGroup
        fields = GROUP_FIELDS


class EndpointForm(EditForm):
    class Meta:
        model = Endpoint
        fields = ENDPOINT_FIELDS


class CredentialForm(EditForm):
    class Meta:
        model = ApiCredential
        fields = CREDENTIAL_FIELDS


def _scope_choices(offered: "QuerySet[Scope]") -> list[tuple[str, str]]:
    return [(each.name, f"{each.name} (reserved)" if each.is_reserved else each.name) for each in offered]


class ScopesField(forms.MultipleChoiceField):
    """Ticks, one a scope; the choices are set by the form."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, help_text="Clients ask feeds by scope; the default is ticked.", **options)


class _AddMixin(forms.ModelForm):  # type: ignore[type-arg]
    """Nothing was seen before; where the object bears scopes they are chosen with it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(self.fields.get("scopes"), ScopesField):
            offered = Scope.objects.current()
            self.fields["scopes"].choices = _scope_choices(offered)  # type: ignore[attr-defined]
            self.fields["scopes"].initial = [each.name for each in offered if each.is_default and not each.is_reserved]


class FederationAddForm(_AddMixin, FederationForm):
    seen = None  # type: ignore[assignment]


class NgiAddForm(_AddMixin, NgiForm):
    seen = None  # type: ignore[assignment]
    scopes = ScopesField()

    class Meta(NgiForm.Meta):
        model = Ngi
        fields = ("name", *NgiForm.Meta.fields)  # type: ignore[assignment]


class SiteAddForm(_AddMixin, SiteForm):
    seen = None  # type: ignore[assignment]
    scopes = ScopesField()

    class Meta(SiteForm.Meta):
        model = Site
        fields = ["name", *SiteForm.Meta.fields]


class ServiceTypeAddForm(_AddMixin, ServiceTypeForm):
    seen = None  # type: ignore[assignment]

    class Meta(ServiceTypeForm.Meta):
        fields = ("name", *SERVICE_TYPE_FIELDS)  # type: ignore[assignment]


class ScopeAddForm(_AddMixin, ScopeForm):
    seen = None  # type: ignore[assignment]

    class Meta(ScopeForm.Meta):
        fields = ("name", *SCOPE_FIELDS)  # type: ignore[assignment]


class ServiceGroupAddForm(_AddMixin, ServiceGroupForm):
    seen = None  # type: ignore[assignment]
    scopes = ScopesField()


class EndpointAddForm(_AddMixin, EndpointForm):
    seen = None  # type: ignore[assignment]


class CredentialAddForm(_AddMixin, CredentialForm):
    seen = None  # type: ignore[assignment]


class ServiceAddForm(_AddMixin, ServiceForm):
    seen = None  # type: ignore[assignment]
    scopes = ScopesField()
    service_type = forms.ModelChoiceField(
        ServiceType.objects.all(),
        to_field_name="name",
        widget=Datalist([]),
        error_messages={"invalid_choice": "There is no service type of that name; the operator adds types."},
    )

    class Meta(ServiceForm.Meta):
        model = Service
        fields = ("hostname", *ServiceForm.Meta.fields)  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = ServiceType.objects.values_list("name", flat=True)
        self.fields["service_type"].widget.options = [(name, "") for name in names]
        self.fields["is_monitored"].initial = self.fields["in_production"].initial = True
        self.order_fields(["service_type", "hostname"])


class NameForm(PlainForm):
    """Another name."""

    name = forms.CharField(max_length=255, help_text=HELP["name"])
    reason = reason_field()
    seen = forms.IntegerField(widget=forms.HiddenInput)


class MoveForm(PlainForm):
    """Another region."""

    ngi = forms.ModelChoiceField(
        Ngi.objects.none(), to_field_name="key", label="To the region", help_text="Those where you may add sites."
    )
    reason = reason_field()
    seen = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, regions: "QuerySet[Ngi]", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["ngi"].queryset = regions  # type: ignore[attr-defined]


class JoinForm(PlainForm):
    """A further federation."""

    federation = forms.ModelChoiceField(Federation.objects.current(), to_field_name="key")
    reason = reason_field()


class ScopeChoiceForm(PlainForm):
    """Which scopes an object bears. One that is not registered any more can be taken away, not given."""

    scopes = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, help_text="Clients ask feeds by scope."
    )
    reason = reason_field()
    seen = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, borne: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = _scope_choices(Scope.objects.current())
        known = {name for name, _ in choices}
        gone = [(name, f"{name} (not registered)") for name in borne if name not in known]
        self.fields["scopes"].choices = [*choices, *gone]  # type: ignore[attr-defined]


class MembersForm(PlainForm):
    """Services to be put into a group."""

    services = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)
    reason = reason_field()

    def __init__(self, *args: Any, services: Iterable[Service], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = {each.key: each for each in services}
        choices = [(key, f"{each} ({each.site})") for key, each in self.offered.items()]
        self.fields["services"].choices = choices  # type: ignore[attr-defined]

    def chosen(self) -> list[Service]:
        return [self.offered[key] for key in self.cleaned_data["services"]]
