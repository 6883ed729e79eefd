"""Which worker's own network seems broken: the one that sees failures which nobody else sees. Pure."""

from collections import defaultdict, deque
from dataclasses import dataclass, field

#: Of its last `_WINDOW` opinions a worker in doubt was alone with `_ALONE`, on at least `_HOSTS` hosts: one host that
#: lets it not in is that host's affair.
_WINDOW, _ALONE, _HOSTS = 8, 5, 3
#: Trials in a row that a worker in doubt must pass.
_TRIALS = 3


@dataclass(slots=True)
class _Record:
    opinions: deque[tuple[str, bool]] = field(default_factory=lambda: deque(maxlen=_WINDOW))
    doubt: str = ""
    passed: int = 0


class Doubts:
    """What is held against each worker, from comparisons alone."""

    def __init__(self) -> None:
        self._records: dict[str, _Record] = defaultdict(_Record)

    def is_doubted(self, worker: str) -> bool:
        return bool(self.reason(worker))

    def reason(self, worker: str) -> str:
        """Why its results do not count, in words; "" where they do."""
        record = self._records.get(worker)
        return record.doubt if record else ""

    def saw(self, worker: str, host: str, *, is_alone: bool) -> bool:
        """Notes an opinion: a good one, or a failure that nobody else sees. A failure that others see says nothing.

        Returns whether the worker has come into doubt by it.
        """
        record = self._records[worker]
        record.opinions.append((host, is_alone))
        hosts = {seen for seen, was_alone in record.opinions if was_alone}
        times = sum(was_alone for _, was_alone in record.opinions)
        if record.doubt or times < _ALONE or len(hosts) < _HOSTS:
            return False
        record.doubt = (
            f"{times} of its last {len(record.opinions)} runs failed where other workers see no failure "
            f"({', '.join(sorted(hosts)[:3])}): its own network seems broken"
        )
        record.passed = 0
        return True

    def tried(self, worker: str, *, has_passed: bool) -> bool:
        """Notes a trial of a worker in doubt, of a service that others find good; returns whether it is over."""
        record = self._records[worker]
        record.passed = record.passed + 1 if has_passed else 0
        if not record.doubt or record.passed < _TRIALS:
            return False
        self.forget(worker)
        return True

    def restore(self, worker: str, reason: str) -> None:
        """It was in doubt before a restart of ours."""
        self._records[worker].doubt = reason

    def forget(self, worker: str) -> None:
        """It begins anew, as after a restart."""
        self._records.pop(worker, None)
