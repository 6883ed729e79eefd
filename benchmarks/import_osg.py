"""Import of the whole OSG topology into an empty database, with audit records, against reading its YAML alone.

The reference is what nobody can avoid: PyYAML's C loader over every file of the archive. The real topology is read from
`../shared/data` beside the checkout; without it the row says so.
"""

import json
import os
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import yaml

ARCHIVE = Path(__file__).parents[2] / "shared" / "data" / "osg-topology" / "osg-topology.tar.gz"
GOAL_S = 30


def reference_s() -> float:
    """Seconds that PyYAML's C loader needs for all YAML files of the archive."""
    began = time.perf_counter()
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            if member.name.endswith(".yaml") and (stream := archive.extractfile(member)):
                yaml.load(stream.read(), Loader=yaml.CSafeLoader)
    return time.perf_counter() - began


def import_s() -> tuple[float, float]:
    """Seconds of a first import and of a second one that changes nothing."""
    from django.core.management import call_command
    from django.utils import timezone

    from gridkeeper.people.actor import Actor
    from gridkeeper.registry.importers.osg import parse_osg
    from gridkeeper.registry.importers.report import Report
    from gridkeeper.registry.importers.run import Source, run_import

    call_command("migrate", verbosity=0)
    times = []
    for _ in range(2):
        began = time.perf_counter()
        report = Report("osg", str(ARCHIVE), "OSG")
        records = parse_osg(ARCHIVE, report)
        source = Source(records, ("osg",), lambda _: "osg")
        run_import(source, report, actor=Actor.system("import"), now=timezone.now())
        times.append(time.perf_counter() - began)
    return times[0], times[1]


def rows() -> list[dict[str, object]]:
    if not ARCHIVE.is_file():
        return [{"name": "import of the OSG topology", "note": f"not measured: {ARCHIVE} is not on this machine"}]
    reference = reference_s()
    first, second = import_s()
    shown = f"{reference:.1f} s, YAML alone"
    return [
        {
            "name": "import of the OSG topology, empty database", "value": f"{first:.1f} s", "reference": shown,
            "ratio": f"{first / reference:.1f}", "goal": f"under {GOAL_S} s", "is_met": first < GOAL_S,
            "note": "1100 resources, 3812 downtimes, audit records",
        },
        {
            "name": "the same again, nothing changed", "value": f"{second:.1f} s", "reference": shown,
            "ratio": f"{second / reference:.1f}", "goal": None, "is_met": None, "note": None,
        },
    ]  # fmt: skip


def main(words: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GRIDKEEPER_DATA_DIR"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "gridkeeper.settings"
        import django

        django.setup()
        found = rows()
    print(json.dumps(found) if "--json" in words else "\n".join(str(row) for row in found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
