"""Forms of the catalogue: definitions, packs, Nagios. They parse input; the actions check it."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from gridkeeper.probes.catalogue import FIELDS, LABELS, content_of, default_content
from gridkeeper.probes.models import CredentialNeed, Stage, Test, TestKind
from gridkeeper.registry.forms import PlainForm, reason_field
from gridkeeper.registry.models import Service, Site
from gridkeeper.vos.models import Vo

_MOST_FILES, _MOST_BYTES = 200, 10 << 20


def _seconds(help_text: str, *, least: int = 1) -> forms.IntegerField:
    return forms.IntegerField(min_value=least, max_value=366 * 86_400, help_text=f"Seconds. {help_text}")


def _text(rows: int, help_text: str) -> forms.CharField:
    return forms.CharField(required=False, help_text=help_text, widget=forms.Textarea({"rows": rows}))


class JsonField(forms.JSONField):
    """JSON that people read: over several lines; what is empty is an empty object."""

    def __init__(self, help_text: str) -> None:
        super().__init__(required=False, help_text=help_text, widget=forms.Textarea({"rows": 4, "spellcheck": "false"}))

    def prepare_value(self, value: Any) -> Any:
        if value is None:
            return "{}"
        return value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False)

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        return {} if found is None else found


class TestForm(PlainForm):
    """A definition. `try_*` are of a trial and are not saved."""

    __test__ = False
    groups = (
        ("What it is", ("name", "abbreviation", "title", "position")),
        ("How it runs", ("kind", "command", "arguments", "is_per_vo", "credential", "rides_in", "depends_on", "stage")),
        ("When it runs", ("interval_s", "timeout_s", "max_attempts", "retry_interval_s", "validity_s",
                          "fastest_interval_s", "slowest_interval_s", "priority", "places")),
        ("For whoever reads its results", ("meaning", "procedure", "logs", "contact")),
        ("Try it before it is saved", ("try_on", "try_vo")),
        ("Why", ("reason",)),
    )  # fmt: skip

    name = forms.CharField(max_length=100, help_text="For ever: its results bear it. Letters, digits, dot, _ and -.")
    abbreviation = forms.CharField(max_length=20, help_text="Column head of the matrix, e.g. js.")
    title = forms.CharField(max_length=200)
    position = forms.IntegerField(min_value=0, max_value=32_767, help_text="Order of the columns of the matrix.")
    kind = forms.ChoiceField(choices=TestKind)
    command = forms.CharField(
        required=False, max_length=500, help_text="Name of a native check (tcp, http, tls, ...), or path of a plugin."
    )
    arguments = JsonField(
        'Native: {"port": 443}. Plugin: ["-H", "$HOSTADDRESS$"]. Macros: $HOSTNAME$ $HOSTADDRESS$ $PORT$ $URL$ $PATH$ '
        "$ENDPOINTS$ $VO$ $SITE$ $SITEBDII$ $PROPERTY:key$ $X509PROXY$ $TOKENFILE$."
    )
    is_per_vo = forms.BooleanField(required=False, help_text="On: it runs once for each VO, with that VO's view.")
    credential = forms.ChoiceField(required=False, choices=CredentialNeed, help_text="Handed by a private file.")
    rides_in = forms.ChoiceField(required=False, help_text="The job test that brings its results back.")
    depends_on = forms.CharField(
        required=False, help_text="Names, separated by commas: not run where one of these has failed."
    )
    stage = forms.ChoiceField(required=False, choices=Stage, help_text="What its failure says about jobs.")
    interval_s = _seconds("From one run to the next.")
    timeout_s = _seconds("After which a run is ended.")
    max_attempts = forms.IntegerField(min_value=1, max_value=100, help_text="Bad results in a row until it is hard.")
    retry_interval_s = _seconds("Between those attempts.")
    validity_s = _seconds("After which a result says nothing any more, and the test is MISSING.")
    fastest_interval_s = _seconds("So often for a while after a change; 0: no faster.", least=0)
    slowest_interval_s = _seconds("So rarely where nothing changes; 0: no slower.", least=0)
    priority = forms.IntegerField(min_value=-100, max_value=100, help_text="Where runs wait, the higher goes first.")
    places = JsonField('From where it runs, e.g. {"count": 2, "distinct": "region", "quorum": 2}; {}: from anywhere.')
    meaning = _text(3, "What it proves, in plain words.")
    procedure = _text(6, "What to do when it fails, step by step.")
    logs = _text(2, "Logs to look at on the service, one a line.")
    contact = forms.CharField(required=False, max_length=300, help_text="Whom to ask about the test itself.")
    try_on = forms.CharField(
        required=False, max_length=360, label="On the service", widget=forms.TextInput({"list": "services"}),
        help_text="A host name, and its service type where it has several: ce01.example.org ARC-CE.",
    )  # fmt: skip
    try_vo = forms.CharField(required=False, max_length=100, label="For the VO", help_text="Where it runs per VO.")
    reason = reason_field()
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, test: Test | None = None, is_trial: bool = False) -> None:
        super().__init__(data, initial=_initial(test))
        for name in FIELDS:
            self.fields[name].label = LABELS[name]
        carriers = Test.objects.filter(kind=TestKind.JOB).values_list("name", flat=True)
        self.fields["rides_in"].choices = [("", "nothing"), *((name, name) for name in carriers)]  # type: ignore[attr-defined]
        self.fields["reason"].required = not is_trial
        self.fields["try_on"].required = is_trial
        if test is not None:
            del self.fields["name"]

    def sections(self) -> list[tuple[str, list[forms.BoundField]]]:
        return [(title, [self[name] for name in names if name in self.fields]) for title, names in self.groups]

    def clean_depends_on(self) -> list[str]:
        return sorted({word for part in self.cleaned_data["depends_on"].split(",") if (word := part.strip())})

    def content(self) -> dict[str, Any]:
        """The definition as typed."""
        return {name: self.cleaned_data[name] for name in FIELDS}

    def service(self) -> Service:
        """Where the trial runs. Raises ValidationError."""
        hostname, _, kind = self.cleaned_data["try_on"].strip().partition(" ")
        found = Service.objects.current().filter(hostname=hostname).select_related("service_type", "site")
        if kind.strip():
            found = found.filter(service_type__name=kind.strip())
        services = list(found[:20])
        if not services:
            raise ValidationError({"try_on": f"There is no service {self.cleaned_data['try_on']!r}."})
        if len(services) > 1:
            types = ", ".join(service.service_type.name for service in services)
            raise ValidationError({"try_on": f"{hostname} has several; add one of {types}."})
        return services[0]


def _initial(test: Test | None) -> dict[str, Any]:
    if test is None:
        return {**default_content(), "depends_on": "", "kind": TestKind.NATIVE}
    content = content_of(test)
    return {**content, "depends_on": ", ".join(content["depends_on"]), "seen": test.version}


class PackForm(PlainForm):
    """Into which profiles a pack goes."""

    vos = forms.ModelMultipleChoiceField(
        Vo.objects.none(), required=False, label="Into the profiles of", widget=forms.CheckboxSelectMultiple,
        help_text="VOs without a profile of their own rely on the operations VO's.",
    )  # fmt: skip
    overwrite = forms.BooleanField(
        required=False, label="Overwrite what people changed",
        help_text="Off: a field that somebody edited keeps its value, and the report says so.",
    )  # fmt: skip
    reason = reason_field()

    def __init__(self, data: Any, *, operations_vo: str) -> None:
        super().__init__(data, initial={"vos": list(Vo.objects.current().filter(name=operations_vo))})
        self.fields["vos"].queryset = Vo.objects.current().order_by("name")  # type: ignore[attr-defined]


class ManyFiles(forms.ClearableFileInput):
    """Several files at once."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files; their texts by name."""

    widget = ManyFiles

    def clean(self, data: Any, initial: Any = None) -> Any:
        files = data if isinstance(data, list | tuple) else [data] if data else []
        if len(files) > _MOST_FILES or sum(file.size for file in files) > _MOST_BYTES:
            raise ValidationError(f"At most {_MOST_FILES} files of {_MOST_BYTES >> 20} MiB together.")
        return {file.name: file.read().decode(errors="replace") for file in files}


