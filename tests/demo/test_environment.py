import os
import tomllib

import pytest

from gridkeeper.config import load_config
from gridkeeper.demo import environment


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch, tmp_path):
    """`apply` writes into the environment of the process: all of it is put back."""
    for name in [name for name in os.environ if name.startswith("GRIDKEEPER_")]:
        monkeypatch.delenv(name)
    for name in ("DATA_DIR", "SECRET_KEY_FILE", "DATABASE_URL", "LAKE_URL", "BUS_URL", "DEMO", "PORT", "SPEED"):
        monkeypatch.setenv(f"GRIDKEEPER_{name}", "x")
        monkeypatch.delenv(f"GRIDKEEPER_{name}")
    for name in ("DENIED_NETWORKS", "FEDERATION_NAME", "OPERATIONS_VO", "LOG_LEVEL"):
        monkeypatch.setenv(f"GRIDKEEPER_{name}", "x")
        monkeypatch.delenv(f"GRIDKEEPER_{name}")
    monkeypatch.chdir(tmp_path)


def test_a_demo_lives_in_its_own_folder_below_where_we_are(tmp_path):
    environment.apply(["demo"])
    config = load_config()
    assert config.data_dir == tmp_path / "demo-data"
    assert config.database == f"sqlite:///{tmp_path}/demo-data/state.sqlite3"
    assert (config.demo, config.operations_vo, config.port) == (True, "dteam", 8000)


def test_the_command_line_comes_before_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("GRIDKEEPER_PORT", "9999")
    monkeypatch.setenv("GRIDKEEPER_DATA_DIR", "/elsewhere")
    environment.apply(["demo", "--port=8123", "--data", "mine", "--speed", "5"])
    config = load_config()
    assert (config.port, config.speed, config.data_dir) == (8123, 5.0, tmp_path / "mine")


def test_the_environment_comes_before_our_own_values(monkeypatch):
    monkeypatch.setenv("GRIDKEEPER_FEDERATION_NAME", "Ours")
    environment.apply(["demo"])
    assert load_config().federation_name == "Ours"


@pytest.mark.parametrize("name", ["DATABASE_URL", "LAKE_URL"])
def test_a_real_database_or_lake_of_the_environment_is_not_touched(monkeypatch, tmp_path, name):
    monkeypatch.setenv(f"GRIDKEEPER_{name}", "postgresql://real.example.org/production")
    environment.apply(["demo"])
    config = load_config()
    assert str(tmp_path) in config.database
    assert str(tmp_path) in config.lake


def test_loopback_may_be_reached_and_metadata_services_may_not():
    environment.apply(["demo"])
    denied = [str(network) for network in load_config().denied_networks]
    assert "127.0.0.0/8" not in denied
    assert "169.254.0.0/16" in denied


def test_the_settings_are_written_for_other_commands(monkeypatch, tmp_path):
    environment.apply(["demo", "--port", "8123"])
    config = load_config()
    config.data_dir.mkdir()
    path = environment.write_config(config)
    written = tomllib.loads(path.read_text())
    assert (written["port"], written["operations_vo"], written["demo"]) == (8123, "dteam", True)
    for name in [name for name in os.environ if name.startswith("GRIDKEEPER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GRIDKEEPER_CONFIG", str(path))
    assert load_config().data_dir == tmp_path / "demo-data"
