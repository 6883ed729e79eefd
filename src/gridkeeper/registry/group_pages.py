"""Pages that change service groups and who is in them."""

from functools import reduce
from operator import and_
from typing import Any

from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from gridkeeper.registry import group_actions as actions
from gridkeeper.registry.action_pages import ActionPage
from gridkeeper.registry.edit_pages import AddPage, EditPage
from gridkeeper.registry.forms import ReasonForm
from gridkeeper.registry.models import Service, ServiceGroup
from gridkeeper.registry.object_forms import MembersForm, ServiceGroupAddForm, ServiceGroupForm
from gridkeeper.registry.queries import services_in_use

#: Services that one search offers at most.
MAX_OFFERED = 50


class ServiceGroupAdd(AddPage):
    permission, title, verb = "registry.add_service_group", "Add a service group", "Add the service group"
    form_class = ServiceGroupAddForm
    consequence = "You become its administrator. Its services may be of any site; they stay what they are."

    def after(self) -> str:
        return str(self.added.get_absolute_url()) if self.added else reverse("registry:service_groups")

    def act(self, form: Any) -> str:
        self.added = actions.add_service_group(self.actor, **self.inputs(form))
        return f"{self.added} is added; now add its services."


class ServiceGroupEdit(EditPage):
    permission, title, form_class = "registry.edit_service_group", "Edit the service group", ServiceGroupForm

    def get_subject(self) -> ServiceGroup:
        return get_object_or_404(ServiceGroup, key=self.kwargs["key"])

    def act(self, form: Any) -> str:
        return f"{actions.edit_service_group(self.actor, group=self.subject, **self.inputs(form))} is saved."


class ServiceGroupClose(ActionPage):
    permission, title, verb = "registry.edit_service_group", "Close the service group", "Close this group for good"
    is_destructive = True
    consequence = "It leaves every feed; its services stay what they are."

    get_subject = ServiceGroupEdit.get_subject

    def get_form(self, data: Any) -> ReasonForm:
        return ReasonForm(data)

    def act(self, form: ReasonForm) -> str:
        closed = actions.close_service_group(self.actor, group=self.subject, now=timezone.now(), **form.cleaned_data)
        return f"{closed} is closed."


class MembersAdd(ActionPage):
    """Search, tick, add: services of any site."""

    permission, title, verb = "registry.edit_service_group", "Add services to the group", "Add the ticked services"
    template_name = "registry/members_add.html"

    get_subject = ServiceGroupEdit.get_subject

    @property
    def asked(self) -> str:
        """What is searched for."""
        return self.request.GET.get("q", "").strip()[:200]

    def found(self) -> "QuerySet[Service]":
        """The services that match every word and are not in the group."""
        words = self.asked.replace("\x00", "").split()
        if not words:
            return Service.objects.none()
        condition = reduce(and_, (_named(word) for word in words))
        members = self.subject.members.current().values("service")
        rows = services_in_use().filter(condition).exclude(pk__in=members)
        return rows.select_related("site", "service_type").order_by("site__name", "service_type__name", "hostname")

    def get_form(self, data: Any) -> MembersForm:
        return MembersForm(data, services=self.found()[:MAX_OFFERED])

    def is_cut(self) -> bool:
        """True where more matches than are offered."""
        return self.found().count() > MAX_OFFERED

    def act(self, form: MembersForm) -> str:
        chosen, reason = form.chosen(), form.cleaned_data["reason"]
        added = actions.add_members(self.actor, group=self.subject, services=chosen, reason=reason, now=timezone.now())
        return f"{len(added)} service{'s are' if len(added) != 1 else ' is'} added."


def _named(word: str) -> Q:
    return Q(hostname__icontains=word) | Q(site__name__icontains=word) | Q(service_type__name__icontains=word)


class MemberRemove(ActionPage):
    permission, title, verb = "registry.edit_service_group", "Take a service from the group", "Take it from the group"
    is_destructive = True

    get_subject = ServiceGroupEdit.get_subject

    @property
    def service(self) -> Service:
        services = Service.objects.select_related("service_type", "site")
        return get_object_or_404(services, key=self.kwargs["service_key"])

    @property
    def heading(self) -> str:
        return f"{self.title}: {self.service} of {self.service.site}"

    def get_form(self, data: Any) -> ReasonForm:
        return ReasonForm(data)

    def act(self, form: ReasonForm) -> str:
        service, now = self.service, timezone.now()
        actions.remove_member(self.actor, group=self.subject, service=service, now=now, **form.cleaned_data)
        return f"{service} is not in {self.subject} any more."
