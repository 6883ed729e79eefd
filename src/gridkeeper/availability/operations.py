"""Operations profiles: the states of a judgement, what they count as, and the truth tables that combine them. Pure.

Source: availability.md section 1. An operation must be complete, commutative, associative and idempotent: then the
result depends on which states occur, not on how many children have them nor on their order, and the plan may count.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations, product
from typing import Any

from gridkeeper.core.status import AND_TABLE, OR_TABLE, Status

EXCLUDED = Status.EXCLUDED.name
#: Codes of states that are none of our seven.
_FIRST_OWN_CODE = 16
#: An operation that is no order is a relation of 2^n rows.
MAX_STATES = 14

Table = Mapping[tuple[str, str], str]


class OperationsError(ValueError):
    """An operations profile, or a use of one, that makes no sense; names the operation and the states concerned."""


@dataclass(frozen=True)
class Operations:
    """States and how they combine. EXCLUDED is understood: neutral on both sides, and in no table.

    name: for messages and for saying what made a figure
    up: states that count as up
    unknown, missing, down: the states of no answer, of no result, and of a declared downtime
    tables: operation -> (a, b) -> state, for every pair in both orders
    """

    name: str
    states: tuple[str, ...]
    up: frozenset[str]
    unknown: str
    missing: str
    down: str
    tables: Mapping[str, Table] = field(hash=False)

    @classmethod
    def of(cls, name: str, document: Mapping[str, Any]) -> "Operations":
        """From a document of `profiles.documents`; raises OperationsError naming the first thing that is wrong."""
        states, defaults = tuple(document["states"]), document["defaults"]
        without = cls(
            name, states, frozenset(document["up"]), defaults["unknown"], defaults["missing"], defaults["down"], {}
        )
        _check_states(without)
        tables = {word: _table(name, word, states, lines) for word, lines in document["operations"].items()}
        if not tables:
            raise OperationsError(f"operations profile {name!r}: it has no operation; give at least one truth table")
        return replace(without, tables=tables)

    def document(self) -> dict[str, Any]:
        """The document that this was made of; of each pair once."""
        half = [*combinations(self.states, 2), *((state, state) for state in self.states)]
        order = sorted(half, key=lambda pair: (self.states.index(pair[0]), self.states.index(pair[1])))
        return {
            "states": list(self.states),
            "up": [state for state in self.states if state in self.up],
            "defaults": {"down": self.down, "missing": self.missing, "unknown": self.unknown},
            "operations": {
                word: [[a, b, table[a, b]] for a, b in order] for word, table in sorted(self.tables.items())
            },
        }

    @cached_property
    def codes(self) -> dict[str, int]:
        """The number of each state in timelines: that of `Status` for our seven words, 16 and more for others."""
        own = (state for state in self.states if state not in Status.__members__)
        numbers = {state: _FIRST_OWN_CODE + number for number, state in enumerate(own)}
        known = {state: Status[state].value for state in (*self.states, EXCLUDED) if state in Status.__members__}
        return known | numbers

    def code(self, state: str) -> int:
        """Raises OperationsError for a state that the profile does not have."""
        try:
            return self.codes[state]
        except KeyError:
            raise OperationsError(
                f"operations profile {self.name!r} has no state {state!r}; it has {', '.join(self.states)}"
            ) from None

    def state(self, code: int) -> str:
        """The word of a number; of `Status` too where the profile does not have it."""
        for state, number in self.codes.items():
            if number == code:
                return state
        if code in Status._value2member_map_:
            return Status(code).name
        raise OperationsError(f"operations profile {self.name!r} has no state of number {code}")

    def fold(self, operation: str, states: Iterable[str]) -> str:
        """The state of what is made of parts in these states.

        >>> DEFAULT_OPERATIONS.fold("AND", ["OK", "EXCLUDED", "WARNING"]), DEFAULT_OPERATIONS.fold("OR", [])
        ('WARNING', 'EXCLUDED')
        """
        table, result = self.table_of(operation), EXCLUDED
        for state in states:
            self.code(state)
            if state != EXCLUDED:
                result = state if result == EXCLUDED else table[result, state]
        return result

    def order(self, operation: str) -> tuple[int, ...] | None:
        """The codes so that the first that occurs is the result; None where the operation is no such order."""
        table = self.table_of(operation)
        if any(result not in pair for pair, result in table.items()):
            return None
        # The stronger of two states is the result of the pair: the strongest wins over all of them.
        wins = {state: sum(table[state, other] == state for other in self.states) for state in self.states}
        return tuple(self.codes[state] for state in sorted(self.states, key=lambda state: -wins[state]))

    def seconds(self) -> dict[str, frozenset[int]]:
        """What seconds of a state count as (availability.md section 3): measure -> codes; all others are critical."""
        counted = {
            "up_s": frozenset(self.codes[state] for state in self.up),
            "unknown_s": frozenset({self.codes[self.unknown], self.codes[self.missing]}),
            "down_s": frozenset({self.codes[self.down]}),
            "excluded_s": frozenset({Status.EXCLUDED.value}),
        }
        rest = frozenset(self.codes.values()).difference(*counted.values())
        return counted | {"critical_s": rest}

    def truth(self) -> Iterator[tuple[str, int, int]]:
        """Of each operation that is no order: (operation, mask, code) for each set of states that may occur.

        mask: the sum of 2^i over the places i of the states in `states`; 0 is EXCLUDED.
        """
        for word in sorted(self.tables):
            if self.order(word) is None:
                yield from self._truth_of(word)

    def _truth_of(self, word: str) -> Iterator[tuple[str, int, int]]:
        table, found = self.tables[word], [EXCLUDED]
        for state in self.states:
            found += [state if result == EXCLUDED else table[result, state] for result in found]
        yield from ((word, mask, self.codes[result]) for mask, result in enumerate(found))

    def table_of(self, operation: str) -> Table:
        """Raises OperationsError for an operation that the profile does not have."""
        try:
            return self.tables[operation]
        except KeyError:
            known = ", ".join(sorted(self.tables))
            raise OperationsError(
                f"operations profile {self.name!r} has no operation {operation!r}; it has {known}"
            ) from None


def _check_states(made: Operations) -> None:
    """What must hold before any table can be looked at."""
    where, states = f"operations profile {made.name!r}", made.states
    if not states or len(states) > MAX_STATES:
        raise OperationsError(f"{where}: it has {len(states)} states; name 1 to {MAX_STATES}")
    doubled = sorted({state for state in states if states.count(state) > 1})
    if doubled or EXCLUDED in states:
        problem = f"{doubled[0]} stands twice" if doubled else f"{EXCLUDED} is understood by itself"
        raise OperationsError(f"{where}: states: {problem}; leave it out")
    used = {"up": sorted(made.up), "unknown": [made.unknown], "missing": [made.missing], "down": [made.down]}
    for word, named in used.items():
        for state in named:
            if state not in states:
                raise OperationsError(f"{where}: {word} is {state!r}, which is none of its states {', '.join(states)}")
    unavailable = {made.unknown, made.missing, made.down}
    if both := sorted(made.up & unavailable):
        raise OperationsError(f"{where}: {both[0]} cannot count as up and as unknown, missing or down")
    if made.down in (made.unknown, made.missing):
        raise OperationsError(f"{where}: {made.down} cannot count as down and as unknown or missing")


def _table(name: str, word: str, states: tuple[str, ...], lines: Iterable[Iterable[str]]) -> Table:
    """The lines [a, b, result] as a table of both orders; raises OperationsError where it is not sound."""
    where = f"operations profile {name!r}, operation {word!r}"
    table: dict[tuple[str, str], str] = {}
    for a, b, result in lines:
        for state in (a, b, result):
            if state not in states:
                raise OperationsError(f"{where}: {a} and {b} give {result}, but {state!r} is none of its states")
        for pair in {(a, b), (b, a)}:
            if table.setdefault(pair, result) != result:
                raise OperationsError(
                    f"{where} is not commutative: {a} and {b} give {table[pair]} in one line and {result} in another"
                )
    _check_table(where, states, table)
    return table


def _check_table(where: str, states: tuple[str, ...], table: Table) -> None:
    for pair in product(states, repeat=2):
        if pair not in table:
            raise OperationsError(f"{where} is not complete: it does not say what {pair[0]} and {pair[1]} give")
    for state in states:
        if table[state, state] != state:
            raise OperationsError(f"{where} is not idempotent: {state} and {state} give {table[state, state]}")
    for a, b, c in product(states, repeat=3):
        left, right = table[table[a, b], c], table[a, table[b, c]]
        if left != right:
            raise OperationsError(
                f"{where} is not associative: ({a}, {b}) with {c} give {left}, but {a} with ({b}, {c}) give {right}"
            )


def _lines(table: Mapping[tuple[Status, Status], Status]) -> list[list[str]]:
    return [[a.name, b.name, result.name] for (a, b), result in table.items() if Status.EXCLUDED not in (a, b)]


#: The profile of availability.md section 1; `core.status` has the same tables.
DEFAULT_OPERATIONS = Operations.of(
    "default",
    {
        "states": ["OK", "WARNING", "UNKNOWN", "MISSING", "CRITICAL", "DOWNTIME"],
        "up": ["OK", "WARNING"],
        "defaults": {"down": "DOWNTIME", "missing": "MISSING", "unknown": "UNKNOWN"},
        "operations": {"AND": _lines(AND_TABLE), "OR": _lines(OR_TABLE)},
    },
)
