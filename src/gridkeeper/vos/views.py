"""Pages of a VO: what serves it, who manages it, how it changed; editing it and the support of a service."""

from itertools import groupby
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import is_permitted
from gridkeeper.registry.action_pages import ActionPage
from gridkeeper.registry.action_views import ServiceEdit
from gridkeeper.registry.edit_pages import EditPage
from gridkeeper.registry.trail import trail_of
from gridkeeper.vos import actions
from gridkeeper.vos.forms import SupportForm, VoForm
from gridkeeper.vos.models import Vo, VoRoleGrant
from gridkeeper.vos.queries import supporting_services, vos_of, with_counts


def vo(request: HttpRequest, name: str) -> HttpResponse:
    """A VO with the services that support it, by site."""
    subject = get_object_or_404(with_counts(Vo.objects.current()), name=name)
    actor = Actor.of(request)
    services = supporting_services(subject)
    context = {
        "vo": subject,
        "by_site": [(site, list(rows)) for site, rows in groupby(services, key=lambda service: service.site)],
        "managers": VoRoleGrant.objects.filter(vo=subject).select_related("user") if actor.user else [],
        "may_edit": is_permitted(actor, "vos.edit_vo", subject),
        "profile_url": _profile_url(subject),
        "trail": trail_of([(Vo, Q(id=subject.pk)), (VoRoleGrant, Q(vo=subject.pk))], actor),
        "home_is_web": subject.home_url.lower().startswith(("http://", "https://")),
    }
    return render(request, "vos/vo.html", context)


def _profile_url(subject: Vo) -> str:
    """The page of the VO's critical tests; "" where the package that has it is not installed."""
    try:
        return reverse("selection:profile", args=[subject.name])
    except NoReverseMatch:
        return ""


class VoEdit(EditPage):
    """The VO's entry, by its managers."""

    permission, title, form_class = "vos.edit_vo", "Edit the VO", VoForm

    def get_subject(self) -> Vo:
        return get_object_or_404(Vo.objects.current(), name=self.kwargs["name"])

    def act(self, form: VoForm) -> str:
        return f"{actions.edit_vo(self.actor, vo=self.subject, **self.inputs(form))} is saved."


class ServiceSupport(ActionPage):
    """Which VOs a service supports, by those who may edit the service."""

    permission, title, verb = "vos.set_support", "VOs that it supports", "Save"

    get_subject = ServiceEdit.get_subject

    def get_form(self, data: Any) -> SupportForm:
        return SupportForm(data, initial={"vos": vos_of(self.subject, timezone.now())})

    def act(self, form: SupportForm) -> str:
        added, ended = actions.set_support(self.actor, service=self.subject, now=timezone.now(), **form.cleaned_data)
        parts = [
            f"{word} {', '.join(vo.name for vo in vos)}" for word, vos in (("added", added), ("ended", ended)) if vos
        ]
        return f"{self.subject}: {'; '.join(parts) or 'nothing changed'}."
