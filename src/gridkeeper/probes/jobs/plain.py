"""Our own plain protocol of HTTP with JSON (docs/howto/tests.md, "Jobs"), for gateways and the demonstration.

`POST match`, `POST jobs`, `GET jobs/ID`, `GET jobs/ID/output` (NDJSON), `DELETE jobs/ID`.
"""

import json
from datetime import datetime
from typing import Any
from urllib.parse import quote

from gridkeeper.core.status import Status
from gridkeeper.probes.jobs.adapters import Adapter
from gridkeeper.probes.jobs.orders import JobArguments, Order, Phase, Progress
from gridkeeper.probes.native.check import CheckFailedError, Run, Target
from gridkeeper.probes.native.http_client import Request, fetch, fetch_json, split, with_credential

_PHASES = {"running": Phase.RUNNING, "done": Phase.DONE, "failed": Phase.FAILED}


class _Session:
    """One job at a gateway."""

    token = ""

    def __init__(self, target: Target, arguments: JobArguments, order: Order, run: Run) -> None:
        self._target, self._arguments, self._order, self._run = target, arguments, order, run
        self._base = target.url.rstrip("/")
        split(self._base)
        self.job = ""

    async def match(self) -> list[str]:
        body = {"vo": self._order.vo, "requirements": self._arguments.requirements}
        status, answer = await self._call("POST", "match", body)
        queues = answer.get("queues") if isinstance(answer, dict) else None
        if status != 200 or not isinstance(queues, list):
            raise CheckFailedError(Status.CRITICAL, f"list match: HTTP {status}: {_reason(answer)}", json.dumps(answer))
        if not queues:
            text = f"list match: no queue takes jobs of {self._order.vo}"
            raise CheckFailedError(Status.CRITICAL, text, json.dumps(answer))
        return [str(queue) for queue in queues]

    async def submit(self) -> None:
        body = {"vo": self._order.vo, "tests": [rider.metric for rider in self._order.riders]}
        status, answer = await self._call("POST", "jobs", body)
        if status != 201 or not isinstance(answer, dict) or not answer.get("id"):
            text = f"job submission: HTTP {status}: {_reason(answer)}"
            raise CheckFailedError(Status.CRITICAL, text, json.dumps(answer))
        self.job = quote(str(answer["id"])[:200], safe="")

    async def progress(self) -> Progress:
        status, answer = await self._call("GET", f"jobs/{self.job}")
        if status != 200:
            raise CheckFailedError(Status.CRITICAL, f"state of job {self.job}: HTTP {status}: {_reason(answer)}")
        word = str(answer.get("state", "")) if isinstance(answer, dict) else ""
        phase = _PHASES.get(word, Phase.QUEUED)
        return Progress(phase, word[:100], _reason(answer) if phase == Phase.FAILED else "")

    async def output(self) -> str:
        request = with_credential(Request("GET", f"{self._base}/jobs/{self.job}/output"), self._run)
        response = await fetch(self._target, request, self._run)
        if response.status != 200:
            raise CheckFailedError(Status.CRITICAL, f"output of job {self.job}: HTTP {response.status}")
        return response.text

    async def diagnosis(self) -> str:
        return ""

    async def remove(self) -> str:
        status, _ = await self._call("DELETE", f"jobs/{self.job}")
        if status >= 300:
            raise CheckFailedError(Status.CRITICAL, f"HTTP {status}")
        return ""

    async def remove_left(self, _now: datetime) -> str:
        """The protocol lists no jobs: a gateway gives up what nobody asks for itself."""
        return ""

    async def close(self) -> None:
        """Nothing is held between two requests."""

    async def _call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        content = b"" if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if content else {}
        request = with_credential(Request(method, f"{self._base}/{path}", headers, content), self._run)
        return await fetch_json(self._target, request, self._run)


def _reason(answer: Any) -> str:
    found = answer.get("reason") if isinstance(answer, dict) else None
    return str(found or "no reason given")[:300]


PLAIN = Adapter("plain", JobArguments, _Session)
