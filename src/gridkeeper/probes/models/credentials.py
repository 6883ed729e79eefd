"""Credentials that tests act with. Their secrets are stored encrypted and never shown."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from gridkeeper.people.audit import audited
from gridkeeper.probes.models.tests import Test
from gridkeeper.vos.models import Vo


class CredentialKind(models.TextChoices):
    """How a credential comes to be."""

    X509 = "x509", "Robot certificate: proxies are made from it"
    CLIENT = "client", "OAuth2 client credentials"
    REFRESH = "refresh", "OAuth2 refresh token"
    STATIC = "static", "Token or proxy kept as it is"


class Credential(models.Model):
    """What tests of a VO act with. Its secret stands apart, and in no audit record."""

    name = models.CharField(max_length=100, unique=True)
    vo = models.ForeignKey(Vo, on_delete=models.PROTECT, null=True, blank=True, related_name="credentials")
    tests: "models.ManyToManyField[Test, models.Model]" = models.ManyToManyField(
        Test, blank=True, related_name="credentials", help_text="Empty: all tests of the VO that need one of its kind."
    )
    kind = models.CharField(max_length=10, choices=CredentialKind)
    options = models.JSONField(
        default=dict, blank=True,
        help_text='What is no secret: {"token_endpoint", "client_id", "scope"}; {"hours": 12, "fqans": []}.',
    )  # fmt: skip
    subject = models.CharField(max_length=500, blank=True, default="", help_text="Whom it says that we are.")
    not_after = models.DateTimeField(null=True, blank=True, help_text="UTC; when what is stored ends.")
    is_enabled = models.BooleanField(default=True)

    objects: ClassVar[models.Manager["Credential"]] = models.Manager()
    history = audited()

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(name="credential_named", condition=~Q(name=""), violation_error_message="Name it.")
        ]

    def __str__(self) -> str:
        return self.name


class CredentialSecret(models.Model):
    """The secret of a credential and what was made from it, sealed (`probes.sealing`); neither shown nor exported."""

    credential = models.OneToOneField(Credential, on_delete=models.CASCADE, related_name="secret")
    sealed = models.BinaryField(blank=True, default=b"", help_text="Certificate and key, client secret or token.")
    issued = models.BinaryField(blank=True, default=b"", help_text="The newest proxy or token made from it.")
    issued_until = models.DateTimeField(null=True, blank=True, help_text="UTC; when that ends.")
    renewed_at = models.DateTimeField(null=True, blank=True)
    failure = models.CharField(max_length=500, blank=True, default="", help_text="Why the last renewal failed.")

    objects: ClassVar[models.Manager["CredentialSecret"]] = models.Manager()

    def __str__(self) -> str:
        return f"secret of {self.credential}"


class CredentialUse(models.Model):
    """That a credential was handed to runs of a test on a worker: one row an hour, with how often."""

    credential = models.ForeignKey(Credential, on_delete=models.CASCADE, related_name="uses")
    test = models.CharField(max_length=100)
    worker = models.CharField(max_length=100, blank=True, default="")
    hour = models.DateTimeField(help_text="UTC; its start.")
    times = models.PositiveIntegerField(default=0)
    last_hostname = models.CharField(max_length=255, blank=True, default="")

    objects: ClassVar[models.Manager["CredentialUse"]] = models.Manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-hour"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["credential", "test", "worker", "hour"], name="credential_use_once")
        ]

    def __str__(self) -> str:
        return f"{self.credential} for {self.test}: {self.times}"
