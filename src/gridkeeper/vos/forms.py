"""Forms of VOs."""

from typing import Any

from django import forms

from gridkeeper.registry.forms import EditForm, PlainForm, reason_field
from gridkeeper.vos.actions import VO_FIELDS
from gridkeeper.vos.models import Vo


class VoForm(EditForm):
    """The VO's entry."""

    class Meta:
        model = Vo
        fields = VO_FIELDS


class SupportForm(PlainForm):
    """Which VOs a service supports."""

    vos = forms.ModelMultipleChoiceField(
        Vo.objects.none(),
        label="VOs",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="A VO that is taken away does not see the service in its matrix and its good sites from now on.",
    )
    reason = reason_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["vos"].queryset = Vo.objects.current()  # type: ignore[attr-defined]
