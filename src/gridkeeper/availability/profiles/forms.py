"""Forms of profiles: fields to documents and back. What a document must be is checked by the actions."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

from django import forms

from gridkeeper.availability.models import ProfileKind
from gridkeeper.availability.operations import DEFAULT_OPERATIONS
from gridkeeper.availability.profiles import texts
from gridkeeper.availability.profiles.checks import newest
from gridkeeper.availability.profiles.documents import (
    AggregationDocument,
    ClassTargets,
    Document,
    OperationsDocument,
    ReportDocument,
    ThresholdsDocument,
)
from gridkeeper.availability.profiles.texts import LineError
from gridkeeper.availability.profiles.weights import kinds
from gridkeeper.registry.forms import PlainForm, reason_field
from gridkeeper.registry.models import Certification, Infrastructure, Scope
from gridkeeper.registry.widgets import Datalist
from gridkeeper.vos.models import Vo


def _lines(label: str, help_text: str, rows: int = 8) -> forms.CharField:
    widget = forms.Textarea({"rows": rows, "class": "mono", "spellcheck": "false"})
    return forms.CharField(label=label, help_text=help_text, widget=widget, strip=False)


def _word(label: str, help_text: str, initial: str = "") -> forms.CharField:
    return forms.CharField(label=label, help_text=help_text, initial=initial, max_length=100)


class ProfileForm(PlainForm):
    """What every kind has: from when on, the reason, the version that was looked at; a new one has a name."""

    #: Headings with the names of their fields.
    groups: ClassVar[Sequence[tuple[str, Sequence[str]]]] = ()

    name = forms.CharField(
        max_length=100, help_text="Stands in addresses, tables and in ARGO's API; it stays. Letters, digits, . _ -"
    )
    valid_from = forms.DateField(
        label="Valid from", widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        help_text="First UTC day that is judged by it. A day in the past makes the figures since then anew.",
    )  # fmt: skip
    reason = reason_field()
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Any, *, today: date, document: Document | None, is_new: bool, seen: int | None) -> None:
        initial = {"valid_from": today, "seen": seen} | (self.initial_of(document) if document else {})
        super().__init__(data, initial=initial)
        if not is_new:
            del self.fields["name"]

    def initial_of(self, document: Any) -> dict[str, Any]:
        """The fields that say what a document says."""
        raise NotImplementedError

    def document(self) -> dict[str, Any]:
        """The document that the valid fields say; not checked yet."""
        raise NotImplementedError

    def sections(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields under their headings, as `registry/form_fields.html` shows them."""
        own = [(title, [self[name] for name in names]) for title, names in self.groups]
        head = [("Name", [self["name"]])] if "name" in self.fields else []
        return [*head, *own, ("When and why", [self["valid_from"], self["reason"]])]

    def read(self, name: str, reader: Callable[..., Any], *arguments: Any) -> Any:
        """The field's lines as values; the problem of a line stands beside the field."""
        try:
            return reader(self.cleaned_data.get(name, ""), *arguments)
        except LineError as error:
            self.add_error(name, str(error))
            return None


class OperationsForm(ProfileForm):
    states = _word("States", "All states, separated by blanks, in capitals. EXCLUDED is understood by itself.")
    up = _word("Count as up", "Those that availability counts.", "OK WARNING")
    unknown = _word("Unknown is", "What stands for no answer.", "UNKNOWN")
    missing = _word("Missing is", "What stands for no result.", "MISSING")
    down = _word("Downtime is", "What a declared downtime sets.", "DOWNTIME")
    tables = _lines(
        "Truth tables",
        "The operation's name, then a line a state: what it gives with itself and each state after it. Half a table is "
        "enough, since a with b gives what b with a does. Each must be associative, and a state with itself is itself.",
        18,
    )
    groups = (("States", ("states", "up", "unknown", "missing", "down")), ("Operations", ("tables",)))

    def initial_of(self, document: OperationsDocument) -> dict[str, Any]:
        states = {"states": " ".join(document.states), "up": " ".join(document.up)}
        return states | document.defaults.document() | {"tables": texts.write_tables(document)}

    def clean(self) -> dict[str, Any]:
        self._tables = self.read("tables", texts.read_tables, self.cleaned_data.get("states", "").split())
        return self.cleaned_data

    def document(self) -> dict[str, Any]:
        words = self.cleaned_data
        defaults = {name: words[name].strip() for name in ("down", "missing", "unknown")}
        states = {"states": words["states"].split(), "up": words["up"].split()}
        return states | {"defaults": defaults, "operations": self._tables}


class AggregationForm(ProfileForm):
    metric_operation = _word("Over metrics", "Makes a service's status of those of its metrics.", "AND")
    functions = _lines(
        "Functions",
        "A line each: name [operation over its types] = type:operation over a site's services of that type. "
        "For example: compute [OR] = CREAM-CE:OR, ARC-CE:OR. Service types that no line names are not judged.",
    )
    profile_operation = _word("Over functions", "Makes a site's status of those of its functions.", "AND")
    groups = (("How a site's status is made", ("metric_operation", "functions", "profile_operation")),)

    def initial_of(self, document: AggregationDocument) -> dict[str, Any]:
        names = ("metric_operation", "profile_operation")
        return {name: getattr(document, name) for name in names} | {"functions": texts.write_functions(document)}

    def clean(self) -> dict[str, Any]:
        self._functions = self.read("functions", texts.read_functions)
        return self.cleaned_data

    def document(self) -> dict[str, Any]:
        names = ("metric_operation", "profile_operation")
        return {name: self.cleaned_data[name] for name in names} | {"functions": self._functions}


