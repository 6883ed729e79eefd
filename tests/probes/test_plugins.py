"""Plugins that behave, and plugins that do not: real programs, contained."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from gridkeeper.core.status import Status
from gridkeeper.probes import spawning
from gridkeeper.probes.plugins import run_plugin
from tests.services import require_service

DEBIAN = Path("/usr/lib/nagios/plugins")
#: A Python that the user nobody can run.
PYTHON = "/usr/bin/python3"
BOMB = "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"


@pytest.fixture
def folder(settings):
    """A folder that the user nobody can reach, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="plugins-"))
    made.chmod(0o755)
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"plugin_dirs": [made, DEBIAN]})
    yield made
    shutil.rmtree(made)


@pytest.fixture
def run(folder):
    """Runs a shell script as a plugin."""

    def run_script(body, *words, timeout_s=10.0, limit_bytes=4096, interpreter="/bin/sh"):
        script = folder / "check_it"
        script.write_text(f"#!{interpreter}\n{body}\n")
        script.chmod(0o755)
        return asyncio.run(_run([str(script), *words], timeout_s, limit_bytes))

    return run_script


async def _run(argv, timeout_s=10.0, limit_bytes=4096):
    try:
        return await run_plugin(argv, timeout_s=timeout_s, limit_bytes=limit_bytes)
    finally:
        spawning.close_spawner()


def _is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _children_of(pid):
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _wait_until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("code", "status"), [(0, Status.OK), (1, Status.WARNING), (2, Status.CRITICAL), (3, Status.UNKNOWN)]
)
def test_the_exit_code_is_the_status(run, code, status):
    outcome = run(f"echo 'DISK fine | used=1%;80;90'; echo more; exit {code}")
    assert (outcome.status, outcome.summary) == (status, "DISK fine")
    assert outcome.perfdata == "used=1%;80;90"
    assert outcome.output.splitlines() == ["DISK fine", "more"]


@pytest.mark.parametrize(
    ("body", "summary"),
    [
        ("echo hm; exit 4", "the plugin ended with status 4, which is none of 0 to 3; it said: hm"),
        ("exit 255", "the plugin ended with status 255, which is none of 0 to 3"),
        ("echo hm; kill -SEGV $$", "the plugin was ended by signal SIGSEGV; it said: hm"),
        ("kill -40 $$", "the plugin was ended by signal 40"),
        ("exec sleep 60", "the plugin was killed: it ran longer than 0.5 s"),
        ("echo starting; exec sleep 60", "the plugin was killed: it ran longer than 0.5 s; it said: starting"),
        ("exec >&- 2>&-; exec sleep 60", "the plugin was killed: it ran longer than 0.5 s"),
        ("trap '' TERM INT HUP; while :; do sleep 1; done", "the plugin was killed: it ran longer than 0.5 s"),
    ],
)
def test_any_other_end_is_unknown_with_the_reason(run, body, summary):
    outcome = run(body, timeout_s=0.5 if "sleep" in body else 10)
    assert (outcome.status, outcome.summary) == (Status.UNKNOWN, summary)


@pytest.mark.parametrize(
    ("body", "summary"),
    [
        ("exit 0", "(no output)"),
        ("echo oops >&2; exit 2", "oops"),
        (r"printf 'a\000b \377\376 | t=1s\n'; exit 0", "a\ufffdb \ufffd\ufffd"),
        ("echo 'a | b' 'c=1'; exit 0", "a"),
    ],
)
def test_odd_output_is_read_as_far_as_it_goes(run, body, summary):
    assert run(body).summary == summary


def test_errors_and_unreadable_perfdata_are_part_of_the_log(run):
    outcome = run("echo 'fine | nonsense'; echo 'a warning' >&2")
    assert outcome.output.splitlines() == [
        "fine",
        "[standard error]",
        "a warning",
        "[performance data] 'nonsense' is no 'label'=value",
    ]


