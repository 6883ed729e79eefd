"""Declaring a downtime: whose services, when, and a preview of what follows before it is done."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views import View

from gridkeeper.core.units import format_duration
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.registry.action_pages import add_errors, refuse
from gridkeeper.registry.downtime_actions import check_downtime, declare_downtime, planned
from gridkeeper.registry.downtime_bulk import COLUMNS, TEMPLATE, BulkFileError, declare_many, parse_csv
from gridkeeper.registry.downtime_forms import BulkForm, DeclareForm, instant_of
from gridkeeper.registry.downtime_preview import Effects, preview
from gridkeeper.registry.downtime_rules import RULES, settled
from gridkeeper.registry.forms import SitesForm
from gridkeeper.registry.models import Certification, Downtime, Service, Site
from gridkeeper.registry.permissions import sites_where
from gridkeeper.registry.recurrences import declare_recurrence, parsed_recurrence
from gridkeeper.web.htmx import is_part

#: Occurrences that a preview names.
_NAMED = 6
#: Rejected lines that the page of an import shows.
_SHOWN = 200
#: Names of the actions' inputs -> of the form's fields.
_FIELDS = {"first_start": "start", "duration": "end", "timezone": "zone", "phases": "phase_1_at"}


class _ForDeclarers(View):
    """For those who may declare downtimes of a site at least."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.actor = Actor.of(request)
        sites = sites_where(self.actor, "declare_downtime").exclude(certification=Certification.CLOSED)
        self.sites = list(sites.select_related("ngi__federation"))
        try:
            if not self.sites:
                raise NotPermittedError("You look after no site; ask its manager, or your region, for a role there.")
            return super().dispatch(request, *args, **kwargs)
        except NotPermittedError as error:
            return refuse(request, error)


class DowntimeDeclare(_ForDeclarers):
    """`?site=KEY` and `?service=KEY`, any number, say whose; who looks after several sites is asked."""

    def get(self, request: HttpRequest) -> HttpResponse:
        chosen = self._chosen_sites()
        if not chosen:
            return render(request, "registry/downtime_sites.html", {"form": SitesForm(sites=self.sites)})
        initial = {"services": request.GET.getlist("service"), "zone": timezone.get_current_timezone_name()}
        return self._show(DeclareForm(services=self._services(chosen), initial=initial), chosen)

    def post(self, request: HttpRequest) -> HttpResponse:
        chosen = self._chosen_sites() or self.sites
        form = DeclareForm(request.POST, services=self._services(chosen))
        foreseen = self._foreseen(form)
        is_final = request.POST.get("step") == "declare"
        if is_part(request) or not is_final or foreseen is None:
            return self._show(form, chosen, foreseen)
        try:
            return self._declare(request, form, foreseen["effects"])
        except ValidationError as error:
            _add_errors(form, error)
            return self._show(form, chosen)

    def _declare(self, request: HttpRequest, form: DeclareForm, effects: Effects) -> HttpResponse:
        inputs, repeats, now = form.inputs(), form.recurrence(), timezone.now()
        if repeats is None:
            downtime = declare_downtime(self.actor, now=now, **inputs)
            messages.success(request, f"The downtime is declared: {effects.sentence}.")
            return redirect(downtime.get_absolute_url())
        common = {name: inputs[name] for name in ("services", "severity", "description")}
        recurrence = declare_recurrence(self.actor, now=now, **common, **repeats)
        messages.success(request, f"The recurrence is declared: {recurrence.rule}.")
        return redirect(reverse("registry:recurrence", args=[recurrence.key]))

    def _chosen_sites(self) -> list[Site]:
        if len(self.sites) == 1:
            return self.sites
        keys = set(self.request.GET.getlist("site"))
        ticked = Service.objects.filter(key__in=self.request.GET.getlist("service")).values_list("site__key", flat=True)
        keys |= set(ticked)
        return [site for site in self.sites if site.key in keys]

    def _services(self, sites: list[Site]) -> list[Service]:
        services = (
            Service.objects.current().filter(site__in=sites).select_related("site__ngi__federation", "service_type")
        )
        ordered = services.order_by("site__name", "service_type__name", "hostname")
        return list(ordered.prefetch_related("endpoints"))

    def _foreseen(self, form: DeclareForm) -> dict[str, Any] | None:
        """What would follow; None, with the objections at the form, where it cannot be declared so."""
        if not form.is_valid():
            return None
        now, inputs = timezone.now(), form.inputs()
        endpoints = inputs.pop("endpoints")
        plan = settled(planned(**inputs))
        try:
            check_downtime(plan, inputs["services"], endpoints, now)
            occurrences = self._occurrences(form)
        except ValidationError as error:
            _add_errors(form, error)
            return None
        effects = preview(self.actor, plan=plan, services=inputs["services"], now=now)
        return {"effects": effects, "plan": plan, "occurrences": occurrences}

    def _occurrences(self, form: DeclareForm) -> list[datetime]:
        """The first starts of what repeats. Raises ValidationError for a rule that cannot be followed."""
        repeats = form.recurrence()
        if repeats is None:
            return []
        parsed = parsed_recurrence(repeats["rule"], repeats["first_start"], repeats["timezone"], repeats["duration"])
        return [window.start for window, _ in zip(parsed.windows(), range(_NAMED), strict=False)]

    def _show(self, form: DeclareForm, sites: list[Site], foreseen: Mapping[str, Any] | None = None) -> HttpResponse:
        context = {"form": form, "sites": sites, "may_choose": len(self.sites) > 1, "rules": RULES}
        context |= {"utc_now": f"{timezone.now():%Y-%m-%d %H:%M}", "reader_zone": timezone.get_current_timezone_name()}
        context |= dict(foreseen or {"effects": None})
        if is_part(self.request):
            return render(self.request, "registry/downtime_effects.html", context)
        return render(self.request, "registry/downtime_declare.html", context, status=422 if form.errors else 200)


