"""The page that changes many services at once: those of the list as it is filtered, ticked one by one."""

from collections import Counter
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from gridkeeper.people.permission import NotPermittedError
from gridkeeper.registry.action_pages import ActionPage
from gridkeeper.registry.filters import ServiceFilter
from gridkeeper.registry.forms import PlainForm, reason_field
from gridkeeper.registry.models import Scope, Service
from gridkeeper.registry.object_bulk import edit_services
from gridkeeper.registry.object_effects import Effects, consequences_of_service_edit, doing
from gridkeeper.registry.permissions import sites_where
from gridkeeper.registry.queries import services_in_use
from gridkeeper.web.lists import Link

#: Services that one page offers at most.
MAX_OFFERED = 200
_SWITCH = (("", "Leave as it is"), ("on", "Switch on"), ("off", "Switch off"))


class BulkForm(PlainForm):
    """What changes, and of which services."""

    is_monitored = forms.ChoiceField(choices=_SWITCH, required=False, label="Monitored")
    in_production = forms.ChoiceField(
        choices=_SWITCH, required=False, label="In production", help_text="What is in production must be monitored."
    )
    notifications = forms.ChoiceField(choices=_SWITCH, required=False)
    add_scopes = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple, label="Add scopes")
    remove_scopes = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label="Take scopes away"
    )
    services = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)
    reason = reason_field()

    def __init__(self, data: Any, *, services: "QuerySet[Service]") -> None:
        self.offered = {each.key: each for each in services}
        super().__init__(data, initial={"services": list(self.offered)})
        choices = [(key, f"{each} ({each.site})") for key, each in self.offered.items()]
        self.fields["services"].choices = choices  # type: ignore[attr-defined]
        names = [(name, name) for name in Scope.objects.current().values_list("name", flat=True)]
        for field in ("add_scopes", "remove_scopes"):
            self.fields[field].choices = names  # type: ignore[attr-defined]

    def chosen(self) -> list[Service]:
        return [self.offered[key] for key in self.cleaned_data["services"]]

    def changes(self) -> dict[str, bool]:
        """The switches that are to be set."""
        wanted = {name: self.cleaned_data[name] for name in ("is_monitored", "in_production", "notifications")}
        return {name: word == "on" for name, word in wanted.items() if word}


class ServicesEdit(ActionPage):
    """Every change is previewed: nothing of many services is done by one click."""

    title, verb = "Edit several services", "Change the ticked services"
    consequence = "Those of the list as you had filtered it that you may edit. All of the ticked are changed, or none."
    template_name = "registry/services_edit.html"

    def get_subject(self) -> None:
        return None

    @property
    def heading(self) -> str:
        return self.title

    def check(self) -> None:
        self.sites = sites_where(self.actor, "edit_service")
        if not self.sites.exists():
            raise NotPermittedError(f"{self.actor.name} may edit no service; sign in, or ask for a role on a site")

    def found(self) -> "QuerySet[Service]":
        """The services of the filtered list that the person may edit."""
        mine = services_in_use().filter(site__in=self.sites)
        rows: QuerySet[Service] = ServiceFilter(self.request.GET, mine, now=timezone.now()).qs
        return rows.select_related("site", "service_type").order_by("site__name", "service_type__name", "hostname")

    def is_cut(self) -> bool:
        """True where more match than are offered."""
        return self.found().count() > MAX_OFFERED

    def get_form(self, data: Any) -> BulkForm:
        return BulkForm(data, services=self.found()[:MAX_OFFERED])

    def effects_of(self, form: BulkForm) -> Effects:
        chosen, changes = form.chosen(), form.changes()
        counts: Counter[str] = Counter()
        for service in chosen:
            counts.update(consequences_of_service_edit({name: getattr(service, name) for name in changes}, changes))
        said = [f"{len(chosen)} service{'s are' if len(chosen) != 1 else ' is'} changed."]
        said += [f"For {number} of them: {words[0].lower()}{words[1:]}" for words, number in counts.items()]
        for verb, scopes in (("gain", "add_scopes"), ("lose", "remove_scopes")):
            for name in form.cleaned_data[scopes]:
                touched = sum((name in each.scopes) == (verb == "lose") for each in chosen)
                said.append(doing(touched, "service", verb, f"the scope {name}."))
        return Effects(said, affected=[f"{each} ({each.site})" for each in chosen])

    def act(self, form: BulkForm) -> str:
        done = edit_services(
            self.actor,
            services=form.chosen(),
            changes=form.changes(),
            reason=form.cleaned_data["reason"],
            now=timezone.now(),
            add_scopes=form.cleaned_data["add_scopes"],
            remove_scopes=form.cleaned_data["remove_scopes"],
        )
        return f"{len(done)} service{'s are' if len(done) != 1 else ' is'} saved."

    def after(self) -> str:
        query = self.request.GET.urlencode()
        return f"{reverse('registry:services')}{'?' if query else ''}{query}"

    def breadcrumbs(self) -> list[Link]:
        return [Link("Services", self.after())]
