"""Entry of the `gridkeeper` command: gathers the packages' commands after Django is ready."""

import os
import sys
from importlib import import_module
from importlib.util import find_spec

import typer

from gridkeeper.config import SettingsError

#: Modules with `register(app)`, in the order of `gridkeeper --help`.
COMMAND_MODULES = (
    "gridkeeper.cli.run_commands",
    "gridkeeper.cli.worker_command",
    "gridkeeper.cli.admin_commands",
    "gridkeeper.cli.people_commands",
    "gridkeeper.cli.backup_commands",
    "gridkeeper.registry.commands",
    "gridkeeper.registry.mirror_commands",
    "gridkeeper.registry.role_commands",
    "gridkeeper.registry.downtime_commands",
    "gridkeeper.probes.commands",
    "gridkeeper.probes.catalogue_commands",
    "gridkeeper.probes.lake_commands",
    "gridkeeper.availability.commands",
    "gridkeeper.selection.commands",
    "gridkeeper.demo.commands",
)

EXIT_PROBLEM = 1
EXIT_USAGE = 2


def build_app() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        name="gridkeeper",
        help="The operations loop of a federated computing infrastructure.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for module in COMMAND_MODULES:
        if find_spec(module):
            import_module(module).register(app)
    return app


def _asks_a_server(words: list[str]) -> bool:
    """`gridkeeper good-sites --server`: a client on a machine that has no installation, no settings, no database."""
    is_named = any(word == "--server" or word.startswith("--server=") for word in words)
    return is_named or bool(os.environ.get("GRIDKEEPER_SERVER"))


def _run_client() -> None:
    app = typer.Typer(name="gridkeeper", pretty_exceptions_enable=False)
    app.callback()(lambda: None)
    import_module("gridkeeper.selection.commands").register(app)
    app()


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
        import_module("django").setup()
    except SettingsError as error:
        sys.stderr.write(f"gridkeeper: the settings do not hold together: {error}\n")
        sys.exit(EXIT_USAGE)
    try:
        build_app()()
    except import_module("django.db").DatabaseError as error:
        sys.stderr.write(f"gridkeeper: the database refused: {error}; `gridkeeper check` says whether it is ready\n")
        sys.exit(EXIT_PROBLEM)


if __name__ == "__main__":
    main()
