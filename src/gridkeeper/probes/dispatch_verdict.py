"""What the replies of one round say together, in words that name who sees it otherwise. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from gridkeeper.probes.instances import Instance
from gridkeeper.probes.models import TestKind
from gridkeeper.probes.quorum import verdict
from gridkeeper.probes.running import Measured
from gridkeeper.probes.worker_line import Reply


def is_job(instance: Instance) -> bool:
    """A run that has effects of its own, and is never done twice to confirm it."""
    return instance.test.kind == TestKind.JOB or bool(instance.riders)


def together(instance: Instance, replies: Sequence[Reply], quorum: int, shortage: str) -> list[Measured]:
    """What the places say together, in the words of one that sees it so; the log has what each of them said."""
    if len(replies) == 1 and not shortage:
        return replies[0].measured
    items = [main_of(reply, instance) for reply in replies]
    status = verdict([item.outcome.status for item in items], quorum)
    chosen = next(item for item in items if item.outcome.status == status)
    others = [reply.worker for reply, item in zip(replies, items, strict=True) if item.outcome.status != status]
    remark = f" ({len(others)} of {len(items)} places see it otherwise: {', '.join(others)})" if others else ""
    lines = [
        f"{reply.worker}: {item.outcome.status.name} {item.outcome.summary}"
        for reply, item in zip(replies, items, strict=True)
    ]
    if shortage:
        lines.append(f"there were {shortage} that fit the test's rule")
    outcome = replace(
        chosen.outcome,
        summary=f"{chosen.outcome.summary}{remark}",
        output="\n".join(filter(None, [chosen.outcome.output, "[places]", *lines])),
    )
    rest = [item for item in replies[0].measured if item.key != instance.key]
    return [replace(chosen, outcome=outcome), *rest]


def main_of(reply: Reply, instance: Instance) -> Measured:
    """What the reply says of the instance itself, not of what rides in it."""
    return next((item for item in reply.measured if item.key == instance.key), reply.measured[0])
