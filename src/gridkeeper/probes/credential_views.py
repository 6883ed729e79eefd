"""Pages of credentials: which there are, until when they last, who used them. Never what they are."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError, is_permitted, require
from gridkeeper.probes.credential_actions import add_credential, edit_credential, end_credential, renew_credential
from gridkeeper.probes.credential_attributes import Attributes
from gridkeeper.probes.credential_forms import CredentialEditForm, CredentialNewForm
from gridkeeper.probes.credential_rules import CredentialError, lifetime_status
from gridkeeper.probes.credential_store import attributes_of
from gridkeeper.probes.models import Credential, CredentialUse
from gridkeeper.probes.permissions import EDIT_CREDENTIAL
from gridkeeper.registry.action_pages import ActionPage, refuse
from gridkeeper.registry.forms import ReasonForm
from gridkeeper.vos.models import Vo
from gridkeeper.web.lists import Link

#: Uses that the page of a credential shows.
_USES = 50


def _mine(actor: Actor) -> list[Credential]:
    """Those that the reader keeps: who acts with what is nobody else's affair."""
    found = Credential.objects.select_related("vo", "secret").prefetch_related("tests")
    return [credential for credential in found if is_permitted(actor, EDIT_CREDENTIAL, credential.vo)]


def _may_add(actor: Actor) -> bool:
    if is_permitted(actor, EDIT_CREDENTIAL, None):
        return True
    return any(is_permitted(actor, EDIT_CREDENTIAL, vo) for vo in Vo.objects.current())


def _state(credential: Credential, now: datetime) -> tuple[Status, str]:
    secret = getattr(credential, "secret", None)
    if not credential.is_enabled or secret is None:
        return Status.MISSING, "ended" if secret is None else "switched off"
    return lifetime_status(
        credential.not_after, secret.issued_until, secret.failure, now=now, warning_days=14, critical_days=3
    )


def _attributes(credential: Credential) -> tuple[tuple[Attributes, ...], str]:
    """Of its newest proxy, and why they cannot be told."""
    try:
        return attributes_of(credential), ""
    except CredentialError as error:
        return (), str(error)


@require_safe
def credentials(request: HttpRequest) -> HttpResponseBase:
    """The credentials that the reader keeps."""
    actor, now = Actor.of(request), timezone.now()
    if not _may_add(actor):
        try:
            require(actor, EDIT_CREDENTIAL, None)
        except NotPermittedError as error:
            return refuse(request, error)
    rows = [(credential, *_state(credential, now), *_attributes(credential)) for credential in _mine(actor)]
    return render(request, "probes/credentials.html", {"rows": rows})


@require_safe
def credential(request: HttpRequest, credential_id: int) -> HttpResponseBase:
    """One credential: state, ends, uses."""
    found = get_object_or_404(Credential.objects.select_related("vo", "secret"), pk=credential_id)
    try:
        require(Actor.of(request), EDIT_CREDENTIAL, found.vo)
    except NotPermittedError as error:
        return refuse(request, error)
    status, words = _state(found, timezone.now())
    attributes, untold = _attributes(found)
    context = {
        "credential": found, "status": status, "words": words, "secret": getattr(found, "secret", None),
        "uses": CredentialUse.objects.filter(credential=found)[:_USES],
        "options": [(name, _lines(value)) for name, value in found.options.items() if name != "need"],
        "attributes": attributes, "untold": untold,
        "records": found.history.select_related("history_user").order_by("-history_id")[:20],
    }  # fmt: skip
    return render(request, "probes/credential.html", context)


def _lines(value: Any) -> list[Any]:
    """Of an option: servers and roles are several."""
    return value if isinstance(value, list) else [value]


class _CredentialPage(ActionPage):
    permission = EDIT_CREDENTIAL

    def get_subject(self) -> Any:
        return get_object_or_404(Credential.objects.select_related("vo"), pk=self.kwargs["credential_id"])

    def check(self) -> None:
        require(self.actor, self.permission, self.subject.vo)

    def after(self) -> str:
        return reverse("probes:credential", args=[self.subject.pk])

    def breadcrumbs(self) -> list[Link]:
        links = [Link("Tests", reverse("probes:tests")), Link("Credentials", reverse("probes:credentials"))]
        return [*links, Link(str(self.subject), self.after())] if self.subject else links


class CredentialNew(_CredentialPage):
    title, verb = "New credential", "Store it"
    consequence = (
        "Tests that need it are handed it by a private file for each run. It is stored encrypted, and shown to nobody."
    )
    added: Credential | None = None

    def get_subject(self) -> None:
        return None

    def check(self) -> None:
        if not _may_add(self.actor):
            require(self.actor, self.permission, None)

    @property
    def heading(self) -> str:
        return self.title

    def after(self) -> str:
        return reverse("probes:credential", args=[self.added.pk]) if self.added else reverse("probes:credentials")

    def get_form(self, data: Any) -> CredentialNewForm:
        return CredentialNewForm(data)

    def act(self, form: CredentialNewForm) -> str:
        given = {name: form.cleaned_data[name] for name in ("name", "vo", "kind", "options", "tests", "reason")}
        entered = form.entered()
        if entered is None:
            raise ValidationError({"secret": "Enter it."})
        self.added = add_credential(self.actor, **given, entered=entered, now=timezone.now())
        return f"{self.added} is stored."


class CredentialEdit(_CredentialPage):
    title, verb = "Edit", "Save changes"
    consequence = "Where no new secret is typed, the stored one stays."

    def get_form(self, data: Any) -> CredentialEditForm:
        return CredentialEditForm(data, credential=self.subject)

    def act(self, form: CredentialEditForm) -> str:
        edit_credential(
            self.actor, credential=self.subject, changes=form.changes(), tests=form.cleaned_data["tests"],
            entered=form.entered(), reason=form.cleaned_data["reason"], now=timezone.now(),
        )  # fmt: skip
        return f"{self.subject} is changed."


class CredentialEnd(_CredentialPage):
    title, verb, is_destructive = "End", "Forget the secret", True
    consequence = (
        "The secret and all that was made from it are deleted; tests that need it cannot run. Proxies and tokens that "
        "are out already stay valid until they end: have the robot's certificate revoked if it was stolen."
    )

    def get_form(self, data: Any) -> ReasonForm:
        return ReasonForm(data)

    def act(self, form: ReasonForm) -> str:
        end_credential(self.actor, credential=self.subject, reason=form.cleaned_data["reason"])
        return f"The secret of {self.subject} is forgotten."


@require_POST
def renew(request: HttpRequest, credential_id: int) -> HttpResponseBase:
    """Makes a proxy or gets a token now, and says how it went."""
    found = get_object_or_404(Credential.objects.select_related("vo"), pk=credential_id)
    try:
        until = renew_credential(Actor.of(request), credential=found, now=timezone.now())
    except NotPermittedError as error:
        return refuse(request, error)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, f"Renewed, until {until:%Y-%m-%d %H:%M} UTC." if until else "Renewed.")
    return redirect(reverse("probes:credential", args=[found.pk]))
