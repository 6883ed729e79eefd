"""What the registry's API takes: additions, edits, tags, properties. Downtimes: `api_downtime_schemas`.

Lengths here only bound what is read; the rules of each field are the actions' (`field_rules`).
"""

from typing import Annotated, Any

from ninja import Schema
from pydantic import ConfigDict, Field

from gridkeeper.registry.models import Certification, CredentialKind, Infrastructure

Word = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")]
LongText = Annotated[str, Field(max_length=10_000, pattern=r"^[^\x00]*$")]
ReasonText = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00]*$")]
KeyText = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
_SEEN = Field(None, description="The `version` that you read; 409 where it is old. `If-Match` does the same.")


class Reason(Schema):
    """Why; it stays in the audit record."""

    model_config = ConfigDict(extra="forbid")

    reason: ReasonText = Field(examples=["The power is back."])

    def values(self, *apart_from: str) -> dict[str, Any]:
        """The fields that were sent, without the reason and what else is not the object's own."""
        return self.dict(exclude_unset=True, exclude={"reason", "seen", "scopes", *apart_from})


class Edit(Reason):
    """Fields that are not sent stay as they are."""

    seen: int | None = _SEEN


class FederationEdit(Edit):
    """Changes of a federation."""

    name: Word = Field("", examples=["EGI"])
    description: LongText = ""
    email: Word = ""
    notice_hours: int = Field(24, ge=0, le=1000, examples=[24])
    minimum_scopes: dict[Annotated[str, Field(max_length=30)], int] = Field({}, examples=[{"site": 1}])


class FederationAdd(FederationEdit):
    """A new federation."""

    name: Word = Field(examples=["EGI"])


class RegionEdit(Edit):
    """Changes of a region."""

    description: LongText = ""
    email: Word = Field("", examples=["ngi@example.org"])
    rod_email: Word = ""
    helpdesk_email: Word = ""
    security_email: Word = ""
    support_unit: Word = ""


class _Tagged(Reason):
    scopes: list[Word] | None = Field(None, max_length=100, description="Without it: the default scope.")


class RegionAdd(RegionEdit, _Tagged):
    """A new region."""

    federation: KeyText = Field(description="Key of its federation.", examples=["1G0"])
    name: Word = Field(examples=["NGI_CH"])


class Rename(Edit):
    """Another name; the key stays."""

    name: Word = Field(examples=["NEW-NAME"])


class Membership(Reason):
    """A federation that a region belongs to as well."""

    federation: KeyText = Field(description="Key of the federation.", examples=["2G0"])


class SiteEdit(Edit):
    """Changes of a site."""

    official_name: Word = ""
    description: LongText = ""
    organisation: Word = ""
    home_url: Word = ""
    infrastructure: Infrastructure = Infrastructure.PRODUCTION
    tier: Word = ""
    subgrid: Word = ""
    country_code: Word = ""
    country: Word = ""
    location: Word = ""
    timezone: Word = Field("", description="IANA name.", examples=["Europe/Zurich"])
    latitude: float | None = Field(None, ge=-90, le=90, description="Degrees north.")
    longitude: float | None = Field(None, ge=-180, le=180, description="Degrees east.")
    domain: Word = ""
    ip_range: Word = ""
    ipv6_range: Word = ""
    giis_url: Word = ""
    contact_email: Word = Field("", examples=["grid@example.org"])
    contact_tel: Word = ""
    alarm_email: Word = ""
    csirt_email: Word = ""
    csirt_tel: Word = ""
    emergency_tel: Word = ""
    emergency_email: Word = ""
    helpdesk_email: Word = ""
    notifications: bool = False


class SiteAdd(SiteEdit, _Tagged):
    """A new site, a candidate for certification."""

    region: KeyText = Field(description="Key of its region.", examples=["41915G0"])
    name: Word = Field(examples=["EXAMPLE-T2"])


class Move(Edit):
    """Another region."""

    region: KeyText = Field(description="Key of the region that it belongs to from now on.", examples=["41915G0"])


