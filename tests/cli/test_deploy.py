import shutil
import subprocess
from pathlib import Path

import pytest

from tests.services import require_service

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.mark.service
def test_systemd_finds_no_fault_in_the_unit(tmp_path):
    require_service(shutil.which("systemd-analyze") is not None, "systemd-analyze")
    # The program is where an installation has it; here any program stands for it.
    text = (DEPLOY / "gridkeeper.service").read_text()
    text = text.replace("/opt/gridkeeper/.venv/bin/gridkeeper serve", "/bin/true")
    unit = tmp_path / "gridkeeper.service"
    unit.write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
