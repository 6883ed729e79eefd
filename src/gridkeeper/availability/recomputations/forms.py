"""The form of a request. It parses input; the rules are in `documents`, and the action asks them again."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any, ClassVar

from django import forms

from gridkeeper.availability.models import RecomputationKind
from gridkeeper.availability.recomputations.documents import LEVELS, Wish
from gridkeeper.core.status import Status
from gridkeeper.registry.downtime_forms import WallClockField
from gridkeeper.registry.forms import PlainForm, reason_field

#: Kind -> the fields that say what it is about.
FIELDS: Mapping[str, tuple[str, ...]] = {
    RecomputationKind.GROUPS: ("groups",),
    RecomputationKind.SOURCE: ("source",),
    RecomputationKind.RESULTS: ("groups", "services", "hosts", "metrics"),
    RecomputationKind.STATUS: ("level", "status", "groups", "functions", "services", "hosts", "metrics"),
}
_ABOUT = ("groups", "services", "hosts", "metrics", "functions", "source", "level", "status")


class WordsField(forms.CharField):
    """Words, one a line or with commas between them; its value is a list."""

    widget = forms.Textarea(attrs={"rows": 2})

    def __init__(self, label: str, help_text: str) -> None:
        super().__init__(label=label, help_text=help_text, required=False, max_length=5000)

    def clean(self, value: Any) -> Any:
        text = str(super().clean(value) or "")
        return [word.strip() for line in text.splitlines() for word in line.split(",") if word.strip()]


class RequestForm(PlainForm):
    """What, when, whose, why. Fields that the kind does not use are to be empty."""

    kind = forms.ChoiceField(label="What is to happen", choices=RecomputationKind.choices, widget=forms.RadioSelect)
    start = WallClockField(label="From (UTC)")
    end = WallClockField(label="Until (UTC)", help_text="The first minute that is not concerned.")
    groups = WordsField("Sites", "Names or keys, one a line. For results and statuses: empty means all sites.")
    services = WordsField("Service types", "Of results and statuses, such as CE.")
    hosts = WordsField("Hosts", "Of results and statuses.")
    metrics = WordsField("Tests", "Of results and statuses, such as CE-js.")
    functions = WordsField("Functions", "Of statuses of functions only.")
    source = forms.CharField(label="Worker", required=False, max_length=255, help_text="Of excluded sources only.")
    level = forms.ChoiceField(
        required=False,
        choices=[("", "—"), *[(name, name.capitalize()) for name in LEVELS]],
        help_text="Of statuses only.",
    )
    status = forms.CharField(
        required=False, max_length=40, help_text=f"Of statuses only: {', '.join(status.name for status in Status)}."
    )
    reports = forms.MultipleChoiceField(
        label="Reports", required=False, widget=forms.CheckboxSelectMultiple, help_text="None: all of them."
    )
    reason = reason_field()

    groups_of_fields: ClassVar[Sequence[tuple[str, Sequence[str]]]] = (
        ("What and when", ("kind", "start", "end")),
        ("What it is about", ("groups", "services", "hosts", "metrics", "functions", "source", "level", "status")),
        ("Whose figures, and why", ("reports", "reason")),
    )

    def __init__(self, data: Any, *, reports: Sequence[str], initial: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial=dict(initial or {}), auto_id="ask_%s")
        self.fields["reports"].choices = [(name, name) for name in reports]  # type: ignore[attr-defined]

    def sections(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields under their headings."""
        return [(title, [self[name] for name in names]) for title, names in self.groups_of_fields]

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        used = FIELDS.get(given.get("kind", ""), _ABOUT)
        for name in _ABOUT:
            if name not in used and given.get(name):
                self.add_error(name, "What was chosen above does not use this; leave it empty.")
        return given

    def wish(self) -> Wish:
        """Of a valid form."""
        given = self.cleaned_data
        document = {name: given[name] for name in FIELDS[given["kind"]] if given[name]}
        start, end = (given[name].replace(tzinfo=UTC) for name in ("start", "end"))
        return Wish(
            kind=given["kind"], start=start, end=end, document=document, reason=given["reason"],
            reports=tuple(given["reports"]),
        )  # fmt: skip
