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


@dataclass(frozen=True, kw_only=True)
class ServiceRecord(Record):
    """A service of a site. `since`: earliest instant at which the source testifies to it; `until`: when it was gone."""

    ref: ServiceRef
    endpoints: tuple[EndpointRecord, ...] = ()
    vos: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class DowntimeRecord(Record):
    """A downtime and the services that it names."""

    services: tuple[ServiceRef, ...]


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
    ngis: list[NgiRecord] = field(default_factory=list)
    sites: list[SiteRecord] = field(default_factory=list)
    services: list[ServiceRecord] = field(default_factory=list)
    past_services: list[ServiceRecord] = field(default_factory=list)
    vos: list[VoRecord] = field(default_factory=list)
    downtimes: list[DowntimeRecord] = field(default_factory=list)
    certifications: list[CertificationRecord] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(len(part) for part in vars(self).values())
