"""A small federation with a day of results behind it, for the browser to look at."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from gridkeeper.availability.compute import compute_days
from gridkeeper.core.status import Status
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.models import Test
from gridkeeper.registry.models import Ngi, Service, Site
from tests.builders import a_downtime, a_federation, a_result, a_service, a_site, a_test, a_vo, an_ngi, in_profile

#: How the failing site fails; the text is hostile to see that no page takes it for markup.
OUTPUT = "CRITICAL: no slot free on <script>alert(1)</script>\nqueue long: 0 of 48 slots\nmatch refused after 12 s"

#: Metric -> status, first line, cause.
WORKING = dict.fromkeys(("CE-js", "CE-ver", "CE-csh"), (Status.OK, "done", ""))
FAILING = {
    "CE-js": (Status.CRITICAL, OUTPUT.splitlines()[0], ""),
    "CE-ver": (Status.UNKNOWN, "no result: CE-js failed", "CE-js"),
    "CE-csh": (Status.UNKNOWN, "no result: CE-js failed", "CE-js"),
}


@dataclass(frozen=True)
class Grid:
    """What the tests look for: a site that works, one that fails since an hour, one in downtime."""

    good: Site
    bad: Site
    resting: Site
    good_ce: Service
    bad_ce: Service
    now: datetime


def build_grid() -> Grid:
    """Two regions, three sites with a CE each, VO ops with three critical tests that ran each half hour for a day."""
    now = timezone.now()
    sites = _sites()
    services = [a_service(of=site, hostname=f"ce.{site.name.lower()}.example.org") for site in sites]
    vo = a_vo("ops", supported_by=services)
    for name, stage in (("CE-js", "JS"), ("CE-ver", ""), ("CE-csh", "")):
        in_profile(vo, _test(name, stage))
    a_downtime(
        services[2], start=now - timedelta(hours=2), end=now + timedelta(hours=3), declared_at=now - timedelta(days=2)
    )
    for step in range(48, -1, -1):
        _observe(services, now - timedelta(minutes=30 * step), is_broken=step < 2, now=now)
    compute_days([now.date() - timedelta(days=1), now.date()], now)
    return Grid(*sites, services[0], services[1], now)


def _sites() -> list[Site]:
    federation = a_federation(name="Test federation")
    north, south = an_ngi(name="North", federation=federation), an_ngi(name="South", federation=federation)
    return [_site("FIRST-GRID", north), _site("SECOND-GRID", south), _site("THIRD-GRID", south)]


def _site(name: str, region: Ngi) -> Site:
    return a_site(name=name, ngi=region, official_name=f"University of {name}", country="CH")


def _test(name: str, stage: str) -> Test:
    return a_test(
        name,
        stage=stage,
        title=f"Test {name}",
        meaning="A job goes to the computing element and comes back.",
        procedure="Look at the batch system's log.",
    )


def _observe(services: list[Service], at: datetime, *, is_broken: bool, now: datetime) -> None:
    results = []
    for service in services:
        answers = FAILING if is_broken and service is services[1] else WORKING
        for metric, (status, summary, cause) in answers.items():
            results.append(
                a_result(
                    service, metric, executed_at=at, duration_ms=1200 + at.minute, worker="tests", status=status,
                    cause=cause, summary=summary, output=OUTPUT if status is Status.CRITICAL else summary,
                    perfdata="time=1.2s;5;10;0;60 slots=48;;;0;48",
                )
            )  # fmt: skip
    submit(results, now=now)
