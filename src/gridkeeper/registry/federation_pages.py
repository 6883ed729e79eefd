"""Pages that change federations, regions and service types."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from gridkeeper.registry import object_actions as actions
from gridkeeper.registry.action_pages import ActionPage
from gridkeeper.registry.edit_pages import AddPage, EditPage
from gridkeeper.registry.editing import version_of
from gridkeeper.registry.forms import ReasonForm
from gridkeeper.registry.models import Federation, Ngi, NgiMembership, ServiceType
from gridkeeper.registry.object_forms import (
    FederationAddForm,
    FederationForm,
    JoinForm,
    NameForm,
    NgiAddForm,
    ServiceTypeAddForm,
    ServiceTypeForm,
)


class FederationAdd(AddPage):
    permission, title, verb = "registry.administer", "Add a federation", "Add the federation"
    form_class = FederationAddForm

    def after(self) -> str:
        return str(self.added.get_absolute_url()) if self.added else reverse("registry:federations")

    def act(self, form: Any) -> str:
        self.added = actions.add_federation(self.actor, **self.inputs(form))
        return f"{self.added} is added; now add its regions."


class FederationEdit(EditPage):
    permission, title, form_class = "registry.edit_federation", "Edit the federation", FederationForm

    def get_subject(self) -> Federation:
        return get_object_or_404(Federation, key=self.kwargs["key"])

    def act(self, form: Any) -> str:
        return f"{actions.edit_federation(self.actor, federation=self.subject, **self.inputs(form))} is saved."


class FederationClose(ActionPage):
    permission, title, verb = "registry.administer", "Close the federation", "Close this federation for good"
    is_destructive = True
    consequence = "Its regions must belong to another one, or be closed, before. Its history stays."

    get_subject = FederationEdit.get_subject

    def get_form(self, data: Any) -> ReasonForm:
        return ReasonForm(data)

    def act(self, form: ReasonForm) -> str:
        closed = actions.close_federation(self.actor, federation=self.subject, now=timezone.now(), **form.cleaned_data)
        return f"{closed} is closed."


class NgiAdd(AddPage):
    permission, title, verb = "registry.administer", "Add a region", "Add the region"
    form_class = NgiAddForm

    get_subject = FederationEdit.get_subject

    def act(self, form: Any) -> str:
        self.added = actions.add_ngi(self.actor, federation=self.subject, **self.inputs(form))
        return f"{self.added} is added."


class _OfNgi(ActionPage):
    permission = "registry.administer"

    def get_subject(self) -> Ngi:
        return get_object_or_404(Ngi.objects.select_related("federation"), key=self.kwargs["key"])


class NgiRename(_OfNgi):
    title, verb = "Rename the region", "Rename it"
    consequence = "Every page, report and feed says the new name from now on; who asks for the old one finds nothing."

    def get_form(self, data: Any) -> NameForm:
        return NameForm(data, initial={"name": self.subject.name, "seen": version_of(self.subject)})

    def seen_now(self) -> dict[str, Any]:
        return {"seen": version_of(self.subject)}

    def act(self, form: NameForm) -> str:
        renamed = actions.rename_ngi(self.actor, ngi=self.subject, now=timezone.now(), **form.cleaned_data)
        return f"It is called {renamed} now."


class NgiClose(_OfNgi):
    title, verb, is_destructive = "Close the region", "Close this region for good", True
    consequence = "Its sites must be closed or moved before. Its history stays."

    def get_form(self, data: Any) -> ReasonForm:
        return ReasonForm(data)

    def act(self, form: ReasonForm) -> str:
        return f"{actions.close_ngi(self.actor, ngi=self.subject, now=timezone.now(), **form.cleaned_data)} is closed."


class NgiJoin(_OfNgi):
    title, verb = "Add the region to a further federation", "Add it there"
    consequence = (
        "Roles on that federation then reach the region and its sites, and its least numbers of scopes hold here too."
    )

    def get_form(self, data: Any) -> JoinForm:
        return JoinForm(data)

    def act(self, form: JoinForm) -> str:
        joined = actions.join_federation(self.actor, ngi=self.subject, now=timezone.now(), **form.cleaned_data)
        return f"It belongs to {joined.federation} as well."


class NgiLeave(ActionPage):
    permission, title, verb = "registry.administer", "Take the region from a federation", "Take it from there"
    is_destructive = True
    consequence = "Roles on that federation do not reach the region any more."

    def get_subject(self) -> NgiMembership:
        return get_object_or_404(NgiMembership.objects.select_related("ngi", "federation"), pk=self.kwargs["pk"])

    def get_form(self, data: Any) -> ReasonForm:
        return ReasonForm(data)

    def act(self, form: ReasonForm) -> str:
        actions.leave_federation(self.actor, membership=self.subject, now=timezone.now(), **form.cleaned_data)
        return f"{self.subject.ngi} does not belong to {self.subject.federation} any more."

    def after(self) -> str:
        return str(self.subject.ngi.get_absolute_url())


class ServiceTypeAdd(AddPage):
    permission, title, verb = "registry.administer", "Add a service type", "Add the service type"
    form_class = ServiceTypeAddForm

    def after(self) -> str:
        return str(self.added.get_absolute_url()) if self.added else reverse("registry:service_types")

    def act(self, form: Any) -> str:
        self.added = actions.add_service_type(self.actor, **self.inputs(form))
        return f"{self.added} is added."


class ServiceTypeEdit(EditPage):
    permission, title, form_class = "registry.administer", "Edit the service type", ServiceTypeForm

    def get_subject(self) -> ServiceType:
        return get_object_or_404(ServiceType, name=self.kwargs["name"])

    def act(self, form: Any) -> str:
        return f"{actions.edit_service_type(self.actor, service_type=self.subject, **self.inputs(form))} is saved."
