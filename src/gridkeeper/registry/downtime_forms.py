"""Forms of downtimes. They parse input; the rules are in `downtime_rules` and the actions ask them again."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.utils import timezone

from gridkeeper.registry.downtime_rules import MAX_DESCRIPTION, Phase
from gridkeeper.registry.forms import PlainForm, reason_field
from gridkeeper.registry.models import Downtime, Endpoint, Service, Severity, Site

#: Changes of severity that the form has inputs for; the API takes more.
PHASE_INPUTS = 2
#: What people choose as repetition -> the rule; "{day}" and "{nth}" are those of the first start.
REPETITIONS: Mapping[str, tuple[str, str]] = {
    "": ("Does not repeat", ""),
    "weekly": ("Every week, the same day", "FREQ=WEEKLY"),
    "fortnightly": ("Every two weeks, the same day", "FREQ=WEEKLY;INTERVAL=2"),
    "monthly-day": (
        "Every month, the same day of the week (such as the first Tuesday)",
        "FREQ=MONTHLY;BYDAY={nth}{day}",
    ),
    "monthly": ("Every month, the same date", "FREQ=MONTHLY"),
    "yearly": ("Every year, the same date", "FREQ=YEARLY"),
    "rule": ("By a rule of your own", ""),
}
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def rule_of(repetition: str, first_start: datetime, own: str, until: Any = None) -> str:
    """The RFC 5545 rule of a choice of REPETITIONS; first_start as the wall clock of its zone.

    >>> rule_of("monthly-day", datetime(2026, 3, 10, 9), "")
    'FREQ=MONTHLY;BYDAY=2TU'
    """
    if repetition == "rule":
        return own
    nth = (first_start.day - 1) // 7 + 1
    rule = REPETITIONS[repetition][1].format(nth=nth if nth < 5 else -1, day=_DAYS[first_start.weekday()])
    return f"{rule};UNTIL={until:%Y%m%d}" if until else rule


def instant_of(wall: datetime, zone: str) -> datetime:
    """The instant (UTC) that a clock of the zone shows as `wall`, which has no offset.

    Raises ValidationError for a time that the clock skips, or shows twice, when it changes: which one is meant is not
    ours to guess.
    """
    local = wall.replace(tzinfo=ZoneInfo(zone))
    moment = local.astimezone(UTC)
    if moment.astimezone(local.tzinfo).replace(tzinfo=None) != wall:
        raise forms.ValidationError(
            f"There is no {wall:%H:%M} on {wall:%Y-%m-%d} in {zone}: clocks go forward then. Choose another time."
        )
    if local.replace(fold=1).astimezone(UTC) != moment:
        raise forms.ValidationError(
            f"{wall:%H:%M} on {wall:%Y-%m-%d} comes twice in {zone}: clocks go back then. Type it in UTC."
        )
    return moment


class WallClockField(forms.DateTimeField):
    """What a clock shows, without an offset; the zone is another field."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "60"}, format="%Y-%m-%dT%H:%M")

    def prepare_value(self, value: Any) -> Any:
        with timezone.override(UTC):
            return super().prepare_value(value)

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(UTC):
            moment = super().to_python(value)
        return moment.replace(tzinfo=None) if moment else None


def zone_choices(sites: Iterable[Site]) -> list[tuple[str, str]]:
    """The reader's zone first, then UTC and those of the sites."""
    reader = timezone.get_current_timezone_name()
    choices = {reader: f"{reader} (yours)", "UTC": "UTC"}
    for site in sites:
        if site.timezone in available_timezones():
            choices.setdefault(site.timezone, f"{site.timezone} ({site.name})")
    return list(choices.items())


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """A service as the form shows it: whether it is chosen, when it is back, and its addresses."""

    service: Service
    is_chosen: bool
    back: forms.BoundField
    endpoints: list[tuple[Endpoint, bool]]


