"""Command lines of Nagios as lists of words that run without a shell. Pure."""

import re
import shlex
from collections.abc import Mapping, Sequence

_MACRO = re.compile(r"\$(\w*)\$")
#: Where an installation's resource file is not among what is imported.
USUAL_USERS = {"$USER1$": "/usr/lib/nagios/plugins"}
#: Filled in by the registry at each run; the rest is filled in now.
_LASTING = frozenset({"HOSTADDRESS"})
#: What a shell would do something with, outside of quotes.
_SHELL_SIGN = re.compile(r"[|;&<>()]")
_QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.")


class CommandError(ValueError):
    """A command cannot be taken over; the message says why and what to do."""


def split_check(check_command: str) -> tuple[str, list[str]]:
    """The name of a command and its arguments.

    >>> split_check(r"check_http!-u /a!b\\!c")
    ('check_http', ['-u /a', 'b!c'])
    """
    parts = [part.replace("\\!", "!") for part in re.split(r"(?<!\\)!", check_command)]
    return parts[0].strip(), parts[1:]


def words_of(command_line: str, arguments: Sequence[str], macros: Mapping[str, str]) -> list[str]:
    """The words of a command with all that is known filled in; $HOSTADDRESS$ stays for the run.

    macros: name without dollars -> value. Raises CommandError for a macro that is unknown here, and for what only a
    shell could do.
    """
    filled = [_filled(argument, macros) for argument in arguments]
    numbered = {f"ARG{number}": filled[number - 1] if number <= len(filled) else "" for number in range(1, 33)}
    line = _filled(command_line, {**macros, **numbered})
    return _split(line)


def _filled(text: str, macros: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        if not name:
            return "$"
        if name in _LASTING:
            return match[0]
        if name not in macros:
            raise CommandError(f"${name}$ has no value here; write what it stands for")
        return macros[name]

    return _MACRO.sub(value, text)


def _split(line: str) -> list[str]:
    if "`" in line or "$(" in line or "\n" in line:
        raise CommandError("it runs another command inside of it; put that into a script among the plugins")
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise CommandError("its quotes do not close") from error
    if not words:
        raise CommandError("it is empty")
    if _SHELL_SIGN.search(_QUOTED.sub("", line)):
        raise CommandError("it needs a shell (|, ;, &, < or >); put it into a script among the plugins")
    if "=" in words[0].partition("/")[0]:
        raise CommandError("it sets a variable of the environment first; put it into a script among the plugins")
    return words
