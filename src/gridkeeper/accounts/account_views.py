"""A person's own pages: profile, identities, tokens, sessions, and the end of the account."""

from datetime import timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from gridkeeper.accounts import pending
from gridkeeper.accounts.forms import ProfileForm, ReasonForm, TokenForm
from gridkeeper.accounts.guards import ask_again, fresh_to_post, is_fresh
from gridkeeper.accounts.limits import check_limits, limits_of_roles
from gridkeeper.people.actor import Actor
from gridkeeper.people.certificates import is_offered
from gridkeeper.people.deletion import delete_person
from gridkeeper.people.identities import add_identity, confirm_identity, unlink_identity
from gridkeeper.people.models import Identity, Token, User
from gridkeeper.people.profile import edit_profile
from gridkeeper.people.proofs import configured_issuer
from gridkeeper.people.tokens import create_token, revoke_token

_read_and_write = require_http_methods(["GET", "HEAD", "POST"])


@never_cache
@login_required
@_read_and_write
def profile(request: HttpRequest) -> HttpResponse:
    """What the person says of themselves, and what else there is to manage."""
    person = _person(request)
    form = ProfileForm(request.POST if request.method == "POST" else None, person=person)
    if request.method == "POST" and form.is_valid():
        try:
            edit_profile(Actor.of(request), user=person, changes=form.cleaned_data, now=timezone.now())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, "Your profile is saved.")
            return redirect("account")
    context = {"form": form, "person": person, "tab": "profile", "history": person.history.all()[:20]}
    return render(request, "account/account.html", context, status=422 if form.errors else 200)


@never_cache
@login_required
@_read_and_write
def identities(request: HttpRequest) -> HttpResponse:
    """By what the person signs in; a POST links, confirms or unlinks."""
    person, now = _person(request), timezone.now()
    if request.method == "POST":
        if not is_fresh(request):
            return ask_again(request, request.path)
        try:
            _change_identities(request, person)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        return redirect("account_identities")
    context = {
        "tab": "identities", "person": person, "identities": person.identities.all(),
        "proved": pending.kept(request, now),
        "has_second_factor": Authenticator.objects.filter(user=person, type=Authenticator.Type.TOTP).exists(),
        "takes_certificates": is_offered(), "issuer": configured_issuer(),
    }  # fmt: skip
    return render(request, "account/identities.html", context)


def _change_identities(request: HttpRequest, person: User) -> None:
    actor, now = Actor.of(request), timezone.now()
    if request.POST.get("do") == "link":
        _link_proved(request, actor, person)
        return
    wanted = request.POST.get("identity", "")
    identity = get_object_or_404(Identity, pk=int(wanted) if wanted.isdecimal() else 0, user=person)
    if request.POST.get("do") == "confirm":
        confirm_identity(actor, identity=identity, now=now)
        messages.success(request, f"{identity.identifier} opens your account from now on.")
    elif request.POST.get("do") == "unlink":
        unlink_identity(actor, identity=identity)
        messages.success(request, f"{identity.identifier} opens nothing any more.")


def _link_proved(request: HttpRequest, actor: Actor, person: User) -> None:
    """What was proved before the person signed in otherwise; the button is the confirmation."""
    now = timezone.now()
    claim = pending.kept(request, now)
    if claim is None:
        raise ValidationError("What you had proved was too long ago; sign in with it once more.")
    identity = add_identity(actor, user=person, claim=claim, now=now)
    confirm_identity(actor, identity=identity, now=now)
    pending.drop(request)
    messages.success(request, f"{identity.identifier} opens your account from now on.")


@never_cache
@login_required
@_read_and_write
def tokens(request: HttpRequest) -> HttpResponse:
    """The person's tokens; a POST makes one or revokes one."""
    person = _person(request)
    if request.method == "POST" and request.POST.get("do") == "revoke":
        wanted = request.POST.get("token", "")
        token = get_object_or_404(Token, pk=int(wanted) if wanted.isdecimal() else 0, user=person)
        revoke_token(Actor.of(request), token=token, now=timezone.now())
        messages.success(request, f"The token {token.name} opens nothing any more.")
        return redirect("account_tokens")
    form = TokenForm(
        request.POST if request.method == "POST" else None, choices=limits_of_roles(person, timezone.now())
    )
    secret = _make_token(request, person, form) if form.is_bound and form.is_valid() else ""
    context = {
        "tab": "tokens", "person": person, "tokens": Token.objects.filter(user=person), "form": form, "secret": secret,
    }  # fmt: skip
    return render(request, "account/tokens.html", context, status=422 if form.errors else 200)


def _make_token(request: HttpRequest, person: User, form: TokenForm) -> str:
    """The secret, shown in this answer only: a redirect would have to keep it somewhere. "" with errors on the form."""
    now, days = timezone.now(), form.cleaned_data["days"]
    values: dict[str, Any] = {
        "name": form.cleaned_data["name"], "scopes": form.cleaned_data["scopes"], "limits": form.limits(),
        "expires_at": now + timedelta(days=days) if days else None,
    }  # fmt: skip
    try:
        check_limits(values["limits"])
        return create_token(Actor.of(request), user=person, now=now, **values)[1]
    except ValidationError as error:
        by_field = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        for name, texts in by_field.items():
            field = "further" if name == "limits" else name
            form.add_error(field if field in form.fields else None, texts)
        return ""


@never_cache
@login_required
@_read_and_write
def sessions(request: HttpRequest) -> HttpResponse:
    """Where the person is signed in; a POST ends one session, or all others."""
    person = _person(request)
    found = UserSession.objects.purge_and_list(person)
    if request.method == "POST":
        wanted = request.POST.get("session", "")
        ended = [each for each in found if not each.is_current() and (wanted == "others" or str(each.pk) == wanted)]
        for session in ended:
            session.end()
        messages.success(request, f"{len(ended)} session{'' if len(ended) == 1 else 's'} ended.")
        return redirect("account_sessions")
    context = {"tab": "sessions", "person": person, "sessions": sorted(found, key=lambda each: each.created_at)}
    return render(request, "account/sessions.html", context)


@never_cache
@login_required
@_read_and_write
@fresh_to_post
def delete(request: HttpRequest) -> HttpResponse:
    """The end of one's own account."""
    person = _person(request)
    form = ReasonForm(request.POST if request.method == "POST" else None, confirm=person.get_username())
    if form.is_bound and form.is_valid():
        try:
            delete_person(Actor.of(request), user=person, reason=form.cleaned_data["reason"], now=timezone.now())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            logout(request)
            messages.success(request, "Your account is deleted.")
            return redirect("/")
    context = {"tab": "profile", "person": person, "form": form, "roles": person.registry_roles.count(), "is_own": True}
    return render(request, "account/delete.html", context, status=422 if form.errors else 200)


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
