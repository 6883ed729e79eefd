"""Virtual organisations: the communities that use the sites."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse

from gridkeeper.core.identifiers import new_key
from gridkeeper.people.audit import audited
from gridkeeper.registry.models import Dated, DatedQuerySet, Service, unique_while_current


class Vo(Dated):
    """A virtual organisation."""

    key = models.CharField(max_length=100, unique=True, default=new_key)
    name = models.CharField(max_length=100, help_text="As in its certificates and tokens: atlas, biomed.")
    long_name = models.CharField(max_length=255, blank=True, default="")
    description = models.TextField(blank=True, default="")
    home_url = models.CharField(max_length=500, blank=True, default="")

    objects = DatedQuerySet.as_manager()
    history = audited()

    class Meta(Dated.Meta):
        verbose_name = "VO"
        verbose_name_plural = "VOs"
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[Any]] = [
            *Dated.Meta.constraints,
            unique_while_current("vo_name_unique", "name", message="A VO of that name exists."),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("vos:vo", args=[self.name])


class VoSupport(Dated):
    """That a service serves a VO, from when to when."""

    vo = models.ForeignKey(Vo, on_delete=models.PROTECT, related_name="support")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="vo_support")

    objects = DatedQuerySet.as_manager()
    history = audited()

    class Meta(Dated.Meta):
        constraints: ClassVar[list[Any]] = [
            *Dated.Meta.constraints,
            unique_while_current("vo_support_once", "vo", "service", message="The service supports that VO already."),
        ]

    def __str__(self) -> str:
        return f"{self.service} for {self.vo}"


class VoRoleGrant(models.Model):
    """A role in a VO: "VO Manager" may choose critical tests and lists."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="vo_roles")
    vo = models.ForeignKey(Vo, on_delete=models.CASCADE, related_name="roles")
    role = models.CharField(max_length=60, default="VO Manager")

    history = audited()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["user", "vo", "role"], name="vo_role_once", violation_error_message="Held already."
            )
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.role} of {self.vo}"
