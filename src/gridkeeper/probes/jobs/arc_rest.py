"""A client of the REST interface of an ARC CE (version 1.0): what the arc checks and the arc jobs ask of it.

Source: ARC 6 documentation, "REST interface". Every answer about jobs is HTTP 201; what became of each job is its inner
`status-code`. `job` is an object for one job and a list for several.
"""

import json
import ssl
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from cryptography import x509
from django.conf import settings

from gridkeeper.core.status import Status
from gridkeeper.probes.jobs.orders import JobArguments
from gridkeeper.probes.native.check import CheckFailedError, Run, Target
from gridkeeper.probes.native.http_client import Request, Response, fetch, split, with_credential

#: An ARC CE breaks one handshake in 50 to 150 (seen with 6.17 and several TLS clients), and a job needs a dozen.
_HANDSHAKES = 3
_TRUSTED = "/etc/grid-security/certificates"
_REFUSALS = {
    401: "it does not know us: no credential was accepted",
    403: "it refuses us: the certificate or token is mapped to no user there",
}


class Access(Protocol):
    """How to reach an ARC CE and act there.

    url: of the REST interface, "" takes the service's (https://host:port/arex)
    ca_file: folder or file of trusted CAs; "" takes that of the settings, else the grid's folder, else the system's
    certificate, key: PEM files of a host or user certificate, for a CE that is given no proxy; "" takes what the run
        is handed
    """

    @property
    def port(self) -> int: ...

    @property
    def url(self) -> str: ...

    @property
    def ca_file(self) -> str: ...

    @property
    def certificate(self) -> str: ...

    @property
    def key(self) -> str: ...


class ArcArguments(JobArguments, frozen=True, kw_only=True):
    """Of a job.

    url, ca_file, certificate, key: as `Access` says
    queue: the only one to use; "" any
    minutes: CPU and wall time that are asked for
    """

    url: str = ""
    ca_file: str = ""
    certificate: str = ""
    key: str = ""
    queue: str = ""
    minutes: int = 10


