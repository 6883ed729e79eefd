"""What every outside format becomes: frozen values with their place; `fields` are columns of the model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gridkeeper.registry.importers.report import Place


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record of the source.

    name: how people call it; key: the source's own stable key, None where it gives none; raw: its text in the source
    """

    place: Place
    name: str
    key: str | None = None
    raw: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ServiceTypeRecord(Record):
    """A kind of service."""


@dataclass(frozen=True, kw_only=True)
class NgiRecord(Record):
    """A region."""


@dataclass(frozen=True, kw_only=True)
class SiteRecord(Record):
    """A site. `initial` holds columns that are set when the site is made and left to people afterwards."""

    ngi: str
    initial: Mapping[str, Any] = field(default_factory=dict)
    since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class EndpointRecord(Record):
    """An address of a service."""


@dataclass(frozen=True, slots=True, order=True)
class ServiceRef:
    """Which service: type, host and, where the source says so, its site."""

    service_type: str
    hostname: str
    site: str = ""

    def __str__(self) -> str:
        return f"{self.service_type} {self.hostname}"

    @property
    def anywhere(self) -> "ServiceRef":
        """The same without its site: a type on a host belongs to one site only."""
        return ServiceRef(self.service_type, self.hostname)


@dataclass(frozen=True, kw_only=True)
class ServiceRecord(Record):
    """A service of a site. `since`: earliest instant at which the source testifies to it; `until`: when it was gone.

    is_partial: it tells nothing of endpoints and VOs, which stay as they are
    """

    ref: ServiceRef
    endpoints: tuple[EndpointRecord, ...] = ()
    vos: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    is_partial: bool = False


@dataclass(frozen=True, slots=True, order=True)
class EndpointRef:
    """Which address of a service: the source's key where it gives one, else its name."""

    service: ServiceRef
    key: str
    name: str


@dataclass(frozen=True, kw_only=True)
class ServiceEndpointRecord(Record):
    """An address that stands by itself, beside the service that it belongs to."""

    service: ServiceRef


@dataclass(frozen=True, kw_only=True)
class DowntimeRecord(Record):
    """A downtime, the services that it names, and of these the addresses where not the whole service is affected.

    keys: the source's keys of the services, where it tells them
    """

    services: tuple[ServiceRef, ...]
    endpoints: tuple[EndpointRef, ...] = ()
    keys: Mapping[ServiceRef, str] = field(default_factory=dict)
    initial: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ScopeRecord(Record):
    """A tag that objects may bear."""


@dataclass(frozen=True, slots=True)
class MemberRef:
    """A service of a group: by the source's key, else by type and host."""

    key: str
    ref: ServiceRef


@dataclass(frozen=True, kw_only=True)
class GroupRecord(Record):
    """A group of services across sites."""

    members: tuple[MemberRef, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class RoleRef:
    """A role on an object. kind: "federation", "ngi", "site" or "service_group"; key: "" where the source has none."""

    role: str
    kind: str
    name: str
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class PersonRecord(Record):
    """A person, the subjects of the person's certificates, and the roles held.

    memberships: (region, federation) pairs that the roles testify to
    is_whole: it tells all roles of the person; a contact of one object tells only that object's
    """

    certificates: tuple[str, ...] = ()
    roles: tuple[RoleRef, ...] = ()
    memberships: tuple[tuple[str, str], ...] = ()
    is_whole: bool = True


@dataclass(frozen=True, kw_only=True)
class PartRecord(Record):
    """Some columns of a site that a record of its own tells: its security contacts."""


@dataclass(frozen=True, kw_only=True)
class CertificationRecord(Record):
    """A step of a site's certification; without `changed_by` and `old` only the date of the present status."""

    site: str
    changed_at: datetime
    is_step: bool = True


@dataclass(frozen=True, kw_only=True)
class VoRecord(Record):
    """A virtual organisation."""

    is_open: bool = True


@dataclass
class Records:
    """All that was read from one source, in the order in which it is applied."""

    service_types: list[ServiceTypeRecord] = field(default_factory=list)
    scopes: list[ScopeRecord] = field(default_factory=list)
    federations: list[Record] = field(default_factory=list)
    ngis: list[NgiRecord] = field(default_factory=list)
    sites: list[SiteRecord] = field(default_factory=list)
    services: list[ServiceRecord] = field(default_factory=list)
    past_services: list[ServiceRecord] = field(default_factory=list)
    site_parts: list[PartRecord] = field(default_factory=list)
    endpoints: list[ServiceEndpointRecord] = field(default_factory=list)
    groups: list[GroupRecord] = field(default_factory=list)
    vos: list[VoRecord] = field(default_factory=list)
    downtimes: list[DowntimeRecord] = field(default_factory=list)
    certifications: list[CertificationRecord] = field(default_factory=list)
    people: list[PersonRecord] = field(default_factory=list)
    #: Whether a region or service type that is named, but not told, is made from its name.
    makes_parents: bool = True

    def __len__(self) -> int:
        return sum(len(part) for part in vars(self).values() if isinstance(part, list))
