"""Who is who: the list of people and the page of one. Personal data is shown to those whose role may read it only."""

from typing import Any

import django_tables2 as tables
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods, require_safe

from gridkeeper.accounts.forms import ReasonForm
from gridkeeper.accounts.guards import fresh_to_post, refusing
from gridkeeper.people.actor import Actor
from gridkeeper.people.deletion import delete_person, is_deleted
from gridkeeper.people.models import User
from gridkeeper.people.permission import is_permitted, require
from gridkeeper.registry.models import RoleGrant
from gridkeeper.web.filters import ListFilter
from gridkeeper.web.lists import Empty, ListView
from gridkeeper.web.tables import ListTable, NumberColumn

READ = "registry.read_personal_data"


class PeopleFilter(ListFilter):
    """People."""

    search_fields = ("username", "first_name", "last_name", "email", "home_site")


class PeopleTable(ListTable):
    """People."""

    card_title = "last_name"
    card_facts = ("home_site", "role_count")
    last_name = tables.Column(verbose_name="Name", order_by=("last_name", "first_name", "username"), empty_values=())
    username = tables.Column(verbose_name="User name")
    email = tables.Column(verbose_name="Mail")
    home_site = tables.Column()
    role_count = NumberColumn(verbose_name="Roles")

    def render_last_name(self, record: User) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("person", args=[record.key]), record.full_name)


class PeopleList(LoginRequiredMixin, ListView):
    """Everybody with an account, for those who may read personal data."""

    title = "People"
    lead = "Everybody with an account. You see this because one of your roles may read personal data."
    nouns = ("person", "people")
    filterset_class = PeopleFilter
    table_class = PeopleTable
    search_hint = "Name, mail address or site"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not is_permitted(Actor.of(request), READ):
            return render(request, "account/people_closed.html", status=403)
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> "QuerySet[User]":
        return User.objects.filter(is_active=True)

    def decorated(self, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        in_force = RoleGrant.objects.in_force(self.now)
        counted = Count("registry_roles", filter=Q(registry_roles__in=in_force), distinct=True)
        counted_rows: QuerySet[Any] = rows.annotate(role_count=counted)
        return counted_rows

    def empty(self) -> Empty:
        return Empty("Nobody is called so", "Search by a part of the name, the mail address or the site.")


@login_required
@require_safe
def person(request: HttpRequest, key: str) -> HttpResponse:
    """One person: how to reach them, and what they are responsible for."""
    found = get_object_or_404(User, key=key)
    actor, now = Actor.of(request), timezone.now()
    is_self = found == request.user
    if not is_self and not is_permitted(actor, READ):
        return render(request, "account/people_closed.html", status=403)
    grants = RoleGrant.objects.in_force(now).filter(user=found)
    context = {
        "person": found, "is_self": is_self, "is_deleted": is_deleted(found),
        "roles": grants.select_related("site", "ngi", "federation", "service_group").order_by("role"),
        "may_delete": not is_deleted(found) and is_permitted(actor, "people.delete_person", found),
    }  # fmt: skip
    return render(request, "account/person.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@refusing
@fresh_to_post
def delete(request: HttpRequest, key: str) -> HttpResponse:
    """Deletes somebody's account; for superusers."""
    found, actor = get_object_or_404(User, key=key), Actor.of(request)
    require(actor, "people.delete_person", found)
    if found == request.user:
        return redirect("account_delete")
    form = ReasonForm(request.POST if request.method == "POST" else None, confirm=found.get_username())
    if form.is_bound and form.is_valid():
        try:
            gone = delete_person(actor, user=found, reason=form.cleaned_data["reason"], now=timezone.now())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, f"The account is deleted; it is called {gone.full_name} from now on.")
            return redirect("people")
    context = {"person": found, "form": form, "roles": found.registry_roles.count(), "is_own": False}
    return render(request, "account/delete.html", context, status=422 if form.errors else 200)
