"""Documents as people write them in forms: functions, truth tables and threshold rules as lines of text. Pure.

Each parser raises LineError naming the line; each writer gives what its parser reads.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gridkeeper.availability.profiles.documents import AggregationDocument, OperationsDocument, ThresholdsDocument


class LineError(ValueError):
    """A line that does not say what it should; the message names its number."""

    def __init__(self, number: int, problem: str) -> None:
        super().__init__(f"line {number}: {problem}")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that say something, with their numbers."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield number, line.strip()


def read_functions(text: str) -> list[dict[str, Any]]:
    """A line a function: its name, its operation, its service types with the operation over each one's services.

    >>> read_functions("compute [OR] = CREAM-CE:OR, ARC-CE")
    [{'name': 'compute', 'operation': 'OR', 'services': {'CREAM-CE': 'OR', 'ARC-CE': 'OR'}}]
    """
    return [_function(number, line) for number, line in _lines(text)]


def _function(number: int, line: str) -> dict[str, Any]:
    head, mark, types = line.partition("=")
    if not mark:
        raise LineError(number, f"there is no = in {line!r}; write: compute [OR] = CREAM-CE:OR, ARC-CE:OR")
    name, bracket, operation = head.partition("[")
    if bracket and not operation.rstrip().endswith("]"):
        raise LineError(number, f"the bracket of {head.strip()!r} is open; write: {name.strip()} [OR] = ...")
    services: dict[str, str] = {}
    for each in types.split(","):
        service_type, own = (word.strip() for word in f"{each}:".split(":", 2)[:2])
        if not service_type:
            raise LineError(number, "a service type is missing between the commas")
        if service_type in services:
            raise LineError(number, f"{service_type} stands twice")
        services[service_type] = own or "OR"
    return {"name": name.strip(), "operation": operation.strip(" ]") or "OR", "services": services}


def write_functions(document: AggregationDocument) -> str:
    return "\n".join(
        f"{function.name} [{function.operation}] = "
        + ", ".join(f"{service_type}:{operation}" for service_type, operation in function.services.items())
        for function in document.functions
    )


def read_tables(text: str, states: Sequence[str]) -> dict[str, list[list[str]]]:
    """Truth tables: the operation's name on a line, then a line a state with what it gives with each state.

    Half a table is enough: a line may begin with the state itself, since the other half is the same.

    >>> read_tables("AND\\nOK: OK BAD\\nBAD: BAD", ["OK", "BAD"])
    {'AND': [['OK', 'OK', 'OK'], ['OK', 'BAD', 'BAD'], ['BAD', 'BAD', 'BAD']]}
    """
    tables: dict[str, list[list[str]]] = {}
    rows: list[list[str]] | None = None
    for number, line in _lines(text):
        state, mark, results = line.partition(":")
        if not mark:
            rows = tables.setdefault(line, [])
        elif rows is None:
            raise LineError(number, "a row stands before the name of its operation; write that on a line of its own")
        else:
            rows += _row(number, state.strip(), results.split(), states)
    return tables


def _row(number: int, state: str, results: Sequence[str], states: Sequence[str]) -> list[list[str]]:
    if state not in states:
        raise LineError(number, f"{state!r} is none of the states {', '.join(states)}")
    rest = states[states.index(state) :]
    others = states if len(results) == len(states) else rest
    if len(results) != len(others):
        raise LineError(
            number,
            f"{state} has {len(results)} results; write {len(rest)} (with {' '.join(rest)}) or all {len(states)}",
        )
    return [[state, other, result] for other, result in zip(others, results, strict=True)]


def write_tables(document: OperationsDocument) -> str:
    return "\n\n".join(_written(name, rows, document.states) for name, rows in sorted(document.operations.items()))


def _written(name: str, rows: Iterable[Sequence[str]], states: Sequence[str]) -> str:
    known = {pair: result for a, b, result in rows for pair in ((a, b), (b, a))}
    width = max(map(len, states))
    lines = [name]
    for number, state in enumerate(states):
        results = [known.get((state, other), "?").ljust(width) for other in states[number:]]
        lines.append(f"{state.ljust(width)}: {' ' * number * (width + 1)}{' '.join(results)}".rstrip())
    return "\n".join(lines)


def read_rules(text: str) -> list[dict[str, Any]]:
    """A line a rule: metric | host | group | thresholds; host and group may be empty.

    >>> read_rules("http | | SITE-A | time=1s;0.5;1")
    [{'metric': 'http', 'host': '', 'endpoint_group': 'SITE-A', 'thresholds': 'time=1s;0.5;1'}]
    """
    names = ("metric", "host", "endpoint_group", "thresholds")
    rules = []
    for number, line in _lines(text):
        parts = [part.strip() for part in line.split("|")]
        if len(parts) != len(names):
            raise LineError(number, f"it has {len(parts)} parts; write: metric | host | group | time=1s;0.5;1")
        rules.append(dict(zip(names, parts, strict=True)))
    return rules


def write_rules(document: ThresholdsDocument) -> str:
    return "\n".join(
        f"{rule.metric} | {rule.host} | {rule.endpoint_group} | {rule.thresholds}" for rule in document.rules
    )


def read_pairs(text: str) -> dict[str, str]:
    """A line a pair: NAME=value.

    >>> read_pairs("POWER = low")
    {'POWER': 'low'}
    """
    pairs: dict[str, str] = {}
    for number, line in _lines(text):
        name, mark, value = line.partition("=")
        if not mark or not name.strip():
            raise LineError(number, f"{line!r} is no pair; write NAME=value")
        pairs[name.strip()] = value.strip()
    return pairs


def write_pairs(pairs: Mapping[str, str]) -> str:
    return "\n".join(f"{name}={value}" for name, value in pairs.items())
