"""Requests of programs that were answered already, so that a robot may send one twice and change once."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models


class AnsweredRequest(models.Model):
    """A change that a client named by its own key (header `Idempotency-Key`), and what came of it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    client_key = models.CharField(max_length=255, help_text="As the client made it; unique for the person.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of operation, object and body.")
    result = models.CharField(max_length=40, help_text="Primary key of the object that it made or changed.")
    answered_at = models.DateTimeField(help_text="UTC; forgotten a week later.")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["user", "client_key"],
                name="answered_request_once",
                violation_error_message="That request is answered already.",
            )
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["answered_at"], name="answered_request_age")]

    def __str__(self) -> str:
        return f"{self.client_key} of {self.user}"
