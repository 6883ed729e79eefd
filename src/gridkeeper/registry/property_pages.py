"""The page of the properties of a site, service, endpoint or service group."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from gridkeeper.registry.action_pages import ActionPage
from gridkeeper.registry.editing import version_of
from gridkeeper.registry.models import Endpoint, Service, Site
from gridkeeper.registry.property_actions import require_edit, set_properties
from gridkeeper.registry.property_forms import PropertiesForm
from gridkeeper.registry.trail import FieldChange


class PropertiesOf(ActionPage):
    """`model` is given by the address."""

    model: Any = None
    title, verb, has_preview = "Edit the properties", "Save the properties", True
    consequence = (
        "Key and value, for clients that know them; feeds carry them as extensions and can be asked for (KEY=VALUE). "
        "Empty a key to take the property away."
    )
    template_name = "registry/properties.html"

    def get_subject(self) -> Any:
        return get_object_or_404(self.model, key=self.kwargs["key"])

    def check(self) -> None:
        require_edit(self.actor, self.subject)

    def get_form(self, data: Any) -> PropertiesForm:
        initial = {"seen": version_of(self.subject)}
        return PropertiesForm(data, properties=self.subject.properties, initial=initial)

    def seen_now(self) -> dict[str, Any]:
        return {"seen": version_of(self.subject)}

    def changes_of(self, form: PropertiesForm) -> list[FieldChange]:
        before, after = self.subject.properties, form.cleaned_data["properties"]
        return [
            FieldChange(key, before.get(key, ""), after.get(key, ""))
            for key in sorted({*before, *after})
            if before.get(key) != after.get(key)
        ]

    def act(self, form: PropertiesForm) -> str:
        given = {name: form.cleaned_data[name] for name in ("properties", "reason", "seen")}
        set_properties(self.actor, subject=self.subject, now=timezone.now(), **given)
        return "The properties are saved."

    def after(self) -> str:
        if isinstance(self.subject, Site):
            return reverse("portal:site_tab", args=[self.subject.key, "details"])
        if isinstance(self.subject, Service | Endpoint):
            service = self.subject.service if isinstance(self.subject, Endpoint) else self.subject
            return reverse("registry:service", args=[service.key])
        return str(self.subject.get_absolute_url())
