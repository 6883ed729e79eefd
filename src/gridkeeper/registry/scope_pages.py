"""Pages that change scopes: which there are, and which an object bears."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from gridkeeper.people.permission import require
from gridkeeper.registry.action_pages import ActionPage
from gridkeeper.registry.edit_pages import AddPage, EditPage
from gridkeeper.registry.editing import version_of
from gridkeeper.registry.forms import ReasonForm
from gridkeeper.registry.models import Scope, Service
from gridkeeper.registry.object_effects import Effects, effects_of_scopes
from gridkeeper.registry.object_forms import ScopeAddForm, ScopeChoiceForm, ScopeForm
from gridkeeper.registry.scope_actions import (
    EDIT_PERMISSIONS,
    add_scope,
    close_scope,
    edit_scope,
    minimum_of,
    set_scopes,
)
from gridkeeper.registry.scope_rules import ordered
from gridkeeper.registry.trail import FieldChange, text_of


class ScopesOf(ActionPage):
    """Which scopes an object bears; `model` is given by the address."""

    model: Any = None
    title, verb, has_preview = "Choose the scopes", "Save the scopes", True
    consequence = "Reserved ones are granted and taken by the operator only."

    def get_subject(self) -> Any:
        return get_object_or_404(self.model, key=self.kwargs["key"])

    def check(self) -> None:
        require(self.actor, EDIT_PERMISSIONS[self.model], self.subject)

    def get_form(self, data: Any) -> ScopeChoiceForm:
        initial = {"scopes": self.subject.scopes, "seen": version_of(self.subject)}
        form = ScopeChoiceForm(data, borne=self.subject.scopes, initial=initial)
        if minimum := minimum_of(self.subject):
            form.fields["scopes"].help_text = f"Clients ask feeds by scope. At least {minimum} is asked for here."
        return form

    def seen_now(self) -> dict[str, Any]:
        return {"seen": version_of(self.subject)}

    def effects_of(self, form: ScopeChoiceForm) -> Effects:
        return effects_of_scopes(self.subject, form.cleaned_data["scopes"])

    def changes_of(self, form: ScopeChoiceForm) -> list[FieldChange]:
        before, after = self.subject.scopes, ordered(form.cleaned_data["scopes"])
        return [] if before == after else [FieldChange("Scopes", text_of(before), text_of(after))]

    def act(self, form: ScopeChoiceForm) -> str:
        set_scopes(self.actor, subject=self.subject, now=timezone.now(), **form.cleaned_data)
        return "The scopes are saved."

    def after(self) -> str:
        if isinstance(self.subject, Service):
            return reverse("registry:service", args=[self.subject.key])
        return str(self.subject.get_absolute_url())


class ScopeAdd(AddPage):
    permission, title, verb = "registry.administer", "Add a scope", "Add the scope"
    form_class = ScopeAddForm

    def after(self) -> str:
        return str(self.added.get_absolute_url()) if self.added else reverse("registry:scopes")

    def act(self, form: Any) -> str:
        self.added = add_scope(self.actor, **self.inputs(form))
        return f"{self.added} is added."


class ScopeEdit(EditPage):
    permission, title, form_class = "registry.administer", "Edit the scope", ScopeForm

    def get_subject(self) -> Scope:
        return get_object_or_404(Scope, key=self.kwargs["key"])

    def act(self, form: Any) -> str:
        return f"{edit_scope(self.actor, scope=self.subject, **self.inputs(form))} is saved."


class ScopeClose(ActionPage):
    permission, title, verb = "registry.administer", "Close the scope", "Close this scope for good"
    is_destructive = True
    consequence = "It can be chosen no more. It must be taken from all objects before."

    get_subject = ScopeEdit.get_subject

    def get_form(self, data: Any) -> ReasonForm:
        return ReasonForm(data)

    def act(self, form: ReasonForm) -> str:
        return f"{close_scope(self.actor, scope=self.subject, now=timezone.now(), **form.cleaned_data)} is closed."
