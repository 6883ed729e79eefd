"""Pages that change something of the registry."""

from typing import Any, ClassVar

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from gridkeeper.registry import actions
from gridkeeper.registry.action_pages import ActionPage
from gridkeeper.registry.edit_pages import EditPage
from gridkeeper.registry.forms import CertificationForm, NgiForm, ReasonForm, RoleForm, ServiceForm, SiteForm
from gridkeeper.registry.models import Federation, Ngi, RoleGrant, Service, Site
from gridkeeper.registry.object_effects import (
    Effects,
    effects_of_certification,
    effects_of_closing_service,
    effects_of_service_edit,
    effects_of_site_edit,
)
from gridkeeper.registry.roles import roles_of


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
    consequence = "Only certified sites are tested, judged and offered to VOs. Closed is final."

    get_subject = SiteEdit.get_subject

    def get_form(self, data: Any) -> CertificationForm:
        return CertificationForm(data, site=self.subject)

    def effects_of(self, form: CertificationForm) -> Effects:
        return effects_of_certification(self.subject, form.cleaned_data["new"])

    def seen_now(self) -> dict[str, Any]:
        return {"old": self.subject.certification}

    def act(self, form: CertificationForm) -> str:
        site = actions.change_certification(self.actor, site=self.subject, now=timezone.now(), **form.cleaned_data)
        return f"{site} is {site.certification} now."


class RoleGrantPage(ActionPage):
    """Gives a person a role on a federation, region or site."""

    permission, title, verb = "registry.grant_role", "Grant a role", "Grant the role"
    _MODELS: ClassVar[dict[str, Any]] = {"site": Site, "ngi": Ngi, "federation": Federation}

    def get_subject(self) -> Any:
        model = self._MODELS.get(self.kwargs["level"])
        if model is None:
            raise Http404("roles are held on a site, an ngi or a federation")
        return get_object_or_404(model, key=self.kwargs["key"])

    def get_form(self, data: Any) -> RoleForm:
        return RoleForm(data, roles=roles_of(self.kwargs["level"]))

    def act(self, form: RoleForm) -> str:
        grant = actions.grant_role(self.actor, on=self.subject, now=timezone.now(), **form.cleaned_data)
        return f"{grant.user} is {grant.role} of {self.subject} now."

    def after(self) -> str:
        return _contacts_url(self.subject)


class RoleRevokePage(ActionPage):
    """Takes a role back. The permission is the action's own question: everybody may give up their role."""

    title, verb, is_destructive = "Revoke a role", "Revoke the role", True

    def get_subject(self) -> RoleGrant:
        return get_object_or_404(RoleGrant.objects.select_related("user", "site", "ngi"), pk=self.kwargs["pk"])

    def check(self) -> None:
        actions.check_may_revoke(self.actor, self.subject)

    def get_form(self, data: Any) -> ReasonForm:
        return ReasonForm(data)

    def act(self, form: ReasonForm) -> str:
        actions.revoke_role(self.actor, grant=self.subject, reason=form.cleaned_data["reason"], now=timezone.now())
        return f"{self.subject.user} is {self.subject.role} no more."

    def after(self) -> str:
        return _contacts_url(self.subject.site or self.subject.ngi or self.subject.federation)


def _contacts_url(subject: Any) -> str:
    if isinstance(subject, Site):
        return reverse("portal:site_tab", args=[subject.key, "contacts"])
    return reverse("registry:ngi", args=[subject.key, "contacts"]) if isinstance(subject, Ngi) else "/"
