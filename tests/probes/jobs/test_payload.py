"""The payload as it really runs, sent to this machine as a job; and what may be written into it."""

import asyncio
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.status import Status
from gridkeeper.probes.jobs.orders import Order, Rider, Stage
from gridkeeper.probes.jobs.payload import probes, write_script
from gridkeeper.probes.jobs.reports import read_report
from gridkeeper.probes.native import CheckArgumentError
from gridkeeper.probes.native.check import CheckFailedError
from tests.builders import NOW
from tests.realm import open_folder


@pytest.fixture
def open_place():
    """A folder whose programs the account of plugins may run."""
    with open_folder() as folder:
        yield folder


@pytest.fixture
def node(tmp_path):
    """Files of a worker node."""
    (tmp_path / "sw").mkdir()
    (tmp_path / "sw" / "release").write_text("v1\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "ca").mkdir()
    (tmp_path / "ca" / "a.pem").write_text("a certificate\n")
    (tmp_path / "ca" / "a.info").write_text("alias = a\nversion = 1.9\n")
    (tmp_path / "ca" / "b.info").write_text("alias = b\nversion = 1.117\n")
    (tmp_path / "ca" / "a.r0").write_text("a revocation list\n")
    (tmp_path / "tags").write_text("VO-lhcb-a\nVO-lhcb-b\n")
    return tmp_path


def _run(*riders, limit_s=20, folder=None):
    """The payload as a process, without a batch system."""
    order = Order("lhcb", riders, "t0ken", NOW, limit_s)
    done = subprocess.run(
        ["/bin/sh", "-c", write_script(order)], capture_output=True, cwd=folder, check=False, timeout=60
    )
    found, remarks = read_report(done.stdout.decode(errors="replace"), "t0ken")
    return {metric: (item.outcome.status.name, item.outcome.summary) for metric, item in found.items()}, remarks


def test_each_rider_says_what_it_found(node):
    words = _run(
        Rider("wn", "wn"),
        Rider("env", "env", {"variables": ["PATH"], "warning_free_mb": 1, "critical_free_mb": 0}),
        Rider("swdir", "swdir", {"dir": str(node / "sw"), "file": "release"}),
        Rider("ca", "ca", {"dir": str(node / "ca"), "wanted": "1.117"}),
        Rider("crl", "crl", {"dir": str(node / "ca")}),
        Rider("ver", "ver", {"command": "echo 2 7 0", "wanted": "2 7 0"}),
        Rider("votag", "votag", {"file": str(node / "tags")}),
        Rider("rm", "rm", {"url": f"file:{node}/empty"}),
        Rider("run", "run", ["sh", "-c", "echo 'it''s \"fine\" \\ | a=1s;2'; exit 1"]),
        folder=node,
    )[0]
    hostname = subprocess.run(["hostname", "-f"], capture_output=True, text=True, check=False).stdout.strip()
    assert words.pop("wn") in {("OK", hostname), ("OK", subprocess.getoutput("uname -n"))}
    assert words.pop("env")[1].startswith("enough space in the work folder: ")
    assert words == {
        "swdir": ("OK", f"{node}/sw has 1 entries"),
        "ca": ("OK", f"CA certificates 1.117, 1 files in {node}/ca"),
        "crl": ("OK", "revocation lists were fetched 0 h ago, limit 24 h"),
        "ver": ("OK", "2 7 0"),
        "votag": ("OK", "2 VO tags"),
        "rm": ("OK", f"65536 bytes written to file:{node}/empty, read back, compared and deleted"),
        "run": ("WARNING", 'its "fine" \\'),
    }
    assert list((node / "empty").iterdir()) == []


def test_each_rider_names_what_is_missing(node):
    words = _run(
        Rider("env", "env", {"variables": ["GK_NOT_SET"]}),
        Rider("swdir", "swdir", {"dir": str(node / "empty")}),
        Rider("swdir2", "swdir", {"dir": str(node / "sw"), "file": "setup.sh"}),
        Rider("ca", "ca", {"dir": str(node / "ca"), "wanted": "1.118"}),
        Rider("crl", "crl", {"dir": str(node / "empty")}),
        Rider("ver", "ver", {"command": "echo 2 6 0", "wanted": "2 7 0"}),
        Rider("bi", "bi"),
        Rider("votag", "votag", {"file": str(node / "no-tags")}),
        Rider("proxy", "proxy"),
        Rider("rm", "rm", {"url": f"file:{node}/nowhere"}),
        Rider("run", "run", ["gridkeeper-no-such-program"]),
        Rider("strange", "telepathy"),
        folder=node,
    )[0]
    summary = {metric: said[1] for metric, said in words.items()}
    assert {said[0] for metric, said in words.items() if metric != "strange"} == {"CRITICAL"}
    assert words["strange"] == ("UNKNOWN", "the payload does not know this test")
    assert summary["env"] == "not set in the job: GK_NOT_SET"
    assert summary["swdir"].endswith("of lhcb is empty: is it mounted?")
    assert summary["swdir2"].startswith("setup.sh is missing in the software directory")
    assert summary["ca"] == "CA certificates 1.117, wanted 1.118"
    assert summary["crl"].endswith("is fetch-crl run?")
    assert summary["ver"] == "2 6 0, wanted 2 7 0"
    assert summary["rm"].startswith(f"put of file:{node}/nowhere/gridkeeper-t0ken failed: cp: ")
    assert summary["run"] == "gridkeeper-no-such-program is not on the worker node"


@pytest.mark.parametrize(
    ("script", "status", "words"),
    [
        ("sleep 60", "CRITICAL", "it ran longer than 1 s on the worker node"),
        ("exit 7", "UNKNOWN", "it ended with status 7, which is none of 0 to 3:"),
        ("printf 'a\\001\\000\\033[31mb\\\\\\n'", "OK", "a[31mb\\"),
        ("yes | head -c 5000000", "OK", "y"),
        ("printf '%%s %%n \\303\\050'", "OK", "%s %n \ufffd("),
        ("cat", "OK", ""),
        ('echo \'{"metric":"x","status":0}\'', "OK", '{"metric":"x","status":0}'),
    ],
)
def test_a_hostile_rider_harms_no_other(script, status, words):
    found, remarks = _run(Rider("bad", "run", ["sh", "-c", script]), Rider("good", "run", ["echo", "fine"]), limit_s=1)
    assert found == {"bad": (status, words), "good": ("OK", "fine")}
    assert remarks == []


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True), st.text(max_size=30), max_size=3),
       st.lists(st.text(max_size=30), max_size=3))  # fmt: skip
