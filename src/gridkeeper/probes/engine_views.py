"""The pages of the engine at work: queue, lag, workers, slowest tests; and of pauses."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import is_permitted
from gridkeeper.probes.models import EngineReport, Flapping, LatestStatus, Pause, RunRequest, Test, Worker
from gridkeeper.probes.pause_actions import end_pause, pause
from gridkeeper.probes.permissions import EDIT_TEST, PAUSE_TESTS
from gridkeeper.probes.places import REPORT
from gridkeeper.registry.action_pages import ActionPage
from gridkeeper.registry.forms import PlainForm, ReasonForm, reason_field
from gridkeeper.registry.models import Service, ServiceType, Site
from gridkeeper.web.htmx import render_page_or_part
from gridkeeper.web.lists import Link

#: An engine reports every few seconds; one that is silent for longer is not at work.
SILENT = timedelta(seconds=60)
_MOST_SHOWN = 50


@require_safe
def engine(request: HttpRequest) -> HttpResponse:
    """How the engine does: is it running, does it keep up, what is slow."""
    now = timezone.now()
    reports = [
        {"report": one, "is_silent": one.reported_at < now - SILENT, "figures": one.figures}
        for one in EngineReport.objects.exclude(name__startswith=REPORT).order_by("name")
    ]
    context = {
        "reports": reports,
        "workers": Worker.objects.all(),
        "flapping": _flapping(),
        "flapping_count": Flapping.objects.count(),
        "requests": RunRequest.objects.filter(done_at=None).select_related("test", "service")[:_MOST_SHOWN],
        "pauses_count": in_force(now).count(),
    }
    return render_page_or_part(request, "probes/engine.html", "probes/engine_part.html", context)


def _flapping() -> list[dict[str, Any]]:
    found = {one.series: one for one in Flapping.objects.order_by("-change_percent")[:_MOST_SHOWN]}
    rows = {row.series: row for row in LatestStatus.objects.filter(series__in=found)}
    return [{"flap": flap, "row": rows[series]} for series, flap in found.items() if series in rows]


def in_force(now: datetime) -> Any:
    """The pauses that hold something back at `now`."""
    return Pause.objects.filter(ended_at=None, expires_at__gt=now)


@require_safe
def pauses(request: HttpRequest) -> HttpResponse:
    """What is not run for now, why and until when; and what was not lately."""
    now, actor = timezone.now(), Actor.of(request)
    rows = Pause.objects.select_related("test", "service__site", "service__service_type", "site", "author")
    current = rows.filter(ended_at=None, expires_at__gt=now).order_by("expires_at")
    over = rows.filter(Q(ended_at__isnull=False) | Q(expires_at__lte=now))[:_MOST_SHOWN]
    context = {
        "current": [{"pause": one, "may_end": _may_end(actor, one)} for one in current],
        "over": over,
        "is_signed_in": actor.user is not None,
    }
    return render(request, "probes/pauses.html", context)


def _may_end(actor: Actor, one: Pause) -> bool:
    place = one.service or one.site
    return is_permitted(actor, PAUSE_TESTS if place else EDIT_TEST, place or one.test)


class PauseForm(PlainForm):
    """What is paused and for how long. What is left empty stands for all."""

    test = forms.ModelChoiceField(Test.objects.all(), required=False, label="Test", empty_label="every test",
                                  to_field_name="name")  # fmt: skip
    site = forms.CharField(required=False, max_length=255, label="Site", help_text="Its name; empty: every site.")
    host = forms.CharField(
        required=False, max_length=255, label="Host", help_text="Host name of one service; empty: every service."
    )
    service_type = forms.ModelChoiceField(
        ServiceType.objects.all(), required=False, label="Service type", empty_label="the only one on the host",
        to_field_name="name",
    )  # fmt: skip
    hours = forms.IntegerField(
        min_value=1, max_value=31 * 24, initial=4, label="Hours",
        help_text="It ends by itself after so many hours; 744 (31 days) at most. Results that grow too old meanwhile "
        "are missing.",
    )  # fmt: skip
    reason = reason_field()

    def clean(self) -> dict[str, Any]:
        """Finds the site and the service. Raises ValidationError naming what is unknown."""
        found: dict[str, Any] = dict(super().clean() or {})
        found["site"] = _site(found.get("site", ""))
        found["service"] = _service(found.get("host", ""), found.get("service_type"))
        if not (found.get("test") or found["site"] or found["service"]):
            raise ValidationError("Say what to pause: a test, a service or a site.")
        return found


def _site(name: str) -> Site | None:
    if not name:
        return None
    found = Site.objects.current().filter(name__iexact=name).first()
    if found is None:
        raise ValidationError({"site": f"no site is named {name}"})
    return found


def _service(host: str, service_type: ServiceType | None) -> Service | None:
    if not host:
        return None
    found = Service.objects.current().filter(hostname__iexact=host)
    if service_type is not None:
        found = found.filter(service_type=service_type)
    services = list(found.select_related("service_type", "site")[:10])
    if not services:
        raise ValidationError({"host": f"no service is on {host}"})
    if len(services) > 1:
        kinds = ", ".join(str(service.service_type) for service in services)
        raise ValidationError({"service_type": f"{host} has several services: {kinds}; choose one"})
    return services[0]


class PauseNew(ActionPage):
    """Pauses a test, a service or a site."""

    title, verb = "Pause tests", "Pause"
    consequence = (
        "They are not run until the pause ends. Their last results stay until they are too old, then they are missing; "
        "a site whose critical tests are missing is no good site."
    )

    def get_subject(self) -> Any:
        return None

    def check(self) -> None:
        """Whether somebody may pause depends on what they name: the action asks. A visitor signs in first."""
        if self.actor.user is None:
            super().check()

    @property
    def permission(self) -> str:  # type: ignore[override]
        return EDIT_TEST

    @property
    def heading(self) -> str:
        return self.title

    def breadcrumbs(self) -> list[Link]:
        return [Link("Tests", reverse("probes:tests")), Link("Pauses", reverse("probes:pauses"))]

    def get_form(self, data: Any) -> PauseForm:
        named = ("test", "site", "host", "service_type")
        given = {name: self.request.GET[name] for name in named if name in self.request.GET}
        return PauseForm(data, initial=given)

    def after(self) -> str:
        return reverse("probes:pauses")

    def act(self, form: PauseForm) -> str:
        given, now = form.cleaned_data, timezone.now()
        made = pause(
            self.actor, test=given["test"], service=given["service"], site=given["site"], reason=given["reason"],
            expires_at=now + timedelta(hours=given["hours"]), now=now,
        )  # fmt: skip
        return f"There is a {made} now, until {made.expires_at:%Y-%m-%d %H:%M} UTC."


class PauseEnd(PauseNew):
    """Ends a pause before its time."""

    title, verb = "End the pause", "End"
    consequence = "What it held back runs within a minute."

    def get_subject(self) -> Pause:
        return get_object_or_404(Pause, pk=self.kwargs["pause"])

    @property
    def heading(self) -> str:
        return f"End the {self.subject}"

    def get_form(self, data: Any) -> ReasonForm:  # type: ignore[override]
        return ReasonForm(data)

    def act(self, form: Any) -> str:
        end_pause(self.actor, pause=self.subject, reason=form.cleaned_data["reason"], now=timezone.now())
        return f"The {self.subject} has ended."