class ArcRest:
    """One CE. broken_handshakes: that it broke so far, and that were begun anew."""

    def __init__(self, target: Target, access: Access, run: Run) -> None:
        self._target, self._access, self._run = target, access, run
        self.base = _base_of(target, access)
        self.broken_handshakes = 0
        is_chosen = access.ca_file or settings.GRIDKEEPER.trusted_certificates
        self._ca_file = access.ca_file if is_chosen or not Path(_TRUSTED).is_dir() else _TRUSTED

    async def info(self, kind: str = "json") -> str:
        """The GLUE 2 document of the CE as JSON or XML text."""
        response = await self._ask("GET", "info", accept=f"application/{kind}", doing="asking what the CE offers")
        self._require(response, "the CE's information", {200})
        return response.text

    async def submit(self, description: str) -> str:
        """Hands a job description (xRSL) over; gives the job's identifier."""
        response = await self._ask("POST", "jobs?action=new", description.encode(), "application/rsl",
                                   doing="submitting the job")  # fmt: skip
        answer = self._job_of(response, "submission")
        if str(answer.get("status-code")) != "201" or not answer.get("id"):
            text = f"job submission: {answer.get('status-code')}: {_reason(answer)}"
            raise CheckFailedError(Status.CRITICAL, text, response.text[:4000])
        return _identifier(answer["id"])

    async def jobs(self) -> list[str]:
        """Identifiers of all jobs that were submitted with our credential, by whomever."""
        response = await self._ask("GET", "jobs", doing="asking for our jobs")
        if response.status == 200 and not response.body.strip():
            return []  # A-REX writes nothing where there is none
        return [_identifier(item["id"]) for item in self._jobs_of(response, "list of our jobs") if item.get("id")]

    async def names(self, jobs: Sequence[str]) -> dict[str, str]:
        """How these jobs are called, where the CE says."""
        body = json.dumps({"job": [{"id": job} for job in jobs]}).encode()
        response = await self._ask("POST", "jobs?action=info", body, "application/json", doing="asking for jobs' names")
        found = self._jobs_of(response, "names of our jobs")
        return {_identifier(item["id"]): _name_in(item.get("info_document")) for item in found if item.get("id")}

    async def put(self, job: str, name: str, content: bytes) -> None:
        """Uploads an input file."""
        response = await self._ask("PUT", f"jobs/{job}/session/{name}", content, "application/octet-stream",
                                   doing=f"uploading {name}")  # fmt: skip
        self._require(response, f"upload of {name}", {200, 201, 204})

    async def get(self, job: str, name: str) -> str:
        """An output file."""
        response = await self._ask("GET", f"jobs/{job}/session/{name}", doing=f"fetching {name}")
        self._require(response, f"output {name} of job {job}", {200})
        return response.text

    async def diagnosis(self, job: str, what: str) -> str | None:
        """A file of the job's diagnosis (`status`, `errors`), which unlike its state is never stale; None: no job."""
        response = await self._ask("GET", f"jobs/{job}/diagnose/{what}", doing=f"asking for the {what} of job {job}")
        if response.status == 404:
            return None
        self._require(response, f"{what} of job {job}", {200})
        return response.text

    async def act(self, action: str, job: str) -> int:
        """`kill` or `clean`: the inner status code, 202 where it was taken, 404 where there is no such job."""
        body = json.dumps({"job": [{"id": job}]}).encode()
        response = await self._ask(
            "POST", f"jobs?action={action}", body, "application/json", doing=f"{action} job {job}"
        )
        code = str(self._job_of(response, action).get("status-code", ""))
        return int(code) if code.isascii() and code.isdigit() and len(code) == 3 else 0

    async def _ask(
        self, method: str, path: str, body: bytes = b"", content_type: str = "", accept: str = "application/json",
        *, doing: str,
    ) -> Response:  # fmt: skip
        headers = {"Accept": accept} | ({"Content-Type": content_type} if content_type else {})
        url = f"{self.base}/rest/1.0/{path}"
        request = Request(method, url, headers, body, ca_file=self._ca_file, most_bytes=4 << 20,
                          handshakes=_HANDSHAKES)  # fmt: skip
        if self._access.certificate:
            request = replace(request, certificate=self._access.certificate, key=self._access.key)
        with self._run.doing(doing):
            request = with_credential(request, self._run)
            try:
                response = await fetch(self._target, request, self._run)
            except (ssl.SSLError, ConnectionResetError, BrokenPipeError) as error:
                raise _refused(error, request.certificate) from error
        self.broken_handshakes += response.broken_handshakes
        return response

    def _require(self, response: Response, what: str, accepted: set[int]) -> None:
        if response.status in accepted:
            return
        why = _REFUSALS.get(response.status, f"HTTP {response.status} {response.reason}".rstrip())
        raise CheckFailedError(Status.CRITICAL, f"{what}: {why}", response.text[:4000])

    def _job_of(self, response: Response, what: str) -> dict[str, Any]:
        """The one job of an answer."""
        jobs = self._jobs_of(response, what)
        if not jobs:
            raise CheckFailedError(Status.CRITICAL, f"{what}: the CE's answer names no job", response.text[:4000])
        return jobs[0]

    def _jobs_of(self, response: Response, what: str) -> list[dict[str, Any]]:
        """The jobs of an answer."""
        self._require(response, what, {200, 201})
        try:
            found = json.loads(response.body)["job"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            text = f"{what}: the CE's answer is no list of jobs"
            raise CheckFailedError(Status.CRITICAL, text, response.text[:4000]) from error
        jobs = found if isinstance(found, list) else [found]
        if not all(isinstance(job, dict) for job in jobs):
            raise CheckFailedError(Status.CRITICAL, f"{what}: the CE's answer is no list of jobs", response.text[:4000])
        return jobs


def _base_of(target: Target, access: Access) -> str:
    """The address before `/rest/1.0`. Registries name it in several ways, some with the interface's version behind."""
    url = access.url or target.url or f"https://{target.hostname}:{access.port or target.port or 443}/arex"
    if "://" not in url:  # host:port, as old entries of ARC-CE are written
        url = f"https://{url}"
    base = url.split("/rest/")[0].rstrip("/")
    if not split(base).path:
        base += "/arex"
    return base


def _refused(error: OSError, certificate: str) -> Exception:
    """Why a CE drops the connection: with TLS 1.3 it refuses our certificate only after the handshake, by an alert.

    The alert may be lost when it closes before we have sent the request: then our own certificate is asked.
    """
    ended = _ended_at(certificate)
    if ended is not None and ended < datetime.now(UTC):
        text = f"the CE refuses us: our own certificate or proxy ended at {ended:%Y-%m-%d %H:%M} UTC"
        return CheckFailedError(Status.UNKNOWN, text)
    reason = error.reason or "" if isinstance(error, ssl.SSLError) else ""
    if "ALERT" not in reason:
        return error
    words = reason.rpartition("ALERT_")[2].replace("_", " ").lower()
    return CheckFailedError(Status.CRITICAL, f"the CE refuses our certificate or proxy: {words}")


def _ended_at(certificate: str) -> datetime | None:
    if not certificate:
        return None
    try:
        return x509.load_pem_x509_certificate(Path(certificate).read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return None  # the connection would have failed over it before


def _identifier(found: Any) -> str:
    """A job's identifier as it may stand in a path."""
    return quote(str(found)[:200], safe="")


def _name_in(document: Any) -> str:
    """The job's name in its GLUE 2 document; "" where there is none."""
    activity = document.get("ComputingActivity") if isinstance(document, dict) else None
    return str(activity.get("Name", "")) if isinstance(activity, dict) else ""


def _reason(answer: dict[str, Any]) -> str:
    return " ".join(str(answer.get("reason") or "no reason given").split())[:300]
