"""Lifetime of the credentials that tests act with: asks our own database, so it runs where the engine does."""

import asyncio
from datetime import UTC, datetime

from django.conf import settings
from django.db import DatabaseError, connections
from django.db.models import Q

from gridkeeper.core.status import Status
from gridkeeper.probes.credential_rules import lifetime_status
from gridkeeper.probes.models import Credential
from gridkeeper.probes.native.check import Arguments, Check, CheckFailedError, Outcome, Run, Target

_DAY_S = 86_400
#: Worst first.
_ORDER = (Status.CRITICAL, Status.WARNING, Status.OK)


class LifetimeArguments(Arguments, frozen=True, kw_only=True):
    """vo: whose credentials; "" those of no VO. warning_days, critical_days: left of what was entered"""

    vo: str = ""
    warning_days: float = 14
    critical_days: float = 3


def _rows(vo: str) -> list[Credential]:
    """The operations VO answers for those that belong to no VO, too: tests for all VOs act with either."""
    wanted = Q(vo__name=vo, vo__valid_until=None) if vo else Q(vo=None)
    if vo == settings.GRIDKEEPER.operations_vo:
        wanted |= Q(vo=None)
    try:
        return list(Credential.objects.filter(wanted, is_enabled=True).select_related("secret"))
    except DatabaseError as error:
        text = f"the credentials cannot be read here: {error}; run this test where the engine runs"
        raise CheckFailedError(Status.UNKNOWN, text) from error
    finally:
        connections.close_all()


async def _check(_target: Target, arguments: LifetimeArguments, run: Run) -> Outcome:
    with run.doing("reading which credentials there are"):
        rows = await asyncio.to_thread(_rows, arguments.vo)
    return judge(rows, arguments, datetime.now(UTC))


def judge(rows: list[Credential], arguments: LifetimeArguments, now: datetime) -> Outcome:
    """The worst of them first; a line and a figure of each."""
    if not rows:
        return Outcome(Status.OK, f"{arguments.vo or 'no VO'}: tests act with no credential")
    found, figures = [], []
    for row in rows:
        secret = getattr(row, "secret", None)
        if secret is None:
            found.append((Status.CRITICAL, f"{row.name}: it has no secret; enter one"))
            continue
        status, words = lifetime_status(
            row.not_after, secret.issued_until, secret.failure, now=now,
            warning_days=arguments.warning_days, critical_days=arguments.critical_days,
        )  # fmt: skip
        found.append((status, f"{row.name}: {words}"))
        if row.not_after is not None:
            limits = f"{arguments.warning_days * _DAY_S:g}:;{arguments.critical_days * _DAY_S:g}:"
            label = row.name.replace("'", "").replace("=", "-")
            figures.append(f"'{label}'={(row.not_after - now).total_seconds():.0f}s;{limits}")
    found.sort(key=lambda item: _ORDER.index(item[0]))
    worst, words = found[0]
    lines = "\n".join(f"{status.name} {text}" for status, text in found)
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return Outcome(worst, words + more, lines, " ".join(figures))


CHECKS: tuple[Check, ...] = (Check("credential-lifetime", LifetimeArguments, _check),)