def test_long_output_is_cut_and_says_so(run):
    outcome = run("head -c 100000 /dev/zero | tr '\\0' 'x'; exit 1", limit_bytes=1000)
    assert outcome.status == Status.WARNING
    assert outcome.output == "x" * 1000 + "\n… cut: 97.7 KiB in all, 1000 B are kept"


def test_a_flood_is_stopped_and_said(run):
    outcome = run("exec yes", timeout_s=60)
    assert (outcome.status, outcome.summary) == (
        Status.UNKNOWN,
        "the plugin was killed: it wrote more than 16.0 MiB; it said: y",
    )


def test_huge_perfdata_is_cut(run):
    words = "for n in range(100000): print(end=f'v{n}=1 ')"
    outcome = run(f"print(end='fine |')\n{words}", limit_bytes=65536, interpreter=PYTHON)
    assert outcome.summary == "fine"
    assert len(outcome.perfdata) < 66_000


def test_it_passes_no_word_through_a_shell(run, tmp_path):
    outcome = run('echo "$#:$1:$2"', f"; touch {tmp_path}/x", "$(id) *")
    assert outcome.summary == f"2:; touch {tmp_path}/x:$(id) *"
    assert not (tmp_path / "x").exists()


def test_the_environment_is_clean_and_nothing_is_open(run, monkeypatch):
    monkeypatch.setenv("GRIDKEEPER_SECRET_KEY_FILE", "/secret")
    outcome = run('env | cut -d= -f1 | sort | tr "\\n" " "; ls /proc/$$/fd | wc -l; readlink /proc/$$/fd/0; pwd')
    assert outcome.output.splitlines() == ["GRIDKEEPER_RUN HOME LC_CTYPE PATH PWD 4", "/dev/null", "/"]


def test_its_limits_are_set(run):
    outcome = run("ulimit -v; ulimit -f; ulimit -c; ulimit -n")
    assert outcome.output.splitlines() == ["2097152", "131072", "0", "256"]


def test_it_cannot_take_more_memory_than_its_limit(run):
    outcome = run("x = bytearray(3 << 30)", interpreter=PYTHON)
    assert outcome.status == Status.WARNING  # Python ends with 1 on an error
    assert "MemoryError" in outcome.output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_it_runs_as_nobody_for_good(run):
    outcome = run("id -un; id -Gn; grep NoNewPrivs /proc/$$/status")
    assert outcome.output.splitlines() == ["nobody", "nogroup", "NoNewPrivs:\t1"]


#: Ways of leaving a process behind: a child, one of another session, one without the marker, one of one of one.
ESCAPES = {
    "a child": "sleep 300 & echo $!",
    "a child of another session": "setsid sleep 300 & sleep 0.2; pgrep -n -f '^sleep 300'",
    "one without the marker": "setsid env -i sleep 300 & sleep 0.2; pgrep -n -f '^sleep 300'",
    "a grandchild": "(setsid sh -c 'setsid env -i sleep 300 & wait' &); sleep 0.3; pgrep -n -f '^sleep 300'",
}


@pytest.mark.parametrize("body", ESCAPES.values(), ids=ESCAPES)
@pytest.mark.parametrize("ending", ["exit 0", "exec sleep 200"])
def test_nothing_outlives_it(run, body, ending):
    outcome = run(f"{body}; {ending}", timeout_s=1.5)
    pid = int(outcome.output.splitlines()[0])
    _wait_until(lambda: not _is_running(pid))
    if ending == "exit 0":
        assert "outlived it and were killed" in outcome.output


def test_a_child_that_holds_the_output_does_not_hold_us(run):
    outcome = run("sleep 300 & echo started")
    assert (outcome.status, outcome.summary) == (Status.OK, "started")


@pytest.mark.alone
def test_a_fork_bomb_ends_with_its_plugin(run):
    outcome = run(BOMB, timeout_s=1, interpreter=PYTHON)
    assert outcome.summary.startswith("the plugin was killed: it ran longer than 1 s")
    # The next one runs as if nothing had been.
    assert run("echo fine").summary == "fine"


