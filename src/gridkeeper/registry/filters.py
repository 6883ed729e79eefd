"""What the lists of the registry can be narrowed by."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import Q

from gridkeeper.registry.models import Certification, Classification, Infrastructure, Scope, Severity
from gridkeeper.registry.rules import DowntimeState
from gridkeeper.web.filters import Case, CaseFilter, FacetFilter, ListFilter, flag


def downtime_cases(now: datetime) -> Mapping[str, Case]:
    """The states of a downtime as conditions; the same distinction as `rules.state_of`."""
    kept = Q(cancelled_at=None)
    return {
        DowntimeState.NOW: Case("Now", kept & Q(start__lte=now, end__gt=now)),
        DowntimeState.NEXT: Case("Next", kept & Q(start__gt=now)),
        DowntimeState.PAST: Case("Past", kept & Q(end__lte=now)),
        DowntimeState.CANCELLED: Case("Cancelled", Q(cancelled_at__isnull=False)),
    }


class ScopeFilter(CaseFilter):
    """Rows that bear one of the chosen scopes, which are kept as a list beside each object."""

    def __init__(self) -> None:
        super().__init__(self._of_scopes, label="Scope")
        self._known: dict[str, Case] | None = None

    def _of_scopes(self, _: datetime) -> Mapping[str, Case]:
        """Asked several times of one list page; the filter lives as long as that page."""
        if self._known is None:
            names = Scope.objects.current().values_list("name", flat=True)
            self._known = {name: Case(name, Q(scopes__has_tag=name)) for name in names}
        return self._known


class NgiFilter(ListFilter):
    """Regions."""

    scope = ScopeFilter()

    search_fields = ("name", "description", "support_unit")


class SiteFilter(ListFilter):
    """Sites."""

    search_fields = ("name", "official_name", "organisation", "location", "domain", "country")
    region = FacetFilter("ngi__name", label="Region")
    certification = FacetFilter("certification", label="Certification", labels=dict(Certification.choices))
    infrastructure = FacetFilter("infrastructure", label="Infrastructure", labels=dict(Infrastructure.choices))
    country = FacetFilter("country", label="Country")
    scope = ScopeFilter()


class ServiceFilter(ListFilter):
    """Services."""

    search_fields = ("hostname", "service_type__name", "site__name", "url", "description")
    type = FacetFilter("service_type__name", label="Type")
    region = FacetFilter("site__ngi__name", label="Region")
    site = FacetFilter("site__name", label="Site")
    production = flag("in_production", "In production")
    monitored = flag("is_monitored", "Monitored")
    scope = ScopeFilter()


class DowntimeFilter(ListFilter):
    """Downtimes."""

    search_fields = ("description", "services__hostname", "services__site__name")
    search_is_many: ClassVar[bool] = True
    state = CaseFilter(downtime_cases, label="State")
    severity = FacetFilter("severity", label="Severity", labels=dict(Severity.choices))
    classification = FacetFilter("classification", label="Classification", labels=dict(Classification.choices))
    region = FacetFilter("services__site__ngi__name", label="Region", is_many=True)
    site = FacetFilter("services__site__name", label="Site", is_many=True)


class ServiceTypeFilter(ListFilter):
    """Service types."""

    search_fields: ClassVar[Any] = ("name", "description")
    excepted = flag("has_monitoring_exception", "May be unmonitored")


class FederationFilter(ListFilter):
    """Federations."""

    search_fields: ClassVar[Any] = ("name", "description")


class ServiceGroupFilter(ListFilter):
    """Service groups."""

    search_fields: ClassVar[Any] = ("name", "description")
    monitored = flag("is_monitored", "Monitored")
    site = FacetFilter("members__service__site__name", label="Site", is_many=True)
    scope = ScopeFilter()


class ScopeListFilter(ListFilter):
    """Scopes."""

    search_fields: ClassVar[Any] = ("name", "description")
    reserved = flag("is_reserved", "Reserved")


class CredentialFilter(ListFilter):
    """API credentials."""

    search_fields: ClassVar[Any] = ("identifier", "site__name")
    kind = FacetFilter("kind", label="Kind")
    site = FacetFilter("site__name", label="Site")
    writes = flag("may_write", "May write")
