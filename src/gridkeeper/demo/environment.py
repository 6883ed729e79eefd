"""The settings of a demo, made from its command line before Django starts."""

import json
import os
from collections.abc import Sequence

from gridkeeper.demo.topology import OPERATIONS_VO

DEFAULT_DATA_DIR = "demo-data"
#: As the default of the settings, without loopback: the demo's sites live there.
_DENIED = ["169.254.0.0/16", "fe80::/10", "224.0.0.0/4", "ff00::/8", "0.0.0.0/8"]


def apply(words: Sequence[str]) -> None:
    """Sets `GRIDKEEPER_*` for a demo; what the caller's environment sets stays."""
    settings = {
        "DATA_DIR": _option(words, "--data") or DEFAULT_DATA_DIR,
        "PORT": _option(words, "--port"),
        "SPEED": _option(words, "--speed"),
        "DEMO": "1",
        "DENIED_NETWORKS": json.dumps(_DENIED),
        "FEDERATION_NAME": "EGEE demo",
        "OPERATIONS_VO": OPERATIONS_VO,
        "LOG_LEVEL": "WARNING",
    }
    for name, value in settings.items():
        if value:
            os.environ.setdefault(f"GRIDKEEPER_{name}", value)


def _option(words: Sequence[str], name: str) -> str:
    """The value that follows an option, or "" without it; what is wrong with it the command says later."""
    for place, word in enumerate(words):
        if word == name and place + 1 < len(words):
            return words[place + 1]
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return ""
