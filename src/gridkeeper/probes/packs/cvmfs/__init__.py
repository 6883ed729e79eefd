"""CVMFS stratum servers over HTTP: manifest, age of the revision, signature, white list."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from gridkeeper.core.status import Status
from gridkeeper.core.units import format_duration
from gridkeeper.probes.native.check import Arguments, Check, CheckArgumentError, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.http_client import Request, follow
from gridkeeper.probes.packs.cvmfs.manifest import (
    Manifest,
    ManifestError,
    WhiteList,
    fingerprint,
    parse_manifest,
    parse_whitelist,
    signer,
    verify,
)

_DAY_S = 86_400


class CvmfsArguments(Arguments, frozen=True, kw_only=True):
    """repository: fully qualified, "" takes the last word of the service's path; url: of the server

    warning_age_s, critical_age_s: since the revision was signed; 0 sets no limit
    reference_url: of a server that is ahead (the stratum 0); warning_behind, critical_behind: revisions behind it
    whitelist_warning_s: least time that the white list must still hold
    """

    repository: str = ""
    url: str = ""
    warning_age_s: int = 2 * _DAY_S
    critical_age_s: int = 7 * _DAY_S
    reference_url: str = ""
    warning_behind: int = 2
    critical_behind: int = 20
    whitelist_warning_s: int = 3 * _DAY_S

    def __post_init__(self) -> None:
        if "/" in self.repository or ".." in self.repository:
            raise CheckArgumentError(f"cvmfs: {self.repository!r} is no name of a repository, e.g. lhcb.cern.ch")


async def _check(target: Target, arguments: CvmfsArguments, run: Run) -> Outcome:
    base = _base(target, arguments)
    manifest = await _manifest(target, base, run)
    try:
        whitelist = parse_whitelist(await _get(target, f"{base}/.cvmfswhitelist", run))
        certificate = signer(await _get(target, f"{base}/data/{_object(manifest.certificate)}X", run))
        verify(manifest, certificate)
    except ManifestError as error:
        raise CheckFailedError(Status.CRITICAL, f"{base}: {error}") from error
    if fingerprint(certificate) not in whitelist.fingerprints:
        raise CheckFailedError(
            Status.CRITICAL, f"{manifest.repository}: its signer is not on its white list: clients refuse revision "
            f"{manifest.revision}",
        )  # fmt: skip
    behind = await _behind(manifest, arguments, run)
    return _judged(manifest, whitelist, behind, arguments, datetime.now(UTC))


def _base(target: Target, arguments: CvmfsArguments) -> str:
    """`http://HOST/cvmfs/REPOSITORY`. Raises CheckFailedError where no repository is named."""
    url = (arguments.url or target.url).rstrip("/")
    if not url.startswith(("http://", "https://")):
        port = arguments.port or target.port
        url = f"http://{target.hostname}{f':{port}' if port else ''}"
    try:
        path = urlsplit(url).path.rstrip("/")
    except ValueError as error:
        raise CheckFailedError(Status.UNKNOWN, f"{url!r} is no URL: {error}") from error
    if not path:
        url, path = f"{url}/cvmfs", "/cvmfs"
    if arguments.repository:
        return url if path.endswith(f"/{arguments.repository}") else f"{url}/{arguments.repository}"
    if "." not in path.rpartition("/")[2]:
        raise CheckFailedError(
            Status.UNKNOWN, "no repository is known: give the test `repository`, or the service a URL that ends in one"
        )
    return url


async def _get(target: Target, url: str, run: Run) -> bytes:
    with run.doing(f"fetching {url.rpartition('/')[2]}"):
        response = await follow(target, Request("GET", url), run)
    if response.status != 200 or response.is_cut:
        raise CheckFailedError(Status.CRITICAL, f"{url} answers HTTP {response.status} {response.reason}".rstrip())
    return response.body


async def _manifest(target: Target, base: str, run: Run) -> Manifest:
    url = f"{base}/.cvmfspublished"
    try:
        manifest = parse_manifest(await _get(target, url, run))
    except ManifestError as error:
        raise CheckFailedError(Status.CRITICAL, f"{url}: {error}") from error
    name = base.rpartition("/")[2]
    if manifest.repository != name:
        raise CheckFailedError(Status.CRITICAL, f"{url} is the manifest of {manifest.repository[:80]!r}")
    return manifest


def _object(digest: str) -> str:
    return f"{digest[:2]}/{digest[2:]}"


async def _behind(manifest: Manifest, arguments: CvmfsArguments, run: Run) -> int | None:
    """Revisions behind the reference; None where none is set."""
    if not arguments.reference_url:
        return None
    base = f"{arguments.reference_url.rstrip('/')}"
    if not base.endswith(f"/{manifest.repository}"):
        base = f"{base}/{manifest.repository}"
    host = urlsplit(base).hostname or ""
    reference = await _manifest(Target(host), base, run)
    return reference.revision - manifest.revision


def _judged(
    manifest: Manifest, whitelist: WhiteList, behind: int | None, arguments: CvmfsArguments, now: datetime
) -> Outcome:
    age_s = (now - manifest.published_at).total_seconds()
    left_s = (whitelist.expires_at - now).total_seconds()
    findings = [
        *_over(age_s, arguments.warning_age_s, arguments.critical_age_s,
               f"it was signed {format_duration(abs(age_s))} ago"),
        *_over(behind or 0, arguments.warning_behind, arguments.critical_behind, f"{behind} revisions behind"),
    ]  # fmt: skip
    if left_s <= 0:
        findings.append((Status.CRITICAL, f"its white list expired {format_duration(-left_s)} ago"))
    elif left_s < arguments.whitelist_warning_s:
        findings.append((Status.WARNING, f"its white list expires in {format_duration(left_s)}"))
    if age_s < -300:
        findings.append((Status.CRITICAL, f"it was signed {format_duration(-age_s)} in the future"))
    limits = f"{arguments.warning_age_s or ''};{arguments.critical_age_s or ''}"
    perfdata = f"age={age_s:.0f}s;{limits} revision={manifest.revision}c whitelist={left_s:.0f}s"
    if behind is not None:
        perfdata += f" behind={behind};{arguments.warning_behind};{arguments.critical_behind}"
    about = f"{manifest.repository} revision {manifest.revision}"
    if not findings:
        return Outcome(Status.OK, f"{about}, signed {format_duration(max(0.0, age_s))} ago", perfdata=perfdata)
    worst = Status.CRITICAL if any(status == Status.CRITICAL for status, _ in findings) else Status.WARNING
    return Outcome(worst, f"{about}: {'; '.join(words for _, words in findings)}", perfdata=perfdata)


def _over(value: float, warning: int, critical: int, words: str) -> list[tuple[Status, str]]:
    """A finding where a limit is set and passed."""
    if critical and value > critical:
        return [(Status.CRITICAL, words)]
    return [(Status.WARNING, words)] if warning and value > warning else []


CHECKS = (Check("cvmfs", CvmfsArguments, _check),)
