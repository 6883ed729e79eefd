"""A person's own page: time zone and API tokens."""

from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views import View

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import Token, User
from gridkeeper.people.tokens import SCOPES, create_token, revoke_token


class TokenForm(forms.Form):
    """What a new token is for and what it may do."""

    name = forms.CharField(
        max_length=100,
        widget=forms.TextInput(attrs={"class": "form-control"}),
        help_text="What it is for, e.g. nightly probe.",
    )
    scopes = forms.MultipleChoiceField(
        widget=forms.SelectMultiple(attrs={"class": "form-select"}),
        choices=[(scope, "everything that you may do" if scope == "*" else scope) for scope in SCOPES],
        help_text="The less the better: probes.submit_results is enough to send results.",
    )
    days = forms.IntegerField(
        label="Valid for (days)",
        min_value=0,
        max_value=3650,
        initial=365,
        widget=forms.NumberInput(attrs={"class": "form-control"}),
        help_text="0: it never expires.",
    )


class TimezoneForm(forms.ModelForm):  # type: ignore[type-arg]
    """In which zone times are shown."""

    class Meta:
        model = User
        fields = ["timezone"]

    def clean_timezone(self) -> str:
        name: str = self.cleaned_data["timezone"].strip()
        if name and name not in available_timezones():
            raise ValidationError(f"{name!r} is no IANA time zone; write one like Europe/Rome, or leave it empty")
        return name


class AccountView(LoginRequiredMixin, View):
    """Shows the page; a POST does the one thing that its `do` names."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        match request.POST.get("do"):
            case "make":
                return self._make(request)
            case "revoke":
                return self._revoke(request)
            case "timezone":
                return self._set_timezone(request)
        return self._page(request, status=400)

    def _page(self, request: HttpRequest, status: int = 200, **extra: Any) -> HttpResponse:
        context = {
            "tokens": Token.objects.filter(user=_person(request)),
            "token_form": TokenForm(),
            "timezone_form": TimezoneForm(instance=_person(request)),
            "now": timezone.now(),
        }
        return render(request, "account/account.html", context | extra, status=status)

    def _make(self, request: HttpRequest) -> HttpResponse:
        form = TokenForm(request.POST)
        if not form.is_valid():
            return self._page(request, status=422, token_form=form)
        now, days = timezone.now(), form.cleaned_data["days"]
        _token, secret = create_token(
            Actor.of(request),
            user=_person(request),
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            expires_at=now + timedelta(days=days) if days else None,
            now=now,
        )
        # Shown in this answer only: a redirect would have to keep it somewhere.
        return self._page(request, secret=secret)

    def _revoke(self, request: HttpRequest) -> HttpResponse:
        wanted = request.POST.get("token", "")
        token = get_object_or_404(Token, pk=int(wanted) if wanted.isdigit() else 0, user=_person(request))
        revoke_token(Actor.of(request), token=token, now=timezone.now())
        messages.success(request, f"The token {token.name} opens nothing any more.")
        return redirect("account")

    def _set_timezone(self, request: HttpRequest) -> HttpResponse:
        form = TimezoneForm(request.POST, instance=_person(request))
        if not form.is_valid():
            return self._page(request, status=422, timezone_form=form)
        with transaction.atomic():
            form.save()
        messages.success(request, "Times are shown in that zone from now on.")
        return redirect("account")


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
