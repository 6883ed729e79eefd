"""A plugin's command line from the fields of a dataclass: `warning_jobs: Range` becomes `--warning-jobs RANGE`."""

import argparse
from collections.abc import Sequence
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, NoReturn, get_args, get_type_hints

from gridkeeper.probe.perfdata import Range, parse_range

#: Names that every plugin has had for decades, and their letters (plugin guidelines, "Plugin Options").
_LETTERS = {"host": "-H", "hostname": "-H", "port": "-p", "warning": "-w", "critical": "-c", "url": "-u"}
#: Seconds after which a run gives up, unless `-t` says otherwise.
DEFAULT_TIMEOUT_S = 30.0


class UsageError(Exception):
    """The command line does not fit; the message says which argument. A plugin then ends with UNKNOWN."""


class _Parser(argparse.ArgumentParser):
    """argparse ends a program with status 2, which would be CRITICAL."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; --help names the arguments")


def read_range(text: str) -> Range:
    """A threshold as the guidelines write it. Raises UsageError's cause for argparse."""
    found = parse_range(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no range; write 10, 10:, ~:10, 10:20 or @10:20")
    return found


_READERS: dict[Any, Any] = {str: str, int: int, float: float, Path: Path, Range: read_range}


def parser_of(kind: type, name: str, title: str) -> argparse.ArgumentParser:
    """The parser for a dataclass. Raises TypeError for a field whose type cannot stand on a command line."""
    parser = _Parser(prog=name, description=title)
    hints = get_type_hints(kind)
    for field in fields(kind):
        _add(parser, field, hints[field.name])
    parser.add_argument(
        "-t",
        "--timeout",
        type=float,
        default=DEFAULT_TIMEOUT_S,
        metavar="S",
        help="seconds; then UNKNOWN (%(default)s)",
    )
    return parser


def _add(parser: argparse.ArgumentParser, field: "Field[Any]", hint: Any) -> None:
    names = [f"--{field.name.replace('_', '-')}"]
    if field.name in _LETTERS:
        names.insert(0, _LETTERS[field.name])
    is_required = field.default is MISSING and field.default_factory is MISSING
    options: dict[str, Any] = {"dest": field.name, "required": is_required, "help": field.metadata.get("help", "")}
    plain = next((part for part in get_args(hint) if part is not type(None)), hint)
    if plain is bool:
        parser.add_argument(*names, **options, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS)
    elif plain in _READERS:
        shown = field.name.rpartition("_")[2].upper()
        parser.add_argument(*names, **options, type=_READERS[plain], default=argparse.SUPPRESS, metavar=shown)
    else:
        raise TypeError(f"{field.name}: {hint} cannot be an argument; use str, int, float, bool, Path or Range")


def read(parser: argparse.ArgumentParser, kind: type, words: Sequence[str]) -> tuple[Any, float]:
    """The arguments as the dataclass, and the time-out in seconds. Raises UsageError."""
    given = vars(parser.parse_args(words))
    timeout_s = given.pop("timeout")
    if not 0 < timeout_s <= 86_400:
        raise UsageError(f"--timeout {timeout_s:g}: give seconds above 0 and up to a day")
    try:
        return kind(**given), timeout_s
    except ValueError as error:  # what the dataclass itself refuses
        raise UsageError(str(error)) from error
