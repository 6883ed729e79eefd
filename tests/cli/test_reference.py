import subprocess
import sys
from pathlib import Path


def test_the_reference_of_settings_and_commands_is_what_the_code_says():
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "tools/reference.py", "--check"], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, f"run tools/reference.py: {done.stdout}{done.stderr}"