class CertificationIn(Schema):
    """A step of certification."""

    model_config = ConfigDict(extra="forbid")

    new: Certification = Field(examples=["Certified"])
    old: Certification | None = Field(None, examples=["Uncertified"])
    reason: ReasonText = Field(examples=["All tests pass since a week."])


class ServiceEdit(Edit):
    """Changes of a service."""

    url: Word = Field("", examples=["https://ce.example.org:8443"])
    host_dn: Word = ""
    host_ip: Word = ""
    host_ipv6: Word = ""
    operating_system: Word = ""
    architecture: Word = ""
    description: LongText = ""
    email: Word = ""
    is_beta: bool = False
    in_production: bool = True
    is_monitored: bool = True
    notifications: bool = False


class ServiceAdd(ServiceEdit, _Tagged):
    """A new service."""

    site: KeyText = Field(description="Key of its site.", examples=["2G0"])
    service_type: KeyText = Field(description="Name of its type.", examples=["CE"])
    hostname: Word = Field(examples=["ce.example.org"])


class EndpointEdit(Edit):
    """Changes of an endpoint."""

    name: Word = Field("", examples=["https"])
    url: Word = Field("", examples=["https://se.example.org:443"])
    interface_name: Word = ""
    description: LongText = ""
    email: Word = ""
    is_monitored: bool = False


class EndpointAdd(EndpointEdit):
    """A further address of a service."""

    service: KeyText = Field(description="Key of its service.", examples=["1555G0"])
    name: Word = Field(examples=["https"])


class ServiceTypeEdit(Edit):
    """Changes of a service type."""

    description: LongText = ""
    service_class: Annotated[str, Field(max_length=1)] = Field("", examples=["C"])
    has_monitoring_exception: bool = False


class ServiceTypeAdd(ServiceTypeEdit):
    """A new kind of service."""

    name: Word = Field(examples=["org.example.storage"])


class ScopeEdit(Edit):
    """Changes of a scope."""

    description: LongText = ""
    is_reserved: bool = False
    is_default: bool = False


class ScopeAdd(ScopeEdit):
    """A new scope."""

    name: Word = Field(examples=["EGI"])


class ServiceGroupEdit(Edit):
    """Changes of a service group."""

    name: Word = Field("", examples=["NGI_CH_SERVICES"])
    description: LongText = ""
    email: Word = ""
    is_monitored: bool = True


class ServiceGroupAdd(ServiceGroupEdit, _Tagged):
    """A new service group; who adds it becomes its administrator."""

    name: Word = Field(examples=["NGI_CH_SERVICES"])


class Members(Reason):
    """Services of a group."""

    services: list[KeyText] = Field(min_length=1, max_length=1000, examples=[["1555G0"]], description="Their keys.")


class ScopesIn(Edit):
    """The scopes that an object bears from now on: exactly these."""

    scopes: list[Word] = Field(max_length=100, examples=[["EGI", "wlcg"]])


class PropertiesIn(Edit):
    """Properties by key."""

    properties: dict[Annotated[str, Field(max_length=255)], Annotated[str, Field(max_length=4000)]] = Field(
        max_length=1000, examples=[{"P4U_Pilot": "yes"}]
    )


class PropertyKeys(Edit):
    """Properties to remove."""

    keys: list[Annotated[str, Field(max_length=255)]] = Field(min_length=1, max_length=1000, examples=[["P4U_Pilot"]])


class CredentialEdit(Edit):
    """Changes of a machine's credential."""

    kind: CredentialKind = Field(CredentialKind.X509, examples=["X.509"])
    identifier: Word = Field("", examples=["/DC=org/CN=robot.example.org"])
    may_write: bool = False


class CredentialAdd(CredentialEdit):
    """A machine that may read, and with `may_write` change, a site's properties and endpoints."""

    site: KeyText = Field(description="Key of the site.", examples=["2G0"])
    identifier: Word = Field(examples=["/DC=org/CN=robot.example.org"])
