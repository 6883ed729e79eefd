"""The SDK: a plugin from one function keeps the protocol whatever its author does."""

import asyncio
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.status import RESULT_STATUSES, Status
from gridkeeper.probe import Failed, Item, Outcome, Range, Run, probe
from gridkeeper.probe.perfdata import parse_output
from gridkeeper.probe.testing import run, run_command

MANY, TOO_MANY = Range(0, 100), Range(0, 1000)


@dataclass(frozen=True)
class Arguments:
    host: str
    jobs: float = 12
    warning_jobs: Range = MANY
    critical_jobs: Range = TOO_MANY
    how: str = ""
    verbose: bool = False
    folder: Path | None = None


@probe(Arguments)
def check_queue(arguments: Arguments, run: Run) -> None:
    """Length of a queue."""
    run.stage("asking the batch system")
    if arguments.how == "sleep":
        time.sleep(30)
    if arguments.how == "bug":
        raise KeyError("queue")
    if arguments.how == "refused":
        raise ConnectionRefusedError(111, "Connection refused")
    if arguments.how == "failed":
        raise Failed("the queue is closed | for good", Status.WARNING)
    if arguments.how == "silent":
        return
    run.measure("jobs", arguments.jobs, warning=arguments.warning_jobs, critical=arguments.critical_jobs)
    run.say(f"{arguments.jobs:g} jobs wait on {arguments.host}")
    if arguments.verbose:
        run.detail("queue long: 12")


@probe(Arguments)
async def check_later(arguments: Arguments, run: Run) -> None:
    await asyncio.sleep(0)
    run.say("done")


@pytest.mark.parametrize(
    ("words", "status", "line"),
    [
        (["--jobs", "12"], "OK", "OK: 12 jobs wait on ce.example.org"),
        (["--jobs", "200"], "WARNING", "WARNING: jobs is 200, outside 100"),
        (["--jobs", "2000"], "CRITICAL", "CRITICAL: jobs is 2000, outside 1000"),
        (["--jobs", "200", "--warning-jobs", "300"], "OK", "OK: 200 jobs wait on ce.example.org"),
        (["--warning-jobs", "@0:20"], "WARNING", "WARNING: jobs is 12, inside 20"),
        (["--how", "failed"], "WARNING", "the queue is closed ¦ for good while asking the batch system"),
        (["--how", "refused"], "CRITICAL", "ConnectionRefusedError: [Errno 111] Connection refused while asking"),
        (["--how", "bug"], "UNKNOWN", "the probe itself failed while asking the batch system: KeyError: 'queue'"),
        (["--how", "silent"], "UNKNOWN", "the probe said nothing"),
        (["--how", "sleep", "-t", "0.1"], "CRITICAL", "no answer within 0.1 s while asking the batch system"),
        (["--jobs", "many"], "UNKNOWN", "argument --jobs: invalid float value: 'many'"),
        (["--warning-jobs", "20:10"], "UNKNOWN", "'20:10' is no range"),
        (["--timeout", "0"], "UNKNOWN", "give seconds above 0"),
        (["--what"], "UNKNOWN", "unrecognized arguments: --what"),
    ],
)
def test_every_way_to_end_is_said_in_the_protocol(words, status, line):
    said = run(check_queue, "-H", "ce.example.org", *words)
    assert (said.status.name, said.exit_code, said.problems) == (status, Status[status].value, ())
    assert line in said.summary


def test_the_host_is_asked_for():
    assert "-H/--host" in run(check_queue).summary


def test_what_was_measured_and_further_lines_come_through():
    said = run(check_queue, "-H", "ce", "--verbose")
    assert said.value("jobs") == 12
    assert said.text.splitlines()[1] == "queue long: 12"
    with pytest.raises(KeyError, match="measured are jobs"):
        said.value("slots")


def test_async_probes_run_as_well():
    assert run(check_later, "-H", "ce").summary == "OK: done"


def test_a_field_that_no_command_line_can_hold_is_refused_at_import():
    @dataclass(frozen=True)
    class Odd:
        where: dict

    with pytest.raises(TypeError, match="where"):
        probe(Odd)(lambda arguments, run: None)


def test_a_probe_is_a_program(tmp_path):
    program = tmp_path / "check_it.py"
    program.write_text(
        textwrap.dedent(
            """
            from dataclasses import dataclass
            from gridkeeper.probe import Run, probe

            @dataclass(frozen=True)
            class Arguments:
                url: str = "https://example.org"

            @probe(Arguments)
            def check_it(arguments: Arguments, run: Run) -> None:
                run.measure("time", 0.25, "s")
                run.say(f"{arguments.url} answers")

            if __name__ == "__main__":
                check_it.main()
            """
        )
    )
    said = run_command([program, "-u", "https://grid.example.org"])
    assert (said.status, said.summary, said.problems) == (Status.OK, "OK: https://grid.example.org answers", ())
    assert said.value("time") == 0.25


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("exit 7", "none of 0 to 3"),
        ("exit 0", "first line is empty"),
        ("echo fine; echo oops >&2", "standard error: oops"),
        ("echo 'fine | what'", "no 'label'=value"),
    ],
)
def test_the_harness_says_how_a_plugin_breaks_the_protocol(script, problem):
    assert any(problem in one for one in run_command(["/bin/sh", "-c", script]).problems)


def test_the_sdk_starts_quickly_because_it_imports_no_framework():
    code = "import sys, gridkeeper.probe; print(sorted({'django', 'pyarrow', 'msgspec', 'httpx'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


_texts = st.text(max_size=60)


@given(
    status=st.sampled_from(RESULT_STATUSES),
    summary=_texts,
    detail=st.lists(_texts, max_size=4),
    labels=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r|\x00"), min_size=1, max_size=9)
    ),
)
def test_whatever_is_said_reads_back(status, summary, detail, labels):
    """What one end writes, the other reads: no text can smuggle a line or a value in."""
    items = tuple(Item(label, 1.5, "s", Range(0, 2)) for label in labels)
    read = parse_output(str(Outcome(status, summary, tuple(detail), items)))
    assert read.items == items
    assert 1 <= len(read.text.split("\n")) <= 1 + len(detail)
    assert read.summary.startswith(f"{status.name}:")
