"""All native checks by name: the basic ones and those of the installed packs."""

from functools import cache

import structlog

from gridkeeper.probes.native.check import Check, CheckArgumentError
from gridkeeper.probes.packs import broken_packs, packs

log = structlog.get_logger(__name__)


@cache
def checks() -> dict[str, Check]:
    """Where two have the same name, the first one stands, and the log says so."""
    from gridkeeper.probes.native.basic import BASIC  # with all that the checks need: 0.4 s

    known = dict(BASIC)
    for pack in packs().values():
        for check in pack.checks:
            if check.name in known:
                log.error("there is a check of that name already; rename it", check=check.name, pack=pack.name)
            known.setdefault(check.name, check)
    return known


def check_named(name: str) -> Check:
    """Raises CheckArgumentError that lists what there is."""
    found = checks().get(name)
    if found is None:
        broken = "".join(f"; the pack {folder.name} cannot be used: {why}" for folder, why in broken_packs().items())
        raise CheckArgumentError(f"there is no native check {name!r}; there are {', '.join(sorted(checks()))}{broken}")
    return found
