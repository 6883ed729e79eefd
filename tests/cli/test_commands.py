"""The command as a person meets it: a process with arguments, an exit status and words."""

import os
import shutil
import subprocess
import sys

import pytest


@pytest.fixture
def gridkeeper(tmp_path):
    def run(*words, input=None, **settings):  # noqa: A002
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("GRIDKEEPER_", "DJANGO_"))
        }
        environment |= {"GRIDKEEPER_DATA_DIR": str(tmp_path / "data")}
        environment |= {f"GRIDKEEPER_{name.upper()}": str(value) for name, value in settings.items()}
        argv = [sys.executable, "-m", "gridkeeper.cli.main", *words]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, input=input, timeout=150)

    return run


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"port": 99999}, "port: Input should be less than or equal to 65535"),
        ({"prot": 1}, "unknown settings GRIDKEEPER_PROT"),
        ({"bus_url": "http://127.0.0.1"}, "nats://host:4222"),
        ({"config": "/nonexistent.toml"}, "not a file"),
    ],
)
def test_wrong_settings_end_every_command_with_words_and_status_2(gridkeeper, settings, words):
    done = gridkeeper("check", **settings)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_toml_file_sets_what_the_environment_does_not(gridkeeper, tmp_path):
    file = tmp_path / "gridkeeper.toml"
    file.write_text('federation_name = "From the file"\nport = 8123\n')
    done = gridkeeper("check", "--list", config=file, port=8124, columns=200)
    assert done.returncode == 2  # COLUMNS is no setting of ours
    done = gridkeeper("check", "--list", config=file, port=8124)
    assert "From the file" in done.stdout
    assert "8124" in done.stdout
    assert "8123" not in done.stdout


@pytest.mark.timeout(300)
def test_check_speaks_of_pending_migrations_and_of_a_readable_secret(gridkeeper, tmp_path):
    assert "migrations are pending" in gridkeeper("check").stdout
    assert gridkeeper("migrate").returncode == 0
    assert gridkeeper("check").stdout.endswith("gridkeeper can run with these settings.\n")
    (tmp_path / "data" / "secret-key").chmod(0o644)
    done = gridkeeper("check")
    assert done.returncode == 1
    assert "chmod 600" in done.stdout


@pytest.mark.timeout(300)
def test_the_first_admin_and_a_token_come_from_the_console(gridkeeper, migrated, tmp_path):
    shutil.copytree(migrated, tmp_path / "data")
    done = gridkeeper("createadmin", "root1", "--password-stdin", input="12345\n")
    assert done.returncode == 1
    assert "too" in done.stderr
    done = gridkeeper("createadmin", "root1", "--password-stdin", input="a-long-pass-phrase\n")
    assert done.stdout == "made root1\n"
    assert "already" in gridkeeper("createadmin", "root1").stderr
    token = gridkeeper("token", "create", "root1", "--scopes", "probes.submit_results").stdout.strip()
    assert token.startswith("gk_")
    assert token[:10] in gridkeeper("token", "list", "root1").stdout
    assert gridkeeper("token", "revoke", token[:10]).returncode == 0
    assert "revoked" in gridkeeper("token", "list", "root1").stdout
    assert "unknown scopes" in gridkeeper("token", "create", "root1", "--scopes", "all").stderr
    assert "no account 'nobody'" in gridkeeper("token", "create", "nobody", "--scopes", "*").stderr
