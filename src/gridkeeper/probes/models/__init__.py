"""What is tested, for whom, from where, with what, and the latest status of every series."""

from gridkeeper.probes.models.causes import CauseRule, Reach
from gridkeeper.probes.models.credentials import Credential, CredentialKind, CredentialSecret, CredentialUse
from gridkeeper.probes.models.latest import Flapping, LatestStatus, PlaceStatus
from gridkeeper.probes.models.profiles import ProfileEntry
from gridkeeper.probes.models.running import EngineReport, Pause, RunRequest
from gridkeeper.probes.models.tests import CredentialNeed, Stage, Test, TestKind
from gridkeeper.probes.models.versions import TestVersion, Trial
from gridkeeper.probes.models.workers import Worker, WorkerState

__all__ = [
    "CauseRule",
    "Credential",
    "CredentialKind",
    "CredentialNeed",
    "CredentialSecret",
    "CredentialUse",
    "EngineReport",
    "Flapping",
    "LatestStatus",
    "Pause",
    "PlaceStatus",
    "ProfileEntry",
    "Reach",
    "RunRequest",
    "Stage",
    "Test",
    "TestKind",
    "TestVersion",
    "Trial",
    "Worker",
    "WorkerState",
]
