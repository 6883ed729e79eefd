"""Results told to a server: what a probe, a cron job or a payload observed, sent so that nothing is lost or doubled."""

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from gridkeeper.core.status import Status
from gridkeeper.core.windows import as_utc

#: Seconds to wait before each further attempt.
_WAITS_S = (1.0, 5.0, 15.0)
#: Results of one request; more are sent in several.
_AT_ONCE = 5000
#: Answers after which the same request may fare better.
_PASSING = frozenset({429, 500, 502, 503, 504})


class ReportingError(Exception):
    """The server did not take the results; the message says what it answered, `sent` how many it had taken before."""

    def __init__(self, message: str, sent: int = 0) -> None:
        super().__init__(message)
        self.sent = sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One result. The words are the registry's; `executed_at` is UTC; the id makes repeats harmless."""

    hostname: str
    service_type: str
    metric: str
    status: Status
    summary: str = ""
    output: str = ""
    perfdata: str = ""
    vo: str = ""
    duration_ms: int = 0
    worker: str = ""
    executed_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def as_json(self) -> dict[str, Any]:
        """The record as `POST /api/v1/results` takes it; empty words are left out."""
        words = {name: getattr(self, name) for name in ("vo", "summary", "output", "perfdata", "worker")}
        return {
            "id": self.id, "hostname": self.hostname, "service_type": self.service_type, "metric": self.metric,
            "status": self.status.name, "executed_at": as_utc(self.executed_at).isoformat(),
            "duration_ms": self.duration_ms, **{name: value for name, value in words.items() if value},
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of them. rejected: field, problem and remedy of each that was not taken, with its `index`."""

    accepted: int
    duplicates: int
    rejected: tuple[dict[str, Any], ...] = ()


class Reporter:
    """Sends results to one server by an API token with the scope `probes.submit_results`."""

    def __init__(
        self, server: str, token: str, *, timeout_s: float = 20.0, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        if not server.startswith(("http://", "https://")):
            raise ReportingError(f"{server!r} is no address; give https://SERVER")
        self._url = f"{server.rstrip('/')}/api/v1/results"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
        self._timeout_s = timeout_s
        self._sleep = sleep

    def send(self, observed: Sequence[Observed]) -> Receipt:
        """Returns when all are durable there. Tries again where the network or the server fails for a while.

        The ids stay, so a batch whose answer was lost changes nothing when it comes again. Raises ReportingError.
        """
        total = Receipt(0, 0)
        for start in range(0, len(observed), _AT_ONCE):
            part = observed[start : start + _AT_ONCE]
            answer = self._send(part, total.accepted + total.duplicates)
            rejected = [{**one, "index": one["index"] + start} for one in answer["rejected"]]
            total = Receipt(
                total.accepted + answer["accepted"],
                total.duplicates + answer["duplicates"],
                (*total.rejected, *rejected),
            )
        return total

    def _send(self, part: Sequence[Observed], sent: int) -> dict[str, Any]:
        body = "".join(json.dumps(one.as_json(), ensure_ascii=False) + "\n" for one in part).encode()
        for wait_s in (*_WAITS_S, None):
            try:
                return self._post(body)
            except urllib.error.HTTPError as error:
                said = error.read(10_000)
                if error.code == HTTPStatus.UNPROCESSABLE_ENTITY and (refused := _refusals(said)):
                    return {"accepted": 0, "duplicates": 0, "rejected": refused}
                if error.code not in _PASSING or wait_s is None:
                    raise ReportingError(f"{self._url} answered {error.code}: {_words(said)}", sent) from error
            except (OSError, ValueError) as error:
                if wait_s is None:
                    raise ReportingError(f"{self._url}: {type(error).__name__}: {error}", sent) from error
            self._sleep(wait_s)
        raise AssertionError("the last attempt returns or raises")

    def _post(self, body: bytes) -> dict[str, Any]:
        request = urllib.request.Request(self._url, body, self._headers)  # noqa: S310  the scheme was checked
        with urllib.request.urlopen(request, timeout=self._timeout_s) as answer:  # noqa: S310
            found = json.loads(answer.read())
        if not isinstance(found, dict) or not {"accepted", "duplicates", "rejected"} <= found.keys():
            raise ValueError("the answer is no receipt of results; is this the server's address?")
        return found


def _refusals(said: bytes) -> list[dict[str, Any]]:
    """The rejected ones of a batch of which nothing could be taken."""
    try:
        found = json.loads(said).get("errors") or []
    except (ValueError, AttributeError):
        return []
    return [one for one in found if isinstance(one, dict) and "index" in one]


def _words(said: bytes) -> str:
    """What an answer says of itself: the detail of problem details (RFC 9457), else its beginning."""
    try:
        found = json.loads(said)
        return str(found.get("detail") or found.get("title") or "")[:500]
    except (ValueError, AttributeError):
        return said[:200].decode(errors="replace")
