"""GOCDB's programmatic interface: 10,000 services in one answer, a page of 100, and a 304.

    python -m benchmarks.gocdb_pi [--json] [--quick]

Asked for as a client does, through every middleware, plain; read part by part, as a server sends it. The reference of
the whole answer is lxml writing the same document from memory: its tree is made of values at hand and serialised,
without a database. Memory is measured in a process of its own: how much its peak grows from 1,000 services to all.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

SERVICES, SITES, REGIONS = 10_000, 400, 30
RATE_MB_S, TIMES_LXML, PAGE_MS, UNCHANGED_MS, GROWTH_MB = 20.0, 4.0, 40.0, 5.0, 16.0
ALL = "/gocdbpi/public/?method=get_service_endpoint&scope="
_MB = 1_000_000


def _set_up(folder: str) -> None:
    os.environ |= {"GRIDKEEPER_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "gridkeeper.settings"}
    os.environ |= {"GRIDKEEPER_LOG_LEVEL": "ERROR"}
    import django

    django.setup()


def make_services() -> None:
    """Services with an endpoint each, scopes, and a property on every third one, as in GOCDB itself."""
    from simple_history.utils import bulk_create_with_history

    from gridkeeper.registry.models import Certification, Endpoint, Federation, Ngi, Service, ServiceType, Site

    era = {"valid_from": datetime.now(UTC) - timedelta(days=400)}
    federation = Federation.objects.create(name="Benchmark", **era)
    ngis = [Ngi.objects.create(name=f"NGI_{n:02}", federation=federation, **era) for n in range(REGIONS)]
    kinds = [ServiceType.objects.create(name=f"org.example.kind{n}") for n in range(20)]
    sites = Site.objects.bulk_create(
        Site(
            key=f"{n}G0", name=f"SITE-{n:03}-LCG2", ngi=ngis[n % REGIONS], certification=Certification.CERTIFIED,
            country="Switzerland", country_code="CH", **era,
        )
        for n in range(SITES)
    )  # fmt: skip
    services = [
        Service(
            key=f"{n}G0", site=sites[n % SITES], service_type=kinds[n % 20], hostname=f"ce{n:05}.site{n % SITES}.example.org",
            host_dn=f"/DC=org/DC=example/OU=hosts/CN=ce{n:05}.example.org", host_ip="192.0.2.17", operating_system="AlmaLinux 9",
            architecture="x86_64", url=f"https://ce{n:05}.site{n % SITES}.example.org:8443/service?vo=all&format=xml",
            scopes=["EGI", "wlcg", "tier2"] if n % 4 else ["EGI"],
            properties={"InformationSystem": f"https://example.org/{n}.json"} if n % 3 == 0 else {}, **era,
        )
        for n in range(SERVICES)
    ]  # fmt: skip
    services = bulk_create_with_history(services, Service, batch_size=500)
    endpoints = (
        Endpoint(
            service=each,
            name=each.hostname,
            url=each.url,
            interface_name=each.service_type.name,
            is_monitored=True,
            **era,
        )
        for each in services
    )
    Endpoint.objects.bulk_create(endpoints, batch_size=500)


def read(address: str) -> int:
    """Bytes of an answer, read part by part and thrown away."""
    from django.test import Client

    answer = Client(headers={"host": "127.0.0.1"}).get(address)
    assert answer.status_code == 200
    return sum(len(part) for part in answer) if answer.streaming else len(answer.content)


def lxml_s(document: bytes) -> float:
    """Seconds that lxml needs to build the same elements from values in memory, and to write them."""
    from lxml import etree

    def values(element: Any) -> tuple[Any, ...]:
        return element.tag, dict(element.attrib), element.text, element.tail, [values(child) for child in element]

    def build(parent: Any, value: tuple[Any, ...]) -> None:
        tag, attributes, text, tail, children = value
        element = etree.SubElement(parent, tag, attributes)
        element.text, element.tail = text, tail
        for child in children:
            build(element, child)

    root = etree.fromstring(document)
    kept = [values(child) for child in root]
    began = time.perf_counter()
    again = etree.Element("results")
    for value in kept:
        build(again, value)
    written = etree.tostring(again, xml_declaration=True, encoding="UTF-8")
    took = time.perf_counter() - began
    assert abs(len(written) - len(document)) < len(document) / 50
    return took


def best_s(often: int, run: Callable[[], Any]) -> float:
    """Median seconds of `run`, after one run to warm up."""
    run()
    times = []
    for _ in range(often):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def growth_mb(folder: str) -> tuple[float, float]:
    """How much the peak of memory grows from a tenth of the services to all of them, and the peak itself, in MB."""
    words = [sys.executable, "-m", "benchmarks.gocdb_pi", "--peak", folder]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    few, many = json.loads(done.stdout.strip().splitlines()[-1])
    return many - few, many


def peaks_mb() -> list[float]:
    """Peak of memory of this process after 1,000 services, and after all."""
    found = []
    for address in (f"{ALL}&hostname=ce00%25", ALL):
        read(address)
        # Not getrusage(): its peak is inherited from the process that started this one.
        status = Path("/proc/self/status").read_text()
        found.append(int(status.split("VmHWM:")[1].split()[0]) * 1024 / _MB)
    return found


def measure(often: int, folder: str) -> list[dict[str, Any]]:
    """The rows of the table."""
    from django.test import Client

    client = Client(headers={"host": "127.0.0.1"})
    document = client.get(ALL).getvalue()
    all_s = best_s(often, lambda: read(ALL))
    reference_s = statistics.median(lxml_s(document) for _ in range(3))
    page_s = best_s(often * 5, lambda: read(f"{ALL}&next_cursor=5000"))
    etag = client.get(ALL)["ETag"]
    unchanged = Client(headers={"host": "127.0.0.1", "if-none-match": etag})
    assert unchanged.get(ALL).status_code == 304
    unchanged_s = best_s(often * 20, lambda: unchanged.get(ALL))
    growth, peak = growth_mb(folder)
    size_mb = len(document) / _MB
    rate = size_mb / all_s
    return [
        {
            "name": f"get_service_endpoint, {SERVICES} services at once", "value": f"{rate:.0f} MB/s ({all_s:.2f} s)",
            "reference": f"{size_mb / reference_s:.0f} MB/s, lxml from memory", "ratio": f"{all_s / reference_s:.1f}",
            "goal": f">= {RATE_MB_S:g} MB/s, or within {TIMES_LXML:g} x lxml",
            "is_met": rate >= RATE_MB_S or all_s <= TIMES_LXML * reference_s, "note": f"{size_mb:.1f} MB of XML",
        },
        {
            "name": "the same: memory", "value": f"+{growth:.1f} MB", "reference": f"{size_mb:.1f} MB of XML",
            "ratio": f"{growth / size_mb:.1f}", "goal": f"<= +{GROWTH_MB:g} MB from 1,000 services to all",
            "is_met": growth <= GROWTH_MB, "note": f"peak of the process {peak:.0f} MB",
        },
        _row("get_service_endpoint, a page of 100", page_s * 1000, PAGE_MS, all_s * 1000),
        _row("get_service_endpoint, nothing changed: 304", unchanged_s * 1000, UNCHANGED_MS, all_s * 1000),
    ]  # fmt: skip


def _row(name: str, value_ms: float, goal_ms: float, whole_ms: float) -> dict[str, Any]:
    return {
        "name": name, "value": f"{value_ms:.1f} ms", "reference": f"{whole_ms:.0f} ms, the whole answer",
        "ratio": f"{value_ms / whole_ms:.3f}", "goal": f"< {goal_ms:g} ms", "is_met": value_ms < goal_ms, "note": None,
    }  # fmt: skip


def main(options: list[str]) -> None:
    if "--peak" in options:
        _set_up(options[-1])
        print(json.dumps(peaks_mb()))
        return
    with tempfile.TemporaryDirectory(prefix="gridkeeper-bench-") as folder:
        _set_up(folder)
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        make_services()
        rows = measure(3 if "--quick" in options else 10, folder)
    if "--json" not in options:
        for row in rows:
            print(*(f"{key}: {row[key]}" for key in ("name", "value", "reference", "goal", "is_met")), sep="; ")
    print(json.dumps(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
