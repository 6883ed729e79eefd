"""Pages that change a downtime: edit, extend, end, end a part, change the severity, cancel; end a recurrence."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from gridkeeper.people.permission import require
from gridkeeper.registry.action_pages import ActionPage
from gridkeeper.registry.downtime_actions import cancel_downtime, edit_downtime, end_downtime_now, planned
from gridkeeper.registry.downtime_forms import (
    DowntimeEditForm,
    EndPartForm,
    ExtendForm,
    SeverityForm,
    initial_of,
)
from gridkeeper.registry.downtime_preview import Effects as Foreseen
from gridkeeper.registry.downtime_preview import preview
from gridkeeper.registry.downtime_queries import chain_of
from gridkeeper.registry.downtime_rows import coming_followers, standing_of
from gridkeeper.registry.downtime_rules import RULES, is_frozen
from gridkeeper.registry.downtime_sequels import change_severity, end_part, extend_downtime
from gridkeeper.registry.editing import version_of
from gridkeeper.registry.forms import ReasonForm
from gridkeeper.registry.models import Downtime, DowntimeRecurrence, Service, Severity
from gridkeeper.registry.object_effects import Effects, plural
from gridkeeper.registry.permissions import sites_where
from gridkeeper.registry.recurrences import end_recurrence, may_end_recurrence
from gridkeeper.web.lists import Link


class _DowntimeStep(ActionPage):
    permission = "registry.change_downtime"

    def get_subject(self) -> Downtime:
        return get_object_or_404(Downtime, key=self.kwargs["key"])

    def get_form(self, data: Any) -> Any:
        return ReasonForm(data)

    def breadcrumbs(self) -> Sequence[Link]:
        return [Link("Downtimes", reverse("registry:downtimes")), Link(str(self.subject), self.after())]

    def services(self) -> list[Service]:
        """What it affects."""
        affected = Service.objects.filter(affected_by__downtime=self.subject)
        ordered = affected.order_by("site__name", "service_type__name", "hostname")
        return list(ordered.select_related("service_type", "site__ngi__federation"))


class DowntimeEdit(_DowntimeStep):
    """All of it at once; the preview says what would follow, as for a new one."""

    title, verb = "Edit the downtime", "Save changes"
    template_name = "registry/downtime_edit.html"
    foreseen_plan: Foreseen | None = None

    def get_form(self, data: Any) -> DowntimeEditForm:
        zone = timezone.get_current_timezone_name()
        initial = initial_of(self.subject, zone, version_of(self.subject))
        return DowntimeEditForm(data, services=self._offered(), initial=initial)

    def _offered(self) -> list[Service]:
        """What it affects, and what else its sites have now, as far as the actor may."""
        mine = sites_where(self.actor, "declare_downtime").filter(services__affected_by__downtime=self.subject)
        rows = Service.objects.current().filter(site__in=mine) | Service.objects.filter(
            affected_by__downtime=self.subject
        )
        ordered = rows.distinct().select_related("service_type", "site__ngi__federation").prefetch_related("endpoints")
        return list(ordered.order_by("site__name", "service_type__name", "hostname"))

    def seen_now(self) -> dict[str, Any]:
        return {"seen": version_of(self.subject)}

    def effects_of(self, form: DowntimeEditForm) -> Effects:
        """Shown by the form's own preview; asked of `preview` only when the person asks for it."""
        if self.request.POST.get("step") == "preview":
            inputs = form.inputs()
            plan = planned(
                inputs["services"], inputs["severity"], inputs["start"], inputs["end"], inputs["description"],
                inputs["ends"],
            )  # fmt: skip
            chain = [link.downtime.pk for link in chain_of(self.subject, timezone.now())]
            self.foreseen_plan = preview(
                self.actor, plan=plan, services=inputs["services"], now=timezone.now(), apart_from=chain
            )
        return Effects()

    def act(self, form: DowntimeEditForm) -> str:
        edited = edit_downtime(
            self.actor, downtime=self.subject, changes=form.inputs(), reason=form.cleaned_data["reason"],
            now=timezone.now(), seen=form.cleaned_data["seen"],
        )  # fmt: skip
        return f"The downtime is saved; it is {edited.classification.lower()}."

    def _show(self, request: HttpRequest, form: Any, *, status: int = 200, **more: Any) -> HttpResponse:
        more |= {"effects": self.foreseen_plan if "preview" in more else None, "rules": RULES}
        return super()._show(request, form, status=status, **more)


