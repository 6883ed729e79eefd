"""The page of an action: permission, form, reason, errors that lose no input, and where it goes afterwards.

A subclass names the permission and the form, and calls one action. `gridkeeper.vos` uses it too.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views import View

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError, require
from gridkeeper.registry.conflicts import Conflict, conflict_of
from gridkeeper.registry.object_effects import Effects
from gridkeeper.registry.trail import FieldChange
from gridkeeper.web.lists import Link


def refuse(request: HttpRequest, error: NotPermittedError) -> HttpResponseBase:
    """Sends a visitor to sign-in; tells a person who is signed in what they lack (403)."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    raise PermissionDenied(str(error)) from None


def add_errors(form: forms.Form, error: ValidationError) -> None:
    """The action's objections beside the fields they are about, or above the form."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, problems in error.error_dict.items():
        form.add_error(name if name in form.fields else None, problems)


class ActionPage(View):
    """GET shows the form, POST acts. Nothing is done, and nothing shown, without the permission on the subject."""

    permission: ClassVar[str] = ""
    title: ClassVar[str] = ""
    #: What the button says.
    verb: ClassVar[str] = "Save"
    #: What follows from it, above the form.
    consequence: ClassVar[str] = ""
    is_destructive: ClassVar[bool] = False
    #: Whether a button shows what would follow before anything is done; consequences are shown in any case.
    has_preview: ClassVar[bool] = False
    template_name: ClassVar[str] = "registry/action.html"
    #: What the page has just added; where it leads afterwards.
    added: Any = None
    #: What somebody else changed meanwhile, once that has been found out.
    conflict: Conflict | None = None

    def get_subject(self) -> Any:
        """The object, from the URL; raises Http404."""
        raise NotImplementedError

    def get_form(self, data: Any) -> Any:
        """The form, bound to `data` unless that is None."""
        raise NotImplementedError

    def act(self, form: Any) -> str:
        """Calls the action; returns what to tell the person. Raises ValidationError."""
        raise NotImplementedError

    def effects_of(self, form: Any) -> Effects:
        """What would follow; where that is something, it is shown and asked to be confirmed before it is done."""
        return Effects()

    def foreseen(self) -> Effects:
        """What would follow whatever is typed: shown above the form from the beginning."""
        return Effects()

    def changes_of(self, form: Any) -> Sequence[FieldChange]:
        """What would change, value by value, for the preview."""
        return ()

    def check(self) -> None:
        """Raises NotPermittedError where the actor may not."""
        require(self.actor, self.permission, self.subject)

    def after(self) -> str:
        """Where to go when it is done, and when it is given up."""
        return str(self.subject.get_absolute_url())

    @property
    def heading(self) -> str:
        """The title with the object's name."""
        return f"{self.title}: {self.subject}"

    def breadcrumbs(self) -> Sequence[Link]:
        return [Link(str(self.subject), self.after())]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.actor = Actor.of(request)
        self.subject = self.get_subject()
        try:
            self.check()
            return super().dispatch(request, *args, **kwargs)
        except NotPermittedError as error:
            return refuse(request, error)

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self._show(request, self.get_form(None))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = self.get_form(request.POST)
        if form.is_valid():
            try:
                effects = self.effects_of(form)
                is_read = not effects.consequences or request.POST.get("confirmed") == effects.digest
                if request.POST.get("step") == "preview" or not is_read:
                    return self._preview(request, form, effects)
                messages.success(request, self.act(form))
                return redirect(self.after())
            except ValidationError as error:
                add_errors(form, error)
                self._look_again(form)
        return self._show(request, form, status=422)

    def _preview(self, request: HttpRequest, form: Any, effects: Effects) -> HttpResponse:
        """Acts and takes it back, so that whatever would be refused is refused now. Raises ValidationError."""
        changes = self.changes_of(form)
        with transaction.atomic():
            self.act(form)
            transaction.set_rollback(True)
        self.added = None
        return self._show(request, form, preview={"effects": effects, "changes": changes})

    def seen_now(self) -> dict[str, Any]:
        """The hidden inputs that say what the person looked at, as they would be now."""
        return {}

    def _look_again(self, form: Any) -> None:
        """After "somebody was faster" the person sees what stands now beside their input, and may send it again."""
        if form.has_error(NON_FIELD_ERRORS, code="conflict"):
            self.subject = self.get_subject()
            form.data = form.data.copy()
            if "seen" in form.cleaned_data and self.subject is not None:
                self.conflict = conflict_of(form, self.subject, form.cleaned_data["seen"])
            for name, value in self.seen_now().items():
                form.data[name] = value

    def _show(self, request: HttpRequest, form: Any, *, status: int = 200, **more: Any) -> HttpResponse:
        context = {
            "view": self, "form": form, "subject": self.subject, "cancel_url": self.after(),
            "breadcrumbs": self.breadcrumbs(), "conflict": self.conflict,
        }  # fmt: skip
        return render(request, self.template_name, context | more, status=status)