class ThresholdsForm(ProfileForm):
    rules = _lines(
        "Rules",
        "A line each: metric | host | group | thresholds, host and group empty for all; the most specific one counts. "
        "Thresholds are performance data with ranges: time=1s;0:0.5;0.5:1. A verdict replaces the result's own status.",
        14,
    )
    groups = (("What performance data says", ("rules",)),)

    def initial_of(self, document: ThresholdsDocument) -> dict[str, Any]:
        return {"rules": texts.write_rules(document)}

    def clean(self) -> dict[str, Any]:
        self._rules = self.read("rules", texts.read_rules)
        return self.cleaned_data

    def document(self) -> dict[str, Any]:
        return {"rules": self._rules}


def _percent(label: str, help_text: str = "Per cent of a month.") -> forms.DecimalField:
    return forms.DecimalField(label=label, min_value=0, max_value=100, decimal_places=5, help_text=help_text)


def _choice(label: str, choices: Sequence[tuple[str, str]], help_text: str = "") -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=choices, help_text=help_text, required=False)


def _several(label: str, choices: Sequence[tuple[str, str]], help_text: str = "") -> forms.MultipleChoiceField:
    widget = forms.CheckboxSelectMultiple
    return forms.MultipleChoiceField(label=label, choices=choices, help_text=help_text, widget=widget, required=False)


_TARGETS = ("availability", "reliability", "unknown")
_CLASSES = (("C", "C: critical"), ("H", "H: high"))


class ReportForm(ProfileForm):
    title = forms.CharField(max_length=200, required=False, help_text="Heads its pages.")
    description = forms.CharField(required=False, max_length=5000, widget=forms.Textarea({"rows": 3}))
    is_public = forms.BooleanField(label="Public", required=False, help_text="Anybody may read it.", initial=True)
    vo = _choice("VO", (), "Its critical metrics judge.")
    operations = _choice("Operations profile", ())
    aggregation = _choice("Aggregation profile", ())
    thresholds = _choice("Thresholds profile", ())
    topology = _choice(
        "Topology from", (("registry", "The registry"), ("feed", "Feeds of ARGO's connectors")),
    )  # fmt: skip
    group_kind = _choice("Groups are", (("site", "Sites"), ("service_group", "Service groups")))
    region_kind = _choice(
        "Above them are",
        (
            ("region", "Regions"),
            ("tier", "Tiers"),
            ("vo", "VOs"),
            ("project", "Projects"),
            ("federation", "Federations"),
        ),
        "What groups are summed up in. Project: each federation that a region belongs to.",
    )
    weight = forms.CharField(
        max_length=40, required=False, help_text="Kind of weight that sites count by in sums; empty: all alike."
    )
    scopes = _several("Scopes", (), "Service and site each bear one of them; none marked: any.")
    infrastructures = _several("Infrastructures", Infrastructure.choices, "None marked: any.")
    certifications = _several("Certification", Certification.choices, "None marked: any.")
    tags = forms.CharField(
        label="Properties", required=False, widget=forms.Textarea({"rows": 2, "class": "mono"}),
        help_text="A line each: NAME=value, of the service or else of its site.",
    )  # fmt: skip
    availability = _percent("Availability at least")
    reliability = _percent("Reliability at least")
    unknown = _percent("Unknown at most")
    service_classes = forms.CharField(
        label="Classes of service types", required=False, widget=forms.Textarea({"rows": 2, "class": "mono"}),
        help_text="A line each, where other than the registry says: SRM=C.",
    )  # fmt: skip
    c_availability, c_reliability = _percent("Class C: availability"), _percent("Class C: reliability")
    h_availability, h_reliability = _percent("Class H: availability"), _percent("Class H: reliability")
    groups = (
        ("What it is", ("title", "description", "is_public")),
        ("Judged by", ("vo", "operations", "aggregation", "thresholds")),
        ("Who is judged", ("topology", "group_kind", "region_kind", "weight")),
        ("Only these", ("scopes", "infrastructures", "certifications", "tags")),
        ("What is asked of a month", (*_TARGETS, "service_classes", "c_availability", "c_reliability",
                                      "h_availability", "h_reliability")),
    )  # fmt: skip

    def __init__(self, data: Any, *, document: Document | None, **options: Any) -> None:
        given = document if isinstance(document, ReportDocument) else ReportDocument()
        super().__init__(data, document=given, **options)
        vos = Vo.objects.current().order_by("name").values_list("name", flat=True)
        self._offer("vo", {"": "The operations VO; by VOs: each one's own"} | {name: name for name in vos}, given.vo)
        standard = {"operations": "Standard", "aggregation": "Each type by itself", "thresholds": "None"}
        for kind, label in standard.items():
            names = sorted(newest(ProfileKind(kind)))
            self._offer(kind, {"": label} | {name: name for name in names}, getattr(given, kind))
        scopes = Scope.objects.current().order_by("name").values_list("name", flat=True)
        self._offer("scopes", {name: name for name in scopes}, *given.filter.scopes)
        self.fields["weight"].widget = Datalist([(kind, "") for kind in kinds()])

    def _offer(self, name: str, choices: Mapping[str, str], *chosen: str) -> None:
        """Choices of a field; what was chosen once is offered though nobody knows it any more."""
        known = dict(choices) | {each: each for each in chosen if each not in choices}
        self.fields[name].choices = list(known.items())  # type: ignore[attr-defined]

    def initial_of(self, document: ReportDocument) -> dict[str, Any]:
        found = document.document()
        wanted, targets = found.pop("filter"), found.pop("targets")
        for letter, asked in found.pop("class_targets").items():
            found |= {f"{letter.lower()}_{name}": value for name, value in asked.items()}
        pairs = {
            "tags": texts.write_pairs(document.filter.tags),
            "service_classes": texts.write_pairs(dict(document.service_classes)),
        }
        merged: dict[str, Any] = found | wanted | targets | pairs
        return merged

    def clean(self) -> dict[str, Any]:
        self._tags = self.read("tags", texts.read_pairs)
        self._service_classes = self.read("service_classes", texts.read_pairs)
        return self.cleaned_data

    def document(self) -> dict[str, Any]:
        given: dict[str, Any] = self.cleaned_data
        plain = (
            "title", "description", "is_public", "vo", "operations", "aggregation", "thresholds", "topology",
            "group_kind", "region_kind", "weight",
        )  # fmt: skip
        class_targets = {
            letter: ClassTargets(
                availability=given[f"{letter.lower()}_availability"], reliability=given[f"{letter.lower()}_reliability"]
            ).document()
            for letter, _ in _CLASSES
        }
        lists = {name: given[name] for name in ("scopes", "infrastructures", "certifications")}
        found = {name: given[name] for name in plain}
        found["filter"] = lists | {"tags": self._tags}
        found["targets"] = {name: given[name] for name in _TARGETS}
        found |= {"service_classes": self._service_classes, "class_targets": class_targets}
        return found


