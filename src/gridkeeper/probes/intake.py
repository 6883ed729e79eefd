"""What every HTTP way in for results shares: the body within its limits, permission, admission, storing."""

import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import require
from gridkeeper.probes.admission import admit, reach_of
from gridkeeper.probes.ingest import Receipt, submit_arrow
from gridkeeper.probes.passive import Parsed, PassiveError, Rejection
from gridkeeper.probes.permissions import SUBMIT_RESULTS
from gridkeeper.web.problems import Problem

#: Rejections that one answer lists; more of the same teach nothing.
_BUSY = ("locked", "deadlock")  # in the words of SQLite and of PostgreSQL
_MOST_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the records of a request."""

    accepted: int
    duplicates: int
    rejected: list[Rejection]

    def as_json(self) -> dict[str, Any]:
        listed = [asdict(one) for one in self.rejected[:_MOST_LISTED]]
        counts = {"accepted": self.accepted, "duplicates": self.duplicates}
        return {**counts, "rejected": listed, "rejected_count": len(self.rejected)}


def take(actor: Actor, parse: Callable[[], Parsed], now: datetime) -> Taken:
    """Stores what can be taken; durable when it returns.

    Raises NotPermittedError, and Problem: 422 where nothing of it could be taken, 503 where the database is busy.
    """
    require(actor, SUBMIT_RESULTS)
    try:
        parsed = parse()
    except PassiveError as error:
        raise Problem(422, "The body cannot be read", str(error)) from error
    rows, rejected = admit(parsed, reach_of(actor))
    if not rows.num_rows:
        detail = f"none of {len(rejected)} results could be taken" if rejected else "the body holds no result"
        raise Problem(422, "No result was taken", detail, errors=[asdict(one) for one in rejected[:_MOST_LISTED]])
    receipt = _submit(rows, now)
    return Taken(receipt.accepted, receipt.duplicates, rejected)


def _submit(rows: Any, now: datetime) -> Receipt:
    try:
        return submit_arrow(rows, now=now)
    except OperationalError as error:
        if not any(word in str(error) for word in _BUSY):
            raise
        detail = "the database is busy; nothing of the batch was stored; send it again"
        raise Problem(503, "Busy", detail, headers={"Retry-After": "5"}) from error


def body_of(request: HttpRequest) -> bytes:
    """The body, gzip undone, up to GRIDKEEPER_UPLOAD_LIMIT_BYTES. Raises Problem."""
    limit: int = settings.GRIDKEEPER.upload_limit_bytes
    if int(request.META.get("CONTENT_LENGTH") or 0) > limit:
        raise _too_big(limit)
    match request.headers.get("Content-Encoding", "identity").lower():
        case "identity" | "":
            return request.body
        case "gzip":
            return _unzipped(request.body, limit)
        case other:
            raise Problem(415, "Unknown content encoding", f"{other}: send gzip or none")


def _unzipped(body: bytes, limit: int) -> bytes:
    """Stops at the limit: a few kilobytes can unfold to gigabytes."""
    parts, left = [], limit
    while body:  # a gzip file may be several, one after the other
        unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            parts.append(unzip.decompress(body, left + 1))
        except zlib.error as error:
            raise Problem(422, "The body cannot be read", f"it is no gzip: {error}") from error
        left -= len(parts[-1])
        if left < 0:
            raise _too_big(limit)
        if not unzip.eof:
            raise Problem(422, "The body cannot be read", "the gzip ends before its end; send it whole")
        body = unzip.unused_data
    return b"".join(parts)


def _too_big(limit: int) -> Problem:
    return Problem(413, "The body is too big", f"at most {limit} bytes are taken; send the results in more batches")
