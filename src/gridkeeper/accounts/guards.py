"""What stands before pages of accounts: a fresh proof of who it is, and refusals in words."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from gridkeeper.people.permission import NotPermittedError

_FRESH_FOR = timedelta(minutes=10)

View = Callable[..., HttpResponse]


def is_fresh(request: HttpRequest) -> bool:
    """True within ten minutes of a sign-in or a repeated password or code, by this session's person."""
    records = get_authentication_records(request, request.user)
    return any(timezone.now().timestamp() - float(record["at"]) < _FRESH_FOR.total_seconds() for record in records)


def ask_again(request: HttpRequest, back_to: str) -> HttpResponse:
    """To the page that asks for the password or a code; those who have neither sign in anew."""
    if get_reauthentication_flows(request.user):
        return redirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': back_to})}")
    messages.info(request, "For that, sign out and sign in again: it must be sure that it is you.")
    return redirect(back_to)


def fresh_to_post(view: View) -> View:
    """A POST to the page asks for the password again where the sign-in is old; reading it does not."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST" and request.user.is_authenticated and not is_fresh(request):
            return ask_again(request, request.path)
        return view(request, *args, **kwargs)

    return guarded


def refusing(view: View) -> View:
    """Shows what an action refuses as a page with status 403."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NotPermittedError as error:
            raise PermissionDenied(str(error)) from error

    return guarded
