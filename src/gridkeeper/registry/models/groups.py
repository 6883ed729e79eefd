"""What cuts across sites: scopes, groups of services, regions of several federations; who may write by machine."""

from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.urls import reverse

from gridkeeper.core.identifiers import new_key
from gridkeeper.people.audit import audited
from gridkeeper.registry.models.dated import KEY_HELP, Dated, DatedQuerySet, unique_while_current
from gridkeeper.registry.models.topology import Federation, Ngi, Service, Site


class Scope(Dated):
    """A tag on regions, sites, services and service groups. Objects bear it by name, in their `scopes`."""

    key = models.CharField(max_length=100, unique=True, default=new_key, help_text=KEY_HELP)
    name = models.CharField(
        max_length=100,
        validators=[RegexValidator(r"^[^,\x00-\x1f]+$", "A scope has no comma and no control character.")],
        help_text="As feeds write it; clients filter by it.",
    )
    description = models.TextField(blank=True, default="")
    is_reserved = models.BooleanField(
        default=False,
        help_text="Only the operator grants it; what lies below an object may bear it only while the object does.",
    )
    is_default = models.BooleanField(
        default=False, help_text="What feeds answer when they are asked for no scope; one scope at most."
    )

    objects = DatedQuerySet.as_manager()
    history = audited()

    class Meta(Dated.Meta):
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[Any]] = [
            *Dated.Meta.constraints,
            unique_while_current("scope_name_unique", "name", message="A scope of that name exists."),
            models.UniqueConstraint(
                fields=["is_default"],
                condition=models.Q(is_default=True, valid_until=None),
                name="scope_one_default",
                violation_error_message="There is a default scope already; take it from that one first.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("registry:scope", args=[self.key])


class NgiMembership(Dated):
    """A federation, besides its own (`Ngi.federation`), that a region belongs to as well."""

    ngi = models.ForeignKey(Ngi, on_delete=models.PROTECT, related_name="memberships")
    federation = models.ForeignKey(Federation, on_delete=models.PROTECT, related_name="memberships")

    objects = DatedQuerySet.as_manager()
    history = audited()

    class Meta(Dated.Meta):
        constraints: ClassVar[list[Any]] = [
            *Dated.Meta.constraints,
            unique_while_current(
                "ngi_membership_unique", "ngi", "federation", message="The region belongs to that federation already."
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ngi} in {self.federation}"


class ServiceGroup(Dated):
    """Services of any sites that belong together."""

    key = models.CharField(max_length=100, unique=True, default=new_key, help_text=KEY_HELP)
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True, default="")
    email = models.CharField(max_length=255, blank=True, default="", help_text="Contact of the group.")
    is_monitored = models.BooleanField(default=True)
    scopes = models.JSONField(default=list, blank=True, help_text="Scope tags.")
    properties = models.JSONField(default=dict, blank=True, help_text="Key and value (GOCDB's extensions).")

    objects = DatedQuerySet.as_manager()
    history = audited()

    class Meta(Dated.Meta):
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[Any]] = [
            *Dated.Meta.constraints,
            unique_while_current("service_group_name_unique", "name", message="A service group of that name exists."),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("registry:service_group", args=[self.key])

    def lineage(self) -> list[str]:
        """Itself; a service group lies below nothing."""
        return [f"service_group:{self.key}"]


class ServiceGroupMember(Dated):
    """A service in a service group."""

    group = models.ForeignKey(ServiceGroup, on_delete=models.PROTECT, related_name="members")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="group_memberships")

    objects = DatedQuerySet.as_manager()
    history = audited()

    class Meta(Dated.Meta):
        constraints: ClassVar[list[Any]] = [
            *Dated.Meta.constraints,
            unique_while_current(
                "service_group_member_unique", "group", "service", message="The service is in that group already."
            ),
        ]

    def __str__(self) -> str:
        return f"{self.service} in {self.group}"


class CredentialKind(models.TextChoices):
    """How a machine says who it is."""

    X509 = "X.509", "X.509 certificate (subject)"
    OIDC = "OIDC subject", "OpenID Connect (subject)"


class ApiCredential(Dated):
    """A machine that may read, and where allowed write, the entry of one site."""

    key = models.CharField(max_length=100, unique=True, default=new_key, help_text=KEY_HELP)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="api_credentials")
    kind = models.CharField(max_length=20, choices=CredentialKind, default=CredentialKind.X509)
    identifier = models.CharField(max_length=500, help_text="Subject of its certificate, or of its tokens.")
    may_write = models.BooleanField(default=False, help_text="It may change the site's properties and endpoints.")
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="UTC; to the minute.")

    objects = DatedQuerySet.as_manager()
    history = audited(excluded_fields=["last_used_at"])

    class Meta(Dated.Meta):
        ordering: ClassVar[list[str]] = ["kind", "identifier"]
        constraints: ClassVar[list[Any]] = [
            *Dated.Meta.constraints,
            unique_while_current(
                "api_credential_unique", "site", "kind", "identifier", message="The site knows that credential already."
            ),
        ]

    def __str__(self) -> str:
        return f"{self.identifier} of {self.site}"
