"""Users, the identities they sign in with, and their API tokens."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models

from gridkeeper.core.identifiers import new_key
from gridkeeper.people import audit


class User(AbstractUser):
    """A person. Telephone and working hours are shown to those whose role may read them only."""

    key = models.CharField(max_length=100, unique=True, default=new_key, help_text="Opaque and stable for ever.")
    title = models.CharField(max_length=50, blank=True, default="")
    description = models.TextField(blank=True, default="")
    telephone = models.CharField(max_length=100, blank=True, default="")
    working_hours_start = models.CharField(max_length=20, blank=True, default="", help_text="e.g. 09:00, local time.")
    working_hours_end = models.CharField(max_length=20, blank=True, default="", help_text="e.g. 17:00, local time.")
    home_site = models.CharField(max_length=255, blank=True, default="", help_text="Name of the person's own site.")
    timezone = models.CharField(
        max_length=64, blank=True, default="", help_text="IANA name, e.g. Europe/Rome; empty: the browser's zone."
    )

    class Meta(AbstractUser.Meta):
        db_table = "people_user"


class IdentityKind(models.TextChoices):
    """By what, besides a password, a person may be recognised."""

    X509 = "X.509", "X.509 certificate"
    OIDC = "OIDC", "OpenID Connect"


class Identity(models.Model):
    """A certificate subject or an OpenID Connect subject of a person; a person may have several."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="identities")
    kind = models.CharField(max_length=10, choices=IdentityKind)
    issuer = models.CharField(
        max_length=500,
        blank=True,
        default="",
        help_text="OIDC: the issuer's URL; X.509: the issuer's subject, if known.",
    )
    identifier = models.CharField(max_length=500, help_text="X.509: subject, as /DC=.../CN=...; OIDC: sub.")
    added_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True, help_text="UTC; empty: it opens nothing yet.")
    last_used_at = models.DateTimeField(null=True, blank=True)

    history = audit.audited(excluded_fields=["last_used_at"])

    class Meta:
        verbose_name_plural = "identities"
        ordering: ClassVar[list[str]] = ["kind", "identifier"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["kind", "issuer", "identifier"],
                name="identity_of_one_person",
                violation_error_message="That identity belongs to somebody already.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.identifier}"


class Token(models.Model):
    """A personal token for the API. Only a hash is kept; the token itself is shown once, when it is made."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100, help_text="What it is for, in your words.")
    prefix = models.CharField(max_length=12, help_text="First characters, to recognise it by.")
    digest = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the token.")
    scopes = models.JSONField(default=list, help_text='Permissions or packages, e.g. ["probes.submit_results"].')
    limits = models.JSONField(
        default=list, blank=True, help_text='Objects that it is limited to, e.g. ["site:2G0", "ngi:5G0"]; none: all.'
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text="UTC; empty: never.")
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    history = audit.audited(excluded_fields=["digest"])

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
