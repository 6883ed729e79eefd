"""The settings of a demo, made from its command line before Django starts."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from gridkeeper.config import Config
from gridkeeper.demo.topology import OPERATIONS_VO

#: Made in the demo's folder at every start.
CONFIG_FILE = "gridkeeper.toml"
DEFAULT_DATA_DIR = "demo-data"
MOST_SITES = 600
#: As the default of the settings, without loopback: the demo's sites live there.
_DENIED_NETWORKS = ["169.254.0.0/16", "fe80::/10", "224.0.0.0/4", "ff00::/8", "0.0.0.0/8"]
_DEFAULTS = {
    "DATA_DIR": DEFAULT_DATA_DIR, "DENIED_NETWORKS": json.dumps(_DENIED_NETWORKS), "FEDERATION_NAME": "EGEE demo",
    "OPERATIONS_VO": OPERATIONS_VO, "LOG_LEVEL": "WARNING",
}  # fmt: skip


def apply(words: Sequence[str]) -> None:
    """Sets `GRIDKEEPER_*` for a demo.

    What its command line says comes first, then the caller's environment, then the demo's own values. Where state and
    facts are kept is never the caller's to say: a demo must not fill a real database that the environment names.
    """
    data_dir = _option(words, "--data")
    said = {"DATA_DIR": data_dir, "PORT": _option(words, "--port"), "SPEED": _option(words, "--speed")}
    for name, value in said.items():
        if value:
            os.environ[f"GRIDKEEPER_{name}"] = value
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(f"GRIDKEEPER_{name}", value)
    folder = Path(os.environ["GRIDKEEPER_DATA_DIR"]).absolute()
    fixed = {"DATA_DIR": str(folder), "SECRET_KEY_FILE": str(folder / "secret-key"), "DEMO": "1"}
    fixed |= {"DATABASE_URL": "", "LAKE_URL": "", "BUS_URL": ""}
    for name, value in fixed.items():
        os.environ[f"GRIDKEEPER_{name}"] = value


def write_config(config: Config) -> Path:
    """Writes the settings of a demo as a TOML file into its folder, so that other commands can be asked about it."""
    names = ("data_dir", "host", "port", "federation_name", "operations_vo", "denied_networks", "demo", "speed")
    values = config.model_dump(mode="json", include=set(names))
    # Text, numbers, truth values and lists of text are written in TOML as in JSON.
    lines = [f"{name} = {json.dumps(values[name], ensure_ascii=False)}" for name in names]
    path = config.data_dir / CONFIG_FILE
    path.write_text("\n".join([f"# GRIDKEEPER_CONFIG={path} gridkeeper good-sites --vo lhcb", *lines, ""]))
    return path


def _option(words: Sequence[str], name: str) -> str:
    """The value that follows an option, or "" without it; what is wrong with it the command says later."""
    for place, word in enumerate(words):
        if word == name and place + 1 < len(words):
            return words[place + 1]
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return ""
