"""Command-line tools of computing elements, run as plugins are: no shell, a clean environment, limits, as nobody."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import CheckArgumentError, CheckFailedError, Run, Target
from gridkeeper.probes.native.connect import address_of
from gridkeeper.probes.spawning import Raw, SpawnError, spawner

#: Where distributions put them; other folders must be folders of plugins.
_STOCK = Path("/usr/bin")


def require_program(program: str, *, is_stock_allowed: bool = False) -> None:
    """Raises CheckArgumentError where a program lies outside of the folders of plugins (GRIDKEEPER_PLUGIN_DIRS)."""
    path = Path(program)
    folders = [*settings.GRIDKEEPER.plugin_dirs, *([_STOCK] if is_stock_allowed else [])]
    if not path.is_absolute() or ".." in path.parts or not any(path.is_relative_to(folder) for folder in folders):
        known = ", ".join(map(str, folders))
        raise CheckArgumentError(f"{program!r} is not in a folder of programs that tests may run: {known}")


class Tools:
    """The tools of one kind, with a work folder of their own that ends with the job."""

    def __init__(self, target: Target, folder: str, run: Run) -> None:
        """folder: where the tools are. Raises CheckArgumentError where tests may run nothing there."""
        self._bin = Path(folder or _STOCK)
        require_program(str(self._bin / "tool"), is_stock_allowed=True)
        self._target, self._run = target, run
        self._environment: dict[str, str] = {}
        self.folder = Path(tempfile.mkdtemp(prefix="gridkeeper-job-"))
        self._give_away(self.folder)
        if run.credential is not None:
            self._take_over(run.credential.proxy_path, "X509_USER_PROXY", "proxy.pem")
            self._take_over(run.credential.token_path, "BEARER_TOKEN_FILE", "token")

    def _take_over(self, source: str, variable: str, name: str) -> None:
        """Tools run as another user than checks, so they get a copy of the credential that is theirs."""
        if source:
            self.write(name, Path(source).read_bytes())
            self._environment[variable] = str(self.folder / name)

    def _give_away(self, path: Path) -> None:
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(path, nobody.pw_uid, nobody.pw_gid)

    @property
    def environment(self) -> Mapping[str, str]:
        """Names of files with credentials, by the variable in which tools look for them."""
        return self._environment

    def write(self, name: str, content: bytes, *, mode: int = 0o600) -> Path:
        """A file in the work folder that the tools own."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_bytes(content)
        path.chmod(mode)
        self._give_away(path)
        return path

    def read(self, name: str, what: str) -> str:
        """A file that a tool left in the work folder, up to the limit of logs. Raises CheckFailedError."""
        path = self.folder / name
        try:
            if path.is_symlink():
                raise CheckFailedError(Status.CRITICAL, f"{what} came back as a link")
            with path.open("rb") as file:
                return file.read(settings.GRIDKEEPER.log_limit_bytes).decode(errors="replace")
        except OSError as error:
            raise CheckFailedError(Status.CRITICAL, f"{what} did not come back: {error.strerror}") from error

    async def call(self, tool: str, *words: str, doing: str) -> str:
        """Runs a tool; gives what it wrote. Raises CheckFailedError with its own words where it failed."""
        with self._run.doing(doing):
            await address_of(self._target.hostname, self._target.address, self._run)
            raw = await self._spawn(tool, words)
        text = raw.stdout.decode(errors="replace")
        if raw.exit_status == 0 and not raw.reason:
            return text
        said = raw.stderr.decode(errors="replace").strip() or text.strip() or "it said nothing"
        how = raw.reason or (f"status {raw.exit_status}" if raw.exit_status is not None else f"signal {raw.signal}")
        first = said.splitlines()[0][:300]
        raise CheckFailedError(Status.CRITICAL, f"{doing}: {tool} failed ({how}): {first}", said[:4000])

    async def _spawn(self, tool: str, words: tuple[str, ...]) -> Raw:
        program = self._bin / tool
        if not program.exists():
            text = f"{program} is not installed where this test runs; install it, or name its folder (tools)"
            raise CheckFailedError(Status.UNKNOWN, text)
        given = [f"{name}={value}" for name, value in self._environment.items()]
        argv = ["/usr/bin/env", *given, str(program), *words]
        left_s = max(1.0, self._run.timeout_s - self._run.elapsed_s)
        try:
            return await spawner().run(argv, timeout_s=left_s, limit_bytes=settings.GRIDKEEPER.log_limit_bytes)
        except SpawnError as error:
            raise CheckFailedError(Status.UNKNOWN, f"{program} cannot be started: {error}") from error

    def close(self) -> None:
        """Removes the work folder, and with it the copies of credentials."""
        shutil.rmtree(self.folder, ignore_errors=True)
