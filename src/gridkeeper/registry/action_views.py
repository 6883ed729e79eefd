"""Pages that change something of the registry."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone

from gridkeeper.registry import actions
from gridkeeper.registry.action_pages import ActionPage
from gridkeeper.registry.edit_pages import EditPage
from gridkeeper.registry.forms import CertificationForm, NgiForm, ReasonForm, ServiceForm, SiteForm
from gridkeeper.registry.models import CertificationChange, Ngi, Service, Site
from gridkeeper.registry.object_effects import (
    Effects,
    effects_of_certification,
    effects_of_closing_service,
    effects_of_service_edit,
    effects_of_site_edit,
)
from gridkeeper.registry.rules import CERTIFICATION_STEPS


class NgiEdit(EditPage):
    permission, title, form_class = "registry.edit_ngi", "Edit the region", NgiForm

    def get_subject(self) -> Ngi:
        return get_object_or_404(Ngi, key=self.kwargs["key"])

    def act(self, form: NgiForm) -> str:
        return f"{actions.edit_ngi(self.actor, ngi=self.subject, **self.inputs(form))} is saved."


class SiteEdit(EditPage):
    permission, title, form_class = "registry.edit_site", "Edit the site", SiteForm

    def get_subject(self) -> Site:
        return get_object_or_404(Site.objects.select_related("ngi"), key=self.kwargs["key"])

    def effects_of(self, form: SiteForm) -> Effects:
        return effects_of_site_edit(self.subject, form.changes())

    def act(self, form: SiteForm) -> str:
        return f"{actions.edit_site(self.actor, site=self.subject, **self.inputs(form))} is saved."


class ServiceEdit(EditPage):
    permission, title, form_class = "registry.edit_service", "Edit the service", ServiceForm

    def get_subject(self) -> Service:
        services = Service.objects.select_related("site__ngi", "service_type")
        return get_object_or_404(services, key=self.kwargs["key"])

    def effects_of(self, form: ServiceForm) -> Effects:
        return effects_of_service_edit(self.subject, form.changes())

    def act(self, form: ServiceForm) -> str:
        return f"{actions.edit_service(self.actor, service=self.subject, **self.inputs(form))} is saved."


class ServiceClose(ActionPage):
    permission, title, verb = "registry.close_service", "Close the service", "Close this service for good"
    is_destructive = True
    get_subject = ServiceEdit.get_subject

    def foreseen(self) -> Effects:
        return effects_of_closing_service(self.subject)

    def get_form(self, data: Any) -> ReasonForm:
        return ReasonForm(data)

    def act(self, form: ReasonForm) -> str:
        reason = form.cleaned_data["reason"]
        closed = actions.close_service(self.actor, service=self.subject, reason=reason, now=timezone.now())
        return f"{closed} is closed."

    def after(self) -> str:
        return str(self.subject.site.get_absolute_url())


class SiteCertification(ActionPage):
    permission, title, verb = "registry.change_certification", "Change the certification", "Change the certification"
    consequence = (
        "Certified sites are tested, judged and offered to VOs; uncertified ones are tested only. Closed is final. "
        "A site never certifies itself."
    )
    template_name = "registry/certification.html"

    get_subject = SiteEdit.get_subject

    def get_form(self, data: Any) -> CertificationForm:
        return CertificationForm(data, site=self.subject)

    def steps(self) -> list[tuple[str, str]]:
        """The whitelist, for the table beside the form."""
        return [(old.value, ", ".join(new) or "none: it is final") for old, new in CERTIFICATION_STEPS.items()]

    def history(self) -> "QuerySet[CertificationChange]":
        """The newest steps that were taken."""
        return self.subject.certification_changes.all()[:20]  # type: ignore[no-any-return]

    def effects_of(self, form: CertificationForm) -> Effects:
        return effects_of_certification(self.subject, form.cleaned_data["new"])

    def seen_now(self) -> dict[str, Any]:
        return {"old": self.subject.certification}

    def act(self, form: CertificationForm) -> str:
        site = actions.change_certification(self.actor, site=self.subject, now=timezone.now(), **form.cleaned_data)
        return f"{site} is {site.certification} now."
