"""A worker node of a demo site: a folder of files, and the payload of a job, which really looks at them."""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gridkeeper.demo.topology import VO_SHARES, DemoSite, draw

#: What the operations team asks of every site.
WANTED_CA, OLD_CA = "1.9", "1.5"
WANTED_SOFTWARE = "2 7 0"
_CRL_LIMIT = timedelta(hours=24)


def prepare(folder: Path, site: DemoSite, faults: Sequence[str], now: datetime) -> None:
    """Brings the files of the site's worker nodes into the state that its faults ask for."""
    node = folder / site.slug / "wn"
    for part in ("sw", "storage", "tags", "bin"):
        (node / part).mkdir(parents=True, exist_ok=True)
    (node / "hostname").write_text(f"wn{int(draw(site.name) * 90) + 10:03}.{site.slug}.example.org\n")
    (node / "software-version").write_text(WANTED_SOFTWARE if draw(f"ver {site.name}") < 0.85 else "2 6 0")
    (node / "ca-version").write_text(OLD_CA if "ca" in faults else WANTED_CA)
    age = timedelta(days=3) if "crl" in faults else timedelta(hours=2)
    (node / "crl-timestamp").write_text((now - age).isoformat())
    (node / "storage" / "srm-file").write_text("gridkeeper test file")
    (node / "brokerinfo").write_text(f"CE={site.name}\n")
    _present(node / "rgma.conf", is_wanted="rgma" not in faults, content="registry=rgma.example.org\n")
    csh = node / "bin" / "csh"
    _present(csh, is_wanted="csh" not in faults, content="#!/bin/sh\n")
    if csh.exists():
        csh.chmod(0o755)
    for vo in VO_SHARES:
        _prepare_vo(node, site, vo, faults)


def _prepare_vo(node: Path, site: DemoSite, vo: str, faults: Sequence[str]) -> None:
    directory = node / "sw" / vo
    if vo not in site.vos or f"swdir:{vo}" in faults:
        shutil.rmtree(directory, ignore_errors=True)
        return
    directory.mkdir(exist_ok=True)
    (directory / "release").write_text(f"{vo}-{14 + int(draw(vo) * 4)}.2.1\n")
    (node / "tags" / f"{vo}.list").write_text(f"VO-{vo}-production\n")


def _present(path: Path, *, is_wanted: bool, content: str) -> None:
    if is_wanted:
        path.write_text(content)
    else:
        path.unlink(missing_ok=True)


Said = tuple[int, str, str]


def run_payload(node: Path, vo: str, tests: Sequence[str], now: datetime) -> list[dict[str, Any]]:
    """Runs the tests that ride in a job on a worker node; one line of output each (docs/howto/tests.md, "Jobs")."""
    lines = []
    for metric in tests:
        started_s = time.monotonic()
        status, summary, output = _run_probe(metric, node, vo, now)
        took_ms = int((time.monotonic() - started_s) * 1000)
        lines.append({"metric": metric, "status": status, "summary": summary, "output": output, "duration_ms": took_ms})
    return lines


def _run_probe(metric: str, node: Path, vo: str, now: datetime) -> Said:
    probe = _PROBES.get(metric.rpartition("-")[2])
    if probe is None:
        return 3, "the payload does not know this test", ""
    try:
        return probe(node, vo, now)
    except (OSError, ValueError) as error:  # a file of the worker node is missing or makes no sense: that is the fault
        return 2, f"the worker node is broken: {error}", _listing(node)


def _wn(node: Path, _vo: str, _now: datetime) -> Said:
    return 0, (node / "hostname").read_text().strip(), f"folder {node.name}, uid {os.getuid()}"


def _ver(node: Path, _vo: str, _now: datetime) -> Said:
    version = (node / "software-version").read_text().strip()
    return 0, version, f"middleware {version.replace(' ', '.')}"


def _ca(node: Path, _vo: str, _now: datetime) -> Said:
    found = (node / "ca-version").read_text().strip()
    text = f"CA certificates {found}, wanted {WANTED_CA}"
    return (0 if found == WANTED_CA else 2), text, f"{node.name}/ca-version: {found}"


def _crl(node: Path, _vo: str, now: datetime) -> Said:
    written = datetime.fromisoformat((node / "crl-timestamp").read_text())
    hours = (now - written) / timedelta(hours=1)
    text = f"revocation lists are {hours:.0f} h old, limit {_CRL_LIMIT / timedelta(hours=1):.0f} h"
    return (0 if now - written < _CRL_LIMIT else 2), text, f"fetched {written.isoformat()}"


def _csh(node: Path, _vo: str, _now: datetime) -> Said:
    path = node / "bin" / "csh"
    is_there = os.access(path, os.X_OK)
    return (
        (0, "csh is there", "bin/csh") if is_there else (2, "csh: command not found", "bin: " + _listing(node / "bin"))
    )


def _rgma(node: Path, _vo: str, _now: datetime) -> Said:
    path = node / "rgma.conf"
    if not path.exists():
        return 2, "rgma.conf is missing", _listing(node)
    return 0, "R-GMA client is configured", path.read_text()


def _bi(node: Path, _vo: str, _now: datetime) -> Said:
    return 0, "BrokerInfo is readable", (node / "brokerinfo").read_text()


def _rm(node: Path, vo: str, now: datetime) -> Said:
    """Copies a file to the storage, reads it back, compares, deletes."""
    content = f"{vo} {now.isoformat()}".encode() * 64
    path = node / "storage" / f"{vo}-{time.monotonic_ns()}"
    path.write_bytes(content)
    is_same = hashlib.md5(path.read_bytes(), usedforsecurity=False).digest() == (
        hashlib.md5(content, usedforsecurity=False).digest()
    )
    path.unlink()
    text = f"{len(content)} bytes written, read back and deleted"
    return (0, text, "") if is_same else (2, "the copy differs from the file", "")


def _votag(node: Path, vo: str, _now: datetime) -> Said:
    path = node / "tags" / f"{vo}.list"
    return (
        (0, "VO tags can be read", path.read_text())
        if path.exists()
        else (1, f"no tags of {vo}", _listing(path.parent))
    )


def _swdir(node: Path, vo: str, _now: datetime) -> Said:
    path = node / "sw" / vo
    if not path.is_dir():
        return 2, f"VO_{vo.upper()}_SW_DIR does not exist", "sw: " + _listing(node / "sw")
    return 0, f"software directory with {(path / 'release').read_text().strip()}", _listing(path)


def _dirac(node: Path, vo: str, now: datetime) -> Said:
    status, text, output = _swdir(node, vo, now)
    return (0, "DIRAC environment set up", output) if status == 0 else (2, f"DIRAC cannot be set up: {text}", output)


def _listing(folder: Path) -> str:
    return " ".join(sorted(path.name for path in folder.iterdir())) or "(empty)"


_PROBES: dict[str, Callable[[Path, str, datetime], Said]] = {
    "wn": _wn, "ver": _ver, "ca": _ca, "crl": _crl, "csh": _csh, "rgma": _rgma, "bi": _bi, "rm": _rm, "votag": _votag,
    "swdir": _swdir, "dirac": _dirac,
}  # fmt: skip


def now_utc() -> datetime:
    return datetime.now(UTC)
