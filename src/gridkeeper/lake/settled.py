"""Which days' change points can be trusted.

The file of a day's runs bears in its name a digest of the results' files that it was computed from. Runs are used
only while that digest fits: whatever crashed or came late in between, runs never lie.
"""

import hashlib
from collections.abc import Iterable
from datetime import date

from gridkeeper.lake.store import LakeFile, Snapshot


def results_digest(files: Iterable[LakeFile]) -> str:
    """Names a set of files, in any order.

    >>> results_digest([])
    'e3b0c44298fc1c14'
    """
    paths = "\n".join(sorted(file.path for file in files))
    return hashlib.sha256(paths.encode()).hexdigest()[:16]


def runs_name(results: Iterable[LakeFile]) -> str:
    """What the name of a runs file computed from those results begins with."""
    return f"runs-{results_digest(results)}"


def settled_runs(results: Snapshot, runs: Snapshot, day: date) -> list[LakeFile] | None:
    """The files of the day's runs, or None where the runs are missing or older than the results.

    Where the day has no results any more (they expired) its runs stand for them.
    """
    of_day = [file for file in runs.files if file.day == day]
    raw = [file for file in results.files if file.day == day]
    is_fitting = bool(of_day) and all(file.name.startswith(runs_name(raw)) for file in of_day)
    return of_day if is_fitting or (of_day and not raw) else None
