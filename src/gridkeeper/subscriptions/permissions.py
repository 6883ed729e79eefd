"""Subscriptions are personal: whoever is signed in may have their own, and change nobody else's."""

from typing import Any

import rules

from gridkeeper.people.models import User
from gridkeeper.subscriptions.models import Delivery, Subscription


@rules.predicate  # type: ignore[untyped-decorator]
def is_own(user: User, subject: Any) -> bool:
    """None stands for a new one of their own."""
    if isinstance(subject, Delivery | Subscription):
        return subject.user_id == user.pk
    return subject is None


rules.add_perm("subscriptions.change", is_own)
