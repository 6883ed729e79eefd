"""All native checks by name: the basic ones and those of the installed packs."""

from functools import cache

from gridkeeper.probes.native import BASIC
from gridkeeper.probes.native.check import Check, CheckArgumentError
from gridkeeper.probes.packs import PackError, packs


@cache
def checks() -> dict[str, Check]:
    """Raises PackError where two have the same name."""
    known = dict(BASIC)
    for pack in packs().values():
        for check in pack.checks:
            if check.name in known:
                raise PackError(f"pack {pack.name}: there is a check {check.name!r} already; rename it")
            known[check.name] = check
    return known


def check_named(name: str) -> Check:
    """Raises CheckArgumentError that lists what there is."""
    found = checks().get(name)
    if found is None:
        raise CheckArgumentError(f"there is no native check {name!r}; there are {', '.join(sorted(checks()))}")
    return found
