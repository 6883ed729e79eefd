"""The values of a round trip: what is ordered, how far the job is, what each stage and each rider came to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any

from gridkeeper.probes.jobs.names import job_name
from gridkeeper.probes.native.check import Arguments, Outcome


class JobArguments(Arguments, frozen=True, kw_only=True):
    """What every job test takes; adapters add their own.

    requirements: handed to the computing element as they are, in its own language
    warning_queue_s: a job that waits longer before it runs makes the test WARNING
    critical_queue_s: a job that waits longer is stuck: it is removed, and the test is CRITICAL
    rider_s: longest run of one rider on the worker node
    """

    requirements: str = ""
    warning_queue_s: float | None = None
    critical_queue_s: float | None = None
    rider_s: int = 60


class Stage(StrEnum):
    """The stages of a round trip, in their order. A rider whose command is one of them is told how that stage went."""

    MATCH = "match"
    SUBMIT = "submit"
    WAIT = "wait"
    FETCH = "fetch"
    CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class Rider:
    """A test that rides in the job.

    metric: its name; probe: function of the payload; arguments: of that function
    """

    metric: str
    probe: str
    arguments: Any = None


@dataclass(frozen=True, slots=True)
class Order:
    """One job.

    token: told to the payload, which repeats it, so that output of another run is noticed
    ends_at: when the trip is over whatever happens, but for the removal
    """

    vo: str
    riders: tuple[Rider, ...]
    token: str
    ends_at: datetime
    rider_s: int = 60

    @property
    def name(self) -> str:
        """How the job is called at the computing element."""
        return job_name(self.token, self.ends_at)


class Phase(Enum):
    """How far a job is, in words that all kinds of computing elements share."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Progress:
    """word: the computing element's own for the state; reason: why it failed, "" otherwise."""

    phase: Phase
    word: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reported:
    """What the payload said of a test that rode in the job."""

    outcome: Outcome
    duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class StageEnd:
    """How a stage went."""

    outcome: Outcome
    duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What a round trip came to.

    whole: of the job from submission to output; None where the list match failed already
    stages: those that were reached, in their order
    riders: by metric, those that were reported; None where no output came back
    job: its identifier at the computing element, "" where it was not accepted
    """

    whole: Outcome | None
    stages: Mapping[Stage, StageEnd] = field(default_factory=dict)
    riders: Mapping[str, Reported] | None = None
    job: str = ""

    @property
    def match(self) -> Outcome:
        return self.stages[Stage.MATCH].outcome
