"""Who may do what to accounts: the person, and superusers."""

from typing import Any

import rules

from gridkeeper.people.models import User
from gridkeeper.people.permission import SWITCH_READ_ONLY


@rules.predicate  # type: ignore[untyped-decorator]
def is_self(user: User, subject: Any) -> bool:
    return isinstance(subject, User) and subject.pk == user.pk


for _name in ("edit_person", "manage_identities", "delete_person"):
    rules.add_perm(f"people.{_name}", is_self)
#: Whether the list of people is worth a link; what it shows is a matter of `registry.read_personal_data`.
rules.add_perm("people.see_others", rules.is_authenticated)
rules.add_perm(SWITCH_READ_ONLY, rules.always_false)
