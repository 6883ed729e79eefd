"""A real site BDII: slapd with the GLUE schemas, filled by bdii-update from static LDIF and a provider."""

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.realm import Daemon
from tests.services import free_port, require_service

_USER = "openldap"
_PASSWORD = "secret"
_NO_SUCH_OBJECT = 32
SITE = "VS-SITE-A"
ENDPOINT_DN = f"GLUE2EndpointID=ce-ep,GLUE2ServiceID=ce,GLUE2GroupID=resource,GLUE2DomainID={SITE},o=glue"
SHARE_DN = f"GLUE2ShareID=short,GLUE2ServiceID=ce,GLUE2GroupID=resource,GLUE2DomainID={SITE},o=glue"

_LDIF = """dn: GlueSiteUniqueID={site},mds-vo-name=resource,o=grid
objectClass: GlueTop
objectClass: GlueSite
objectClass: GlueKey
objectClass: GlueSchemaVersion
GlueSiteUniqueID: {site}
GlueSiteName: {site}
GlueSiteDescription: A site of the tests
GlueSiteSecurityContact: mailto:security@site-a.example.org
GlueSiteLatitude: 46.2
GlueSiteLongitude: 6.1
GlueSchemaVersionMajor: 1
GlueSchemaVersionMinor: 3

dn: GLUE2DomainID={site},o=glue
objectClass: GLUE2Domain
objectClass: GLUE2AdminDomain
GLUE2DomainID: {site}
GLUE2EntityCreationTime: {now}
GLUE2EntityValidity: 86400

dn: GLUE2GroupID=resource,GLUE2DomainID={site},o=glue
objectClass: GLUE2Group
GLUE2GroupID: resource

dn: GLUE2ServiceID=ce,GLUE2GroupID=resource,GLUE2DomainID={site},o=glue
objectClass: GLUE2Entity
objectClass: GLUE2Service
objectClass: GLUE2ComputingService
GLUE2ServiceID: ce
GLUE2ServiceType: org.nordugrid.arex
GLUE2ServiceQualityLevel: production
GLUE2ServiceAdminDomainForeignKey: {site}
GLUE2EntityCreationTime: {now}
GLUE2EntityValidity: 86400

dn: {endpoint}
objectClass: GLUE2Entity
objectClass: GLUE2Endpoint
GLUE2EndpointID: ce-ep
GLUE2EndpointURL: https://ce.site-a.example.org:443/arex
GLUE2EndpointInterfaceName: org.nordugrid.arcrest
GLUE2EndpointQualityLevel: production
GLUE2EndpointHealthState: ok
GLUE2EndpointServingState: production
GLUE2EndpointServiceForeignKey: ce
GLUE2EntityCreationTime: {now}
GLUE2EntityValidity: 86400

dn: {share}
objectClass: GLUE2Entity
objectClass: GLUE2Share
objectClass: GLUE2ComputingShare
GLUE2ShareID: short
GLUE2ShareServiceForeignKey: ce
GLUE2ComputingShareServingState: production
GLUE2ComputingShareWaitingJobs: 3

"""


@dataclass
class Bdii:
    """A running BDII. Its breaks heal themselves at the end of their `with`."""

    slapd: Daemon
    updater: Daemon
    folder: Path
    port: int
    host: str = "127.0.0.1"
    site: str = SITE

    @property
    def url(self) -> str:
        return f"ldap://{self.host}:{self.port}"

    def start(self) -> None:
        """Again, after `stop`: an empty directory is filled anew."""
        self.slapd.start(lambda: self.entries("o=glue") is not None)
        self.updater.start(lambda: bool(self.entries("o=infosys", "(objectClass=UpdateStats)")))

    def stop(self) -> None:
        self.updater.stop()
        self.slapd.stop()

    def freeze(self) -> None:
        """The server hangs: connections are taken, nothing is answered."""
        self.slapd.freeze()

    def thaw(self) -> None:
        self.slapd.thaw()

    def entries(self, base: str, filter_: str = "(objectClass=*)") -> list[str] | None:
        """DNs as OpenLDAP's own client sees them; None where nobody answers."""
        found = self._client("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-l", "5", "-b", base, filter_, "dn")
        if found.returncode not in {0, _NO_SUCH_OBJECT}:
            return None
        return [line.removeprefix("dn: ") for line in found.stdout.splitlines() if line.startswith("dn: ")]

    @contextmanager
    def replaced(self, dn: str, attribute: str, value: str) -> Iterator[None]:
        """Publishes another value: the next update of the BDII does not mend what its providers did not change."""
        before = self._ldif(dn)
        changed = f"dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n"
        self._change("ldapmodify", dn, changed)
        try:
            yield
        finally:
            self._change("ldapdelete", dn)
            self._change("ldapadd", dn, before)

    @contextmanager
    def not_updated(self) -> Iterator[None]:
        """bdii-update hangs: the server answers with what it had."""
        self.updater.freeze()
        try:
            yield
        finally:
            self.updater.thaw()

    @contextmanager
    def emptied(self) -> Iterator[None]:
        """No endpoint is published, everything else is."""
        before = self._ldif(ENDPOINT_DN)
        self._change("ldapdelete", ENDPOINT_DN)
        try:
            yield
        finally:
            self._change("ldapadd", ENDPOINT_DN, before)

    def _ldif(self, dn: str) -> str:
        return self._client("ldapsearch", "-LLL", "-b", dn, "-s", "base", check=True).stdout

    def _change(self, program: str, dn: str, ldif: str = "") -> None:
        root = dn.rpartition(",")[2]
        words = [dn] if program == "ldapdelete" else []
        self._client(program, "-D", root, "-w", _PASSWORD, *words, ldif=ldif, check=True)

    def _client(
        self, program: str, *words: str, ldif: str = "", check: bool = False
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [program, "-x", "-H", self.url, "-o", "nettimeout=5", *words],
            input=ldif, capture_output=True, text=True, timeout=20, check=check,
        )  # fmt: skip


