"""Writes the script that a job runs: the functions of `payload.sh`, and a line for each test that rides in it."""

import re
import shlex
from functools import cache
from importlib.resources import files

from gridkeeper.core.status import Status
from gridkeeper.probes.jobs.orders import Order, Rider
from gridkeeper.probes.native.check import CheckFailedError

_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
#: A metric's name stands in JSON as it is; `models.Test` allows no other characters either.
_METRIC = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)


@cache
def _functions() -> str:
    return files(__package__).joinpath("payload.sh").read_text(encoding="utf-8")


@cache
def probes() -> frozenset[str]:
    """The names of the probes that the payload has."""
    return frozenset(re.findall(r"^probe_([a-z]+)\(\)", _functions(), re.MULTILINE)) - {"unknown"}


def write_script(order: Order) -> str:
    """The payload of an order. Raises CheckFailedError where a rider cannot be written as a line of shell."""
    head = {"gk_token": order.token, "gk_vo": order.vo, "gk_limit_s": str(int(order.rider_s))}
    assigned = [f"{name}={shlex.quote(_text(value))}" for name, value in head.items()]
    lines = [*assigned, "gk_mark begin", *map(_line, order.riders), "gk_mark end"]
    return _functions() + "\n" + "\n".join(lines) + "\n"


def _line(rider: Rider) -> str:
    if not _METRIC.fullmatch(rider.metric):
        raise CheckFailedError(Status.UNKNOWN, f"{rider.metric!r} is no name of a test that can ride in a job")
    probe = rider.probe if rider.probe in probes() else "unknown"
    return f"( {_settings(rider)}gk_run {rider.metric} probe_{probe} )"


def _settings(rider: Rider) -> str:
    """Arguments as variables: an object for the probes of the payload, a list of words for `run`."""
    arguments = rider.arguments or {}
    if isinstance(arguments, list):
        words = " ".join(shlex.quote(_text(word)) for word in arguments)
        return f"gk_words={shlex.quote(words)}; "
    bad = [name for name in arguments if not _NAME.fullmatch(str(name))]
    if bad:
        text = f"{rider.metric}: {bad[0]!r} is no name of an argument; use small letters, digits and _"
        raise CheckFailedError(Status.UNKNOWN, text)
    return "".join(f"a_{name}={shlex.quote(_text(value))}; " for name, value in arguments.items())


def _text(value: object) -> str:
    """As the shell wants it: lists as words, yes and no as 1 and nothing; no zero bytes, no half surrogates."""
    if isinstance(value, bool):
        return "1" if value else ""
    text = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text.replace("\0", "").encode(errors="replace").decode()
