"""Declaring a downtime: whose services, when, and a preview of what follows before it is done."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views import View

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.registry.action_pages import add_errors, refuse
from gridkeeper.registry.downtime_actions import check_downtime, declare_downtime, planned
from gridkeeper.registry.downtime_preview import Effects, preview
from gridkeeper.registry.forms import DowntimeForm, SitesForm
from gridkeeper.registry.models import Certification, Service, Site
from gridkeeper.registry.permissions import sites_where
from gridkeeper.web.htmx import is_part


class DowntimeDeclare(View):
    """`?site=KEY` and `?service=KEY`, any number, say whose; who looks after several sites is asked."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.actor = Actor.of(request)
        sites = sites_where(self.actor, "declare_downtime").exclude(certification=Certification.CLOSED)
        self.sites = list(sites.select_related("ngi"))
        try:
            if not self.sites:
                raise NotPermittedError("You look after no site; ask its manager, or your region, for a role there.")
            return super().dispatch(request, *args, **kwargs)
        except NotPermittedError as error:
            return refuse(request, error)

    def get(self, request: HttpRequest) -> HttpResponse:
        chosen = self._chosen_sites()
        if not chosen:
            return render(request, "registry/downtime_sites.html", {"form": SitesForm(sites=self.sites)})
        initial = {"services": request.GET.getlist("service")}
        return self._show(DowntimeForm(services=self._services(chosen), initial=initial), chosen)

    def post(self, request: HttpRequest) -> HttpResponse:
        chosen = self._chosen_sites() or self.sites
        form = DowntimeForm(request.POST, services=self._services(chosen))
        effects = self._effects(form)
        is_final = request.POST.get("step") == "declare"
        if is_part(request) or not is_final or effects is None:
            return self._show(form, chosen, effects)
        try:
            downtime = declare_downtime(self.actor, now=timezone.now(), **form.inputs())
        except ValidationError as error:
            add_errors(form, error)
            return self._show(form, chosen)
        messages.success(request, f"The downtime is declared: {effects.sentence}.")
        return redirect(downtime.get_absolute_url())

    def _chosen_sites(self) -> list[Site]:
        if len(self.sites) == 1:
            return self.sites
        keys = set(self.request.GET.getlist("site"))
        ticked = Service.objects.filter(key__in=self.request.GET.getlist("service")).values_list("site__key", flat=True)
        keys |= set(ticked)
        return [site for site in self.sites if site.key in keys]

    def _services(self, sites: list[Site]) -> list[Service]:
        services = Service.objects.current().filter(site__in=sites).select_related("site__ngi", "service_type")
        return list(services.order_by("site__name", "service_type__name", "hostname"))

    def _effects(self, form: DowntimeForm) -> Effects | None:
        """What would follow; None, with the objections at the form, where it cannot be declared so."""
        if not form.is_valid():
            return None
        now, inputs = timezone.now(), form.inputs()
        plan = planned(**inputs)
        try:
            check_downtime(plan, inputs["services"], (), now)
        except ValidationError as error:
            add_errors(form, error)
            return None
        return preview(self.actor, plan=plan, services=inputs["services"], now=now)

    def _show(self, form: DowntimeForm, sites: list[Site], effects: Effects | None = None) -> HttpResponse:
        context = {"form": form, "sites": sites, "effects": effects, "may_choose": len(self.sites) > 1}
        context |= {"utc_now": f"{timezone.now():%Y-%m-%d %H:%M}", "reader_zone": timezone.get_current_timezone_name()}
        if is_part(self.request):
            return render(self.request, "registry/downtime_effects.html", context)
        return render(self.request, "registry/downtime_declare.html", context, status=422 if form.errors else 200)
