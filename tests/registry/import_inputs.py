"""Small sources for tests of importers, and the real ones where they are present."""

from pathlib import Path
from typing import Any

import pytest

from gridkeeper.people.actor import Actor
from gridkeeper.registry.importers.gocdb import Gocdb
from gridkeeper.registry.importers.osg import parse_osg
from gridkeeper.registry.importers.report import Report
from gridkeeper.registry.importers.run import Source, run_import
from tests.builders import NOW

REAL = Path(__file__).parents[2].parent / "shared" / "data"
needs_real_input = pytest.mark.skipif(not REAL.is_dir(), reason=f"the real input {REAL} is not on this machine")

GROUP = """\
GroupDescription: A site of a test
GroupID: 1
Production: true
SupportCenter: Helpers
Resources:
  CE_1:
    Active: true
    FQDN: ce.example.org
    ID: 10
    AllowedVOs: [alpha]
    Services:
      CE:
        Description: Compute
        Details:
          uri_override: ce.example.org:9619
  SE_1:
    Active: false
    FQDN: se.example.org
    Services:
      SRMv2:
        Description: Storage
"""

DOWNTIME = """\
- Class: SCHEDULED
  ID: 100
  Description: New disks
  Severity: Outage
  StartTime: Mar 20, 2026 12:00 +0000
  EndTime: Mar 20, 2026 18:00 +0000
  CreatedTime: Mar 09, 2026 09:00 +0000
  ResourceName: CE_1
  Services:
  - CE
"""


def a_topology(folder: Path, **files: str) -> Path:
    """An OSG topology of one group `Group` at `Uni/Campus`; `files` overrides by short name, "" leaves one out."""
    texts = {
        "services": "CE: 1\nSRMv2: 3\n",
        "support": "Helpers:\n  ID: 7\n  Description: They help\n",
        "facility": "ID: 1\n",
        "site": "City: Basel\nCountry: Switzerland\nLatitude: 47.5\nLongitude: 7.6\nLongName: The Campus\n",
        "group": GROUP,
        "downtime": DOWNTIME,
        "vo": "ID: 3\nLongName: The Alpha Experiment\nDisable: false\n",
    } | files
    paths = {
        "services": "topology/services.yaml",
        "support": "topology/support-centers.yaml",
        "facility": "topology/Uni/FACILITY.yaml",
        "site": "topology/Uni/Campus/SITE.yaml",
        "group": "topology/Uni/Campus/Group.yaml",
        "downtime": "topology/Uni/Campus/Group_downtime.yaml",
        "vo": "virtual-organizations/alpha.yaml",
    }
    for name, text in texts.items():
        path = folder / paths[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        if text:
            path.write_text(text)
        else:
            path.unlink(missing_ok=True)
    return folder


def import_osg(origin: Path, *, now: Any = NOW, dry_run: bool = False, federation: str = "OSG") -> Report:
    report = Report("osg", str(origin), federation, dry_run)
    records = parse_osg(origin, report)
    unread = report.figures.get("files that could not be read", 0)
    source = Source(records, ("osg",), lambda _: "osg", "files could not be read" if unread else "")
    run_import(source, report, actor=Actor.system("import"), now=now)
    return report


def import_gocdb(*files: Path, now: Any = NOW, dry_run: bool = False, federation: str = "EGI") -> Report:
    report = Report("gocdb", " ".join(map(str, files)), federation, dry_run)
    reader = Gocdb(report)
    for file in files:
        reader.add(file)
    records = reader.parse()
    source = Source(records, reader.closing_origins, reader.origin_of)
    run_import(source, report, actor=Actor.system("import"), now=now)
    return report


def problems(report: Report, level: str = "rejected") -> list[str]:
    """Each finding of a level in one line: kind, place without folders, field, problem."""
    return [
        f"{item.kind} {Path(item.place.file).name}:{item.place.line} {item.field}: {item.problem}"
        for item in report.findings
        if item.level == level
    ]
