"""How the registry's API shows regions, sites, services and what belongs to them. Downtimes: `api_downtime_schemas`."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self

from ninja import Schema
from pydantic import AwareDatetime, Field, ValidationInfo, model_validator

from gridkeeper.registry.models import Certification, CredentialKind, Infrastructure, Service, Site

#: An instant that a registry can mean; beyond these years arithmetic with offsets overflows.
Moment = Annotated[AwareDatetime, Field(ge=datetime(1990, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC))]

_HIDDEN = "Null unless you are signed in."
_VERSION = Field(description="Grows with every change; the ETag begins with it.", examples=[17])


class Contacts(Schema):
    """An object with addresses of people, which only who is signed in may read."""

    contacts: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _hide(self, info: ValidationInfo) -> Self:
        request = (info.context or {}).get("request")
        if request is None or not request.user.is_authenticated:
            for name in self.contacts:
                setattr(self, name, None)
        return self


class Ref(Schema):
    """Another object: its key and its name."""

    key: str = Field(examples=["2G0"])
    name: str = Field(examples=["CERN-PROD"])


class FederationOut(Contacts):
    """The whole: what GOCDB calls a project."""

    contacts: ClassVar[tuple[str, ...]] = ("email",)

    key: str = Field(examples=["1G0"])
    name: str = Field(examples=["EGI"])
    description: str
    email: str | None = Field(description=_HIDDEN)
    notice_hours: int = Field(description="Hours ahead that a scheduled downtime is declared.", examples=[24])
    minimum_scopes: dict[str, int] = Field(examples=[{"site": 1, "service": 1}])
    version: int = _VERSION
    valid_from: datetime
    valid_until: datetime | None


class NgiOut(Contacts):
    """A region (NGI; ROC on GOCDB's wire)."""

    contacts: ClassVar[tuple[str, ...]] = ("email", "rod_email", "helpdesk_email", "security_email")

    key: str = Field(examples=["41915G0"])
    name: str = Field(examples=["NGI_CH"])
    federation: str = Field(examples=["EGI"])
    further_federations: list[str] = Field(description="Which it belongs to as well.")
    description: str
    email: str | None = Field(examples=["ngi@example.org"], description=_HIDDEN)
    rod_email: str | None = Field(description=_HIDDEN)
    helpdesk_email: str | None = Field(description=_HIDDEN)
    security_email: str | None = Field(description=_HIDDEN)
    support_unit: str
    scopes: list[str] = Field(examples=[["EGI"]])
    sites: int = Field(description="Its sites that are not closed.", examples=[12])
    version: int = _VERSION
    valid_from: datetime
    valid_until: datetime | None

    @staticmethod
    def resolve_federation(ngi: Any) -> str:
        return str(ngi.federation.name)

    @staticmethod
    def resolve_further_federations(ngi: Any) -> list[str]:
        return [each.federation.name for each in ngi.current_memberships]

    @staticmethod
    def resolve_sites(ngi: Any) -> int:
        return int(ngi.site_count)


class SiteOut(Contacts):
    """A site with all that is known of it."""

    contacts: ClassVar[tuple[str, ...]] = (
        "contact_email", "contact_tel", "alarm_email", "csirt_email", "csirt_tel", "emergency_tel", "emergency_email",
        "helpdesk_email",
    )  # fmt: skip

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
    certification_since: datetime | None
    tier: str
    subgrid: str
    scopes: list[str] = Field(examples=[["EGI", "wlcg"]])
    description: str
    home_url: str
    contact_email: str | None = Field(description=_HIDDEN)
    contact_tel: str | None = Field(description=_HIDDEN)
    alarm_email: str | None = Field(description=_HIDDEN)
    csirt_email: str | None = Field(description=_HIDDEN)
    csirt_tel: str | None = Field(description=_HIDDEN)
    emergency_tel: str | None = Field(description=_HIDDEN)
    emergency_email: str | None = Field(description=_HIDDEN)
    helpdesk_email: str | None = Field(description=_HIDDEN)
    giis_url: str
    timezone: str = Field(examples=["Europe/Zurich"])
    domain: str
    ip_range: str
    ipv6_range: str
    notifications: bool
    properties: dict[str, Any] = Field(examples=[{"P4U_Pilot": "yes"}])
    version: int = _VERSION
    valid_from: datetime
    valid_until: datetime | None

    @staticmethod
    def resolve_region(site: Site) -> Any:
        return site.ngi


class CertificationChangeOut(Schema):
    """One step of a site's certification."""

    site: Ref
    changed_at: datetime
    old: str = Field(examples=["Uncertified"])
    new: str = Field(examples=["Certified"])
    changed_by: str | None = Field(description=_HIDDEN)
    reason: str

    @model_validator(mode="after")
    def _hide(self, info: ValidationInfo) -> Self:
        request = (info.context or {}).get("request")
        if request is None or not request.user.is_authenticated:
            self.changed_by = None
        return self


class EndpointOut(Contacts):
    """One address of a service."""

    contacts: ClassVar[tuple[str, ...]] = ("email",)

    key: str = Field(examples=["6879"])
    service: str = Field(description="Key of its service.", examples=["1555G0"])
    name: str = Field(examples=["https"])
    url: str = Field(examples=["https://se.example.org:443"])
    interface_name: str
    description: str
    email: str | None = Field(description=_HIDDEN)
    is_monitored: bool
    properties: dict[str, Any]
    version: int = _VERSION
    valid_from: datetime
    valid_until: datetime | None

    @staticmethod
    def resolve_service(endpoint: Any) -> str:
        return str(endpoint.service.key)


class AddressOut(Schema):
    """One address of a service, as the service shows it."""

    key: str = Field(examples=["6879"])
    name: str = Field(examples=["https"])
    url: str = Field(examples=["https://se.example.org:443"])
    interface_name: str
    description: str
    is_monitored: bool
    properties: dict[str, Any]


class ServiceOut(Contacts):
    """A service of a site: a service type on a host."""

    contacts: ClassVar[tuple[str, ...]] = ("email",)

    key: str = Field(examples=["1555G0"])
    hostname: str = Field(examples=["ce.example.org"])
    service_type: str = Field(examples=["CE"])
    site: Ref
    region: Ref
    url: str
    host_dn: str
    host_ip: str
    host_ipv6: str
    operating_system: str
    architecture: str
    description: str
    email: str | None = Field(description=_HIDDEN)
    is_beta: bool
    in_production: bool
    is_monitored: bool
    notifications: bool
    scopes: list[str]
    properties: dict[str, Any]
    endpoints: list[AddressOut]
    version: int = _VERSION
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


class ServiceTypeOut(Schema):
    """A kind of service."""

    name: str = Field(examples=["Site-BDII"])
    key: str
    description: str
    service_class: str = Field(description="C: critical, H: high, or empty.", examples=["C"])
    has_monitoring_exception: bool
    services: int = Field(description="Its services that are not closed.", examples=[40])
    version: int = _VERSION

    @staticmethod
    def resolve_services(service_type: Any) -> int:
        return int(service_type.service_count)


class ScopeOut(Schema):
    """A tag on regions, sites, services and service groups."""

    key: str
    name: str = Field(examples=["EGI"])
    description: str
    is_reserved: bool = Field(description="Only the operator grants it.")
    is_default: bool = Field(description="What feeds answer where no scope is asked for.")
    version: int = _VERSION
    valid_from: datetime
    valid_until: datetime | None


class AffectedOut(Schema):
    """A service, told briefly."""

    key: str = Field(examples=["1555G0"])
    hostname: str = Field(examples=["ce.example.org"])
    service_type: str = Field(examples=["CE"])
    site: Ref

    @staticmethod
    def resolve_service_type(service: Service) -> str:
        return service.service_type.name


class ServiceGroupOut(Contacts):
    """Services of any sites that belong together."""

    contacts: ClassVar[tuple[str, ...]] = ("email",)

    key: str = Field(examples=["5G0"])
    name: str = Field(examples=["NGI_CH_SERVICES"])
    description: str
    email: str | None = Field(description=_HIDDEN)
    is_monitored: bool
    scopes: list[str]
    properties: dict[str, Any]
    services: list[AffectedOut]
    version: int = _VERSION
    valid_from: datetime
    valid_until: datetime | None

    @staticmethod
    def resolve_services(group: Any) -> list[Service]:
        return [member.service for member in group.current_members]


class CredentialOut(Schema):
    """A machine that may read, and where allowed write, the entry of one site."""

    key: str
    site: Ref
    kind: CredentialKind = Field(examples=["X.509"])
    identifier: str = Field(examples=["/DC=org/CN=robot.example.org"])
    may_write: bool
    last_used_at: datetime | None
    version: int = _VERSION
    valid_from: datetime
    valid_until: datetime | None
