"""Writes docs/reference/{settings,command-line,checks}.md from the code; `--check` fails where one is out of date."""

import json
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


def checks_page() -> str:
    import inspect

    import msgspec

    from gridkeeper.probes.checks import checks
    from gridkeeper.probes.packs import packs

    pack_of = {check.name: pack.name for pack in packs().values() for check in pack.checks}
    lines = [
        "# Native checks", "",
        "What runs in process, without a plugin: the names for `command`, and the arguments that each takes. All take "
        "`port` (0: that of the service), and `warning_s` and `critical_s`, limits for the time that the check takes. "
        "Made by `tools/reference.py`.", "",
    ]  # fmt: skip
    for name, check in sorted(checks().items()):
        origin = f"Pack `{pack_of[name]}`." if name in pack_of else "Always there."
        body = inspect.cleandoc(check.body.__doc__ or "").split("\n\n")[0]
        said = inspect.cleandoc(check.arguments.__doc__ or "").replace("\n", "  \n")
        lines += [f"## {name}", "", f"{origin} {' '.join(body.split())}".rstrip(), "", said, ""]
        own = [field for field in msgspec.structs.fields(check.arguments) if field.name not in _COMMON_ARGUMENTS]
        rows = [f"| `{field.name}` | {_default_of(field)} |" for field in own]
        if rows:
            lines += ["| argument | default |", "|---|---|", *rows, ""]
    return "\n".join(lines).rstrip() + "\n"


_COMMON_ARGUMENTS = {"port", "warning_s", "critical_s"}


def _default_of(field: Any) -> str:
    import msgspec

    default = (
        field.default_factory()
        if field.default is msgspec.NODEFAULT and callable(field.default_factory)
        else field.default
    )
    if default is msgspec.NODEFAULT:
        return "needed"
    return f"`{json.dumps(default)}`".replace("|", "\\|") if default not in ("", (), None, {}) else ""


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


def _pages() -> dict[str, str]:
    return {"settings.md": settings_page(), "command-line.md": command_page(), "checks.md": checks_page()}


def main(words: list[str]) -> int:
    os.environ["GRIDKEEPER_DATA_DIR"] = tempfile.mkdtemp(prefix="gridkeeper-reference-")
    os.environ["DJANGO_SETTINGS_MODULE"] = "gridkeeper.settings"
    import django

    django.setup()
    stale = []
    for name, page in _pages().items():
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