def _add_errors(form: DeclareForm, error: ValidationError) -> None:
    """The objections beside the fields of the form, whose names are not all those of the actions."""
    renamed = {_FIELDS.get(name, name): problems for name, problems in error.error_dict.items()}
    add_errors(form, ValidationError(renamed))


def times(request: HttpRequest) -> HttpResponse:
    """The typed times in UTC, as a part of the form: `?zone=&start=&end=`."""
    zone = request.GET.get("zone", "UTC")
    said: dict[str, Any] = {}
    try:
        walls = [datetime.fromisoformat(request.GET.get(name, "")) for name in ("start", "end")]
        start, end = (instant_of(wall.replace(tzinfo=None), ZoneInfo(zone).key) for wall in walls)
        said = {"start": start, "end": end, "length": format_duration((end - start).total_seconds())}
        said["is_backwards"] = end <= start
    except ValidationError as error:
        said = {"problem": " ".join(error.messages)}
    except (ValueError, OSError):  # not typed yet, or no zone: there is nothing to say
        said = {}
    return render(request, "registry/downtime_times.html", said)


class DowntimeImport(_ForDeclarers):
    """Many downtimes from a CSV file; a try first, if wished."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(BulkForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = BulkForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._show(form, status=422)
        try:
            text = form.cleaned_data["file"].read().decode("utf-8-sig")
            rows, rejected = parse_csv(text)
        except UnicodeDecodeError as error:
            form.add_error("file", f"The file is not UTF-8 (byte {error.start}); save it as CSV in UTF-8.")
            return self._show(form, status=422)
        except BulkFileError as error:
            form.add_error("file", str(error))
            return self._show(form, status=422)
        is_dry_run = request.POST.get("step") == "try"
        with transaction.atomic():
            report = declare_many(self.actor, rows=rows, now=timezone.now(), is_dry_run=is_dry_run, rejected=rejected)
        return self._show(BulkForm(), report=report, rejected=report.rejected[:_SHOWN], **self._made(report.lines))

    def _made(self, lines: Any) -> dict[str, Any]:
        keys = [line.key for line in lines if line.key][:_NAMED]
        return {"made": list(Downtime.objects.filter(key__in=keys).order_by("start"))}

    def _show(self, form: BulkForm, status: int = 200, **more: Any) -> HttpResponse:
        context = {"form": form, "columns": COLUMNS, "sites": self.sites, "shown": _SHOWN}
        return render(self.request, "registry/downtime_import.html", context | more, status=status)


def template(_: HttpRequest) -> HttpResponse:
    """An example of the file, to be filled in."""
    headers = {"Content-Disposition": 'attachment; filename="downtimes.csv"'}
    return HttpResponse(TEMPLATE, content_type="text/csv; charset=utf-8", headers=headers)
