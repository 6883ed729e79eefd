"""Pages that change who holds which role: ask, withdraw, decide, grant, revoke, delegate."""

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from gridkeeper.people.permission import NotPermittedError, require
from gridkeeper.registry import role_actions as actions
from gridkeeper.registry.action_pages import ActionPage
from gridkeeper.registry.forms import ReasonForm
from gridkeeper.registry.models import RequestState, RoleGrant, RoleRequest, Site
from gridkeeper.registry.models.roles import level_of
from gridkeeper.registry.object_effects import Effects
from gridkeeper.registry.role_forms import DecisionForm, DelegationForm, RequestForm, RoleForm
from gridkeeper.registry.role_queries import LEVEL_WORDS, MODELS, last_manager_warning, who_grants, with_objects
from gridkeeper.registry.roles import roles_of


class _OnObject(ActionPage):
    """A page about roles on one federation, region, site or service group."""

    def get_subject(self) -> Any:
        model = MODELS.get(self.kwargs["level"])
        if model is None:
            raise Http404(f"roles are held on {', '.join(MODELS)}")
        return get_object_or_404(model, key=self.kwargs["key"])

    def after(self) -> str:
        return people_url(self.subject)


class RoleRequestPage(_OnObject):
    """Any signed-in person may ask."""

    permission, title, verb = "registry.request_role", "Request a role", "Send the request"
    template_name = "registry/role_request.html"

    @property
    def deciding(self) -> list[Any]:
        """Who can decide: the first names of the list."""
        return who_grants(self.subject, timezone.now())[:10]

    def get_form(self, data: Any) -> RequestForm:
        return RequestForm(data, roles=roles_of(self.kwargs["level"]))

    def act(self, form: RequestForm) -> str:
        asked = actions.request_role(self.actor, on=self.subject, now=timezone.now(), **form.cleaned_data)
        return f"You have asked for {asked.role} of {self.subject}. {_whom_it_waits_for(self.deciding)}"

    def after(self) -> str:
        return reverse("registry:role_own")


def _whom_it_waits_for(people: list[Any]) -> str:
    if not people:
        return "Nobody there may grant roles yet; an operator of the installation decides."
    return f"{len(people)} {'people decide' if len(people) != 1 else 'person decides'} on it."


class _OfRequest(ActionPage):
    def get_subject(self) -> RoleRequest:
        found: RoleRequest = get_object_or_404(with_objects(RoleRequest.objects.all()), key=self.kwargs["key"])
        return found

    @property
    def heading(self) -> str:
        return f"{self.title}: {self.subject.role} of {self.subject.on}"


class RoleWithdrawPage(_OfRequest):
    title, verb = "Withdraw the request", "Withdraw it"
    consequence = "Nobody decides on it any more. You can ask again at any time."

    def check(self) -> None:
        require(self.actor, "registry.request_role", self.subject.on)
        if self.actor.user is None or self.actor.user.pk != self.subject.user_id:
            raise NotPermittedError("Only the person who asked may withdraw the request.")

    def get_form(self, data: Any) -> Any:
        return _NoInput(data)

    def act(self, form: Any) -> str:
        actions.withdraw_request(self.actor, request=self.subject, now=timezone.now())
        return "The request is withdrawn."

    def after(self) -> str:
        return reverse("registry:role_own")


class _NoInput(ReasonForm):
    """A form whose sending is all that it says."""

    reason = None  # type: ignore[assignment]


