"""The workers as the scheduler knows them: who is there, in what state, with which runs. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from gridkeeper.probes.models import WorkerState
from gridkeeper.probes.place_rules import Candidate
from gridkeeper.probes.wire import Beat

#: Earlier starts of a worker that are remembered, so that an old sign of life is known for what it is.
_BOOTS = 20


@dataclass(slots=True)
class Member:
    """One worker.

    is_enabled: people let it work; is_ready: the bus has a place for its orders
    refusal: why nothing is given to it whatever its state, in words; "" where that is not so
    doubt: why its results do not count, for as long as they do not, lost meanwhile or not
    """

    name: str
    state: WorkerState = WorkerState.OK
    reason: str = ""
    public_key: str = ""
    is_enabled: bool = True
    is_ready: bool = False
    refusal: str = ""
    doubt: str = ""
    beat: Beat | None = None
    boots: list[str] = field(default_factory=list)
    in_flight: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a sign of life means.

    is_fresh: false for one that was overtaken, repeated or comes of an earlier start: it is forgotten
    is_new: the worker was not known, or came back; has_restarted: what it ran before is gone
    """

    is_fresh: bool
    is_new: bool = False
    has_restarted: bool = False


class Roster:
    """All workers by name. Changes of state are noted until `changes` takes them, for whoever stores them."""

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self._changed: dict[str, Member] = {}

    def member(self, name: str) -> Member:
        return self.members.setdefault(name, Member(name))

    def hear(self, beat: Beat) -> Heard:
        """Takes in a sign of life; one that is older than another that was heard changes nothing."""
        known = self.members.get(beat.worker)
        member = self.member(beat.worker)
        last = member.beat
        if last is not None and last.boot == beat.boot and beat.number <= last.number:
            return Heard(is_fresh=False)
        if beat.boot in member.boots[:-1]:
            return Heard(is_fresh=False)
        has_restarted = last is not None and last.boot != beat.boot
        if not member.boots or member.boots[-1] != beat.boot:
            member.boots = [*member.boots, beat.boot][-_BOOTS:]
        member.beat = beat
        self._identify(member, beat)
        if member.state == WorkerState.LOST:
            if member.doubt:
                self.set_state(member.name, WorkerState.SUSPECT, member.doubt)
            else:
                self.set_state(member.name, WorkerState.OK, "it is back")
        return Heard(True, is_new=known is None or last is None, has_restarted=has_restarted)

    def _identify(self, member: Member, beat: Beat) -> None:
        """A worker keeps the key that it first came with: whoever comes by its name with another gets no secrets."""
        member.public_key = member.public_key or beat.public_key
        is_other = beat.public_key != member.public_key
        why = "it came with another key than before; if that is right, let its old key be forgotten"
        if is_other and not member.refusal:
            self._changed[member.name] = member
        member.refusal = why if is_other else ""

    def set_state(self, name: str, state: WorkerState, reason: str) -> None:
        member = self.member(name)
        if (member.state, member.reason) != (state, reason):
            member.state, member.reason = state, reason
            self._changed[name] = member

    def doubt(self, name: str, reason: str) -> None:
        """What it says does not count until it is trusted again."""
        self.member(name).doubt = reason
        self.set_state(name, WorkerState.SUSPECT, reason)

    def trust(self, name: str, reason: str) -> None:
        self.member(name).doubt = ""
        self.set_state(name, WorkerState.OK, reason)

    def changes(self) -> list[tuple[str, WorkerState, str]]:
        """States that changed since the last call: name, state, reason."""
        found = [
            (one.name, WorkerState.SUSPECT, one.refusal) if one.refusal else (one.name, one.state, one.reason)
            for one in self._changed.values()
        ]
        self._changed.clear()
        return found

    def candidates(self, *, but: Iterable[str] = (), state: WorkerState = WorkerState.OK) -> list[Candidate]:
        """Workers in that state that may be given a run, without those named."""
        left_out = set(but)
        return [
            candidate_of(one)
            for one in self.members.values()
            if one.state == state and one.name not in left_out and is_available(one)
        ]


def is_available(member: Member) -> bool:
    """It is there, allowed to work, and has nothing against it."""
    beat = member.beat
    if beat is None or beat.trouble or beat.is_leaving:
        return False
    return member.is_enabled and member.is_ready and not member.refusal


def candidate_of(member: Member) -> Candidate:
    beat = member.beat
    if beat is None:
        return Candidate(member.name, is_free=False)
    is_free = len(member.in_flight) < beat.capacity
    return Candidate(member.name, beat.region, beat.network, frozenset(beat.vos), beat.labels, is_free)