def require_bdii() -> None:
    is_present = Path("/usr/sbin/slapd").exists() and Path("/usr/sbin/bdii-update").exists()
    is_present = is_present and shutil.which("ldapadd") is not None and Path("/etc/ldap/schema/GLUE20.schema").exists()
    require_service(is_present and os.geteuid() == 0, "BDII (slapd, bdii, glue-schema, ldap-utils; as root)")


@contextmanager
def running_bdii(folder: Path, *, host: str = "127.0.0.1", breathe_s: int = 600) -> Iterator[Bdii]:
    """A BDII of its own with a computing element of one queue. folder: short, and passable for its user."""
    require_bdii()
    port = free_port(host)
    _write(folder, host, port, breathe_s)
    slapd = Daemon(
        ["/usr/sbin/slapd", "-f", folder / "slapd.conf", "-h", f"ldap://{host}:{port}", "-d", "0"],
        folder / "log/slapd.log", user=_USER,
    )  # fmt: skip
    updater = Daemon([folder / "bdii-update", "-c", folder / "bdii.conf", "-d"], folder / "log/updater.log", user=_USER)
    bdii = Bdii(slapd, updater, folder, port, host)
    try:
        bdii.start()
        yield bdii
    finally:
        bdii.stop()


def _write(folder: Path, host: str, port: int, breathe_s: int) -> None:
    for name in ("run", "db/grid", "db/glue", "db/stats", "gip/ldif", "gip/provider", "gip/plugin", "log", "archive"):
        (folder / name).mkdir(parents=True)
    slapd = Path("/usr/share/bdii/bdii-slapd.conf").read_text()
    for old, new in (("/run/bdii/db/", f"{folder}/run/"), ("/var/lib/bdii/db", f"{folder}/db")):
        slapd = slapd.replace(old, new)
    lines = [f"rootpw {_PASSWORD}" if line.startswith("rootpw") else line for line in slapd.splitlines()]
    (folder / "slapd.conf").write_text("\n".join(lines) + "\n")
    settings = Path("/etc/bdii/bdii.conf").read_text()
    settings = settings.replace("BREATHE_TIME=120", f"BREATHE_TIME={breathe_s}").replace("PORT=2170", f"PORT={port}")
    for old, new in (
        ("/var/log/bdii", f"{folder}/log"),
        ("/run/bdii", f"{folder}/run"),
        ("/var/lib/bdii", f"{folder}"),
    ):
        settings = settings.replace(old, new)
    own = f"SLAPD_CONF={folder}/slapd.conf\nBDII_RUN_DIR={folder}/run\nBDII_HOSTNAME={host}\n"
    (folder / "bdii.conf").write_text(settings + own)
    # Debian's bdii-update names options that the clients of OpenLDAP 2.5 no longer have, and then publishes nothing.
    program = Path("/usr/sbin/bdii-update").read_text().replace("-h %s -p %s", "-H ldap://%s:%s")
    program = program.replace("-x -h %s -b %s", "-x -H ldap://%s -b %s")
    # It stays in the foreground, in the group that can be hung and stopped.
    program = program.replace("        create_daemon(config['BDII_LOG_FILE'])\n", "").replace("time.sleep(3)", "pass")
    (folder / "bdii-update").write_text(program)
    (folder / "bdii-update").chmod(0o755)
    shutil.copy("/usr/share/bdii/default.ldif", folder / "gip/ldif")
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    (folder / "gip/ldif/site.ldif").write_text(_LDIF.format(site=SITE, now=now, endpoint=ENDPOINT_DN, share=SHARE_DN))
    subprocess.run(["chown", "-R", f"{_USER}:", str(folder)], check=True)
    for parent in folder.parents:
        if parent.stat().st_uid == os.geteuid() and not parent.stat().st_mode & stat.S_IXOTH:
            parent.chmod(parent.stat().st_mode | stat.S_IXOTH)
