"""The spool: what was put is there after a crash, once, in order, until it is let go of."""

import os
import signal
import subprocess
import sys

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from gridkeeper.bus.spool import Spool, SpoolError


def test_what_was_put_waits_in_its_order_until_it_is_let_go_of(tmp_path):
    spool = Spool(tmp_path / "spool")
    spool.put([("a", b"1"), ("b", b"2")])
    spool.put([("a", b"other"), ("c", b"3")])
    assert spool.waiting(10) == [("a", b"1"), ("b", b"2"), ("c", b"3")]
    assert spool.waiting(1, but=["a"]) == [("b", b"2")]
    spool.remove(["b", "unknown"])
    spool.close()
    again = Spool(tmp_path / "spool")
    assert (len(again), again.waiting(10)) == (2, [("a", b"1"), ("c", b"3")])
    assert (again.knows("b"), again.knows("z")) == (True, False)
    again.put([("b", b"late twin")])
    assert len(again) == 2
    again.close()


def test_it_outlives_a_kill(tmp_path):
    program = """if True:
        import sys
        from pathlib import Path
        from gridkeeper.bus.spool import Spool
        spool = Spool(Path(sys.argv[1]))
        for number in range(10**6):
            spool.put([(str(number), b"x" * 100)])
            print(number, flush=True)
    """
    argv = [sys.executable, "-c", program, str(tmp_path / "spool")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(30):
            last = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        last = max([last, *map(int, process.stdout.read().split()[:-1])])
    spool = Spool(tmp_path / "spool")
    names = [int(name) for name, _ in spool.waiting(10**6)]
    assert names == list(range(len(names)))
    assert len(names) > last
    spool.close()


def test_a_file_that_is_none_is_set_aside_and_kept(tmp_path):
    path = tmp_path / "spool"
    path.write_bytes(b"this is no database" * 100)
    spool = Spool(path)
    assert spool.set_aside is not None
    assert spool.set_aside.read_bytes().startswith(b"this is no database")
    spool.put([("a", b"1")])
    spool.close()


def test_a_full_one_says_so(tmp_path):
    spool = Spool(tmp_path / "spool", limit_bytes=100)
    spool.put([("a", b"x" * 99)])
    assert not spool.is_full
    spool.put([("b", b"x")])
    assert spool.is_full
    spool.remove(["a"])
    assert not spool.is_full
    spool.close()


def test_a_folder_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match="free space there, or correct who may write"):
        Spool(tmp_path / "file" / "spool")


class Model(RuleBasedStateMachine):
    """The spool beside a plain list."""

    folder = None
    number = 0

    def __init__(self):
        super().__init__()
        Model.number += 1
        self.path = Model.folder / str(Model.number)
        self.spool = Spool(self.path)
        self.waits, self.known = {}, set()

    @rule(names=st.lists(st.sampled_from("abcdefgh"), max_size=4))
    def put(self, names):
        self.spool.put([(name, name.encode()) for name in names])
        for name in names:
            if name not in self.known:
                self.waits[name] = name.encode()
                self.known.add(name)

    @rule(names=st.lists(st.sampled_from("abcdefgh"), max_size=4))
    def remove(self, names):
        self.spool.remove(names)
        for name in names:
            self.waits.pop(name, None)

    @rule()
    def reopen(self):
        self.spool.close()
        self.spool = Spool(self.path)

    @invariant()
    def agrees(self):
        assert self.spool.waiting(100) == list(self.waits.items())
        assert len(self.spool) == len(self.waits)

    def teardown(self):
        self.spool.close()


def test_it_behaves_like_a_list(tmp_path):
    Model.folder = tmp_path
    run_state_machine_as_test(
        Model, settings=hypothesis_settings(max_examples=15, stateful_step_count=12, deadline=None)
    )
