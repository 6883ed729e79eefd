"""get_site, get_site_list, get_site_security_info, get_site_count_per_country, get_subgrid_list."""

import zlib
from collections.abc import Iterator

from django.db.models import Count, QuerySet

from gridkeeper.api.gocdb.filters import like, property_filter, scope_filter, site_filter, status_filter
from gridkeeper.api.gocdb.portal_links import link
from gridkeeper.api.gocdb.question import Question
from gridkeeper.api.gocdb.rows import ListRows, QueryRows
from gridkeeper.api.gocdb.xml import empty, end, extensions, group, leaf, optional, scopes, start
from gridkeeper.registry.models import Site


def _sites(question: Question) -> "QuerySet[Site]":
    condition = site_filter(question) & status_filter(question) & scope_filter(question) & property_filter(question)
    return Site.objects.current().filter(condition).select_related("ngi")


def site_rows(question: Question) -> QueryRows:
    """The sites that stand in the registry, closed ones among them; clients leave those out by their status."""
    return QueryRows(_sites(question))


def write_sites(question: Question, sites: list[Site]) -> Iterator[str]:
    for site in sites:
        yield start("SITE", 1, ID=site.pk, PRIMARY_KEY=site.key, NAME=site.name)
        yield _identity(question, site)
        yield _place(site)
        yield group("DOMAIN", [optional("DOMAIN_NAME", site.domain, 3)])
        yield optional("SITE_IP", site.ip_range)
        yield optional("SITE_IPV6", site.ipv6_range)
        yield scopes(site.scopes)
        yield extensions(site.key, site.properties)
        yield end("SITE", 1)


def _identity(question: Question, site: Site) -> str:
    return "".join(
        (
            optional("PRIMARY_KEY", site.key),
            optional("SHORT_NAME", site.name),
            optional("OFFICIAL_NAME", site.official_name),
            optional("SITE_DESCRIPTION", site.description),
            leaf("GOCDB_PORTAL_URL", link(question.root, "portal:site", site.key)),
            optional("HOME_URL", site.home_url),
            optional("CONTACT_EMAIL", site.contact_email),
            optional("CONTACT_TEL", site.contact_tel),
            optional("ALARM_EMAIL", site.alarm_email),
            optional("GIIS_URL", site.giis_url),
            optional("TIER", site.tier),
        )
    )


def _place(site: Site) -> str:
    return "".join(
        (
            leaf("COUNTRY_CODE", site.country_code),
            leaf("COUNTRY", site.country),
            leaf("ROC", site.ngi.name),
            optional("SUBGRID", site.subgrid),
            leaf("PRODUCTION_INFRASTRUCTURE", site.infrastructure),
            leaf("CERTIFICATION_STATUS", site.certification),
            optional("TIMEZONE", site.timezone),
            optional("LATITUDE", _degrees(site.latitude)),
            optional("LONGITUDE", _degrees(site.longitude)),
            optional("CSIRT_EMAIL", site.csirt_email),
            leaf("NOTIFICATIONS", "TRUE" if site.notifications else "FALSE"),
        )
    )


def _degrees(value: float | None) -> str:
    """Shortest decimals that read back as the same number; 47, not 47.0.

    >>> _degrees(47.0), _degrees(47.360389), _degrees(0.0), _degrees(1e-07), _degrees(None)
    ('47', '47.360389', '0', '0.0000001', '')
    """
    if value is None:
        return ""
    text = repr(value)
    if "e" in text:
        text = f"{value:.20f}".rstrip("0")
    return text.removesuffix(".0").removesuffix(".")


def write_site_list(question: Question, sites: list[Site]) -> Iterator[str]:
    for site in sites:
        yield empty(
            "SITE", 1, ID=site.pk, PRIMARY_KEY=site.key, NAME=site.name, COUNTRY=site.country,
            COUNTRY_CODE=site.country_code, ROC=site.ngi.name, SUBGRID=site.subgrid, GIIS_URL=site.giis_url,
        )  # fmt: skip


def write_security_info(question: Question, sites: list[Site]) -> Iterator[str]:
    for site in sites:
        yield start("SITE", 1, ID=f"{site.pk}G0", PRIMARY_KEY=site.key, NAME=site.name)
        yield leaf("PRIMARY_KEY", site.key)
        yield leaf("SHORT_NAME", site.name)
        yield leaf("CSIRT_EMAIL", site.csirt_email)
        yield leaf("CSIRT_TEL", site.csirt_tel)
        yield end("SITE", 1)


def country_rows(question: Question) -> ListRows:
    """Countries by name, in any case, each with the number of its sites; without those that have none."""
    counted = _sites(question).exclude(country="").order_by().values_list("country").annotate(n=Count("pk"))
    in_order = sorted(counted, key=lambda row: row[0].casefold())
    return ListRows((place, *row) for place, row in enumerate(in_order, 1))


def write_countries(question: Question, rows: list[tuple[int, str, int]]) -> Iterator[str]:
    for _, country, count in rows:
        yield group("SITE", [leaf("COUNTRY", country), leaf("COUNT", str(count))], 1)


def subgrid_rows(question: Question) -> ListRows:
    """Sub-grids that sites name; their number is computed, for we keep them as words of sites."""
    named = Site.objects.current().exclude(subgrid="")
    if (name := question.get("subgrid")) is not None:
        named = named.filter(like("subgrid", name))
    found = named.order_by().values_list("subgrid", "ngi__name", "ngi__key").distinct()
    return ListRows((_number(f"{key}/{name}"), name, ngi) for name, ngi, key in found)


def _number(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def write_subgrids(question: Question, rows: list[tuple[int, str, str]]) -> Iterator[str]:
    for number, name, ngi in rows:
        yield empty("SUBGRID", 1, PRIMARY_KEY=f"{number}G0", SUBGRID_NAME=name, PARENT_ROC=ngi)
