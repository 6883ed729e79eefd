"""The two usual kinds of action page: an edit of an object, and the addition of one below another."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from gridkeeper.registry.action_pages import ActionPage
from gridkeeper.registry.editing import version_of
from gridkeeper.registry.trail import FieldChange, text_of


class EditPage(ActionPage):
    """Edits one object; where somebody was faster nothing is overwritten."""

    form_class: Any
    verb = "Save changes"
    has_preview = True

    def get_form(self, data: Any) -> Any:
        return self.form_class(data, instance=self.subject, initial={"seen": version_of(self.subject)})

    def seen_now(self) -> dict[str, Any]:
        return {"seen": version_of(self.subject)}

    def inputs(self, form: Any) -> dict[str, Any]:
        return {
            "changes": form.changes(), "reason": form.cleaned_data["reason"], "seen": form.cleaned_data["seen"],
            "now": timezone.now(),
        }  # fmt: skip

    def changes_of(self, form: Any) -> Sequence[FieldChange]:
        before = {name: getattr(self.subject, name) for name in form.changes()}
        return [
            FieldChange(_label(form, name), text_of(before[name]), text_of(value))
            for name, value in form.changes().items()
            if before[name] != value
        ]


class AddPage(ActionPage):
    """Adds an object below the subject, which is None for what lies below nothing."""

    form_class: Any
    has_preview = True
    #: Where it is given up, where there is no subject.
    home = ""

    def get_subject(self) -> Any:
        return None

    def get_form(self, data: Any) -> Any:
        return self.form_class(data)

    @property
    def heading(self) -> str:
        return f"{self.title}: {self.subject}" if self.subject is not None else self.title

    def after(self) -> str:
        return str((self.added or self.subject).get_absolute_url())

    def inputs(self, form: Any) -> dict[str, Any]:
        given = {"values": form.changes(), "reason": form.cleaned_data["reason"], "now": timezone.now()}
        return given | ({"scopes": form.cleaned_data["scopes"]} if "scopes" in form.cleaned_data else {})

    def changes_of(self, form: Any) -> Sequence[FieldChange]:
        given = form.changes() | {name: form.cleaned_data[name] for name in ("scopes",) if name in form.cleaned_data}
        return [
            FieldChange(_label(form, name), "", text_of(value))
            for name, value in given.items()
            if value not in ("", None, [], {})
        ]


def _label(form: Any, name: str) -> str:
    return str(form.fields[name].label or name.replace("_", " ").capitalize()) if name in form.fields else name
