"""Pages that add, rename and move sites, and add services, endpoints and credentials."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from gridkeeper.people.permission import is_permitted, require
from gridkeeper.registry import object_actions as actions
from gridkeeper.registry.action_pages import ActionPage
from gridkeeper.registry.action_views import ServiceEdit, SiteEdit
from gridkeeper.registry.credential_actions import add_credential, close_credential, edit_credential
from gridkeeper.registry.edit_pages import AddPage, EditPage
from gridkeeper.registry.editing import version_of
from gridkeeper.registry.forms import ReasonForm
from gridkeeper.registry.models import ApiCredential, Endpoint, Ngi
from gridkeeper.registry.object_effects import Effects, effects_of_moving, effects_of_renaming
from gridkeeper.registry.object_forms import (
    CredentialAddForm,
    CredentialForm,
    EndpointAddForm,
    EndpointForm,
    MoveForm,
    NameForm,
    ServiceAddForm,
    SiteAddForm,
)


class SiteAdd(AddPage):
    permission, title, verb = "registry.add_site", "Add a site", "Add the site"
    form_class = SiteAddForm
    consequence = "It begins as a candidate: it is listed, but neither tested nor offered until it is certified."

    def get_subject(self) -> Ngi:
        return get_object_or_404(Ngi.objects.select_related("federation"), key=self.kwargs["key"])

    def act(self, form: Any) -> str:
        self.added = actions.add_site(self.actor, ngi=self.subject, **self.inputs(form))
        return f"{self.added} is added as a candidate; now add its services."


class SiteRename(ActionPage):
    permission, title, verb, has_preview = "registry.edit_site", "Rename the site", "Rename it", True

    get_subject = SiteEdit.get_subject

    def get_form(self, data: Any) -> NameForm:
        return NameForm(data, initial={"name": self.subject.name, "seen": version_of(self.subject)})

    def seen_now(self) -> dict[str, Any]:
        return {"seen": version_of(self.subject)}

    def effects_of(self, form: NameForm) -> Effects:
        name = form.cleaned_data["name"].strip()
        return Effects() if name == self.subject.name else effects_of_renaming(self.subject, name)

    def act(self, form: NameForm) -> str:
        renamed = actions.rename_site(self.actor, site=self.subject, now=timezone.now(), **form.cleaned_data)
        return f"It is called {renamed} now."


class SiteMove(ActionPage):
    permission, title, verb = "registry.edit_site", "Move the site to another region", "Move it"
    consequence = "Whoever may add sites to both regions may do it."

    get_subject = SiteEdit.get_subject

    def _regions(self) -> "QuerySet[Ngi]":
        others = Ngi.objects.current().exclude(pk=self.subject.ngi_id).select_related("federation")
        allowed = [each.pk for each in others if is_permitted(self.actor, "registry.add_site", each)]
        return Ngi.objects.filter(pk__in=allowed)

    def get_form(self, data: Any) -> MoveForm:
        return MoveForm(data, regions=self._regions(), initial={"seen": version_of(self.subject)})

    def seen_now(self) -> dict[str, Any]:
        return {"seen": version_of(self.subject)}

    def effects_of(self, form: MoveForm) -> Effects:
        return effects_of_moving(self.subject, form.cleaned_data["ngi"])

    def act(self, form: MoveForm) -> str:
        moved = actions.move_site(self.actor, site=self.subject, now=timezone.now(), **form.cleaned_data)
        return f"{moved} belongs to {moved.ngi} now."


class ServiceAdd(AddPage):
    permission, title, verb = "registry.add_service", "Add a service", "Add the service"
    form_class = ServiceAddForm

    get_subject = SiteEdit.get_subject

    def act(self, form: Any) -> str:
        given = self.inputs(form)
        values = given.pop("values")
        kind, hostname = values.pop("service_type"), values.pop("hostname")
        self.added = actions.add_service(
            self.actor, site=self.subject, service_type=kind, hostname=hostname, values=values, **given
        )
        return f"{self.added} is added."


class EndpointAdd(AddPage):
    permission, title, verb = "registry.edit_service", "Add an endpoint", "Add the endpoint"
    form_class = EndpointAddForm
    consequence = "A further address of the service, for clients that read feeds."

    get_subject = ServiceEdit.get_subject

    def after(self) -> str:
        return reverse("registry:service", args=[self.subject.key])

    def act(self, form: Any) -> str:
        return f"{actions.add_endpoint(self.actor, service=self.subject, **self.inputs(form))} is added."


class EndpointEdit(EditPage):
    title, form_class = "Edit the endpoint", EndpointForm
    permission = "registry.edit_service"

    def get_subject(self) -> Endpoint:
        endpoints = Endpoint.objects.select_related("service__site__ngi", "service__service_type")
        return get_object_or_404(endpoints, key=self.kwargs["key"])

    def check(self) -> None:
        require(self.actor, self.permission, self.subject.service)

    def after(self) -> str:
        return reverse("registry:service", args=[self.subject.service.key])

    def act(self, form: Any) -> str:
        return f"{actions.edit_endpoint(self.actor, endpoint=self.subject, **self.inputs(form))} is saved."


class EndpointClose(ActionPage):
    permission, title, verb = "registry.edit_service", "Close the endpoint", "Close this endpoint for good"
    is_destructive = True
    consequence = "It leaves every feed; the service stays."

    get_subject = EndpointEdit.get_subject
    after = EndpointEdit.after
    check = EndpointEdit.check

    def get_form(self, data: Any) -> ReasonForm:
        return ReasonForm(data)

    def act(self, form: ReasonForm) -> str:
        actions.close_endpoint(self.actor, endpoint=self.subject, now=timezone.now(), **form.cleaned_data)
        return f"{self.subject} is closed."


class CredentialAdd(AddPage):
    permission, title, verb = "registry.edit_site", "Add an API credential", "Add the credential"
    form_class = CredentialAddForm
    consequence = (
        "A machine that shows it may read what needs an identity and, where it may write, change the site's properties "
        "and endpoints: in the site's name, without a person."
    )

    get_subject = SiteEdit.get_subject

    def after(self) -> str:
        return reverse("portal:site_tab", args=[self.subject.key, "details"])

    def act(self, form: Any) -> str:
        given = self.inputs(form)
        add_credential(self.actor, site=self.subject, **given.pop("values"), **given)
        return "The credential is added."


class CredentialEdit(EditPage):
    permission, title, form_class = "registry.edit_site", "Edit the API credential", CredentialForm

    def get_subject(self) -> ApiCredential:
        credentials = ApiCredential.objects.select_related("site__ngi__federation")
        return get_object_or_404(credentials, key=self.kwargs["key"])

    def check(self) -> None:
        require(self.actor, self.permission, self.subject.site)

    def after(self) -> str:
        return reverse("portal:site_tab", args=[self.subject.site.key, "details"])

    def act(self, form: Any) -> str:
        edit_credential(self.actor, credential=self.subject, **self.inputs(form))
        return "The credential is saved."


class CredentialClose(ActionPage):
    permission, title, verb = "registry.edit_site", "Close the API credential", "Close this credential for good"
    is_destructive = True
    consequence = "The machine is refused from now on."

    get_subject = CredentialEdit.get_subject
    after = CredentialEdit.after
    check = CredentialEdit.check

    def get_form(self, data: Any) -> ReasonForm:
        return ReasonForm(data)

    def act(self, form: ReasonForm) -> str:
        close_credential(self.actor, credential=self.subject, now=timezone.now(), **form.cleaned_data)
        return "The credential is closed."