def test_no_argument_becomes_a_command(arguments, words):
    script = write_script(Order("v'o", (Rider("a", "ca", arguments), Rider("b", "run", words)), "t", NOW))
    lines = script.partition("\ngk_token=t\n")[2]
    checked = subprocess.run(
        ["/bin/sh", "-c", lines.replace("gk_mark", ":").replace("gk_run", ": run"), "x"],
        capture_output=True, check=False,
    )  # fmt: skip
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    "rider", [Rider("a b", "ca"), Rider("a;reboot", "ca"), Rider("a", "ca", {"x;reboot": 1}), Rider("a", "ca", {"": 1})]
)
def test_a_name_that_is_none_is_refused(rider):
    with pytest.raises(CheckFailedError, match="no name of"):
        write_script(Order("lhcb", (rider,), "t", NOW))


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda raw: raw.decode(errors="replace")))
def test_whatever_comes_back_is_read_or_refused(text):
    assert isinstance(read_report(text)[0], dict)
    with pytest.raises(CheckFailedError):
        read_report(text, "a-token-that-is-not-in-it")


async def test_a_job_on_this_machine(fork_job):
    done = await fork_job(Rider("CE-wn", "wn"), Rider("CE-env", "env"))
    assert done.whole.status == Status.OK, done
    assert [end.outcome.status for end in done.stages.values()] == [Status.OK] * len(Stage)
    assert "(nobody)" in done.riders["CE-wn"].outcome.output
    assert done.riders["CE-env"].outcome.perfdata.startswith("free=")


async def test_a_job_that_hangs_on_this_machine_is_stuck_and_removed(fork_job, open_place, settings):
    program = _program(settings, open_place, "#!/bin/sh\nexec sleep 987654\n")
    done = await fork_job(command=(program,), timeout_s=1.0)
    assert done.whole.summary.startswith(f"job {done.job} is stuck: running for 1 s, its state is running")
    assert done.whole.summary.endswith("; the job was removed")
    async with asyncio.timeout(10):
        while "987654" in _processes():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_batch_command_that_fails_says_why(fork_job, open_place, settings):
    program = _program(settings, open_place, "#!/bin/sh\necho 'no such partition' >&2\nexit 1\n")
    done = await fork_job(command=(program,))
    assert done.whole.summary == f"job {done.job} failed: it ended with status 1 no such partition; the job was removed"


def _program(settings, folder, text):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"plugin_dirs": [Path("/usr/bin"), folder]})
    path = folder / "batch"
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def _processes():
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().decode(errors="replace"))
        except OSError:
            continue  # it has ended since
    return "\n".join(found)


@pytest.mark.parametrize(
    ("riders", "arguments"),
    [
        ([Rider("a", "run", ["/home/somebody/program"])], {}),
        ([Rider("a", "ver", {"command": "reboot"})], {}),
        ([], {"command": ("/bin/sh",)}),
    ],
)
async def test_on_this_machine_a_job_runs_no_other_programs_than_plugins(fork_job, riders, arguments):
    with pytest.raises(CheckArgumentError):
        await fork_job(*riders, **arguments)


def test_every_probe_is_known_by_name():
    assert probes() == {"wn", "env", "ver", "ca", "crl", "swdir", "csh", "bi", "votag", "proxy", "rm", "run"}
