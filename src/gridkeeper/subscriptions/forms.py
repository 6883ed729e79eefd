"""The form of a subscription."""

from typing import Any

from django import forms

from gridkeeper.registry.forms import PlainForm
from gridkeeper.registry.models import Ngi, ServiceGroup, ServiceType, Site
from gridkeeper.subscriptions.models import Channel
from gridkeeper.subscriptions.rules import GROUP_WORDS, GROUPS, KINDS
from gridkeeper.vos.models import Vo


def kind_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """The kinds by group."""
    return [
        (GROUP_WORDS[group], [(kind, words) for kind, words in KINDS.items() if kind.startswith(f"{group}.")])
        for group in GROUPS
    ]


def about_choices() -> list[tuple[str, Any]]:
    """What a subscription can be about, by kind of object: five queries."""

    def keyed(kind: str, model: Any) -> list[tuple[str, str]]:
        return [(f"{kind}:{key}", name) for key, name in model.objects.current().values_list("key", "name")]

    types = [(f"service_type:{name}", name) for name in ServiceType.objects.values_list("name", flat=True)]
    vos = [(f"vo:{name}", name) for name in Vo.objects.current().values_list("name", flat=True)]
    return [
        ("", "Everything"), ("Regions", keyed("ngi", Ngi)), ("VOs", vos), ("Service types", types),
        ("Service groups", keyed("service_group", ServiceGroup)), ("Sites", keyed("site", Site)),
    ]  # fmt: skip


class KindsForm(PlainForm):
    """What to be told of."""

    kinds = forms.MultipleChoiceField(
        label="Tell me when", choices=kind_choices, widget=forms.CheckboxSelectMultiple,
        help_text="Changes of roles name people; they are sent only to those whose role may read that.",
    )  # fmt: skip


class SubscriptionForm(KindsForm):
    """A new subscription."""

    about = forms.ChoiceField(
        choices=about_choices, required=False, help_text="The object and everything below it. One message per event."
    )
    channel = forms.ChoiceField(label="By", choices=Channel.choices, widget=forms.RadioSelect, initial=Channel.MAIL)
    target = forms.CharField(
        label="Address", required=False, max_length=500,
        help_text="Mail: empty for your account's address. Webhook: the https:// address that is called with JSON.",
    )  # fmt: skip
    field_order = ("about", "kinds", "channel", "target")
