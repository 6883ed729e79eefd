"""Writes docs/reference/settings.md and command-line.md from the code; `--check` fails where they are out of date."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

_DOCS = Path(__file__).resolve().parent.parent / "docs" / "reference"


def settings_page() -> str:
    from gridkeeper.config import Config

    rows = [
        f"| `GRIDKEEPER_{name.upper()}` | {_default(field.get_default())} | {field.description} |"
        for name, field in Config.model_fields.items()
    ]
    head = (
        "# Settings\n\nFrom the environment, else from the TOML file that `GRIDKEEPER_CONFIG` names (keys lower case "
        "without the prefix), else the default. Lists are JSON. Made from the code by `tools/reference.py`.\n\n"
        "| setting | default | meaning |\n|---|---|---|\n"
    )
    return head + "\n".join(rows) + "\n"


def _default(value: Any) -> str:
    text = ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)
    return f"`{text}`" if text and text != "None" else ""


def command_page() -> str:
    import typer.main

    from gridkeeper.cli.main import build_app

    lines = ["# Command line", "", "`gridkeeper COMMAND --help` says the same. Made by `tools/reference.py`.", ""]
    _describe(typer.main.get_command(build_app()), "gridkeeper", lines)
    return "\n".join(lines).rstrip() + "\n"


def _describe(command: Any, name: str, lines: list[str]) -> None:
    children = getattr(command, "commands", None)
    if children:
        for child_name in sorted(children):
            _describe(children[child_name], f"{name} {child_name}", lines)
        return
    lines += [f"## {name}", "", (command.help or "").strip(), ""]
    rows = [row for row in (_row(parameter) for parameter in command.params) if row]
    if rows:
        lines += ["| argument | default | meaning |", "|---|---|---|", *rows, ""]


def _row(parameter: Any) -> str:
    if parameter.name in {"help", "install_completion", "show_completion"}:
        return ""
    is_option = parameter.param_type_name == "option"
    shown = " / ".join(f"`{word}`" for word in parameter.opts) if is_option else f"`{parameter.name.upper()}`"
    default = "" if parameter.default in (None, False) or callable(parameter.default) else f"`{parameter.default}`"
    return f"| {shown} | {default} | {getattr(parameter, 'help', '') or ''} |"


def main(words: list[str]) -> int:
    os.environ["GRIDKEEPER_DATA_DIR"] = tempfile.mkdtemp(prefix="gridkeeper-reference-")
    os.environ["DJANGO_SETTINGS_MODULE"] = "gridkeeper.settings"
    import django

    django.setup()
    stale = []
    for name, page in (("settings.md", settings_page()), ("command-line.md", command_page())):
        path = _DOCS / name
        if path.exists() and path.read_text() == page:
            continue
        stale.append(name)
        if "--check" not in words:
            path.write_text(page)
    if stale:
        print(f"{'out of date' if '--check' in words else 'wrote'}: {', '.join(stale)}")
    return int(bool(stale) and "--check" in words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
