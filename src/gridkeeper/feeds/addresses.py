"""Addresses of our own pages as others reach them, and names that stay unique outside of this installation."""

from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings
from django.http import HttpRequest

from gridkeeper.registry.queries import the_federation


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a feed comes from.

    base: scheme and host, without a slash at the end
    federation: its key, which is stable where host names are not
    """

    base: str
    federation: str
    federation_name: str

    @classmethod
    def of(cls, request: HttpRequest) -> "Origin":
        """From the setting `base_url`, else as the request says (its host was checked against `allowed_hosts`)."""
        federation = the_federation()
        return cls(
            base=settings.GRIDKEEPER.base_url.rstrip("/") or f"{request.scheme}://{request.get_host()}",
            federation=federation.key if federation else "none",
            federation_name=federation.name if federation else settings.GRIDKEEPER.federation_name,
        )

    def url(self, subject: Any) -> str:
        """The page of an object, or a path of ours."""
        path = subject if isinstance(subject, str) else subject.get_absolute_url()
        return f"{self.base}{path}"

    def urn(self, *words: object) -> str:
        """A name for what those words name in this federation: the same for ever, and nobody else's (RFC 4122).

        >>> Origin("https://one.example.org", "F1", "F").urn("a") == Origin("http://two", "F1", "F").urn("a")
        True
        """
        return f"urn:uuid:{uuid5(NAMESPACE_URL, '/'.join(['gridkeeper', self.federation, *map(str, words)]))}"

    def uid(self, *words: object) -> str:
        """The same for a calendar (RFC 7986, section 5.3 asks for a UUID and nothing of the host)."""
        return self.urn(*words).removeprefix("urn:uuid:")
