"""The page of an action: permission, form, reason, errors that lose no input, and where it goes afterwards.

A subclass names the permission and the form, and calls one action. `gridkeeper.vos` uses it too.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views import View

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError, require
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
    template_name: ClassVar[str] = "registry/action.html"

    def get_subject(self) -> Any:
        """The object, from the URL; raises Http404."""
        raise NotImplementedError

    def get_form(self, data: Any) -> Any:
        """The form, bound to `data` unless that is None."""
        raise NotImplementedError

    def act(self, form: Any) -> str:
        """Calls the action; returns what to tell the person. Raises ValidationError."""
        raise NotImplementedError

    def check(self) -> None:
        """Raises NotPermittedError where the actor may not."""
        require(self.actor, self.permission, self.subject)

    def after(self) -> str:
        """Where to go when it is done, and when it is given up."""
        return str(self.subject.get_absolute_url())

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
                messages.success(request, self.act(form))
                return redirect(self.after())
            except ValidationError as error:
                add_errors(form, error)
                self._look_again(form)
        return self._show(request, form, status=422)

    def seen_now(self) -> dict[str, Any]:
        """The hidden inputs that say what the person looked at, as they would be now."""
        return {}

    def _look_again(self, form: Any) -> None:
        """After "somebody was faster" the person sees what stands now beside their input, and may send it again."""
        if form.has_error(NON_FIELD_ERRORS, code="conflict"):
            self.subject = self.get_subject()
            form.data = form.data.copy()
            for name, value in self.seen_now().items():
                form.data[name] = value

    def _show(self, request: HttpRequest, form: Any, *, status: int = 200) -> HttpResponse:
        context = {"view": self, "form": form, "subject": self.subject, "cancel_url": self.after()}
        return render(request, self.template_name, context | {"breadcrumbs": self.breadcrumbs()}, status=status)
