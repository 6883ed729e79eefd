"""Faults of the demo: what can be wrong, which sites have what from the start, and the file that holds it.

Faults act in the listeners and in the files that a job's payload reads, never in results. The file is read every half
second by the listeners, so that `gridkeeper demo-fault` changes a site while it runs.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from gridkeeper.demo.topology import PORTS, VO_SHARES, DemoSite, draw

log = structlog.get_logger(__name__)

FILE = "demo-faults.json"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault. scope: what may follow it after a colon: a service type, a VO, or nothing."""

    meaning: str
    scope: str = ""
    default: str = ""


KINDS: dict[str, Kind] = {
    "down": Kind("the whole site refuses every connection"),
    "refuse": Kind("a service refuses connections", "type", "SRM"),
    "hang": Kind("a service accepts connections and never answers", "type", "SE"),
    "slow": Kind("a service takes four seconds to answer", "type", "SRM"),
    "wrong": Kind("a service answers with something else", "type", "SRM"),
    "expired": Kind("the certificate of a service has expired", "type", "SRM"),
    "expiring": Kind("the certificate of a service expires in a week", "type", "SE"),
    "flapping": Kind("a service refuses connections for two minutes of every five", "type", "Site-BDII"),
    "jl": Kind("the CE matches no queue for a VO", "vo", "lhcb"),
    "js": Kind("the CE takes no jobs"),
    "ca": Kind("the CA certificates on the worker nodes are old"),
    "crl": Kind("the revocation lists on the worker nodes are old"),
    "csh": Kind("the worker nodes have no csh"),
    "rgma": Kind("the worker nodes lack the R-GMA configuration"),
    "swdir": Kind("the software directory of a VO is missing", "vo", "atlas"),
}

#: What the demo starts with: fault and how many of sixty sites have it. The first ones come first in a small demo.
PLAN: tuple[tuple[str, int], ...] = (
    ("down", 1), ("jl:lhcb", 5), ("js", 1), ("ca", 2), ("crl", 4), ("expired:SRM", 1), ("csh", 3), ("hang:SE", 1),
    ("swdir:atlas", 3), ("flapping:Site-BDII", 1), ("expiring:SE", 3), ("slow:SRM", 1), ("rgma", 2), ("wrong:SRM", 1),
    ("jl:dteam", 1), ("refuse:SRM", 1),
)  # fmt: skip


class FaultError(ValueError):
    """A fault or a site that does not exist; the message names those that do."""


def parse_fault(text: str) -> str:
    """A fault in its full form ("hang" becomes "hang:SE"). Raises FaultError."""
    name, _, scope = str(text).partition(":")
    kind = KINDS.get(name)
    if kind is None:
        raise FaultError(f"{text!r} is no fault; there are {', '.join(KINDS)}")
    allowed = {"type": tuple(PORTS), "vo": tuple(VO_SHARES), "": ()}[kind.scope]
    scope = scope or kind.default
    if scope and scope not in allowed:
        raise FaultError(f"{text!r}: after {name} comes {' or '.join(allowed) if allowed else 'nothing'}")
    return f"{name}:{scope}" if scope else name


def plan_faults(sites: Sequence[DemoSite]) -> dict[str, list[str]]:
    """Which site has which fault at the start: one at most, never the first site, so that much stays green.

    With sixty sites the numbers are those of PLAN, with others in proportion; a demo of few sites has the first kinds
    only, on half of its sites at most.
    """
    order = sorted(sites[1:], key=lambda site: draw(f"fault {site.name}"))
    faults: dict[str, list[str]] = {}
    for fault, of_sixty in PLAN:
        for _ in range(max(1, round(of_sixty * len(sites) / 60))):
            if len(faults) >= len(sites) // 2:
                return faults
            site = next((site for site in order if site.name not in faults and _fits(site, fault)), None)
            if site is not None:
                faults[site.name] = [fault]
    return faults


def _fits(site: DemoSite, fault: str) -> bool:
    scope = fault.partition(":")[2]
    return not scope or scope in site.vos or site.service(scope) is not None


def read_faults(folder: Path) -> dict[str, list[str]]:
    """The faults in force, by site; none where the file is not there. Raises FaultError where it makes no sense."""
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text())
        return {str(site): [parse_fault(text) for text in texts] for site, texts in found.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise FaultError(f"{path} cannot be read: {error}; correct it, or remove it to mend all sites") from error


class FaultsFile:
    """The faults in force, read anew whenever the file changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stamp: tuple[int, int] | None = None
        self._faults: Mapping[str, Sequence[str]] = {}

    def current(self) -> Mapping[str, Sequence[str]]:
        """What the file says; while somebody's edit of it makes no sense, what it said before."""
        path = self._folder / FILE
        found = path.stat() if path.exists() else None
        stamp = (found.st_mtime_ns, found.st_size) if found else None
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._faults = read_faults(self._folder)
            except FaultError as error:
                log.warning("the faults stay as they were", problem=str(error))
        return self._faults


def write_faults(folder: Path, faults: Mapping[str, Sequence[str]]) -> None:
    """Replaces the file as a whole, so that a reader never sees half of it."""
    partial = folder / f"{FILE}.partial"
    partial.write_text(json.dumps(dict(faults), indent=1, sort_keys=True))
    partial.replace(folder / FILE)


def change_fault(folder: Path, site: str, text: str, known: Sequence[str]) -> list[str]:
    """Adds a fault to a site, or with "clear" takes all away; returns what the site then has. Raises FaultError."""
    if site not in known:
        near = [name for name in known if site.lower() in name.lower()] or list(known)[:10]
        raise FaultError(f"there is no site {site!r} in this demo; there are {', '.join(near)} ...")
    faults = read_faults(folder)
    if text == "clear":
        faults.pop(site, None)
    else:
        faults[site] = sorted({*faults.get(site, []), parse_fault(text)})
    write_faults(folder, faults)
    return faults.get(site, [])
