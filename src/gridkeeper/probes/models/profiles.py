"""What is tested for whom."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from gridkeeper.people.audit import audited
from gridkeeper.probes.models.tests import Test
from gridkeeper.registry.models import Dated, DatedQuerySet, ServiceType
from gridkeeper.vos.models import Vo


class ProfileEntry(Dated):
    """A line of a VO's metric profile: that this test is run on services of this type for it, and whether it counts.

    Dated: yesterday's judgement uses yesterday's entries. A change closes the row and opens another.
    """

    vo = models.ForeignKey(Vo, on_delete=models.PROTECT, related_name="profile")
    service_type = models.ForeignKey(ServiceType, on_delete=models.PROTECT, related_name="profile_entries")
    test = models.ForeignKey(Test, on_delete=models.PROTECT, related_name="profile_entries")
    is_critical = models.BooleanField(default=False, help_text="A failure makes the service bad for the VO.")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = DatedQuerySet.as_manager()
    history = audited()

    class Meta(Dated.Meta):
        verbose_name_plural = "profile entries"
        constraints: ClassVar[list[Any]] = [
            *Dated.Meta.constraints,
            models.UniqueConstraint(
                F("vo"), F("service_type"), F("test"), condition=Q(valid_until=None), name="profile_entry_once",
                violation_error_message="The VO's profile has that test for that service type already.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.vo}: {self.test} on {self.service_type}{' (critical)' if self.is_critical else ''}"