class DowntimeExtend(_DowntimeStep):
    title, verb = "Extend the downtime", "Extend it"
    consequence = (
        "What was promised stays as it is: the longer time becomes a further downtime that follows this one. "
        "It is unscheduled where it begins too soon, and then excuses no failed test."
    )

    def get_form(self, data: Any) -> ExtendForm:
        plan = standing_of(self.subject).plan
        services = [service for service in self.services() if plan.end_of(service.pk) > timezone.now()]
        whole = [service.key for service in services if service.pk not in plan.ends]
        end = timezone.localtime(self.subject.end).replace(tzinfo=None)
        return ExtendForm(data, services=services, initial={"services": whole, "end": end})

    def act(self, form: ExtendForm) -> str:
        tail = extend_downtime(
            self.actor, downtime=self.subject, services=form.chosen(), end=form.cleaned_data["end"],
            reason=form.cleaned_data["reason"], now=timezone.now(),
        )  # fmt: skip
        self.added = tail
        return f"Extended until {tail.end:%Y-%m-%d %H:%M} UTC; the extension is {tail.classification.lower()}."


def _cancelled_with(downtime: Downtime) -> Effects:
    """What an end, or a cancellation, takes along."""
    followers = coming_followers(downtime, timezone.now())
    said = [f"{plural(len(followers), 'downtime')} that continue it will be cancelled too."] if followers else []
    return Effects(said, affected=[str(each) for each in followers])


class DowntimeEnd(_DowntimeStep):
    title, verb, is_destructive = "End the downtime now", "End it now", True
    consequence = "It ends one minute from now. From then on failed tests count again."

    def foreseen(self) -> Effects:
        return _cancelled_with(self.subject)

    def act(self, form: ReasonForm) -> str:
        reason = form.cleaned_data["reason"]
        ended = end_downtime_now(self.actor, downtime=self.subject, reason=reason, now=timezone.now())
        return f"The downtime ends at {ended.end:%H:%M:%S} UTC."


class DowntimeEndPart(_DowntimeStep):
    title, verb = "End part of the downtime", "These are back"
    consequence = "The chosen services are back earlier than was declared; from then on their failed tests count again."

    def get_form(self, data: Any) -> EndPartForm:
        plan = standing_of(self.subject).plan
        out = [service for service in self.services() if plan.end_of(service.pk) > timezone.now()]
        return EndPartForm(data, services=out)

    def act(self, form: EndPartForm) -> str:
        now, services = timezone.now(), form.chosen()
        at = form.cleaned_data["at"] or now
        end_part(
            self.actor, downtime=self.subject, services=services, at=at, reason=form.cleaned_data["reason"], now=now
        )
        return f"{plural(len(services), 'service')} will be back before the downtime ends."


class DowntimeSeverity(_DowntimeStep):
    title, verb = "Change the severity", "Begin the next phase"
    consequence = (
        "This downtime ends at that time, and one of the other severity follows it until the declared end, "
        "so that everybody can read what was said when."
    )

    def get_form(self, data: Any) -> SeverityForm:
        other = Severity.WARNING if self.subject.severity == Severity.OUTAGE else Severity.OUTAGE
        return SeverityForm(data, initial={"severity": other}, sites={service.site for service in self.services()})

    def act(self, form: SeverityForm) -> str:
        now, cleaned = timezone.now(), form.cleaned_data
        phase = change_severity(
            self.actor, downtime=self.subject, severity=cleaned["severity"], at=cleaned["at"] or now,
            reason=cleaned["reason"], now=now,
        )  # fmt: skip
        self.added = phase
        word = phase.get_severity_display().lower()
        return f"From {phase.start:%Y-%m-%d %H:%M} UTC it is {word}, {phase.classification.lower()}."


class DowntimeCancel(_DowntimeStep):
    title, verb, is_destructive = "Cancel the downtime", "Cancel this downtime", True
    consequence = "It will not take place. It stays readable as cancelled, for others have planned by it."

    def foreseen(self) -> Effects:
        effects = _cancelled_with(self.subject)
        if is_frozen(standing_of(self.subject), timezone.now()):
            late = "It starts in less than a day: people may have drained queues and moved work already."
            return Effects([late, *effects.consequences], affected=effects.affected)
        return effects

    def act(self, form: ReasonForm) -> str:
        reason = form.cleaned_data["reason"]
        cancel_downtime(self.actor, downtime=self.subject, reason=reason, now=timezone.now())
        return "The downtime is cancelled."


class RecurrenceEnd(ActionPage):
    """Ends a rule. Who may is the action's own question."""

    title, verb, is_destructive = "End the recurrence", "End it", True
    consequence = "It makes no more downtimes. Those that have not begun are cancelled; those that have begun stay."

    def get_subject(self) -> DowntimeRecurrence:
        return get_object_or_404(DowntimeRecurrence, key=self.kwargs["key"])

    def check(self) -> None:
        if self.actor.user is None:
            require(self.actor, "registry.declare_downtime")
        may_end_recurrence(self.actor, self.subject)

    def get_form(self, data: Any) -> ReasonForm:
        return ReasonForm(data)

    def after(self) -> str:
        return reverse("registry:recurrence", args=[self.subject.key])

    def act(self, form: ReasonForm) -> str:
        end_recurrence(self.actor, recurrence=self.subject, reason=form.cleaned_data["reason"], now=timezone.now())
        return "The recurrence is ended."