class PlanForm(PlainForm):
    """When, what and why: common to declaring and editing."""

    severity = forms.ChoiceField(
        choices=Severity.choices,
        initial=Severity.OUTAGE,
        widget=forms.RadioSelect,
        help_text="Outage: the services are not usable. At risk: they should work, but may fail.",
    )
    zone = forms.ChoiceField(label="Times are of", required=False, help_text="The preview says them in UTC.")
    start = WallClockField(help_text="At most 48 hours back.")
    end = WallClockField(help_text="The first minute after it.")
    description = forms.CharField(
        max_length=MAX_DESCRIPTION,
        widget=forms.Textarea({"rows": 3}),
        help_text=f"What is done and what users will notice; all can read it. At most {MAX_DESCRIPTION} characters.",
    )
    services = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    endpoints = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, services: Iterable[Service], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = {service.key: service for service in services}
        #: The times as they were typed.
        self.wall_clocks: dict[str, datetime] = {}
        self._endpoints = {
            endpoint.key: endpoint for service in self.offered.values() for endpoint in service.endpoints.all()
        }
        self.sites = list(dict.fromkeys(service.site for service in self.offered.values()))
        self._choose("services", [(key, str(service)) for key, service in self.offered.items()])
        self._choose("endpoints", [(key, endpoint.name) for key, endpoint in self._endpoints.items()])
        self._choose("zone", zone_choices(self.sites))
        for service in self.offered.values():
            self.fields[f"back_{service.pk}"] = WallClockField(required=False, label=f"{service} is back at")

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    def clean_zone(self) -> str:
        # without one, as programs send it, times are UTC
        return self.cleaned_data["zone"] or "UTC"

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        zone = cleaned.get("zone", "UTC")
        for name, value in list(cleaned.items()):
            if isinstance(value, datetime):
                self.wall_clocks[name] = value
                try:
                    cleaned[name] = instant_of(value, zone)
                except forms.ValidationError as error:
                    self.add_error(name, error)
        return cleaned

    def chosen(self) -> list[Service]:
        """The services that are ticked."""
        keys = set(self.cleaned_data["services"])
        return [service for key, service in self.offered.items() if key in keys]

    def inputs(self) -> dict[str, Any]:
        """What the actions take of it."""
        cleaned, services = self.cleaned_data, self.chosen()
        backs = {service: cleaned.get(f"back_{service.pk}") for service in services}
        taken = {service.pk for service in services}
        return {name: cleaned[name] for name in ("severity", "start", "end", "description")} | {
            "services": services,
            "endpoints": [
                self._endpoints[key] for key in cleaned["endpoints"] if self._endpoints[key].service_id in taken
            ],
            "ends": {service: back for service, back in backs.items() if back is not None},
        }

    def lines(self) -> Iterator[tuple[Site, list[ServiceLine]]]:
        """The services by site, for the page."""
        chosen, touched = set(self["services"].value() or ()), set(self["endpoints"].value() or ())
        for site in self.sites:
            yield (
                site,
                [
                    ServiceLine(
                        service,
                        service.key in chosen,
                        self[f"back_{service.pk}"],
                        [(endpoint, endpoint.key in touched) for endpoint in service.endpoints.all()],
                    )
                    for service in self.offered.values()
                    if service.site_id == site.pk
                ],
            )


