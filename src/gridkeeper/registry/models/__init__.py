"""What exists. Keys are opaque and stable; rows are closed (`valid_until`), never deleted, so that history can refer.

Objects and fields follow GOCDB (docs/reference/glossary.md); on its wire an NGI is a ROC, a Service a SERVICE_ENDPOINT.
"""

from gridkeeper.registry.models import lookups as lookups
from gridkeeper.registry.models.dated import Dated, DatedQuerySet, unique_while_current
from gridkeeper.registry.models.downtimes import (
    Classification,
    Downtime,
    DowntimeEndpoint,
    DowntimeRecurrence,
    DowntimeService,
    FollowKind,
    Severity,
)
from gridkeeper.registry.models.groups import (
    ApiCredential,
    CredentialKind,
    NgiMembership,
    Scope,
    ServiceGroup,
    ServiceGroupMember,
)
from gridkeeper.registry.models.imports import ImportRun
from gridkeeper.registry.models.mirror import ConflictState, MirrorConflict, MirrorSource
from gridkeeper.registry.models.requests import AnsweredRequest
from gridkeeper.registry.models.roles import RequestState, RoleGrant, RoleRequest
from gridkeeper.registry.models.topology import (
    Certification,
    CertificationChange,
    Endpoint,
    Federation,
    Infrastructure,
    Ngi,
    Service,
    ServiceType,
    Site,
)

__all__ = [
    "AnsweredRequest",
    "ApiCredential",
    "Certification",
    "CertificationChange",
    "Classification",
    "ConflictState",
    "CredentialKind",
    "Dated",
    "DatedQuerySet",
    "Downtime",
    "DowntimeEndpoint",
    "DowntimeRecurrence",
    "DowntimeService",
    "Endpoint",
    "Federation",
    "FollowKind",
    "ImportRun",
    "Infrastructure",
    "MirrorConflict",
    "MirrorSource",
    "Ngi",
    "NgiMembership",
    "RequestState",
    "RoleGrant",
    "RoleRequest",
    "Scope",
    "Service",
    "ServiceGroup",
    "ServiceGroupMember",
    "ServiceType",
    "Severity",
    "Site",
    "unique_while_current",
]
