"""`gridkeeper good-sites --server`: the client, which needs neither settings nor a database."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from gridkeeper.selection.client import (
    ClientError,
    Found,
    QuestionError,
    as_document,
    as_lines,
    good_sites,
    utc_now,
    write_whole,
)

#: Exit statuses; also a cron job can tell them apart.
USAGE, NOTHING = 2, 3


def run(
    server: str,
    vo: str,
    *,
    cache: str = "",
    max_age_s: int = 3600,
    least: int = 1,
    token_file: str = "",
    output: str = "",
    is_json: bool = False,
    timeout_s: float = 20.0,
) -> None:
    """Prints the good sites, or writes them to a file. Ends the program with status 2 or 3 where that cannot be."""
    try:
        found = good_sites(
            server, vo, cache=Path(cache) if cache else None, max_age=timedelta(seconds=max_age_s), least=least,
            token=_token(token_file), timeout_s=timeout_s, now=utc_now(),
        )  # fmt: skip
        _give(found, output, is_json=is_json)
    except QuestionError as error:
        _end(str(error), USAGE)
    except (ClientError, OSError) as error:
        _end(str(error), NOTHING)
    if found.warning:
        sys.stderr.write(f"gridkeeper good-sites: warning: {found.warning}\n")


def _token(path: str) -> str:
    """From a file, never from the command line, which every process may read."""
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise QuestionError(f"the token cannot be read from {path}: {error}") from error


def _give(found: Found, output: str, *, is_json: bool) -> None:
    text = as_document(found) if is_json else as_lines(found.sites)
    if output:
        write_whole(Path(output), text)
    else:
        sys.stdout.write(text)


def _end(text: str, status: int) -> NoReturn:
    sys.stderr.write(f"gridkeeper good-sites: {text}\n")
    sys.exit(status)
