"""The parameter `extensions`: properties that an object must have, or must not have.

`(K=V)`, `AND(K=V)(K=V)OR(K=V)NOT(K=V)`: an operator counts for all pairs up to the next one, AND where none stands, and
what is read so far is combined with the next pair, from left to right. `(K=)` asks for any value. A bracket or a
backslash inside a value is written with a backslash before it (GOCDB's ExtensionsParser2).
"""

import re
from dataclasses import dataclass

from django.db.models import Q

from gridkeeper.api.gocdb.refusal import RefusedError

#: More pairs would make a statement that no database takes.
MAX_PAIRS = 50
_PAIR = re.compile(r"\s*(AND|OR|NOT)?\s*\(((?:[^()\\]|\\.)*)\)\s*", re.DOTALL)
_KEY = re.compile(r"[^()=\\]{1,255}")


@dataclass(frozen=True, slots=True)
class Clause:
    """operator: AND, OR or NOT; value: None for any"""

    operator: str
    key: str
    value: str | None


def parse_extensions(text: str) -> list[Clause]:
    """The pairs in their order, each with its operator. Raises RefusedError 400.

    >>> [(each.operator, each.key, each.value) for each in parse_extensions("(VO=a)OR(VO=b)NOT(P=)")]
    [('AND', 'VO', 'a'), ('OR', 'VO', 'b'), ('NOT', 'P', None)]
    """
    clauses: list[Clause] = []
    operator, position = "AND", 0
    while position < len(text) or not clauses:
        found = _PAIR.match(text, position)
        if found is None:
            raise _wrong(text, "write (KEY=VALUE), AND(KEY=VALUE)(KEY=VALUE), OR..., NOT..., \\( for a bracket")
        operator = found[1] or operator
        clauses.append(_clause(operator, found[2], text))
        position = found.end()
    if len(clauses) > MAX_PAIRS:
        raise _wrong(text, f"at most {MAX_PAIRS} pairs are read")
    return clauses


def _clause(operator: str, pair: str, text: str) -> Clause:
    key, sign, value = pair.partition("=")
    if not sign or not _KEY.fullmatch(key):
        raise _wrong(text, f"{pair[:80]!r} is not KEY=VALUE")
    plain = re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
    return Clause(operator, key.strip(), plain if plain.strip() else None)


def _wrong(text: str, what: str) -> RefusedError:
    return RefusedError(400, f"Invalid extensions expression {text[:200]!r}: {what}")


def extensions_filter(text: str, path: str) -> Q:
    """The same as a condition on the JSON field of properties at `path` ("service__properties")."""
    combined = Q()
    for clause in parse_extensions(text):
        has = Q(**{f"{path}__has_pair": (clause.key, clause.value)})
        if clause.operator == "NOT":
            has = ~has
        # The first one stands alone: an empty Q vanishes from either combination.
        combined = combined | has if clause.operator == "OR" else combined & has
    return combined