class NagiosForm(PlainForm):
    """A Nagios configuration, and where it goes."""

    uploads = FilesField(
        required=False, label="Files", help_text="The .cfg files of hosts, services, commands and templates."
    )
    text = forms.CharField(
        required=False, max_length=_MOST_BYTES, label="Or their text", strip=False,
        widget=forms.Textarea({"rows": 8, "spellcheck": "false"}), help_text="Several files one after the other.",
    )  # fmt: skip
    site = forms.ModelChoiceField(
        Site.objects.current(), to_field_name="name", widget=forms.TextInput({"list": "site-names"}),
        help_text="The hosts become its services.",
        error_messages={"invalid_choice": "No site has that name."},
    )  # fmt: skip
    vo = forms.ModelChoiceField(
        Vo.objects.current(), to_field_name="name", label="VO", help_text="Whose profile runs the tests."
    )
    reason = reason_field()

    def texts(self) -> dict[str, str]:
        """All that was given, by file name."""
        pasted = {"pasted text": self.cleaned_data["text"]} if self.cleaned_data["text"].strip() else {}
        return {**self.cleaned_data["uploads"], **pasted}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("uploads") and not str(cleaned.get("text", "")).strip():
            self.add_error("uploads", "Choose the files, or paste their text.")
        return cleaned
