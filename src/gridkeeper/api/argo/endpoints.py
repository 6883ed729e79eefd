"""What ARGO's documents say of an endpoint besides its name: `info` with the registry's key and address."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gridkeeper.registry.models import Service


@dataclass(frozen=True, slots=True)
class Endpoints:
    """known: (hostname, service type) -> info"""

    known: Mapping[tuple[str, str], Mapping[str, str]]

    @classmethod
    def of_registry(cls, **where: Any) -> "Endpoints":
        """All services that ever were; of several the newest. One query."""
        rows = Service.objects.filter(**where).order_by("valid_from", "pk")
        found = rows.values_list("hostname", "service_type__name", "key", "url")
        return cls({(hostname, name): _info(key, url) for hostname, name, key, url in found})

    def info(self, hostname: str, service_type: str) -> dict[str, Any]:
        """{"info": {"ID", "URL"}}, or nothing for an endpoint that the registry does not know."""
        found = self.known.get((hostname, service_type))
        return {"info": dict(found)} if found else {}

    def of_resource(self, identifier: str) -> set[tuple[str, str]]:
        """The (hostname, service type) of the endpoints with that ID."""
        return {place for place, info in self.known.items() if info["ID"] == identifier}


def _info(key: str, url: str) -> dict[str, str]:
    return {"ID": key, "URL": url} if url else {"ID": key}
