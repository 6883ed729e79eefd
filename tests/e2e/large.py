"""A federation as large as one page can ask for, made without records and without a lake: only to be looked at."""

import random
from datetime import timedelta

from django.utils import timezone

from gridkeeper.core.identifiers import series_id
from gridkeeper.probes.models import LatestStatus, ProfileEntry, Test
from gridkeeper.registry.models import Certification, Federation, Ngi, Service, ServiceType, Site
from gridkeeper.vos.models import Vo, VoSupport

VOS = ("ops", "alice", "atlas", "lhcb")
REGIONS = 12


def build_large(sites: int = 400, tests: int = 12, *, seed: int = 11) -> None:
    """`sites` sites with a CE each that supports four VOs, each VO with `tests` tests of its own view."""
    now = timezone.now()
    era = {"valid_from": now - timedelta(days=400)}
    federation = Federation.objects.create(name="Large", **era)
    regions = [Ngi.objects.create(name=f"Region {n:02}", federation=federation, **era) for n in range(REGIONS)]
    kind = ServiceType.objects.create(name="CE")
    places = Site.objects.bulk_create(
        Site(
            name=f"SITE-{n:03}", key=f"s{n}", ngi=regions[n * REGIONS // sites],
            certification=Certification.CERTIFIED, **era,
        )
        for n in range(sites)
    )  # fmt: skip
    services = Service.objects.bulk_create(
        Service(site=site, key=f"c{n}", service_type=kind, hostname=f"ce.site{n:03}.example.org", **era)
        for n, site in enumerate(places)
    )
    made = Test.objects.bulk_create(
        Test(name=f"CE-t{n}", abbreviation=f"t{n}", title=f"Test {n}", kind="passive", is_per_vo=True, position=n)
        for n in range(tests)
    )
    for name in VOS:
        vo = Vo.objects.create(name=name, **era)
        VoSupport.objects.bulk_create(VoSupport(vo=vo, service=service, **era) for service in services)
        ProfileEntry.objects.bulk_create(
            ProfileEntry(vo=vo, service_type=kind, test=test, is_critical=n % 3 == 0, **era)
            for n, test in enumerate(made)
        )
    chance = random.Random(seed)
    LatestStatus.objects.bulk_create(
        (
            _status(service, test, vo, chance.choices((0, 1, 2, 3), (90, 4, 4, 2))[0], now)
            for service in services
            for vo in VOS
            for test in made
        ),
        batch_size=1000,
    )


def _status(service: Service, test: Test, vo: str, status: int, now) -> LatestStatus:
    return LatestStatus(
        series=series_id(service.hostname, "CE", test.name, vo), hostname=service.hostname, service_type="CE",
        metric=test.name, vo=vo, status=status, hard_status=status, hard_since=now, executed_at=now, seq=1, fact=1,
        summary="connection refused at port 2811" if status else "OK: 12 slots",
    )  # fmt: skip
