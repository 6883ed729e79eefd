"""Forms of the registry. They parse input; the rules are in `rules` and the actions ask them again."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar
from zoneinfo import available_timezones

from django import forms

from gridkeeper.registry.actions import NGI_FIELDS, SERVICE_FIELDS, SITE_FIELDS
from gridkeeper.registry.countries import COUNTRIES, country_of
from gridkeeper.registry.field_help import HELP, HELP_OF, LABELS
from gridkeeper.registry.models import Certification, Ngi, Service, Site
from gridkeeper.registry.rules import CERTIFICATION_STEPS, MAX_REASON
from gridkeeper.registry.widgets import Datalist

_REASON_HELP = f"Kept in the history for good and shown to others; at most {MAX_REASON} characters."


def reason_field(label: str = "Reason", help_text: str = _REASON_HELP) -> forms.CharField:
    """Why something is done: asked of every change."""
    return forms.CharField(label=label, max_length=MAX_REASON, help_text=help_text, widget=forms.Textarea({"rows": 2}))


class PlainForm(forms.Form):
    """Labels without a colon."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | kwargs)


class ReasonForm(PlainForm):
    """Only the reason: ends, cancellations, closings."""

    reason = reason_field()


class CertificationForm(PlainForm):
    """The next step of a site's certification: only the steps that may be taken are offered."""

    new = forms.ChoiceField(label="New certification", widget=forms.RadioSelect)
    reason = reason_field()
    old = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, data: Any, *, site: Site) -> None:
        super().__init__(data, initial={"old": site.certification})
        steps = CERTIFICATION_STEPS[Certification(site.certification)]
        self.fields["new"].choices = [(step.value, step.label) for step in steps]  # type: ignore[attr-defined]


class EditForm(forms.ModelForm):  # type: ignore[type-arg]
    """The fields that may be edited, the reason, and what was seen (`actions.version_of`).

    groups: headings of a long form with the names of their fields; the reason stands below them all
    """

    groups: ClassVar[Sequence[tuple[str, Sequence[str]]]] = ()
    reason = reason_field()
    seen = forms.IntegerField(widget=forms.HiddenInput)

    def _post_clean(self) -> None:
        """Leaves the instance alone: the action changes it, under a lock, and checks it whole."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | kwargs)
        kind = str(self._meta.model._meta.model_name)
        for name, field in self.fields.items():
            field.label = LABELS.get(name, field.label)
            field.help_text = HELP_OF.get((kind, name)) or HELP.get(name) or field.help_text
            if isinstance(field.widget, forms.Textarea):
                field.widget.attrs["rows"] = 3

    def changes(self) -> dict[str, Any]:
        """The edited values, without the form's own fields."""
        return {name: value for name, value in self.cleaned_data.items() if name not in ("reason", "seen", "scopes")}

    def sections(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields under their headings; empty for a form without."""
        if not self.groups:
            return []
        grouped = [(title, [self[name] for name in names if name in self.fields]) for title, names in self.groups]
        named = {name for _, names in self.groups for name in names}
        rest = [field for field in self.visible_fields() if field.name not in named]
        scopes = [("Scopes", [field]) for field in rest if field.name == "scopes"]
        return [*grouped, *scopes, ("Why", [field for field in rest if field.name != "scopes"])]


class NgiForm(EditForm):
    class Meta:
        model = Ngi
        fields = NGI_FIELDS


class CountryField(forms.CharField):
    """A country by name or code; its value is the code. The browser searches the list while one types."""

    def __init__(self, **options: Any) -> None:
        names = [(name, code) for code, name in sorted(COUNTRIES.items(), key=lambda item: item[1])]
        super().__init__(widget=Datalist(names), required=False, **options)

    def prepare_value(self, value: Any) -> Any:
        return COUNTRIES.get(str(value), value)

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        code, name = country_of(text)
        if text and not code:
            raise forms.ValidationError(f"{name[:80]} is no country of ISO 3166; choose one of the list.")
        return code


class SiteForm(EditForm):
    groups = (
        ("What it is", ("name", "official_name", "organisation", "description", "home_url", "infrastructure", "tier",
                        "subgrid")),
        ("Where it is", ("country_code", "location", "timezone", "latitude", "longitude")),
        ("Network", ("domain", "ip_range", "ipv6_range", "giis_url")),
        ("Whom to reach", ("contact_email", "contact_tel", "alarm_email", "notifications", "helpdesk_email",
                           "csirt_email", "csirt_tel", "emergency_email", "emergency_tel")),
    )  # fmt: skip
    country_code = CountryField()
    timezone = forms.CharField(required=False, widget=Datalist([(name, "") for name in sorted(available_timezones())]))

    class Meta:
        model = Site
        fields = [name for name in SITE_FIELDS if name != "country"]

    def clean_timezone(self) -> str:
        name: str = self.cleaned_data["timezone"]
        if name and name != self.instance.timezone and name not in available_timezones():
            raise forms.ValidationError(f"{name} is no time zone; use an IANA name like Europe/Rome.")
        return name


class ServiceForm(EditForm):
    groups = (
        ("What it is", ("service_type", "hostname", "url", "description", "email")),
        ("State", ("in_production", "is_monitored", "is_beta", "notifications")),
        ("Host", ("host_dn", "host_ip", "host_ipv6", "operating_system", "architecture")),
    )

    class Meta:
        model = Service
        fields = SERVICE_FIELDS


class SitesForm(PlainForm):
    """Whose downtime: the first step where somebody looks after more than one site."""

    site = forms.MultipleChoiceField(label="Sites", help_text="One, or several in one maintenance.")

    def __init__(self, *args: Any, sites: Iterable[Site], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(site.key, f"{site.name} ({site.ngi.name})") for site in sites]
        self.fields["site"].choices = choices  # type: ignore[attr-defined]
        self.fields["site"].widget.attrs["size"] = min(12, max(2, len(choices)))
