"""The twelve regions of EGEE in 2006, their sites' numbers, and where their sites stand.

Numbers: the table of I. Bird's talk "The EGEE Production Grid", EGEE'06. Names of sites and hosts of CEs: the SFT
and SAM reports of 2005 and 2006 where they give some; the others are made in the style of the time, with hosts below
`example.org`. Nothing here is contacted: every site of the demo has an address of 127.0.0.0/8.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Town:
    """Where a site stands."""

    site: str
    town: str
    country: str
    country_code: str
    latitude: float
    longitude: float
    timezone: str
    tier: int = 2


@dataclass(frozen=True, slots=True)
class Region:
    """A region. sites: how many it had; towns: those that we know to place, in the order in which they join."""

    name: str
    sites: int
    towns: tuple[Town, ...]


def _towns(country: str, code: str, timezone: str, *rows: tuple[str, str, float, float]) -> tuple[Town, ...]:
    return tuple(Town(site, town, country, code, lat, lon, timezone) for site, town, lat, lon in rows)


REGIONS: tuple[Region, ...] = (
    Region("CERN", 1, (Town("CERN-PROD", "Geneva", "Switzerland", "CH", 46.23, 6.05, "Europe/Zurich", 0),)),
    Region(
        "UK/I",
        23,
        (
            Town("RAL-LCG2", "Didcot", "United Kingdom", "GB", 51.57, -1.31, "Europe/London", 1),
            *_towns(
                "United Kingdom", "GB", "Europe/London",
                ("ScotGrid-Glasgow", "Glasgow", 55.87, -4.29), ("UKI-LT2-IC", "London", 51.50, -0.18),
                ("UKI-NORTHGRID-LIV", "Liverpool", 53.41, -2.97), ("UKI-NORTHGRID-MAN", "Manchester", 53.47, -2.23),
                ("UKI-SOUTHGRID-OX", "Oxford", 51.76, -1.26), ("UKI-SOUTHGRID-BHAM", "Birmingham", 52.45, -1.93),
                ("UKI-SCOTGRID-DURHAM", "Durham", 54.77, -1.58), ("UKI-SOUTHGRID-CAM", "Cambridge", 52.21, 0.09),
            ),
            Town("csTCDie", "Dublin", "Ireland", "IE", 53.34, -6.25, "Europe/Dublin"),
        ),
    ),
    Region(
        "Italy",
        27,
        (
            Town("INFN-T1", "Bologna", "Italy", "IT", 44.52, 11.34, "Europe/Rome", 1),
            *_towns(
                "Italy", "IT", "Europe/Rome",
                ("CNAF", "Bologna", 44.49, 11.35), ("INFN-Padova", "Padua", 45.41, 11.89),
                ("INFN-Legnaro", "Legnaro", 45.35, 11.95), ("INFN-Torino", "Turin", 45.05, 7.68),
                ("INFN-Milano", "Milan", 45.48, 9.23), ("INFN-Pisa", "Pisa", 43.72, 10.39),
                ("INFN-Roma", "Rome", 41.90, 12.51), ("INFN-Napoli", "Naples", 40.84, 14.18),
                ("INFN-Bari", "Bari", 41.11, 16.88), ("INFN-Catania", "Catania", 37.52, 15.07),
            ),
        ),
    ),
    Region(
        "France",
        10,
        (
            Town("IN2P3-CC", "Lyon", "France", "FR", 45.78, 4.87, "Europe/Paris", 1),
            *_towns(
                "France", "FR", "Europe/Paris",
                ("IN2P3-LPC", "Clermont-Ferrand", 45.76, 3.11), ("GRIF", "Orsay", 48.70, 2.17),
                ("IN2P3-LAPP", "Annecy", 45.92, 6.16), ("IN2P3-CPPM", "Marseille", 43.23, 5.44),
                ("CGG-LCG2", "Massy", 48.73, 2.27),
            ),
        ),
    ),
    Region(
        "De/CH",
        13,
        (
            Town("FZK-LCG2", "Karlsruhe", "Germany", "DE", 49.10, 8.43, "Europe/Berlin", 1),
            *_towns(
                "Germany", "DE", "Europe/Berlin",
                ("DESY-HH", "Hamburg", 53.58, 9.88), ("GSI-LCG2", "Darmstadt", 49.93, 8.68),
                ("RWTH-Aachen", "Aachen", 50.78, 6.05), ("wuppertalprod", "Wuppertal", 51.25, 7.15),
                ("LRZ-LMU", "Munich", 48.26, 11.67),
            ),
            Town("CSCS-LCG2", "Manno", "Switzerland", "CH", 46.03, 8.92, "Europe/Zurich"),
        ),
    ),
    Region(
        "Northern Europe",
        16,
        (
            Town("SARA-MATRIX", "Amsterdam", "Netherlands", "NL", 52.36, 4.95, "Europe/Amsterdam", 1),
            Town("NIKHEF", "Amsterdam", "Netherlands", "NL", 52.35, 4.95, "Europe/Amsterdam"),
            Town("BEgrid-ULB-VUB", "Brussels", "Belgium", "BE", 50.81, 4.38, "Europe/Brussels"),
            Town("NDGF-DK", "Copenhagen", "Denmark", "DK", 55.70, 12.56, "Europe/Copenhagen"),
            Town("CSC-FI", "Espoo", "Finland", "FI", 60.18, 24.83, "Europe/Helsinki"),
            Town("T2_Estonia", "Tallinn", "Estonia", "EE", 59.40, 24.67, "Europe/Tallinn"),
            Town("SE-SNIC", "Stockholm", "Sweden", "SE", 59.35, 18.07, "Europe/Stockholm"),
        ),
    ),
    Region(
        "SW Europe",
        13,
        (
            Town("PIC", "Barcelona", "Spain", "ES", 41.50, 2.11, "Europe/Madrid", 1),
            *_towns(
                "Spain", "ES", "Europe/Madrid",
                ("CESGA", "Santiago de Compostela", 42.88, -8.55), ("IFIC", "Valencia", 39.51, -0.42),
                ("CIEMAT-LCG2", "Madrid", 40.45, -3.73), ("IFCA-LCG2", "Santander", 43.47, -3.80),
                ("USC-LCG2", "Santiago de Compostela", 42.87, -8.56),
            ),
            Town("LIP", "Lisbon", "Portugal", "PT", 38.76, -9.14, "Europe/Lisbon"),
        ),
    ),
    Region(
        "SE Europe",
        26,
        (
            Town("GR-01-AUTH", "Thessaloniki", "Greece", "GR", 40.63, 22.96, "Europe/Athens"),
            Town("UPATRAS", "Patras", "Greece", "GR", 38.29, 21.79, "Europe/Athens"),
            Town("HG-01-GRNET", "Athens", "Greece", "GR", 37.98, 23.78, "Europe/Athens"),
            Town("BG01-IPP", "Sofia", "Bulgaria", "BG", 42.67, 23.37, "Europe/Sofia"),
            Town("RO-02-NIPNE", "Bucharest", "Romania", "RO", 44.35, 26.03, "Europe/Bucharest"),
            Town("CY-01-KIMON", "Nicosia", "Cyprus", "CY", 35.15, 33.38, "Asia/Nicosia"),
            Town("TR-01-ULAKBIM", "Ankara", "Turkey", "TR", 39.89, 32.78, "Europe/Istanbul"),
            Town("IL-TAU-HEP", "Tel Aviv", "Israel", "IL", 32.11, 34.80, "Asia/Jerusalem"),
            Town("AEGIS01-PHY-SCL", "Belgrade", "Serbia", "RS", 44.86, 20.39, "Europe/Belgrade"),
        ),
    ),
    Region(
        "Central Europe",
        21,
        (
            Town("CYFRONET", "Krakow", "Poland", "PL", 50.07, 19.91, "Europe/Warsaw"),
            Town("WARSAW-EGEE", "Warsaw", "Poland", "PL", 52.21, 20.98, "Europe/Warsaw"),
            Town("PSNC", "Poznan", "Poland", "PL", 52.41, 16.91, "Europe/Warsaw"),
            Town("prague_cesnet", "Prague", "Czech Republic", "CZ", 50.10, 14.39, "Europe/Prague"),
            Town("BUDAPEST", "Budapest", "Hungary", "HU", 47.49, 18.96, "Europe/Budapest"),
            Town("FMPHI-UNIBA", "Bratislava", "Slovakia", "SK", 48.15, 17.07, "Europe/Bratislava"),
            Town("HEPHY-UIBK", "Innsbruck", "Austria", "AT", 47.26, 11.34, "Europe/Vienna"),
            Town("SiGNET", "Ljubljana", "Slovenia", "SI", 46.04, 14.49, "Europe/Ljubljana"),
        ),
    ),
    Region(
        "Russia",
        15,
        _towns(
            "Russia", "RU", "Europe/Moscow",
            ("JINR-LCG2", "Dubna", 56.74, 37.19), ("RRC-KI", "Moscow", 55.80, 37.48), ("ITEP", "Moscow", 55.68, 37.57),
            ("RU-SINP", "Moscow", 55.70, 37.54), ("RU-PNPI", "Gatchina", 59.59, 30.13),
            ("RU-IHEP", "Protvino", 54.87, 37.22), ("RU-INR", "Troitsk", 55.47, 37.29),
        ),
    ),
    Region(
        "Asia-Pacific",
        19,
        (
            Town("Taiwan-LCG2", "Taipei", "Taiwan", "TW", 25.04, 121.61, "Asia/Taipei", 1),
            Town("TOKYO-LCG2", "Tokyo", "Japan", "JP", 35.71, 139.76, "Asia/Tokyo"),
            Town("INDIACMS-TIFR", "Mumbai", "India", "IN", 18.91, 72.81, "Asia/Kolkata"),
            Town("TW-NCUHEP", "Taoyuan", "Taiwan", "TW", 24.97, 121.19, "Asia/Taipei"),
            Town("LCG_KNU", "Daegu", "Korea", "KR", 35.89, 128.61, "Asia/Seoul"),
            Town("GOG-Singapore", "Singapore", "Singapore", "SG", 1.30, 103.77, "Asia/Singapore"),
            Town("Taiwan-IPAS-LCG2", "Taipei", "Taiwan", "TW", 25.04, 121.61, "Asia/Taipei"),
            Town("Taiwan-NCUCC-LCG2", "Taoyuan", "Taiwan", "TW", 24.97, 121.19, "Asia/Taipei"),
            Town("Australia-UNIMELB", "Melbourne", "Australia", "AU", -37.80, 144.96, "Australia/Melbourne"),
            Town("PAKGRID-LCG2", "Islamabad", "Pakistan", "PK", 33.65, 73.16, "Asia/Karachi"),
        ),
    ),
    Region(
        "North America",
        8,
        (
            Town("TRIUMF-LCG2", "Vancouver", "Canada", "CA", 49.25, -123.23, "America/Vancouver", 1),
            Town("BNL-LCG2", "Upton", "United States", "US", 40.87, -72.87, "America/New_York", 1),
            Town("USCMS-FNAL-WC1", "Batavia", "United States", "US", 41.84, -88.26, "America/Chicago", 1),
            Town("TORONTO-LCG2", "Toronto", "Canada", "CA", 43.66, -79.40, "America/Toronto"),
            Town("CARLETONU-LCG2", "Ottawa", "Canada", "CA", 45.38, -75.70, "America/Toronto"),
            Town("Umontreal-LCG2", "Montreal", "Canada", "CA", 45.50, -73.61, "America/Toronto"),
        ),
    ),
)  # fmt: skip

#: Hosts of CEs that the SFT report of 2006 shows.
CE_HOSTS: dict[str, str] = {
    "Taiwan-LCG2": "lcg00125.grid.sinica.edu.tw",
    "TOKYO-LCG2": "dgce0.icepp.jp",
    "INDIACMS-TIFR": "ce.indiacms.res.in",
    "TW-NCUHEP": "grid01.phy.ncu.edu.tw",
    "LCG_KNU": "cluster50.knu.ac.kr",
    "GOG-Singapore": "melon.ngpp.ngp.org.sg",
    "Taiwan-IPAS-LCG2": "testbed001.phys.sinica.edu.tw",
    "Taiwan-NCUCC-LCG2": "ce.cc.ncu.edu.tw",
    "TRIUMF-LCG2": "lcgce01.triumf.ca",
    "BNL-LCG2": "lcg-ce01.usatlas.bnl.gov",
    "TORONTO-LCG2": "bigmac-lcg-ce.physics.utoronto.ca",
    "CARLETONU-LCG2": "lcg02.physics.carleton.ca",
    "Umontreal-LCG2": "lcg-ce.lps.umontreal.ca",
}
