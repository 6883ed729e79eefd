"""Who holds which role where, and who asked for one."""

from datetime import datetime
from typing import Any, ClassVar, Literal, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from gridkeeper.core.identifiers import new_key
from gridkeeper.people.audit import audited
from gridkeeper.registry.models.dated import KEY_HELP
from gridkeeper.registry.models.groups import ServiceGroup
from gridkeeper.registry.models.topology import Federation, Ngi, Site

#: What a role is held on.
RoleObject = Federation | Ngi | Site | ServiceGroup
_OBJECTS: tuple[Literal["federation", "ngi", "site", "service_group"], ...] = (
    "federation", "ngi", "site", "service_group",
)  # fmt: skip


def level_of(subject: RoleObject) -> Literal["federation", "ngi", "site", "service_group"]:
    """The word of the role map for what the object is, which is the name of the field too."""
    kinds = dict(zip((Federation, Ngi, Site, ServiceGroup), _OBJECTS, strict=True))
    return kinds[type(subject)]


def _on_one_object(name: str) -> models.CheckConstraint:
    condition = Q()
    for held in _OBJECTS:
        condition |= Q(**{f"{each}__isnull": each != held for each in _OBJECTS})
    message = "A role is held on exactly one object."
    return models.CheckConstraint(name=name, condition=condition, violation_error_message=message)


def _once(name: str, message: str, condition: Q | None = None) -> list[Any]:
    """One person, one role, one object: a constraint an object, for NULLs never equal each other."""
    return [
        models.UniqueConstraint(
            fields=["user", "role", held],
            condition=Q(**{f"{held}__isnull": False}) & (condition or Q()),
            name=f"{name}_{held}",
            violation_error_message=message,
        )
        for held in _OBJECTS
    ]


class OnObject(models.Model):
    """A role on exactly one federation, region, site or service group."""

    role = models.CharField(max_length=60, help_text="A name of the role map.")
    federation = models.ForeignKey(
        Federation, on_delete=models.CASCADE, null=True, blank=True, related_name="%(class)ss"
    )
    ngi = models.ForeignKey(Ngi, on_delete=models.CASCADE, null=True, blank=True, related_name="%(class)ss")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, null=True, blank=True, related_name="%(class)ss")
    service_group = models.ForeignKey(
        ServiceGroup, on_delete=models.CASCADE, null=True, blank=True, related_name="%(class)ss"
    )

    class Meta:
        abstract = True

    @property
    def on(self) -> RoleObject:
        """The object."""
        held = self.site or self.ngi or self.federation or self.service_group
        assert held is not None, "the database holds every role to exactly one object"
        return held


def _has_origin(grants: "models.QuerySet[RoleGrant]") -> Exists:
    """True of a delegated role of which the giver's own is among those grants."""
    same_object = Q()
    for held in _OBJECTS:
        same_object |= Q(**{held: OuterRef(held)})  # NULL equals nothing, and one of the four is not NULL
    own = grants.filter(same_object, user=OuterRef("delegated_by"), role=OuterRef("role"), delegated_by=None)
    return Exists(own)


class RoleGrantQuerySet(models.QuerySet["RoleGrant"]):
    """Roles held, some only for a time."""

    def in_force(self, moment: datetime) -> Self:
        """Those that count at the instant; a delegated one only while the role that it comes from does."""
        begun = Q(starts_at=None) | Q(starts_at__lte=moment)
        unexpired = Q(expires_at=None) | Q(expires_at__gt=moment)
        origins = self.model.objects.filter(begun, unexpired)
        return self.filter(begun, unexpired).filter(Q(delegated_by=None) | _has_origin(origins))

    def with_origin(self) -> Self:
        """The delegated ones whose giver holds the role still."""
        return self.filter(_has_origin(self.model.objects.all()))


class RoleGrant(OnObject):
    """A role that a person holds. What it allows is in the role map (`roles.py`)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="registry_roles")
    granted_at = models.DateTimeField(null=True, blank=True, help_text="UTC; empty where a source did not say.")
    starts_at = models.DateTimeField(null=True, blank=True, help_text="UTC; empty: at once.")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="UTC; empty: never.")
    confirmed_at = models.DateTimeField(
        null=True, blank=True, help_text="UTC; when somebody last said that it is still right; due every year."
    )
    delegated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="delegated_roles",
        help_text="Whose role it is that this person holds for a time.",
    )  # fmt: skip

    objects = RoleGrantQuerySet.as_manager()
    history = audited()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            _on_one_object("role_on_one_object"),
            *_once("role_once", "The person holds that role there already."),
            models.CheckConstraint(
                name="role_expires_after_start",
                condition=Q(starts_at=None) | Q(expires_at=None) | Q(starts_at__lt=models.F("expires_at")),
                violation_error_message="A role expires after it starts.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.role}"


class RequestState(models.TextChoices):
    """Where a request for a role stands: pending -> granted | rejected | withdrawn; granted -> revoked."""

    PENDING = "pending"
    GRANTED = "granted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"


class RoleRequest(OnObject):
    """Somebody asks for a role; a holder of "grant" there, or above, decides."""

    key = models.CharField(max_length=100, unique=True, default=new_key, help_text=KEY_HELP)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="role_requests")
    state = models.CharField(max_length=10, choices=RequestState, default=RequestState.PENDING)
    message = models.CharField(max_length=1000, blank=True, default="", help_text="Why the person needs it.")
    requested_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decision = models.CharField(max_length=300, blank=True, default="", help_text="The reason that was given.")
    grant = models.ForeignKey(
        RoleGrant, on_delete=models.SET_NULL, null=True, blank=True, related_name="requests", editable=False
    )

    objects: ClassVar[models.Manager["RoleRequest"]] = models.Manager()
    history = audited()

    class Meta:
        ordering: ClassVar[list[str]] = ["-requested_at"]
        constraints: ClassVar[list[Any]] = [
            _on_one_object("role_request_on_one_object"),
            *_once(
                "role_request_pending",
                "You have asked for that role already; the request waits for its decision.",
                Q(state=RequestState.PENDING),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} asks for {self.role}"
