"""The matrix of 400 sites x 30 tests: server time, size, SQL queries, and a live refresh when nothing changed.

    python -m benchmarks.matrix [--json] [--quick]

The page is asked for as a browser does, through every middleware, compressed. Two references are measured in the same
run: fetching the same rows from the database, and turning the same cells into JSON; whoever shows them pays both.
"""

import gzip
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

SITES, TESTS, REGIONS = 400, 30, 12
OFTEN = 20
#: The test whose cells show a value, the version of the middleware.
_VERSION = 2
GOALS = {"page": 120.0, "size": 60.0, "queries": 12, "refresh": 30.0}
_STARTED = datetime.now(UTC).replace(microsecond=0)
_SUMMARIES = {
    0: ("OK: {0} jobs in {1} s", "HTTP/1.1 200 OK in 0.{0} s", "CRL of {1} CAs are fresh"),
    1: ("WARNING: certificate ends in {0} days",),
    2: ("CRITICAL: connection refused at port {0}", "CRITICAL: no answer within {0} s"),
    3: ("no result: CE-js failed",),
}


def _set_up(folder: str) -> None:
    os.environ |= {"GRIDKEEPER_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "gridkeeper.settings"}
    os.environ |= {"GRIDKEEPER_LOG_LEVEL": "ERROR", "GRIDKEEPER_OPERATIONS_VO": "dteam"}
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def make_grid(sites: int = SITES, tests: int = TESTS, vos: tuple[str, ...] = ("dteam",), *, seed: int = 7) -> None:
    """A federation of one CE a site, of which one in twelve fails; 30 tests, of which a third are critical."""
    from gridkeeper.probes.models import ProfileEntry, Test
    from gridkeeper.registry.models import Certification, Federation, Ngi, Service, ServiceType, Site
    from gridkeeper.vos.models import Vo, VoSupport

    era = {"valid_from": _STARTED - timedelta(days=400)}
    federation = Federation.objects.create(name="Benchmark", **era)
    ngis = [Ngi.objects.create(name=f"Region {n:02}", federation=federation, **era) for n in range(REGIONS)]
    kind = ServiceType.objects.create(name="CE")
    places = [
        Site(name=f"SITE-{n:03}-LCG2", ngi=ngis[n * REGIONS // sites], certification=Certification.CERTIFIED, **era)
        for n in range(sites)
    ]
    places = Site.objects.bulk_create(places)
    services = Service.objects.bulk_create(
        Service(site=site, service_type=kind, hostname=f"ce{n:03}.site{n:03}.example.org", **era)
        for n, site in enumerate(places)
    )
    made = [_a_test(n) for n in range(tests)]
    Test.objects.bulk_create(made)
    for name in vos:
        vo = Vo.objects.create(name=name, **era)
        VoSupport.objects.bulk_create(VoSupport(vo=vo, service=service, **era) for service in services)
        ProfileEntry.objects.bulk_create(
            ProfileEntry(vo=vo, service_type=kind, test=test, is_critical=n % 3 == 0, **era)
            for n, test in enumerate(made)
        )
    _make_results(services, made, random.Random(seed))


def _a_test(number: int) -> Any:
    from gridkeeper.probes.models import Test

    stage = {0: "JL", 1: "JS"}.get(number, "")
    word = {0: "jl", 1: "js"}.get(number, f"test{number}")
    return Test(
        name=f"CE-{word}",
        abbreviation=word,
        title=f"Test {number} of a CE",
        kind="passive",
        stage=stage,
        position=number,
    )


def _make_results(services: list[Any], tests: list[Any], chance: random.Random) -> None:
    from gridkeeper.core.identifiers import fact_hash, series_id
    from gridkeeper.probes.models import LatestStatus

    rows = []
    for service in services:
        stages_fail = chance.random() < 1 / 12
        for place, test in enumerate(tests):
            status = (2 if place < 2 else 3) if stages_fail else chance.choices((0, 1, 2), (94, 3, 3))[0]
            choices = ("2 6 0", "2 7 0") if status == 0 and place == _VERSION else _SUMMARIES[status]
            words = chance.choice(choices).format(chance.randrange(10, 99), chance.randrange(1, 60))
            measured = _STARTED - timedelta(seconds=chance.randrange(900))
            rows.append(
                LatestStatus(
                    series=series_id(service.hostname, "CE", test.name, ""), hostname=service.hostname,
                    service_type="CE", metric=test.name, status=status, hard_status=status, hard_since=measured,
                    executed_at=measured, summary=words, cause="CE-js" if status == 3 else "",
                    fact=fact_hash(f"{service.hostname} {test.name}"), seq=len(rows) + 1,
                )
            )  # fmt: skip
    LatestStatus.objects.bulk_create(rows, batch_size=500)


def median_ms(often: int, run: Callable[[], Any]) -> float:
    """Median wall time of `run`, in ms, after one run to warm up."""
    run()
    times = []
    for _ in range(often):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def measure(often: int) -> list[dict[str, Any]]:
    """The rows of the benchmark's table."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from gridkeeper.probes.models import LatestStatus

    browser = Client(headers={"accept-encoding": "gzip", "host": "127.0.0.1"})
    page_ms = median_ms(often, lambda: browser.get("/matrix/"))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = browser.get("/matrix/")
    html = gzip.decompress(answer.content).decode()
    sql = len(queries)  # before the next request empties the log
    assert answer.status_code == 200
    assert html.count("<tr id=r") == SITES
    live_url = html.split('hx-get="')[1].split('"')[0].replace("&amp;", "&")
    assert browser.get(live_url).status_code == 204
    refresh_ms = median_ms(often * 5, lambda: browser.get(live_url))
    names = ("hostname", "service_type", "metric", "vo", "hard_status", "summary", "cause")
    fetch_ms = median_ms(often, lambda: list(LatestStatus.objects.values_list(*names)))
    cells = list(LatestStatus.objects.values_list(*names))
    json_ms = median_ms(often, lambda: json.dumps(cells))
    packed = len(gzip.compress(json.dumps(cells).encode(), 6)) / 1024
    size = len(answer.content) / 1024
    both = fetch_ms + json_ms
    return [
        _row("matrix 400 x 30: server time", page_ms, "page", "ms", both, "fetching the rows and json.dumps of them"),
        _row(
            "matrix 400 x 30: compressed",
            size,
            "size",
            "KiB",
            packed,
            f"the same rows as JSON; {len(html) // 1024} KiB plain",
        ),
        _row("matrix 400 x 30: SQL queries", sql, "queries", "", 1, "one query fetches the results"),
        _row("matrix: live refresh, nothing changed", refresh_ms, "refresh", "ms", page_ms, "the whole page"),
    ]


def _row(name: str, value: float, goal: str, unit: str, reference: float, note: str) -> dict[str, Any]:
    def words(number: float) -> str:
        return f"{number:.1f} {unit}" if unit else str(int(number))

    return {
        "name": name,
        "value": words(value),
        "reference": words(reference),
        "ratio": f"{value / reference:.2f}",
        "goal": f"<= {GOALS[goal]:g} {unit}".strip(),
        "is_met": value <= GOALS[goal],
        "note": note,
    }


def main(options: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="gridkeeper-bench-") as folder:
        _set_up(folder)
        make_grid()
        rows = measure(5 if "--quick" in options else OFTEN)
    if "--json" not in options:
        for row in rows:
            print(*(f"{key}: {row[key]}" for key in ("name", "value", "reference", "goal", "is_met")), sep="; ")
    print(json.dumps(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
