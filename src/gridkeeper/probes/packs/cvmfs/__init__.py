"""CVMFS stratums over HTTP: the manifest of a repository is there, whole, signed, fresh, as new as the reference."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

from gridkeeper.core.status import Status
from gridkeeper.core.units import format_duration
from gridkeeper.probes.native.check import Arguments, Check, CheckArgumentError, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.http_client import Request, Response, follow, split
from gridkeeper.probes.packs.cvmfs import signed
from gridkeeper.probes.packs.cvmfs.signed import Manifest, Signed, Whitelist

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}", re.ASCII)
_HOUR_S = 3600


class CvmfsArguments(Arguments, frozen=True, kw_only=True):
    """repository: its full name; url: of the server, "" the service's; folder: below which repositories lie.

    warning_age_h, critical_age_h: of the newest revision, 0 any age
    warning_snapshot_h, critical_snapshot_h: since the stratum last replicated, where it says
    warning_whitelist_days, critical_whitelist_days: until the whitelist expires
    reference: URL of a server whose revision counts (a stratum 0), "" none
    warning_behind, critical_behind: revisions behind the reference
    master_key_file: public keys (PEM) of whom signs whitelists, "" does not verify their signature
    """

    repository: str
    url: str = ""
    folder: str = "/cvmfs"
    warning_age_h: float = 0
    critical_age_h: float = 0
    warning_snapshot_h: float = 8
    critical_snapshot_h: float = 24
    warning_whitelist_days: float = 7
    critical_whitelist_days: float = 1
    reference: str = ""
    warning_behind: int = 2
    critical_behind: int = 20
    master_key_file: str = ""

    def __post_init__(self) -> None:
        if not _REPOSITORY.fullmatch(self.repository):
            raise CheckArgumentError(f"cvmfs: {self.repository!r} is no name of a repository, as lhcb.cern.ch is")


class _Repository:
    """One repository on one server."""

    def __init__(self, target: Target, server: str, arguments: CvmfsArguments, run: Run) -> None:
        parts = split(server)
        self.base = f"{parts.scheme}://{parts.netloc}/{arguments.folder.strip('/')}/{arguments.repository}"
        self._target, self._run = target, run

    async def get(self, path: str, what: str, *, missing: bool = False) -> Response:
        """What lies at a path; raises CheckFailedError for anything but 200, and 404 where it may be missing."""
        with self._run.taking(f"fetching {what}"):
            response = await follow(self._target, Request("GET", f"{self.base}/{path}"), self._run, redirects=3)
        if response.status == 200 and response.is_cut:
            raise CheckFailedError(Status.CRITICAL, f"{what} is longer than any: {response.url}")
        if response.status != 200 and not (missing and response.status == 404):
            said = f"HTTP {response.status} {response.reason}".rstrip()
            raise CheckFailedError(Status.CRITICAL, f"{said} for {what}: {response.url}", response.text[:1000])
        return response


def _server(target: Target, arguments: CvmfsArguments) -> str:
    url = arguments.url or target.url
    if url.startswith(("http://", "https://")):
        return url
    port = arguments.port or target.port
    return f"http://{target.hostname}{f':{port}' if port else ''}"


async def _manifest(repository: _Repository, name: str, what: str) -> tuple[Signed, Manifest]:
    text = signed.parse_signed((await repository.get(".cvmfspublished", what)).body, what)
    manifest = signed.parse_manifest(text)
    if manifest.repository != name:
        raise CheckFailedError(Status.CRITICAL, f"{what} is of {manifest.repository[:80]!r}, wanted {name}")
    return text, manifest


async def _check(target: Target, arguments: CvmfsArguments, run: Run) -> Outcome:
    now = datetime.now(UTC)
    repository = _Repository(target, _server(target, arguments), arguments, run)
    text, manifest = await _manifest(repository, arguments.repository, "the manifest")
    whitelist = await _verified(repository, text, manifest, arguments, now)
    findings = [
        judge_age(manifest, arguments, now),
        judge_whitelist(whitelist, arguments, now),
        judge_snapshot(await _last_snapshot(repository), arguments, now),
    ]
    if arguments.reference:
        reference = _Repository(Target(""), arguments.reference, arguments, run)
        _, newest = await _manifest(reference, arguments.repository, "the reference's manifest")
        findings.append(judge_behind(manifest, newest, arguments))
    worst = max(finding.status for finding in findings)
    told = [finding.summary for finding in findings if finding.status == worst and finding.summary]
    perfdata = " ".join(filter(None, [f"revision={manifest.revision}", *(finding.perfdata for finding in findings)]))
    summary = f"{arguments.repository} revision {manifest.revision}: {'; '.join(told)}"
    return Outcome(worst, summary, "\n".join([repository.base, *text.lines]), perfdata)


async def _verified(
    repository: _Repository, text: Signed, manifest: Manifest, arguments: CvmfsArguments, now: datetime
) -> Whitelist:
    """The whitelist, after everything that is signed was verified."""
    listed = signed.parse_signed((await repository.get(".cvmfswhitelist", "the whitelist")).body, "the whitelist")
    if arguments.master_key_file:
        signed.require_signed_by_master(listed, _master_key(arguments.master_key_file))
    whitelist = signed.parse_whitelist(listed)
    if whitelist.repository != arguments.repository:
        raise CheckFailedError(
            Status.CRITICAL, f"the whitelist is of {whitelist.repository[:80]!r}, wanted {arguments.repository}"
        )
    path = f"data/{manifest.certificate[:2]}/{manifest.certificate[2:]}X"
    body = (await repository.get(path, "the certificate of the repository")).body
    certificate = signed.parse_certificate(body, manifest.certificate)
    signed.require_signed_by(text, certificate)
    if signed.fingerprint_of(certificate) not in whitelist.fingerprints:
        raise CheckFailedError(Status.CRITICAL, "who signed the manifest is not on the whitelist")
    return whitelist


def _master_key(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CheckFailedError(Status.UNKNOWN, f"the master key {path} cannot be read: {error.strerror}") from error


async def _last_snapshot(repository: _Repository) -> datetime | None:
    """When a stratum 1 last replicated; None at a stratum 0, which does not."""
    response = await repository.get(".cvmfs_last_snapshot", "the time of the last snapshot", missing=True)
    return parse_snapshot(response.text) if response.status == 200 else None


def parse_snapshot(text: str) -> datetime:
    """`date` wrote it: "Fri Nov 20 11:00:01 UTC 2026"; some servers write the form of mail."""
    line = text.strip().partition("\n")[0][:100]
    try:
        return datetime.strptime(line, "%a %b %d %H:%M:%S UTC %Y").replace(tzinfo=UTC)
    except ValueError:
        pass  # the other form
    try:
        return parsedate_to_datetime(line).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise CheckFailedError(Status.CRITICAL, f"the time of the last snapshot is none: {line!r}") from error


def _judged(value: float, warning: float, critical: float) -> Status:
    """By limits above which it is bad; 0 is no limit."""
    if critical and value > critical:
        return Status.CRITICAL
    return Status.WARNING if warning and value > warning else Status.OK


def judge_age(manifest: Manifest, arguments: CvmfsArguments, now: datetime) -> Outcome:
    """A revision from the future is red: somebody's clock is wrong."""
    if manifest.published_at is None:
        return Outcome(Status.OK, "")
    age_s = (now - manifest.published_at) / timedelta(seconds=1)
    if age_s < -_HOUR_S:
        text = f"it was published {format_duration(-age_s)} in the future: a clock is wrong"
        return Outcome(Status.CRITICAL, text, perfdata=f"age={age_s:.0f}s")
    limits = arguments.warning_age_h * _HOUR_S, arguments.critical_age_h * _HOUR_S
    text = f"published {format_duration(max(0, age_s))} ago"
    return Outcome(_judged(age_s, *limits), text, perfdata=f"age={age_s:.0f}s;{_limits(*limits)}")


