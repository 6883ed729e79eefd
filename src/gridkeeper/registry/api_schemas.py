"""What the registry's API gives and takes."""

from datetime import UTC, datetime
from typing import Annotated, Any

from ninja import Schema
from pydantic import AwareDatetime, ConfigDict, Field

from gridkeeper.registry.actions import version_of
from gridkeeper.registry.models import Certification, Infrastructure, Service, Severity, Site

#: An instant that a registry can mean; beyond these years arithmetic with offsets overflows.
Moment = Annotated[AwareDatetime, Field(ge=datetime(1990, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC))]
_Word = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")]
_Text = Annotated[str, Field(max_length=10_000, pattern=r"^[^\x00]*$")]
_ReasonText = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00]*$")]


class Ref(Schema):
    """Another object: its key and its name."""

    key: str = Field(examples=["2G0"])
    name: str = Field(examples=["CERN-PROD"])


class NgiOut(Schema):
    """A region (NGI; ROC on GOCDB's wire)."""

    key: str = Field(examples=["41915G0"])
    name: str = Field(examples=["NGI_CH"])
    federation: str = Field(examples=["EGI"])
    description: str
    email: str = Field(examples=["ngi@example.org"])
    rod_email: str
    helpdesk_email: str
    security_email: str
    support_unit: str
    scopes: list[str] = Field(examples=[["EGI"]])
    sites: int = Field(description="Its sites that are not closed.", examples=[12])
    valid_from: datetime
    valid_until: datetime | None

    @staticmethod
    def resolve_federation(ngi: Any) -> str:
        return str(ngi.federation.name)

    @staticmethod
    def resolve_sites(ngi: Any) -> int:
        return int(ngi.site_count)


class SiteOut(Schema):
    """A site, as lists show it."""

    key: str = Field(examples=["2G0"])
    name: str = Field(examples=["CERN-PROD"])
    official_name: str
    region: Ref
    organisation: str
    country: str = Field(examples=["Switzerland"])
    country_code: str = Field(examples=["CH"])
    location: str
    latitude: float | None = Field(examples=[46.23])
    longitude: float | None = Field(examples=[6.05])
    infrastructure: Infrastructure = Field(examples=["Production"])
    certification: Certification = Field(examples=["Certified"])
    tier: str
    scopes: list[str] = Field(examples=[["EGI", "wlcg"]])
    valid_from: datetime
    valid_until: datetime | None

    @staticmethod
    def resolve_region(site: Site) -> Any:
        return site.ngi


class SiteDetail(SiteOut):
    """A site with all that is known of it."""

    description: str
    home_url: str
    contact_email: str
    contact_tel: str
    alarm_email: str
    csirt_email: str
    csirt_tel: str
    emergency_tel: str
    giis_url: str
    subgrid: str
    timezone: str = Field(examples=["Europe/Zurich"])
    domain: str
    ip_range: str
    ipv6_range: str
    certification_since: datetime | None
    notifications: bool
    properties: dict[str, Any] = Field(examples=[{"HELPDESKEMAIL": "help@example.org"}])
    version: int = Field(description="Send it back as `seen` when you edit.", examples=[17])

    @staticmethod
    def resolve_version(site: Site) -> int:
        return version_of(site)


class EndpointOut(Schema):
    """One address of a service."""

    key: str = Field(examples=["6879"])
    name: str = Field(examples=["https"])
    url: str = Field(examples=["https://se.example.org:443"])
    interface_name: str
    is_monitored: bool


class ServiceOut(Schema):
    """A service of a site: a service type on a host."""

    key: str = Field(examples=["1555G0"])
    hostname: str = Field(examples=["ce.example.org"])
    service_type: str = Field(examples=["CE"])
    site: Ref
    region: Ref
    url: str
    is_beta: bool
    in_production: bool
    is_monitored: bool
    scopes: list[str]
    endpoints: list[EndpointOut]
    valid_from: datetime
    valid_until: datetime | None

    @staticmethod
    def resolve_service_type(service: Service) -> str:
        return service.service_type.name

    @staticmethod
    def resolve_region(service: Service) -> Any:
        return service.site.ngi

    @staticmethod
    def resolve_endpoints(service: Any) -> Any:
        return service.current_endpoints


