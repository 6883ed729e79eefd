"""Users, the identities they sign in with, and their API tokens."""

from typing import Any, ClassVar

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

    #: Edits of accounts; that somebody signed in is no edit, and a password's hash is nobody's business.
    history = audit.audited(excluded_fields=["last_login", "password"])

    class Meta(AbstractUser.Meta):
        db_table = "people_user"

    @property
    def full_name(self) -> str:
        """As it is shown: the name where there is one, else the user name."""
        return self.get_full_name() or self.get_username()

    def save(self, *args: Any, **options: Any) -> None:
        """Leaves no audit record where only the time of the last sign-in is stored."""
        only = options.get("update_fields")
        if only is None or not set(only) <= {"last_login", "password"}:
            super().save(*args, **options)
            return
        self.skip_history_when_saving = True  # simple_history looks whether it is there, not what it says
        try:
            super().save(*args, **options)
        finally:
            del self.skip_history_when_saving


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


class ReadOnlyChange(models.Model):
    """The whole installation was made read-only, or changeable again; the newest one holds. Never edited."""

    is_on = models.BooleanField()
    reason = models.CharField(max_length=300)
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=255)

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"{'read-only' if self.is_on else 'changeable'} since {self.changed_at:%Y-%m-%d %H:%M}: {self.reason}"
