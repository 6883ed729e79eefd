"""Users and their API tokens."""

from django.contrib.auth.models import AbstractUser
from django.db import models

from gridkeeper.people import audit


class User(AbstractUser):
    """A person with a local account."""

    timezone = models.CharField(
        max_length=64, blank=True, default="", help_text="IANA name, e.g. Europe/Rome; empty: the browser's zone."
    )

    class Meta(AbstractUser.Meta):
        db_table = "people_user"


class Token(models.Model):
    """A personal token for the API. Only a hash is kept; the token itself is shown once, when it is made."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100, help_text="What it is for, in your words.")
    prefix = models.CharField(max_length=12, help_text="First characters, to recognise it by.")
    digest = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the token.")
    scopes = models.JSONField(default=list, help_text='Permissions or packages, e.g. ["probes.submit_results"].')
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text="UTC; empty: never.")
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    history = audit.audited(excluded_fields=["digest"])

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
