"""Entry of the `gridkeeper` command: gathers the packages' commands after Django is ready."""

import gc
import os
import sys
from importlib import import_module
from importlib.util import find_spec

import typer

from gridkeeper.config import SettingsError

#: Modules with `register(app)`, in the order of `gridkeeper --help`, and the commands that each adds.
COMMANDS = {
    "gridkeeper.cli.run_commands": ("serve", "web", "scheduler", "tasks", "migrate", "check"),
    "gridkeeper.cli.worker_command": ("worker",),
    "gridkeeper.cli.admin_commands": ("createadmin", "token"),
    "gridkeeper.cli.people_commands": ("read-only", "identity"),
    "gridkeeper.cli.backup_commands": ("backup", "restore"),
    "gridkeeper.registry.commands": ("import", "export"),
    "gridkeeper.registry.mirror_commands": ("mirror",),
    "gridkeeper.registry.role_commands": ("roles",),
    "gridkeeper.registry.downtime_commands": ("downtime",),
    "gridkeeper.probes.commands": ("run", "tests"),
    "gridkeeper.probes.catalogue_commands": ("packs", "credentials", "import-nagios"),
    "gridkeeper.probes.lake_commands": ("lake",),
    "gridkeeper.availability.commands": ("availability",),
    "gridkeeper.availability.profiles.commands": ("profiles", "weights"),
    "gridkeeper.selection.commands": ("good-sites",),
    "gridkeeper.demo.commands": ("demo", "demo-fault"),
}

EXIT_PROBLEM = 1
EXIT_USAGE = 2


def build_app(wanted: str = "") -> typer.Typer:
    """The whole command line. Where `wanted` is one of its commands, only the module that has it: quicker to start."""
    app = typer.Typer(
        name="gridkeeper",
        help="The operations loop of a federated computing infrastructure.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_keep_the_name)
    for module in [module for module, names in COMMANDS.items() if wanted in names] or COMMANDS:
        if find_spec(module):
            import_module(module).register(app)
    return app


def _keep_the_name() -> None:
    # Without a callback a command line of one command would take that command's name for an argument.
    return


def _asks_a_server(words: list[str]) -> bool:
    """`gridkeeper good-sites --server`: a client on a machine that has no installation, no settings, no database."""
    is_named = any(word == "--server" or word.startswith("--server=") for word in words)
    return is_named or bool(os.environ.get("GRIDKEEPER_SERVER"))


def _run_client() -> None:
    app = typer.Typer(name="gridkeeper", pretty_exceptions_enable=False)
    app.callback()(_keep_the_name)
    import_module("gridkeeper.selection.commands").register(app)
    app()


def _loaded(wanted: str) -> typer.Typer:
    """Django and the commands. The garbage collector rests meanwhile: what is loaded stays, and it takes a fifth."""
    gc.disable()
    try:
        import_module("django").setup()
        return build_app(wanted)
    finally:
        gc.enable()


def main() -> None:
    """Runs one command. Settings that do not hold together end it with a message and status 2."""
    words = sys.argv[1:]
    if words[:1] == ["good-sites"] and _asks_a_server(words):
        _run_client()
        return
    if words[:1] in (["demo"], ["demo-sites"], ["demo-fault"]):
        import_module("gridkeeper.demo.environment").apply(words)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gridkeeper.settings")
    try:
        app = _loaded(words[0] if words else "")
    except SettingsError as error:
        sys.stderr.write(f"gridkeeper: the settings do not hold together: {error}\n")
        sys.exit(EXIT_USAGE)
    try:
        app()
    except import_module("django.db").DatabaseError as error:
        sys.stderr.write(f"gridkeeper: the database refused: {error}; `gridkeeper check` says whether it is ready\n")
        sys.exit(EXIT_PROBLEM)


if __name__ == "__main__":
    main()