class RoleDecidePage(_OfRequest):
    """A holder of "grant" there or above says yes or no."""

    title, verb = "Decide the request", "Decide"
    template_name = "registry/role_decide.html"

    def check(self) -> None:
        require(self.actor, "registry.grant_role", self.subject.on)
        user = self.actor.user
        if user is not None and user.pk == self.subject.user_id and not user.is_superuser:
            raise NotPermittedError("Nobody decides their own request; ask another holder of a role that may grant it.")

    @property
    def is_open(self) -> bool:
        """False once somebody decided."""
        return bool(self.subject.state == RequestState.PENDING)

    @property
    def level_word(self) -> str:
        return LEVEL_WORDS[level_of(self.subject.on)]

    @property
    def other_roles(self) -> Any:
        """What else the person holds."""
        grants = RoleGrant.objects.in_force(timezone.now()).filter(user=self.subject.user)
        return with_objects(grants).order_by("role")[:10]

    def get_form(self, data: Any) -> DecisionForm:
        return DecisionForm(data)

    def act(self, form: DecisionForm) -> str:
        given = form.cleaned_data
        decided = actions.decide_request(
            self.actor, request=self.subject, is_granted=given["decision"] == "grant", reason=given["reason"],
            expires_at=given["expires_at"], now=timezone.now(),
        )  # fmt: skip
        return f"The request of {decided.user.full_name} is {decided.get_state_display().lower()}."

    def after(self) -> str:
        return reverse("registry:role_requests")


class RoleGrantPage(_OnObject):
    """Gives a person a role without their asking."""

    permission, title, verb = "registry.grant_role", "Grant a role", "Grant the role"

    def get_form(self, data: Any) -> RoleForm:
        return RoleForm(data, roles=roles_of(self.kwargs["level"]))

    def act(self, form: RoleForm) -> str:
        grant = actions.grant_role(self.actor, on=self.subject, now=timezone.now(), **form.cleaned_data)
        return f"{grant.user.full_name} is {grant.role} of {self.subject} now."


class _OfGrant(ActionPage):
    def get_subject(self) -> RoleGrant:
        found: RoleGrant = get_object_or_404(with_objects(RoleGrant.objects.all()), pk=self.kwargs["pk"])
        return found

    @property
    def heading(self) -> str:
        return f"{self.title}: {self.subject.role} of {self.subject.on}, {self.subject.user.full_name}"


class RoleRevokePage(_OfGrant):
    """Takes a role back. The permission is the action's own question: everybody may give up their role."""

    title, verb, is_destructive = "Revoke a role", "Revoke the role", True

    def check(self) -> None:
        actions.check_may_revoke(self.actor, self.subject)

    def foreseen(self) -> Effects:
        warning = last_manager_warning(self.subject, timezone.now())
        lent = RoleGrant.objects.filter(
            delegated_by=self.subject.user_id, role=self.subject.role, **{level_of(self.subject.on): self.subject.on}
        )  # fmt: skip
        names = [each.user.full_name for each in lent.select_related("user")]
        ends = [f"{name}, to whom it is delegated, loses it too." for name in names]
        return Effects(consequences=[*([warning] if warning else []), *ends])

    def get_form(self, data: Any) -> ReasonForm:
        return ReasonForm(data)

    def act(self, form: ReasonForm) -> str:
        actions.revoke_role(self.actor, grant=self.subject, reason=form.cleaned_data["reason"], now=timezone.now())
        return f"{self.subject.user.full_name} is {self.subject.role} of {self.subject.on} no more."

    def after(self) -> str:
        return people_url(self.subject.on)


class RoleDelegatePage(_OfGrant):
    """Lends one's own role for a time."""

    title, verb = "Delegate the role for a time", "Delegate it"
    consequence = (
        "They hold the role as well as you, for that time. They cannot pass it on; it ends when yours does, and you "
        "can end it before."
    )

    def check(self) -> None:
        require(self.actor, "registry.delegate_role", self.subject.on)
        if self.actor.user is None or self.actor.user.pk != self.subject.user_id:
            raise NotPermittedError("Only the holder of a role may delegate it.")

    def get_form(self, data: Any) -> DelegationForm:
        return DelegationForm(data, initial={"starts_at": timezone.now()})

    def act(self, form: DelegationForm) -> str:
        lent = actions.delegate_role(self.actor, grant=self.subject, now=timezone.now(), **form.cleaned_data)
        return f"{lent.user.full_name} holds the role until {lent.expires_at:%Y-%m-%d %H:%M} UTC."

    def after(self) -> str:
        return reverse("registry:role_own")


def people_url(subject: Any) -> str:
    """The tab with the people of a federation, region, site or service group."""
    if isinstance(subject, Site):
        return reverse("portal:site_tab", args=[subject.key, "contacts"])
    return reverse(f"registry:{level_of(subject)}", args=[subject.key, "contacts"])