@pytest.mark.alone
async def test_a_plugin_waits_while_a_fork_bomb_has_all_processes(folder):
    for name, text in (("bomb", f"#!{PYTHON}\n{BOMB}\n"), ("fine", "#!/bin/sh\necho fine\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    try:
        bombed = asyncio.create_task(run_plugin([str(folder / "bomb")], timeout_s=1.5, limit_bytes=4096))
        await asyncio.sleep(0.8)
        others = [run_plugin([str(folder / "fine")], timeout_s=30, limit_bytes=4096) for _ in range(20)]
        assert {other.summary for other in await asyncio.gather(*others)} == {"fine"}
        assert (await bombed).summary.startswith("the plugin was killed: it ran longer than 1.5 s")
    finally:
        spawning.close_spawner()


#: Plugins that turn against us, and how each ends.
HOSTILE = {
    "stops whoever started it": ("kill -STOP $PPID; exit 0", "the plugin was killed: it ran longer than 1 s"),
    "stops itself": ("kill -STOP $$; exit 0", "the plugin was killed: it ran longer than 1 s"),
    "closes everything and goes on": (
        "for n in 0 1 2 3 4 5 6 7 8 9; do eval \"exec $n>&-\"; done; exit 1", "(no output)",
    ),
    "drips without a line end": (
        "while :; do printf x; sleep 0.1; done", "the plugin was killed: it ran longer than 1 s; it said: x",
    ),
    "ignores every signal in a session of its own": (
        "trap '' TERM INT HUP QUIT USR1 USR2 PIPE; setsid sh -c 'trap \"\" TERM; sleep 200' & sleep 200",
        "the plugin was killed: it ran longer than 1 s",
    ),
    "fills the disk": (
        "dd if=/dev/zero of=/tmp/$$.full bs=1M count=70 2>/dev/null; echo $(($? != 0)); rm -f /tmp/$$.full", "1",
    ),
    "floods its errors": ("exec yes >&2", "the plugin was killed: it wrote more than 16.0 MiB; it said: y"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "summary"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_plugin_harms_only_its_own_result(run, body, summary):
    found = run(body, timeout_s=60 if "yes" in body or "dd if" in body else 1).summary
    assert found.rstrip("x").startswith(summary.rstrip("x")), found
    assert run("echo fine").summary == "fine"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["/bin/true"], "is not in a folder of plugins"),
        (["true"], "is no absolute path"),
        ([str(DEBIAN / ".." / ".." / ".." / "bin" / "true")], "is no absolute path"),
        ([str(DEBIAN / "check_dummy"), "a\0b"], "holds a zero byte"),
        ([], "names no program"),
        ([str(DEBIAN / "no_such_check")], "cannot be started: No such file or directory"),
        ([str(DEBIAN / "check_dummy"), "x" * 200_000], "cannot be started: its arguments are too long"),
    ],
)
def test_it_refuses_what_is_no_plugin(folder, argv, words):
    outcome = asyncio.run(_run(argv))
    assert outcome.status == Status.UNKNOWN
    assert words in outcome.summary


def test_a_file_that_is_no_program_cannot_be_started(folder):
    (folder / "notes").write_text("not a program")
    outcome = asyncio.run(_run([str(folder / "notes")]))
    assert outcome.summary == f"{folder}/notes cannot be started: Permission denied"


def test_many_run_at_once_and_none_is_mixed_up(folder):
    script = folder / "check_it"
    script.write_text('#!/bin/sh\necho "$1 | n=$1"\nexit $(($1 % 4))\n')
    script.chmod(0o755)

    async def main():
        runs = [run_plugin([str(script), str(n)], timeout_s=30, limit_bytes=1000) for n in range(200)]
        try:
            return await asyncio.gather(*runs)
        finally:
            spawning.close_spawner()

    outcomes = asyncio.run(main())
    assert [(int(o.status), o.summary, o.perfdata) for o in outcomes] == [(n % 4, str(n), f"n={n}") for n in range(200)]


def test_a_run_that_is_cancelled_leaves_nothing(folder):
    script = folder / "check_it"
    script.write_text(f"#!/bin/sh\necho $$ > {folder}/pid\nexec sleep 300\n")
    script.chmod(0o755)
    folder.chmod(0o777)

    async def main():
        task = asyncio.create_task(run_plugin([str(script)], timeout_s=60, limit_bytes=1000))
        await asyncio.to_thread(_wait_until, lambda: (folder / "pid").exists() and (folder / "pid").read_text())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        spawning.close_spawner()

    asyncio.run(main())
    _wait_until(lambda: not _is_running(int((folder / "pid").read_text())))


def test_when_the_spawner_dies_its_plugins_die_and_the_next_has_a_new_one(folder):
    script = folder / "check_it"
    script.write_text('#!/bin/sh\n[ -n "$1" ] && echo fine && exit 0\nexec sleep 300\n')
    script.chmod(0o755)

    async def main():
        run = asyncio.create_task(run_plugin([str(script)], timeout_s=60, limit_bytes=1000))
        await asyncio.sleep(0.5)
        spawner = spawning.spawner()
        children = _children_of(spawner._pid)
        os.kill(spawner._pid, signal.SIGKILL)
        first = await run
        second = await _run([str(script), "again"])
        return first, second, children

    first, second, pids = asyncio.run(main())
    assert first.summary.endswith("the process that starts plugins has ended; it is started anew")
    assert (second.status, second.summary) == (Status.OK, "fine")
    assert pids
    _wait_until(lambda: not any(map(_is_running, pids)))


def test_when_the_engine_is_killed_its_plugins_die_with_it(folder):
    (folder / "check_it").write_text(
        f"#!/bin/sh\nsetsid env -i sleep 300 &\necho $! $$ > {folder}/pids\nexec sleep 300\n"
    )
    (folder / "check_it").chmod(0o755)
    folder.chmod(0o777)
    program = (
        "import asyncio; from gridkeeper.probes.spawning import spawner\n"
        f"async def main(): await spawner().run(['{folder}/check_it'], timeout_s=60, limit_bytes=1000)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as engine:
        _wait_until(lambda: (folder / "pids").exists() and (folder / "pids").read_text().endswith("\n"))
        engine.kill()
    pids = [int(pid) for pid in (folder / "pids").read_text().split()]
    _wait_until(lambda: not any(map(_is_running, pids)))


@pytest.fixture(scope="module")
def site():
    """An HTTP server of the standard library, for Debian's plugins."""
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/" else 500)
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.service
@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("check_http -I 127.0.0.1 -p {port}", Status.OK, "HTTP OK: HTTP/1.0 200 OK"),
        ("check_http -I 127.0.0.1 -p {port} -u /broken", Status.CRITICAL, "500 Internal Server Error"),
        ("check_http -I 127.0.0.1 -p 1", Status.CRITICAL, "refused"),
        ("check_tcp -H 127.0.0.1 -p {port}", Status.OK, "TCP OK"),
        ("check_tcp -H 127.0.0.1 -p 1", Status.CRITICAL, "refused"),
        ("check_ssh -p 1 127.0.0.1", Status.CRITICAL, "refused"),
        ("check_dns -H localhost.invalid -s 127.0.0.1 -t 2", Status.CRITICAL, ""),
    ],
)
def test_the_plugins_of_debian_run_unmodified(folder, site, words, status, said):
    program, *arguments = words.format(port=site).split()
    require_service((DEBIAN / program).exists(), f"{DEBIAN / program} (monitoring-plugins)")
    outcome = asyncio.run(_run([str(DEBIAN / program), *arguments]))
    assert outcome.status == status, outcome
    assert said in outcome.summary
    if status == Status.OK:
        assert outcome.perfdata.startswith("time=")
