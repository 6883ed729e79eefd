"""What a demo's folder says of itself: the file that makes a later start go on from an earlier one."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from gridkeeper.core.windows import as_utc, parse_time
from gridkeeper.demo.topology import DemoSite, build_sites

FILE = "demo.json"


class DemoError(Exception):
    """The demo cannot do what was asked; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class DemoState:
    """How many sites there are, where on loopback, since when, and how far their history has been written.

    sites: number of sites
    network: second byte of their addresses 127.N.x.y
    begun_at: the first start; planned downtimes and history are relative to it
    history_until: history is stored up to here; it is whole when this reaches begun_at
    """

    sites: int
    network: int
    begun_at: datetime
    history_until: datetime

    @property
    def has_history(self) -> bool:
        return self.history_until >= self.begun_at

    def build_sites(self) -> list[DemoSite]:
        return build_sites(self.sites, self.network)

    def with_history_until(self, moment: datetime) -> "DemoState":
        return replace(self, history_until=as_utc(moment))


def read_state(data_dir: Path) -> DemoState:
    """The state of the demo in that folder. Raises DemoError where there is none that can be read."""
    path = data_dir / FILE
    if not path.exists():
        raise DemoError(f"{data_dir} holds no demo; start one with `gridkeeper demo --data {data_dir}`")
    try:
        found = json.loads(path.read_text())
        return DemoState(
            sites=int(found["sites"]), network=int(found["network"]), begun_at=parse_time(found["begun_at"]),
            history_until=parse_time(found["history_until"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DemoError(f"{path} cannot be read: {error!r}; remove {data_dir} to begin anew") from error


def write_state(data_dir: Path, state: DemoState) -> None:
    """Replaces the file as a whole, so that a reader never sees half of it."""
    partial = data_dir / f"{FILE}.partial"
    fields = {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(state).items()
    }
    partial.write_text(json.dumps(fields, indent=1) + "\n")
    partial.replace(data_dir / FILE)
