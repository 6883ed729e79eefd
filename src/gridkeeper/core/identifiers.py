"""Identifiers: opaque object keys, series ids, fact ids.

A *series* is one metric of one service endpoint for one VO: `(hostname, service_type, metric, vo)`. Its id is a
hash of those four words, so that any process names it without asking anybody (docs/decisions/0005).
"""

import hashlib
import secrets
from dataclasses import dataclass

#: No vowels, no look-alikes: a key can be read out over the telephone and spells nothing.
_KEY_ALPHABET = "23456789bcdfghjkmnpqrstvwxz"


def new_key() -> str:
    """A new opaque, stable key for a registry object: 12 characters, 57 bits."""
    return "".join(secrets.choice(_KEY_ALPHABET) for _ in range(12))


def _hash64(text: str) -> int:
    """A signed 64-bit hash, as databases and Parquet hold it."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """What a series is of. `vo` is "" for a test that does not depend on the VO."""

    hostname: str
    service_type: str
    metric: str
    vo: str = ""

    @property
    def series(self) -> int:
        """The 64-bit id of the series.

        >>> SeriesKey("ce.example.org", "CE", "js", "dteam").series
        6929759960764634807
        """
        return series_id(self.hostname, self.service_type, self.metric, self.vo)


def series_id(hostname: str, service_type: str, metric: str, vo: str) -> int:
    """See SeriesKey.series. The four words are joined by a newline, which none of them can hold."""
    return _hash64(f"{hostname}\n{service_type}\n{metric}\n{vo}")


def fact_hash(fact_id: str) -> int:
    """The 64-bit hash by which the lake recognises a client-made id (any text)."""
    return _hash64(fact_id)
