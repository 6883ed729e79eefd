"""What a person's page of subscriptions shows."""

from collections.abc import Iterable

from django.db.models import Count, Max, Q, QuerySet

from gridkeeper.people.models import User
from gridkeeper.subscriptions.models import Delivery, DeliveryState, Subscription
from gridkeeper.subscriptions.touched import BY_KEY

_KINDS = {
    "ngi": "Region", "site": "Site", "service": "Service", "service_group": "Service group", "federation": "Federation",
    "vo": "VO", "service_type": "Service type",
}  # fmt: skip


def subscriptions_of(user: User) -> "QuerySet[Subscription]":
    """With `sent`, `failed` (numbers of deliveries) and `last_sent_at`."""
    return user.subscriptions.annotate(
        sent=Count("deliveries", filter=Q(deliveries__state=DeliveryState.SENT)),
        failed=Count("deliveries", filter=Q(deliveries__state=DeliveryState.GIVEN_UP)),
        last_sent_at=Max("deliveries__sent_at"),
    ).order_by("about", "channel", "pk")


def deliveries_of(user: User) -> "QuerySet[Delivery]":
    """Newest first, with what was told."""
    return Delivery.objects.filter(user=user).select_related("notice", "subscription")


def labels_of(abouts: Iterable[str]) -> dict[str, str]:
    """What each subscription is about in words: "site:2G0" -> "Site CERN-PROD". One query per kind of object."""
    wanted: dict[str, set[str]] = {}
    for about in abouts:
        kind, _, name = about.partition(":")
        wanted.setdefault(kind, set()).add(name)
    labels = {"": "Everything"}
    for kind, names in wanted.items():
        known = dict.fromkeys(names, "")
        if kind in BY_KEY:
            known |= {row.key: str(row) for row in BY_KEY[kind]._default_manager.filter(key__in=names)}
        labels |= {
            f"{kind}:{name}": f"{_KINDS.get(kind, kind)} {label or name}" for name, label in known.items() if kind
        }
    return labels
