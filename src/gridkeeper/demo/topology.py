"""The demo's federation as values: how many sites each region gets, what each site offers, whom it serves.

Pure and deterministic: the same number of sites gives the same federation.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from gridkeeper.demo.regions import CE_HOSTS, REGIONS, Region, Town

OPERATIONS_VO = "dteam"
#: The networks 127.N that demos take, the first free one each, so that several can run on one machine.
FIRST_NETWORK, LAST_NETWORK = 10, 99
#: Share of the sites that serve each VO; the operations VO is served by all.
VO_SHARES = {"dteam": 1.0, "atlas": 0.75, "lhcb": 0.6, "biomed": 0.5}

#: Scheme and port of each service type on the address of its site: the middleware's own where it has one, and none
#: that developers' servers like to take on all addresses (8000, 8080, 8443).
PORTS = {
    "CE": ("http", 2119), "SE": ("https", 8445), "SRM": ("https", 8446), "FTS": ("http", 8450), "LFC": ("lfc", 5010),
    "RB": ("rb", 7772), "Site-BDII": ("ldap", 2170), "Top-BDII": ("ldap", 2171), "MyProxy": ("myproxy", 7512),
    "VOMS": ("https", 8444),
}  # fmt: skip
SSH_PORT = 22022
#: Availability class of each type, from the service list of the EGEE review of 2005; "" where it gives none.
SERVICE_CLASSES = {
    "CE": "C", "SE": "", "SRM": "C", "FTS": "C", "LFC": "C", "RB": "C", "Site-BDII": "H", "Top-BDII": "C",
    "MyProxy": "C", "VOMS": "H",
}  # fmt: skip
_EVERYWHERE = ("CE", "SE", "SRM", "Site-BDII")
_TIER_1 = ("FTS", "LFC", "MyProxy")
_TIER_0 = ("VOMS", "RB", "Top-BDII")


@dataclass(frozen=True, slots=True)
class DemoService:
    """A service of a demo site; `port` on the site's address."""

    service_type: str
    hostname: str
    port: int
    url: str


@dataclass(frozen=True, slots=True)
class DemoSite:
    """A site of the demo. address: its own of 127.0.0.0/8."""

    name: str
    region: str
    town: Town
    address: str
    vos: tuple[str, ...]
    services: tuple[DemoService, ...]

    @property
    def slug(self) -> str:
        return slug_of(self.name)

    @property
    def ports(self) -> tuple[int, ...]:
        return (*(service.port for service in self.services), SSH_PORT)

    def service(self, service_type: str) -> DemoService | None:
        return next((service for service in self.services if service.service_type == service_type), None)


def slug_of(name: str) -> str:
    """A name as part of a host name and of a path.

    >>> slug_of("UK/I LCG_2")
    'uk-i-lcg-2'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def sites_per_region(total: int) -> dict[str, int]:
    """Sites of each region: at least one, otherwise in proportion to the table, by largest remainder.

    Fewer sites than regions leave the last regions out.
    """
    if total <= len(REGIONS):
        return {region.name: int(place < total) for place, region in enumerate(REGIONS)}
    everywhere = sum(region.sites for region in REGIONS)
    shares = {region.name: total * region.sites / everywhere for region in REGIONS}
    counts = {name: max(1, int(share)) for name, share in shares.items()}
    while (rest := total - sum(counts.values())) != 0:
        step = 1 if rest > 0 else -1
        changeable = [name for name in counts if step > 0 or counts[name] > 1]
        # Whoever is furthest from its share gives or gets one.
        counts[max(changeable, key=lambda name: step * (shares[name] - counts[name]))] += step
    return counts


def build_sites(total: int, network: int = FIRST_NETWORK) -> list[DemoSite]:
    """The federation, region by region. network: second byte of its addresses 127.N.x.y."""
    counts = sites_per_region(total)
    sites: list[DemoSite] = []
    for region in REGIONS:
        for place, town in enumerate(_places(region, counts[region.name])):
            address = f"127.{network}.{len(sites) // 250}.{len(sites) % 250 + 1}"
            sites.append(_site(region, town, address, is_first=place == 0))
    return sites


def _places(region: Region, count: int) -> Iterator[Town]:
    """The region's towns, and once they are used up further sites in the same towns."""
    for place in range(count):
        town = region.towns[place % len(region.towns)]
        if place < len(region.towns):
            yield town
            continue
        name = f"{re.sub(r'[^A-Za-z]', '', town.town).upper()}-{slug_of(region.name).upper()}-{place + 1:02}"
        yield Town(name, town.town, town.country, town.country_code, town.latitude, town.longitude, town.timezone)


def _site(region: Region, town: Town, address: str, *, is_first: bool) -> DemoSite:
    types = list(_EVERYWHERE)
    if town.tier <= 1:
        types += _TIER_1
    if town.tier == 0:
        types += _TIER_0
    elif is_first:
        types += ("RB", "Top-BDII")
    services = tuple(_service(service_type, town) for service_type in types)
    return DemoSite(town.site, region.name, town, address, _vos(town.site), services)


def _service(service_type: str, town: Town) -> DemoService:
    host = f"{slug_of(service_type)}.{slug_of(town.site)}.example.org"
    if service_type == "CE":
        host = CE_HOSTS.get(town.site, host)
    scheme, port = PORTS[service_type]
    return DemoService(service_type, host, port, f"{scheme}://{host}:{port}/")


def _vos(site: str) -> tuple[str, ...]:
    return tuple(vo for vo, share in VO_SHARES.items() if draw(f"{site} {vo}") < share)


def draw(text: str) -> float:
    """A number of [0, 1) that the text alone decides."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big") / 2**48
