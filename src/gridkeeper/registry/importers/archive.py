"""Text files of a folder or a tar.gz, read safely: no links, no paths that leave it, no bombs."""

import gzip
import os
import stat
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from gridkeeper.registry.importers.report import UnreadableSourceError

#: Of the whole source, unpacked; the whole OSG topology is 3 MB.
TOTAL_LIMIT_BYTES = 256 * 1024 * 1024
#: Of one file.
FILE_LIMIT_BYTES = 16 * 1024 * 1024
_FILES_LIMIT = 100_000
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file: its path inside the source, and its bytes; `problem` says why it was not read."""

    path: str
    content: bytes = b""
    problem: str = ""


class _LimitedReader:
    """A stream that refuses to give more than TOTAL_LIMIT_BYTES, whatever the headers claim."""

    def __init__(self, stream: IO[bytes], origin: Path) -> None:
        self._stream = stream
        self._origin = origin
        self._left = TOTAL_LIMIT_BYTES

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(self._left + 1 if size < 0 else min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise UnreadableSourceError(
                f"{self._origin}: holds more than {TOTAL_LIMIT_BYTES >> 20} MiB; give the topology alone"
            )
        return data


def read_tree(origin: Path, *, wanted: tuple[str, ...]) -> Iterator[SourceFile]:
    """The files with one of the endings `wanted`, sorted by path, of a folder or of a .tar or .tar.gz file.

    Raises UnreadableSourceError for what is neither, for an archive that is damaged, too big or that tries to leave its
    folder.
    """
    if origin.is_dir():
        return _read_folder(origin, wanted)
    if not origin.is_file():
        raise UnreadableSourceError(f"{origin}: there is no such folder or file; check the path")
    return iter(sorted(_read_archive(origin, wanted), key=lambda file: file.path))


def _read_folder(origin: Path, wanted: tuple[str, ...]) -> Iterator[SourceFile]:
    total = 0
    for folder, folders, names in os.walk(origin, onerror=_raise):
        folders.sort()
        for name in sorted(names):
            if not name.endswith(wanted):
                continue
            path = Path(folder, name)
            file = _named(_read_file(path, path.relative_to(origin).as_posix()))
            total += len(file.content)
            if total > TOTAL_LIMIT_BYTES:
                raise UnreadableSourceError(
                    f"{origin}: holds more than {TOTAL_LIMIT_BYTES >> 20} MiB; give the topology's folder alone"
                )
            yield file


def _raise(error: OSError) -> None:
    raise UnreadableSourceError(f"{error.filename}: cannot be read ({error.strerror}); check its permissions")


def _named(file: SourceFile) -> SourceFile:
    """The file, unless its name cannot be stored: names of sites come from names of files."""
    try:
        file.path.encode()
    except UnicodeEncodeError:
        shown = file.path.encode(errors="surrogateescape").decode(errors="backslashreplace")
        return SourceFile(shown, problem="has a name that is not UTF-8")
    return file


def _read_file(path: Path, shown: str) -> SourceFile:
    """One file; links are not followed, since they may lead anywhere. Pipes and devices are not opened."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return SourceFile(shown, problem="is a link or no plain file; it was not followed")
        if status.st_size > FILE_LIMIT_BYTES:
            return SourceFile(shown, problem=f"is bigger than {FILE_LIMIT_BYTES >> 20} MiB")
        return SourceFile(shown, path.read_bytes())
    except OSError as error:
        return SourceFile(shown, problem=f"cannot be read ({error.strerror})")


def _read_archive(origin: Path, wanted: tuple[str, ...]) -> Iterator[SourceFile]:
    try:
        with origin.open("rb") as raw, _unpacked(raw) as stream:
            limited = _LimitedReader(stream, origin)
            with tarfile.open(fileobj=limited, mode="r|", errorlevel=2) as archive:  # type: ignore[call-overload]
                yield from _members(archive, origin, wanted)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, OSError, ValueError, OverflowError) as error:
        raise UnreadableSourceError(
            f"{origin}: is no readable tar or tar.gz file ({error}); fetch it again, or give an unpacked folder"
        ) from error


def _unpacked(raw: IO[bytes]) -> IO[bytes]:
    magic = raw.read(2)
    raw.seek(0)
    return gzip.GzipFile(fileobj=raw) if magic == _GZIP_MAGIC else raw  # type: ignore[return-value]


def _members(archive: tarfile.TarFile, origin: Path, wanted: tuple[str, ...]) -> Iterator[SourceFile]:
    for number, member in enumerate(archive):
        if number >= _FILES_LIMIT:
            raise UnreadableSourceError(f"{origin}: holds more than {_FILES_LIMIT} files; give the topology alone")
        _refuse_escape(member, origin)
        path = PurePosixPath(member.name).as_posix()
        if member.isdir() or not path.endswith(wanted):
            continue
        if member.size > FILE_LIMIT_BYTES:
            yield SourceFile(path, problem=f"is bigger than {FILE_LIMIT_BYTES >> 20} MiB")
            continue
        content = archive.extractfile(member)
        yield _named(SourceFile(path, content.read() if content else b""))


def _refuse_escape(member: tarfile.TarInfo, origin: Path) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\x00" in member.name:
        problem = "names a path outside the archive"
    elif not (member.isfile() or member.isdir()):
        problem = "is a link or a device"
    else:
        return
    raise UnreadableSourceError(
        f"{origin}: the entry {member.name!r:.200} {problem}; nothing was read, do not trust it"
    )