def judge_whitelist(whitelist: Whitelist, arguments: CvmfsArguments, now: datetime) -> Outcome:
    left_s = (whitelist.expires_at - now) / timedelta(seconds=1)
    days = left_s / 86_400
    perfdata = f"whitelist={left_s:.0f}s"
    if left_s <= 0:
        return Outcome(Status.CRITICAL, f"the whitelist expired {format_duration(-left_s)} ago", perfdata=perfdata)
    text = f"the whitelist expires in {format_duration(left_s)}"
    status = Status.OK
    if days < arguments.critical_whitelist_days:
        status = Status.CRITICAL
    elif days < arguments.warning_whitelist_days:
        status = Status.WARNING
    return Outcome(status, text, perfdata=perfdata)


def judge_snapshot(taken_at: datetime | None, arguments: CvmfsArguments, now: datetime) -> Outcome:
    if taken_at is None:
        return Outcome(Status.OK, "")
    age_s = (now - taken_at) / timedelta(seconds=1)
    limits = arguments.warning_snapshot_h * _HOUR_S, arguments.critical_snapshot_h * _HOUR_S
    text = f"the stratum last replicated {format_duration(max(0, age_s))} ago"
    return Outcome(_judged(age_s, *limits), text, perfdata=f"snapshot={age_s:.0f}s;{_limits(*limits)}")


def judge_behind(manifest: Manifest, newest: Manifest, arguments: CvmfsArguments) -> Outcome:
    behind = newest.revision - manifest.revision
    if behind <= 0:
        return Outcome(Status.OK, "as new as the reference", perfdata=f"behind={behind}")
    status = _judged(behind, arguments.warning_behind, arguments.critical_behind)
    text = f"{behind} revisions behind the reference, which has {newest.revision}"
    limits = _limits(arguments.warning_behind, arguments.critical_behind)
    return Outcome(status, text, perfdata=f"behind={behind};{limits}")


def _limits(warning: float, critical: float) -> str:
    return f"{warning:g};{critical:g}" if warning or critical else ""


CHECKS = (Check("cvmfs", CvmfsArguments, _check),)
