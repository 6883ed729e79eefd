"""White and black lists per VO (Freedom of Choice). Critical tests are entries of the VO's metric profile."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from gridkeeper.people.audit import audited
from gridkeeper.registry.models import Site
from gridkeeper.vos.models import Vo


class ListKind(models.TextChoices):
    """What an entry does to a site."""

    WHITE = "white", "White list: always in"
    BLACK = "black", "Black list: always out"


class ListEntry(models.Model):
    """A site that is always in or always out for a VO. Removed entries stay, with their end."""

    vo = models.ForeignKey(Vo, on_delete=models.PROTECT, related_name="list_entries")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="list_entries")
    kind = models.CharField(max_length=5, choices=ListKind)
    reason = models.CharField(max_length=300)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text="UTC; empty: until removed.")
    removed_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager["ListEntry"]] = models.Manager()
    history = audited()

    class Meta:
        verbose_name_plural = "list entries"
        ordering: ClassVar[list[str]] = ["-created_at"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["vo", "site"], condition=Q(removed_at=None), name="list_entry_once",
                violation_error_message="The site stands on a list of this VO; remove that entry first.",
            ),
            models.CheckConstraint(
                name="list_entry_reason", condition=~Q(reason=""), violation_error_message="Give the reason."
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.site} on the {self.kind} list of {self.vo}"
