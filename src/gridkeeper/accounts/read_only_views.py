"""The page that makes the installation read-only, and open to changes again."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from gridkeeper.accounts.forms import ReasonForm
from gridkeeper.accounts.guards import refusing
from gridkeeper.people.actor import Actor
from gridkeeper.people.models import ReadOnlyChange
from gridkeeper.people.permission import SWITCH_READ_ONLY, require
from gridkeeper.people.read_only_switch import switch_read_only


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@refusing
def read_only_switch(request: HttpRequest) -> HttpResponse:
    """The state, its log, and the switch."""
    actor = Actor.of(request)
    require(actor, SWITCH_READ_ONLY)
    changes = list(ReadOnlyChange.objects.all()[:20])
    is_on = bool(changes and changes[0].is_on)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            done = switch_read_only(actor, is_on=not is_on, reason=form.cleaned_data["reason"], now=timezone.now())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, "Read-only from now on." if done.is_on else "Open to changes again.")
            return redirect("read_only")
    context = {"form": form, "changes": changes, "is_on": is_on}
    return render(request, "account/read_only_switch.html", context, status=422 if form.errors else 200)
