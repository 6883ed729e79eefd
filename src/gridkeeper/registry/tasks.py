"""What comes back by itself in the registry."""

from datetime import datetime, timedelta

from gridkeeper.bus.locks import only_one
from gridkeeper.bus.periodic import Periodic
from gridkeeper.registry.recurrences import make_occurrences
from gridkeeper.registry.role_actions import expire_roles


def make_downtimes(now: datetime) -> None:
    """The occurrences of recurring downtimes that have come within the horizon."""
    with only_one("recurring-downtimes") as is_mine:
        if is_mine:
            make_occurrences(now)


def end_roles(now: datetime) -> None:
    """Roles whose time is over."""
    with only_one("expired-roles") as is_mine:
        if is_mine:
            expire_roles(now)


PERIODIC = [
    Periodic("registry: recurring downtimes", timedelta(minutes=10), make_downtimes),
    Periodic("registry: expired roles", timedelta(minutes=10), end_roles),
]