class ServiceDetail(ServiceOut):
    """A service with all that is known of it."""

    host_dn: str
    host_ip: str
    host_ipv6: str
    operating_system: str
    architecture: str
    description: str
    email: str
    notifications: bool
    properties: dict[str, Any]
    version: int = Field(description="Send it back as `seen` when you edit.", examples=[17])

    @staticmethod
    def resolve_version(service: Service) -> int:
        return version_of(service)


class ServiceTypeOut(Schema):
    """A kind of service."""

    name: str = Field(examples=["Site-BDII"])
    key: str
    description: str
    has_monitoring_exception: bool
    services: int = Field(description="Its services that are not closed.", examples=[40])

    @staticmethod
    def resolve_services(service_type: Any) -> int:
        return int(service_type.service_count)


class AffectedOut(Schema):
    """A service in a downtime."""

    key: str = Field(examples=["1555G0"])
    hostname: str = Field(examples=["ce.example.org"])
    service_type: str = Field(examples=["CE"])
    site: Ref

    @staticmethod
    def resolve_service_type(service: Service) -> str:
        return service.service_type.name


class DowntimeOut(Schema):
    """A declared interval in which services are down or at risk."""

    key: str = Field(examples=["123456G0"])
    severity: Severity = Field(examples=["OUTAGE"])
    classification: str = Field(description="Computed from how early it was declared.", examples=["SCHEDULED"])
    source_severity: str = Field(description="The word of the registry that it came from.")
    source_classification: str
    description: str = Field(examples=["Power works"])
    declared_at: datetime | None
    start: datetime
    end: datetime
    cancelled_at: datetime | None
    services: list[AffectedOut]

    @staticmethod
    def resolve_services(downtime: Any) -> list[Service]:
        return list(downtime.services.all())


class Reason(Schema):
    """Why; it stays in the audit record."""

    reason: _ReasonText = Field(examples=["The power is back."])


class DowntimeIn(Schema):
    """A downtime to declare."""

    services: list[Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")]] = Field(
        min_length=1, max_length=1000, examples=[["1555G0"]], description="Keys of the services that it affects."
    )
    severity: Severity = Field(examples=["OUTAGE"])
    start: Moment = Field(examples=["2026-09-01T08:00:00Z"])
    end: Moment = Field(examples=["2026-09-01T16:00:00Z"])
    description: str = Field(min_length=1, max_length=4000, pattern=r"^[^\x00]*$", examples=["Power works"])


class CertificationIn(Schema):
    """A step of certification."""

    new: Certification = Field(examples=["Certified"])
    old: Certification | None = Field(None, examples=["Uncertified"])
    reason: _ReasonText = Field(examples=["All tests pass since a week."])


class _Edit(Schema):
    """Fields that are not sent stay as they are."""

    model_config = ConfigDict(extra="forbid")

    reason: _ReasonText = Field(examples=["New contact."])
    seen: int | None = Field(None, description="The `version` that you read.", examples=[17])


class SiteEdit(_Edit):
    """Changes of a site."""

    official_name: _Word = ""
    description: _Text = ""
    organisation: _Word = ""
    home_url: _Word = ""
    infrastructure: Infrastructure = Infrastructure.PRODUCTION
    tier: _Word = ""
    subgrid: _Word = ""
    country_code: _Word = ""
    country: _Word = ""
    location: _Word = ""
    timezone: _Word = ""
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)
    domain: _Word = ""
    ip_range: _Word = ""
    ipv6_range: _Word = ""
    giis_url: _Word = ""
    contact_email: _Word = Field("", examples=["grid@example.org"])
    contact_tel: _Word = ""
    alarm_email: _Word = ""
    csirt_email: _Word = ""
    csirt_tel: _Word = ""
    emergency_tel: _Word = ""
    notifications: bool = False


class ServiceEdit(_Edit):
    """Changes of a service."""

    url: _Word = Field("", examples=["https://ce.example.org:8443"])
    host_dn: _Word = ""
    host_ip: _Word = ""
    host_ipv6: _Word = ""
    operating_system: _Word = ""
    architecture: _Word = ""
    description: _Text = ""
    email: _Word = ""
    is_beta: bool = False
    in_production: bool = True
    is_monitored: bool = True
    notifications: bool = False
