"""Running a Nagios plugin: no shell, a clean environment, limits, and nobody left behind at the deadline.

Source of the protocol: Nagios plugin guidelines, "Plugin Return Codes". The processes are `probes.spawning`'s.
"""

import signal
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from gridkeeper.core.status import RESULT_STATUSES, Status
from gridkeeper.core.units import format_bytes
from gridkeeper.probes.native.check import Outcome
from gridkeeper.probes.perfdata import parse_output
from gridkeeper.probes.spawning import Raw, SpawnError, spawner


async def run_plugin(argv: Sequence[str], *, timeout_s: float, limit_bytes: int) -> Outcome:
    """Runs a plugin and reads its answer. Whatever goes wrong with it is UNKNOWN with the reason.

    timeout_s: after which it is killed; limit_bytes: kept of its output and of its errors
    """
    refusal = _refusal(argv)
    if refusal:
        return Outcome(Status.UNKNOWN, refusal)
    try:
        raw = await spawner().run(argv, timeout_s=timeout_s, limit_bytes=limit_bytes)
    except SpawnError as error:
        return Outcome(Status.UNKNOWN, f"{argv[0]} cannot be started: {error}")
    return _outcome(raw, limit_bytes)


def _refusal(argv: Sequence[str]) -> str:
    """Why this may not run; "" where it may."""
    if not argv or "\0" in "".join(argv):
        return "the test names no program, or an argument holds a zero byte"
    return _refusal_of(argv[0], tuple(settings.GRIDKEEPER.plugin_dirs))


@lru_cache(1024)
def _refusal_of(program: str, folders: tuple[Path, ...]) -> str:
    path = Path(program)
    if not path.is_absolute() or ".." in path.parts:
        return f"{program} is no absolute path; name the plugin with its folder"
    if not any(path.is_relative_to(folder) for folder in folders):
        names = ", ".join(map(str, folders))
        return f"{program} is not in a folder of plugins ({names}); see GRIDKEEPER_PLUGIN_DIRS"
    return ""


def _outcome(raw: Raw, limit_bytes: int) -> Outcome:
    """The plugin's answer as an outcome. Source: plugin guidelines; anything but 0 to 3 is UNKNOWN, with the reason."""
    output = parse_output(raw.stdout.decode(errors="replace"))
    stderr = raw.stderr.decode(errors="replace").strip()
    text = "\n".join([output.text, *_remarks(raw, limit_bytes, stderr, output.problems)])
    reason = _reason(raw)
    if reason:
        said = output.summary or stderr.partition("\n")[0]
        return Outcome(Status.UNKNOWN, f"{reason}{f'; it said: {said}' if said else ''}", text, output.perfdata)
    summary = output.summary or stderr.partition("\n")[0] or "(no output)"
    return Outcome(RESULT_STATUSES[raw.exit_status or 0], summary, text, output.perfdata)


def _remarks(raw: Raw, limit_bytes: int, stderr: str, problems: Sequence[str]) -> list[str]:
    """What we add to the plugin's own text."""
    remarks = []
    if raw.stdout_bytes > limit_bytes:
        remarks.append(f"… cut: {format_bytes(raw.stdout_bytes)} in all, {format_bytes(limit_bytes)} are kept")
    if stderr:
        remarks.append(f"[standard error]\n{stderr}")
    if problems:
        remarks.append(f"[performance data] {'; '.join(problems[:5])}")
    if raw.left:
        remarks.append(f"[left behind] {raw.left} of its processes outlived it and were killed")
    return remarks


def _reason(raw: Raw) -> str:
    """Why the answer counts for nothing; "" where it counts."""
    if raw.reason:
        return f"the plugin was killed: {raw.reason}"
    if raw.signal is not None:
        return f"the plugin was ended by {signal_name(raw.signal)}"
    if raw.exit_status not in range(4):
        return f"the plugin ended with status {raw.exit_status}, which is none of 0 to 3"
    return ""


def signal_name(number: int) -> str:
    """A signal in words; real-time signals have no name of their own.

    >>> signal_name(9), signal_name(40)
    ('signal SIGKILL', 'signal 40')
    """
    try:
        return f"signal {signal.Signals(number).name}"
    except ValueError:
        return f"signal {number}"
