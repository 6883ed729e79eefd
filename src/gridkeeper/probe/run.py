"""One run of a probe: what it found, stage by stage, and how that is said in the plugin protocol.

Source: Nagios plugin guidelines, "Plugin Output" and "Plugin Return Codes".
"""

from dataclasses import dataclass

from gridkeeper.core.status import RESULT_STATUSES, Status
from gridkeeper.probe.perfdata import LINE_LIMIT, Item, Range, is_alarming

#: Which status stands for a run that found several: the later one here wins (a failure is surer than a doubt).
_WORSE = (Status.OK, Status.WARNING, Status.UNKNOWN, Status.CRITICAL)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run comes to. summary: the first line; detail: further lines; items: what was measured."""

    status: Status
    summary: str
    detail: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()

    def __post_init__(self) -> None:
        if self.status not in RESULT_STATUSES:
            raise ValueError(f"a test reports {', '.join(s.name for s in RESULT_STATUSES)}, not {self.status.name}")

    def __str__(self) -> str:
        """As a plugin prints it. A bar in a text would begin performance data, so it becomes a broken one.

        >>> print(Outcome(Status.WARNING, "12 jobs wait", ("on ce|1",), (Item("jobs", 12),)))
        WARNING: 12 jobs wait | jobs=12
        on ce¦1
        """
        first = f"{self.status.name}: {_one_line(self.summary)}"
        measured = " ".join(map(str, self.items))
        lines = [f"{first} | {measured}" if measured else first, *map(_one_line, self.detail)]
        return "\n".join(lines)


def _one_line(text: str) -> str:
    # a lone half of a surrogate pair, as file names of odd encodings have, could not be printed
    plain = text.encode(errors="replace").decode().replace("|", "¦").replace("\x00", "\ufffd")
    return " ".join(plain.split())[: LINE_LIMIT // 2]


class Run:
    """What a probe says while it runs. The status is the worst of all that was said."""

    def __init__(self) -> None:
        self.current_stage = ""
        self._statuses: list[Status] = []
        self._summaries: dict[Status, list[str]] = {}
        self._detail: list[str] = []
        self._items: list[Item] = []

    def stage(self, words: str) -> None:
        """Names what is done now; a time-out or an error says so: "while asking the batch system"."""
        self.current_stage = words

    def say(self, text: str, status: Status = Status.OK) -> None:
        """A fact for the first line. Only what was said with the run's final status stands there, else all OK facts."""
        if status not in RESULT_STATUSES:
            raise ValueError(f"a test reports {', '.join(s.name for s in RESULT_STATUSES)}, not {status.name}")
        self._statuses.append(status)
        self._summaries.setdefault(status, []).append(text)

    def detail(self, line: str) -> None:
        """A further line of the log."""
        self._detail.append(line)

    def measure(
        self,
        label: str,
        value: float | None,
        uom: str = "",
        *,
        warning: Range | None = None,
        critical: Range | None = None,
        minimum: float | None = None,
        maximum: float | None = None,
    ) -> Status:
        """A value with its unit (s ms us % B KB MB TB c, or none). Outside a range it raises the status; None: unknown.

        Returns the status that the value stands for.
        """
        self._items.append(Item(label, value, uom, warning, critical, minimum, maximum))
        status = _status_of(value, warning, critical)
        if status is not Status.OK:
            limits = critical if status is Status.CRITICAL else warning
            said = f"{label} is not known" if value is None else f"{label} is {value:g}{uom}, {_beyond(limits)}"
            self.say(said, status)
        return status

    def outcome(self) -> Outcome:
        """What the run comes to so far; a run that said nothing is UNKNOWN, since it proved nothing."""
        if not self._statuses and not self._items:
            return Outcome(Status.UNKNOWN, "the probe said nothing", tuple(self._detail))
        status = max(self._statuses, key=_WORSE.index, default=Status.OK)
        summary = "; ".join(self._summaries.get(status, [])) or ", ".join(map(str, self._items))
        others = [
            f"{other.name}: {text}"
            for other in reversed(_WORSE)
            for text in self._summaries.get(other, [])
            if other is not status
        ]
        return Outcome(status, summary, (*others, *self._detail), tuple(self._items))


def _beyond(limits: Range | None) -> str:
    """Where an alarming value lies; the @ of an inverted range becomes a word."""
    return f"{'inside' if limits and limits.is_inverted else 'outside'} {str(limits).removeprefix('@')}"


def _status_of(value: float | None, warning: Range | None, critical: Range | None) -> Status:
    if value is None:
        return Status.UNKNOWN
    if critical is not None and is_alarming(critical, value):
        return Status.CRITICAL
    if warning is not None and is_alarming(warning, value):
        return Status.WARNING
    return Status.OK