class DeclareForm(PlanForm):
    """A new downtime of services of the given sites."""

    whole_sites = forms.MultipleChoiceField(
        label="Whole sites",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="All services that the site has now; one that is registered later is not in the downtime.",
    )
    repeat = forms.ChoiceField(
        choices=[(word, label) for word, (label, _) in REPETITIONS.items()],
        required=False,
        help_text="Occurrences keep the wall clock of the zone above; each becomes a downtime 60 days ahead.",
    )
    repeat_until = forms.DateField(
        required=False,
        label="Repeat until",
        widget=forms.DateInput({"type": "date"}),
        help_text="The last possible day.",
    )
    rule = forms.CharField(
        required=False, max_length=500, label="Rule", help_text="RFC 5545, such as FREQ=MONTHLY;BYDAY=1TU;COUNT=6."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choose("whole_sites", [(site.key, site.name) for site in self.sites])
        severities = [("", "none"), *Severity.choices]
        for number in range(1, PHASE_INPUTS + 1):
            self.fields[f"phase_{number}_at"] = WallClockField(required=False, label="From")
            self.fields[f"phase_{number}_severity"] = forms.ChoiceField(
                required=False, label="it is", choices=severities
            )

    @property
    def has_phases(self) -> bool:
        """True where the part of the form about phases should stand open."""
        return any(self[f"phase_{number}_at"].value() for number in range(1, PHASE_INPUTS + 1))

    @property
    def is_repeating(self) -> bool:
        """True where the part of the form about repetition should stand open."""
        return bool(self["repeat"].value())

    def phase_lines(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        """The inputs of the phases."""
        return [(self[f"phase_{number}_at"], self[f"phase_{number}_severity"]) for number in range(1, PHASE_INPUTS + 1)]

    def chosen(self) -> list[Service]:
        """The services that are ticked, and those of the sites that are."""
        keys, sites = set(self.cleaned_data["services"]), set(self.cleaned_data["whole_sites"])
        return [each for each in self.offered.values() if each.key in keys or each.site.key in sites]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for number in range(1, PHASE_INPUTS + 1):
            at, severity = cleaned.get(f"phase_{number}_at"), cleaned.get(f"phase_{number}_severity")
            if bool(at) != bool(severity) and f"phase_{number}_at" not in self.errors:
                self.add_error(f"phase_{number}_at", "A phase needs both: from when, and what it is then.")
        if cleaned.get("repeat"):
            self._clean_repetition(cleaned)
        return cleaned

    def _clean_repetition(self, cleaned: dict[str, Any]) -> None:
        if any(cleaned.get(f"phase_{number}_at") for number in range(1, PHASE_INPUTS + 1)) or cleaned.get("endpoints"):
            self.add_error("repeat", "What repeats affects whole services, with one severity; declare others singly.")
        if any(isinstance(value, datetime) for name, value in cleaned.items() if name.startswith("back_")):
            self.add_error("repeat", "What repeats ends for all services together; declare others singly.")
        if cleaned["repeat"] == "rule" and not cleaned.get("rule"):
            self.add_error("rule", "Write the rule, such as FREQ=MONTHLY;BYDAY=1TU.")

    def inputs(self) -> dict[str, Any]:
        """What `declare_downtime` takes."""
        cleaned = self.cleaned_data
        numbers = range(1, PHASE_INPUTS + 1)
        phases = [(cleaned.get(f"phase_{n}_at"), cleaned.get(f"phase_{n}_severity")) for n in numbers]
        return super().inputs() | {"phases": tuple(Phase(at, severity) for at, severity in phases if at and severity)}

    def recurrence(self) -> dict[str, Any] | None:
        """What `declare_recurrence` takes beside the inputs; None where nothing repeats."""
        cleaned = self.cleaned_data
        if not cleaned.get("repeat"):
            return None
        rule = rule_of(cleaned["repeat"], self.wall_clocks["start"], cleaned["rule"], cleaned.get("repeat_until"))
        length: timedelta = cleaned["end"] - cleaned["start"]
        return {"rule": rule, "first_start": cleaned["start"], "timezone": cleaned["zone"], "duration": length}


class DowntimeEditForm(PlanForm):
    """What an edit may change, with the reason, and what was looked at."""

    reason = reason_field()
    seen = forms.IntegerField(widget=forms.HiddenInput)


def initial_of(downtime: Downtime, zone: str, seen: int) -> dict[str, Any]:
    """The downtime as `DowntimeEditForm` shows it, in that zone."""
    tz = ZoneInfo(zone)
    parts = list(downtime.affected.select_related("service").prefetch_related("endpoints__endpoint"))
    backs = {f"back_{part.service_id}": _wall(part.end, tz) for part in parts if part.end}
    return backs | {
        "severity": downtime.severity, "zone": zone, "start": _wall(downtime.start, tz), "end": _wall(downtime.end, tz),
        "description": downtime.description, "services": [part.service.key for part in parts],
        "endpoints": [each.endpoint.key for part in parts for each in part.endpoints.all()], "seen": seen,
    }  # fmt: skip


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


class _ZonedForm(PlainForm):
    """A time in the reader's zone, or in UTC."""

    zone = forms.ChoiceField(label="Times are of", required=False)

    def __init__(self, *args: Any, sites: Iterable[Site] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["zone"].choices = zone_choices(sites)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name, value in list(cleaned.items()):
            if isinstance(value, datetime):
                try:
                    cleaned[name] = instant_of(value, cleaned.get("zone") or "UTC")
                except forms.ValidationError as error:
                    self.add_error(name, error)
        return cleaned


def _services_field(label: str, help_text: str) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(label=label, help_text=help_text, widget=forms.CheckboxSelectMultiple)


class _PartForm(_ZonedForm):
    """Some services of a downtime."""

    def __init__(self, *args: Any, services: Iterable[Service], **kwargs: Any) -> None:
        self.offered = {service.key: service for service in services}
        super().__init__(*args, sites=dict.fromkeys(each.site for each in self.offered.values()), **kwargs)
        choices = [(key, f"{service} ({service.site.name})") for key, service in self.offered.items()]
        self.fields["services"].choices = choices  # type: ignore[attr-defined]

    def chosen(self) -> list[Service]:
        return [self.offered[key] for key in self.cleaned_data["services"]]


class EndPartForm(_PartForm):
    """Which services are back, and when."""

    services = _services_field("Services that are back", "The others stay out until the downtime ends.")
    at = WallClockField(
        label="Back at", required=False, help_text="Empty: a minute from now, which is the earliest there is."
    )
    reason = reason_field()
    field_order = ("services", "zone", "at", "reason")


class ExtendForm(_PartForm):
    """Until when, and for which services."""

    services = _services_field("Services that stay out", "Those that end as declared are left unticked.")
    end = WallClockField(label="New end", help_text="Later than the present one.")
    reason = reason_field()
    field_order = ("services", "zone", "end", "reason")


class SeverityForm(_ZonedForm):
    """What it becomes, and from when."""

    severity = forms.ChoiceField(label="It becomes", choices=Severity.choices, widget=forms.RadioSelect)
    at = WallClockField(label="From", required=False, help_text="Empty: now.")
    reason = reason_field()
    field_order = ("severity", "zone", "at", "reason")


class BulkForm(PlainForm):
    """A CSV file of downtimes."""

    file = forms.FileField(label="CSV file", help_text="UTF-8, a header in the first line, a downtime a line.")
