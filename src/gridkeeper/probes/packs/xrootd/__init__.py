"""Checks of xrootd servers in their own protocol, root://: login, stat, and a file written, read and deleted again."""

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import Arguments, Check, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.connect import port_of
from gridkeeper.probes.packs.samples import (
    Timings,
    checksum_of,
    cleaned,
    judge_content,
    name_of_sample,
    require_checksum,
    require_sizes,
    sample,
    sample_path,
)  # fmt: skip
from gridkeeper.probes.packs.xrootd import files
from gridkeeper.probes.packs.xrootd.protocol import XrootdError
from gridkeeper.probes.packs.xrootd.session import Options, Session

_PORT = 1094


class XrootdArguments(Arguments, frozen=True, kw_only=True):
    """user: said at the login; tls: roots://, the server must speak TLS; verify, ca_file: of TLS."""

    user: str = "gridkeep"
    tls: bool = False
    verify: bool = True
    ca_file: str = ""

    def session(self, target: Target, run: Run) -> Session:
        options = Options(self.user, self.tls or target.url.startswith("roots://"), self.verify, self.ca_file)
        return Session(target, port_of(target, self.port, _PORT), options, run)


class StatArguments(XrootdArguments, frozen=True, kw_only=True):
    """path: what must exist, "" the path of the service's URL or /; kind: "file", "directory", "" either."""

    path: str = ""
    kind: str = ""


class CopyArguments(XrootdArguments, frozen=True, kw_only=True):
    """folder: where to write, "" the path of the service's URL or /; size_bytes: of the file that is written.

    checksum: algorithm to ask for, "" asks for none; keep: leaves the file behind
    """

    folder: str = ""
    size_bytes: int = 4096
    checksum: str = "adler32"
    keep: bool = False

    def __post_init__(self) -> None:
        require_sizes("xrootd-copy", self.size_bytes)
        require_checksum("xrootd-copy", self.checksum)


def _describe(session: Session) -> str:
    lines = [
        f"server: {session.target.hostname}:{session.port}",
        f"protocol: {session.greeting.version}, {session.greeting.title}",
        f"TLS: {'yes' if session.is_tls else 'no'}",
        f"authentication: {session.authentication}",
    ]
    return "\n".join([*lines, *(f"redirected to: {place}" for place in session.redirects)])


async def _login(target: Target, arguments: XrootdArguments, run: Run) -> Outcome:
    async with arguments.session(target, run) as session:
        await files.ping(session)
        text = f"{session.greeting.title}, protocol {session.greeting.version}, logged in"
        return Outcome(Status.OK, text, _describe(session))


async def _stat(target: Target, arguments: StatArguments, run: Run) -> Outcome:
    path = sample_path(target, arguments.path)
    async with arguments.session(target, run) as session:
        found = await files.stat(session, path)
        kind = "directory" if found.is_directory else "file"
        if arguments.kind and kind != arguments.kind:
            raise CheckFailedError(
                Status.CRITICAL, f"{path} is a {kind}, wanted a {arguments.kind}", _describe(session)
            )
        if found.is_offline:
            raise CheckFailedError(Status.WARNING, f"{path} is offline: on tape, not on disk", _describe(session))
        text = f"{path} is a {kind}, {found.size_bytes} bytes"
        return Outcome(Status.OK, text, _describe(session), f"size={found.size_bytes}B;;;0")


async def _copy(target: Target, arguments: CopyArguments, run: Run) -> Outcome:
    folder = sample_path(target, arguments.folder)
    path = f"{folder.rstrip('/')}/{name_of_sample()}"
    content = sample(arguments.size_bytes)
    timings = Timings()
    async with arguments.session(target, run) as session:
        described = _describe(session)
        with timings.of("put"):
            await files.put(session, path, content)
    # Reading asks the first server again: a manager must know by itself where the file went.
    async with arguments.session(target, run) as session:
        try:
            with timings.of("get"):
                judge_content(await files.get(session, path, len(content) + 1), content, path)
            if arguments.checksum:
                with timings.of("checksum"):
                    await _compare_checksum(session, path, content, arguments.checksum)
        except CheckFailedError as error:
            raise await cleaned(error, path, files.remove(session, path)) from error
        if not arguments.keep:
            with timings.of("delete"):
                await files.remove(session, path)
    text = f"{len(content)} bytes written, read and {'kept' if arguments.keep else 'deleted'} again: {timings.text}"
    return Outcome(Status.OK, text, f"{described}\nfile: {path}", timings.perfdata)


async def _compare_checksum(session: Session, path: str, content: bytes, algorithm: str) -> None:
    try:
        name, value = await files.checksum(session, path, algorithm)
    except XrootdError as error:
        raise CheckFailedError(Status.CRITICAL, f"no checksum: {error.summary}") from error
    wanted = checksum_of(name, content)
    if value.lstrip("0") != wanted.lstrip("0"):
        raise CheckFailedError(Status.CRITICAL, f"the server's {name} of {path} is {value}, wanted {wanted}")


CHECKS = (
    Check("xrootd", XrootdArguments, _login),
    Check("xrootd-stat", StatArguments, _stat),
    Check("xrootd-copy", CopyArguments, _copy),
)
