"""HTCondor-CE and DIRAC by recorded dialogues of their tools: what is asked, word by word, and how answers are read.

Recorded from the manuals: HTCondor 23 (condor_submit -spool -terse, condor_q -json, condor_transfer_data, condor_rm),
DIRAC 8 (dirac-wms-job-submit, -status, -get-output, -kill, -delete; dirac-admin-get-site-mask).
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from gridkeeper.core.status import Status
from gridkeeper.probes.jobs.adapters import adapter_named
from gridkeeper.probes.jobs.orders import Rider, Stage
from gridkeeper.probes.jobs.round_trip import run_job
from gridkeeper.probes.native import CheckArgumentError, Target
from gridkeeper.probes.native.check import Handed
from gridkeeper.probes.spawning import close_spawner
from tests.builders import NOW
from tests.realm import open_folder

_HOST, _POOL = "ce.example.org", "ce.example.org:9619"
_AT = ["-pool", _POOL, "-name", _HOST]
_ASKED = "JobStatus,HoldReason,RemoveReason,ExitCode,ExitBySignal,ExitSignal"
_OUTPUT = (
    '{"job":"TOKEN","mark":"begin","host":"wn1","time":1}\n'
    '{"metric":"CE-wn","status":0,"summary":"wn1.example.org","duration_ms":3}\n'
    '{"job":"TOKEN","mark":"end","host":"wn1","time":2}\n'
)
_SCHEDDS = json.dumps([{"Name": _HOST, "TotalRunningJobs": 12, "TotalIdleJobs": 3}])


def _exchange(*asked, **answer):
    return {"asked": [word if word.startswith("(?") else _literal(word) for word in asked], **answer}


def _literal(word):
    return "".join(f"\\{letter}" if letter in r".+*?()[]{}|^$\\" else letter for letter in word)


def _condor_state(**job):
    stdout = json.dumps([job]) if job else ""
    return _exchange("condor_q", "4711.0", *_AT, "-json", "-attributes", _ASKED, stdout=stdout)


CONDOR_MATCH = [
    _exchange("condor_status", "-schedd", "-pool", _POOL, "-json", "-attributes",
              "Name,TotalRunningJobs,TotalIdleJobs", stdout=_SCHEDDS),
    _exchange("condor_ping", *_AT, "-type", "SCHEDD", "WRITE", stdout="WRITE command using (AES, SSL) succeeded\n"),
]  # fmt: skip
CONDOR_SUBMIT = [
    *CONDOR_MATCH,
    _exchange("condor_submit", "-spool", "-terse", "-pool", _POOL, "-remote", _HOST, "(?:/.*/job\\.sub)",
              stdout="4711.0 - 4711.0\n"),
]  # fmt: skip
CONDOR_END = _exchange("condor_rm", *_AT, "4711.0", stdout="Job 4711.0 marked for removal\n")
CONDOR_FETCH = _exchange("condor_transfer_data", *_AT, "4711.0", stdout="Fetching data files...\n",
                         files={"stdout.txt": _OUTPUT})  # fmt: skip

_MASK = "LCG.CERN.ch\nLCG.CNAF.it\n"
_DIRAC_STATES = [
    "JobID=12345 Status=Waiting; MinorStatus=Pilot Agent Submission; Site=LCG.CERN.ch;\n",
    "JobID=12345 Status=Running; MinorStatus=Application; Site=LCG.CERN.ch;\n",
    "JobID=12345 Status=Done; MinorStatus=Execution Complete; Site=LCG.CERN.ch;\n",
]
DIRAC_SUBMIT = [
    _exchange("dirac-admin-get-site-mask", stdout=_MASK),
    _exchange("dirac-wms-job-submit", "(?:/.*/job\\.jdl)", stdout="JobID = 12345 \n"),
]
DIRAC_END = [
    _exchange("dirac-wms-job-kill", "12345", stdout="Killed jobs 12345\n"),
    _exchange("dirac-wms-job-delete", "12345", stdout="Deleted jobs 12345\n"),
]


def _dirac_state(text):
    return _exchange("dirac-wms-job-status", "12345", stdout=text)


@pytest.fixture
async def ce(settings):
    """Sends a job to a computing element whose tools follow a dialogue; at the end it must be over."""
    folder = Path(tempfile.mkdtemp(prefix="gridkeeper-replay-"))
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"plugin_dirs": [folder], "denied_networks": []})

    async def run(kind, dialogue, *, timeout_s=60.0, credential=None, **arguments):
        _lay_out(folder, dialogue)
        adapter = adapter_named(kind)
        done = await run_job(
            adapter, Target(_HOST, "127.0.0.1"), adapter.arguments(tools=str(folder), **arguments), vo="lhcb",
            riders=[Rider("CE-wn", "wn")], timeout_s=timeout_s, now=NOW, credential=credential,
        )  # fmt: skip
        assert int((folder / "position").read_text()) == len(dialogue), done
        return done, folder

    yield run
    close_spawner()
    shutil.rmtree(folder)


def _lay_out(folder, dialogue):
    """Tools run as nobody: what they read must be open to them, what they write theirs."""
    folder.chmod(0o777)
    program = (Path(__file__).parent / "replay.py").read_text().partition("\n")[2]
    for name in {exchange["asked"][0].replace("\\", "") for exchange in dialogue}:
        (folder / name).write_text(f"#!{_python()} -I\n{program}")
        (folder / name).chmod(0o755)
    (folder / "dialogue.json").write_text(json.dumps(dialogue))
    (folder / "position").write_text("0")
    for name in ("dialogue.json", "position"):
        (folder / name).chmod(0o666)


def _python():
    """One that nobody may run."""
    return shutil.which("python3", path="/usr/bin:/bin") or sys.executable


@pytest.fixture
def own_place(monkeypatch):
    """Where folders of runs are made: no other test makes any there."""
    with open_folder() as folder:
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        yield folder


@pytest.mark.parametrize(
    ("kind", "arguments", "dialogue", "job", "states"),
    [
        (
            "htcondor-ce", {},
            [*CONDOR_SUBMIT, _condor_state(JobStatus=1), _condor_state(JobStatus=2),
             _condor_state(JobStatus=4, ExitCode=0), CONDOR_FETCH, CONDOR_END],
            "4711.0", ["idle", "running", "completed"],
        ),
        (
            "dirac", {"site": "LCG.CERN.ch"},
            [*DIRAC_SUBMIT, *map(_dirac_state, _DIRAC_STATES),
             _exchange("dirac-wms-job-get-output", "-D", "(?:/.*/gridkeeper-job-.*)", "12345",
                       files={"12345/stdout.txt": _OUTPUT}), *DIRAC_END],
            "12345", ["Waiting, Pilot Agent Submission", "Running, Application", "Done, Execution Complete"],
        ),
    ],
)  # fmt: skip
async def test_a_whole_round_trip(ce, own_place, kind, arguments, dialogue, job, states):
    done, _ = await ce(kind, dialogue, **arguments)
    assert done.whole.status == Status.OK, done
    assert list(done.stages) == list(Stage)
    assert done.job == job
    assert done.riders["CE-wn"].outcome.summary == "wn1.example.org"
    told = [line.split("s  ", 1)[1] for line in done.whole.output.splitlines()]
    assert told[1:4] == states
    assert list(own_place.iterdir()) == []  # nor does anything stay here


_NO_RIGHT = "ERROR: WRITE failed: SECMAN:2007:Failed to end classad message\n"


@pytest.mark.parametrize(
    ("kind", "dialogue", "stage", "words"),
    [
        ("htcondor-ce", [CONDOR_MATCH[0] | {"stdout": ""}], "match", "ce.example.org:9619 knows no scheduler"),
        ("htcondor-ce", [CONDOR_MATCH[0] | {"stdout": "{}"}], "match", "list match: the answer is no list"),
        ("htcondor-ce", [CONDOR_MATCH[0] | {"stdout": "<html>"}], "match", "list match: the answer is no JSON"),
        (
            "htcondor-ce", [CONDOR_MATCH[0], CONDOR_MATCH[1] | {"stderr": _NO_RIGHT, "status": 1}], "match",
            "asking for the right to submit: condor_ping failed (status 1): ERROR: WRITE failed",
        ),
        (
            "htcondor-ce", [*CONDOR_MATCH, CONDOR_SUBMIT[2] | {"stdout": "", "stderr": "disk full", "status": 1}],
            "submit", "job submission: condor_submit failed (status 1): disk full",
        ),
        ("htcondor-ce", [*CONDOR_MATCH, CONDOR_SUBMIT[2] | {"stdout": "done"}], "submit", "condor_submit named no job"),
        (
            "htcondor-ce",
            [*CONDOR_SUBMIT, _condor_state(JobStatus=5, HoldReason="Spooling timed out"),
             _exchange("condor_q", "4711.0", *_AT, "-better-analyze", stdout="Job 4711.000 is held.\n"), CONDOR_END],
            "wait", "job 4711.0 failed: Spooling timed out; the job was removed",
        ),
        (
            "htcondor-ce",
            [*CONDOR_SUBMIT, _condor_state(), _exchange("condor_q", "4711.0", *_AT, "-better-analyze"), CONDOR_END],
            "wait", "job 4711.0 is lost: the CE no longer knows it",
        ),
        (
            "htcondor-ce",
            [*CONDOR_SUBMIT, _condor_state(JobStatus=4), CONDOR_FETCH | {"files": {"stdout.txt": ""}}, CONDOR_END],
            "fetch", "the output is empty: the payload did not run on the worker node",
        ),
        (
            "htcondor-ce",
            [*CONDOR_SUBMIT, _condor_state(JobStatus=4),
             CONDOR_FETCH | {"files": {"stdout.txt": _OUTPUT.replace("end", "middle")}}, CONDOR_END],
            "fetch", "the output ends early: the payload was cut off",
        ),
        (
            "htcondor-ce",
            [*CONDOR_SUBMIT, _condor_state(JobStatus=4), CONDOR_FETCH | {"files": {}}, CONDOR_END],
            "fetch", "the job's output did not come back: No such file or directory",
        ),
        ("dirac", [DIRAC_SUBMIT[0] | {"stdout": "LCG.CNAF.it\n"}], "match", "LCG.CERN.ch is not in the site mask"),
        ("dirac", [DIRAC_SUBMIT[0], DIRAC_SUBMIT[1] | {"stdout": "ERROR"}], "submit", "DIRAC named no job"),
        (
            "dirac",
            [*DIRAC_SUBMIT, _dirac_state("JobID=12345 Status=Failed; MinorStatus=Job stalled: pilot not running;"),
             _exchange("dirac-wms-job-logging-info", "12345", stdout="Failed  Stalled\n"), *DIRAC_END],
            "wait", "job 12345 failed: Job stalled: pilot not running; the job was removed",
        ),
    ],
)  # fmt: skip
async def test_a_stage_that_fails_is_named_with_the_tools_own_words(ce, kind, dialogue, stage, words):
    arguments = {"site": "LCG.CERN.ch"} if kind == "dirac" else {}
    done, _ = await ce(kind, dialogue, **arguments)
    failed = {name.value: end.outcome for name, end in done.stages.items() if end.outcome.status != Status.OK}
    assert set(failed) == {stage}, failed
    assert words in failed[stage].summary


async def test_a_job_that_cannot_be_removed_is_told_of(ce):
    end = CONDOR_END | {"stdout": "", "stderr": "Permission denied to remove job", "status": 1}
    done, _ = await ce("htcondor-ce", [*CONDOR_SUBMIT, _condor_state(JobStatus=4), CONDOR_FETCH, end])
    assert done.whole.status == Status.OK
    assert done.whole.summary.endswith("condor_rm failed (status 1): Permission denied to remove job")
    assert done.stages[Stage.CLEAN].outcome.status == Status.CRITICAL


async def test_a_ce_is_told_until_when_a_job_is_of_use(ce):
    """If the engine is killed, nobody fetches or removes it."""
    _, folder = await ce("htcondor-ce", [*CONDOR_MATCH, CONDOR_SUBMIT[2] | {"status": 1}], timeout_s=60)
    left_s = int(NOW.timestamp()) + 60 + 600
    lines = (folder / "submitted").read_text().splitlines()
    assert {f"periodic_remove = time() > {left_s}", f"leave_in_queue = JobStatus == 4 && time() < {left_s}"} < set(
        lines
    )


async def test_a_token_reaches_the_tools_by_a_file_of_theirs_and_no_text(ce, tmp_path):
    token = tmp_path / "token"
    token.write_text("s3cret.t0ken")
    done, folder = await ce("htcondor-ce", [*CONDOR_MATCH, CONDOR_SUBMIT[2] | {"status": 1}],
                            credential=Handed(token_path=str(token)))  # fmt: skip
    description = (folder / "submitted").read_text()
    assert "use_scitokens = true" in description
    assert "s3cret" not in description + str(done)


def test_tools_outside_of_the_folders_of_plugins_are_refused():
    from gridkeeper.probes.jobs.tools import require_program

    with pytest.raises(CheckArgumentError, match="not in a folder of programs"):
        require_program("/home/somebody/condor_q", is_stock_allowed=True)