FORMS: Mapping[ProfileKind, type[ProfileForm]] = {
    ProfileKind.OPERATIONS: OperationsForm,
    ProfileKind.AGGREGATION: AggregationForm,
    ProfileKind.THRESHOLDS: ThresholdsForm,
    ProfileKind.REPORT: ReportForm,
}
#: What the form of a new profile begins with.
FIRST: Mapping[ProfileKind, Document | None] = {
    ProfileKind.OPERATIONS: OperationsDocument.model_validate(DEFAULT_OPERATIONS.document()),
    ProfileKind.AGGREGATION: None,
    ProfileKind.THRESHOLDS: None,
    ProfileKind.REPORT: None,
}


def _sent(given: Mapping[str, Any]) -> bytes:
    """The content of the file, or the text where there is none."""
    file = given.get("file")
    return bytes(file.read()) if file else str(given["text"]).encode()


class ImportForm(PlainForm):
    """A profile as JSON: ARGO's shape, or ours."""

    kind = forms.ChoiceField(choices=ProfileKind.choices)
    name = forms.CharField(max_length=100, required=False, help_text="Empty: the name that stands in it.")
    text = forms.CharField(
        label="JSON", required=False, widget=forms.Textarea({"rows": 14, "class": "mono", "spellcheck": "false"}),
        help_text="An object, or ARGO's answer with one in it. Where one of that name exists this is its next version.",
    )  # fmt: skip
    file = forms.FileField(required=False, help_text="In place of the text.")
    valid_from = forms.DateField(label="Valid from", widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    reason = reason_field()

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if not given.get("text") and not given.get("file"):
            self.add_error("text", "Paste the JSON, or choose a file.")
        return given

    def bytes(self) -> bytes:
        """What was pasted or chosen."""
        return _sent(self.cleaned_data)


class WeightsForm(PlainForm):
    """Weights of sites as lines of text, or as a CSV file."""

    kind = forms.CharField(max_length=40, help_text="What is counted: hepspec, logical_cpus, storage_tb.")
    valid_from = forms.DateField(label="Valid from", widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    text = forms.CharField(
        label="Weights", required=False, widget=forms.Textarea({"rows": 12, "class": "mono", "spellcheck": "false"}),
        help_text="CSV: site,value - or with a heading of its own: site,kind,valid_from,value. Sites by name or key.",
    )  # fmt: skip
    file = forms.FileField(required=False, help_text="In place of the text.")
    reason = reason_field()

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if not given.get("text") and not given.get("file"):
            self.add_error("text", "Write a line for each site, or choose a file.")
        return given

    def bytes(self) -> bytes:
        """What was written or chosen."""
        return _sent(self.cleaned_data)
