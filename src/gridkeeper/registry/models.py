"""What exists. Keys are opaque and stable; rows are closed (`valid_until`), never deleted, so that history can refer.

Objects and fields follow GOCDB (docs/reference/glossary.md); on its wire an NGI is a ROC, a Service a SERVICE_ENDPOINT.
"""

from datetime import datetime
from typing import Any, ClassVar, Self, TypeVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from gridkeeper.core.identifiers import new_key
from gridkeeper.people.audit import audited

_M = TypeVar("_M", bound=models.Model, covariant=True)


class DatedQuerySet(models.QuerySet[_M]):
    """Rows with a validity interval `[valid_from, valid_until)`; an open end is NULL."""

    def current(self) -> Self:
        """The rows that have not been closed."""
        return self.filter(valid_until=None)

    def at(self, moment: datetime) -> Self:
        """The rows that were valid at that instant."""
        return self.filter(Q(valid_until=None) | Q(valid_until__gt=moment), valid_from__lte=moment)

    def overlapping(self, start: datetime, end: datetime) -> Self:
        """The rows that were valid at any instant of `[start, end)`."""
        return self.filter(Q(valid_until=None) | Q(valid_until__gt=start), valid_from__lt=end)


class Dated(models.Model):
    """A validity interval. `valid_until` NULL: still valid."""

    valid_from = models.DateTimeField(help_text="UTC; first instant at which this holds.")
    valid_until = models.DateTimeField(null=True, blank=True, help_text="UTC; first instant at which it does not.")

    class Meta:
        abstract = True
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_valid_in_order",
                condition=Q(valid_until=None) | Q(valid_until__gte=F("valid_from")),
                violation_error_message="It cannot end before it began: valid until lies before valid from.",
            )
        ]


def unique_while_current(name: str, *fields: str, message: str) -> models.UniqueConstraint:
    """Unique among the rows that are not closed."""
    return models.UniqueConstraint(
        *[F(field) for field in fields], name=name, condition=Q(valid_until=None), violation_error_message=message
    )


_KEY_HELP = "Opaque and stable for ever; imported keys are kept."


class Federation(Dated):
    """The whole: what GOCDB calls a project."""

    key = models.CharField(max_length=100, unique=True, default=new_key, help_text=_KEY_HELP)
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True, default="")

    objects = DatedQuerySet.as_manager()
    history = audited()

    class Meta(Dated.Meta):
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[Any]] = [
            *Dated.Meta.constraints,
            unique_while_current("federation_name_unique", "name", message="A federation of that name exists."),
        ]

    def __str__(self) -> str:
        return self.name


class Ngi(Dated):
    """A region with its operations centre (NGI; ROC on GOCDB's wire)."""

    key = models.CharField(max_length=100, unique=True, default=new_key, help_text=_KEY_HELP)
    federation = models.ForeignKey(Federation, on_delete=models.PROTECT, related_name="ngis")
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True, default="")
    email = models.CharField(max_length=255, blank=True, default="", help_text="General contact.")
    rod_email = models.CharField(max_length=255, blank=True, default="", help_text="Regional operator on duty.")
    helpdesk_email = models.CharField(max_length=255, blank=True, default="")
    security_email = models.CharField(max_length=255, blank=True, default="")
    support_unit = models.CharField(max_length=255, blank=True, default="", help_text="Name at the helpdesk (GGUS).")
    scopes = models.JSONField(default=list, blank=True, help_text="Scope tags.")

    objects = DatedQuerySet.as_manager()
    history = audited()

    class Meta(Dated.Meta):
        verbose_name = "region (NGI)"
        verbose_name_plural = "regions (NGIs)"
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[Any]] = [
            *Dated.Meta.constraints,
            unique_while_current("ngi_name_unique", "name", message="A region of that name exists."),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("registry:ngi", args=[self.key])


class Infrastructure(models.TextChoices):
    """What a site is for (GOCDB's production status)."""

    PRODUCTION = "Production"
    TEST = "Test"
    SC = "SC", "Service challenge"
    PPS = "PPS", "Pre-production service"


class Certification(models.TextChoices):
    """Where a site stands in its certification (registry.md section 2)."""

    CANDIDATE = "Candidate"
    UNCERTIFIED = "Uncertified"
    CERTIFIED = "Certified"
    SUSPENDED = "Suspended"
    CLOSED = "Closed"


class Site(Dated):
    """A resource centre that offers services."""

    key = models.CharField(max_length=100, unique=True, default=new_key, help_text=_KEY_HELP)
    ngi = models.ForeignKey(Ngi, on_delete=models.PROTECT, related_name="sites", verbose_name="region (NGI)")
    name = models.CharField(max_length=255, help_text="Short name, as it stands in every report.")
    official_name = models.CharField(max_length=255, blank=True, default="")
    description = models.TextField(blank=True, default="")
    organisation = models.CharField(max_length=255, blank=True, default="")
    home_url = models.CharField(max_length=500, blank=True, default="")
    contact_email = models.CharField(max_length=255, blank=True, default="")
    contact_tel = models.CharField(max_length=255, blank=True, default="")
    alarm_email = models.CharField(max_length=255, blank=True, default="")
    csirt_email = models.CharField(max_length=255, blank=True, default="", help_text="Security contact.")
    csirt_tel = models.CharField(max_length=255, blank=True, default="")
    emergency_tel = models.CharField(max_length=255, blank=True, default="")
    giis_url = models.CharField(max_length=500, blank=True, default="", help_text="Site BDII, ldap://host:2170/base.")
    tier = models.CharField(max_length=20, blank=True, default="")
    subgrid = models.CharField(max_length=255, blank=True, default="")
    country_code = models.CharField(max_length=2, blank=True, default="", help_text="ISO 3166-1 alpha-2.")
    country = models.CharField(max_length=100, blank=True, default="")
    location = models.CharField(max_length=255, blank=True, default="")
    timezone = models.CharField(max_length=64, blank=True, default="UTC", help_text="IANA name.")
    latitude = models.FloatField(
        null=True, blank=True, help_text="Degrees north.", validators=[MinValueValidator(-90), MaxValueValidator(90)]
    )
    longitude = models.FloatField(
        null=True, blank=True, help_text="Degrees east.", validators=[MinValueValidator(-180), MaxValueValidator(180)]
    )
    domain = models.CharField(max_length=255, blank=True, default="")
    ip_range = models.CharField(max_length=255, blank=True, default="")
    ipv6_range = models.CharField(max_length=255, blank=True, default="")
    infrastructure = models.CharField(
        max_length=20, choices=Infrastructure, default=Infrastructure.PRODUCTION, help_text="What the site is for."
    )
    certification = models.CharField(
        max_length=20,
        choices=Certification,
        default=Certification.CANDIDATE,
        help_text="Only certified sites are tested, judged and offered to VOs.",
    )
    certification_since = models.DateTimeField(null=True, blank=True)
    notifications = models.BooleanField(default=False)
    scopes = models.JSONField(default=list, blank=True, help_text="Scope tags.")
    properties = models.JSONField(default=dict, blank=True, help_text="Key and value (GOCDB's extensions).")

    objects = DatedQuerySet.as_manager()
    history = audited()

    class Meta(Dated.Meta):
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[Any]] = [
            *Dated.Meta.constraints,
            unique_while_current("site_name_unique", "name", message="A site of that name exists."),
            models.CheckConstraint(
                name="site_latitude_on_earth",
                condition=Q(latitude=None) | Q(latitude__range=(-90, 90)),
                violation_error_message="A latitude lies between -90 and 90 degrees.",
            ),
            models.CheckConstraint(
                name="site_longitude_on_earth",
                condition=Q(longitude=None) | Q(longitude__range=(-180, 180)),
                violation_error_message="A longitude lies between -180 and 180 degrees.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("portal:site", args=[self.key])


class CertificationChange(models.Model):
    """One step of a site's certification, ours or imported."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="certification_changes")
    changed_at = models.DateTimeField()
    old = models.CharField(max_length=20, blank=True, default="")
    new = models.CharField(max_length=20, choices=Certification)
    changed_by = models.CharField(max_length=255, blank=True, default="")
    reason = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        ordering: ClassVar[list[str]] = ["-changed_at"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["site", "changed_at", "new"],
                name="certification_change_once",
                violation_error_message="That change of certification is recorded already.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.site}: {self.old} → {self.new}"


class ServiceType(models.Model):
    """A kind of service: CE, SRM, Site-BDII, org.openstack.nova."""

    name = models.CharField(
        max_length=100,
        unique=True,
        validators=[RegexValidator(r"^[A-Za-z0-9._ -]+$", "Use letters, digits, dot, underscore, hyphen or space.")],
    )
    key = models.CharField(max_length=100, blank=True, default="", help_text=_KEY_HELP)
    description = models.TextField(blank=True, default="")
    service_class = models.CharField(
        max_length=1, blank=True, default="", choices=[("C", "C: critical"), ("H", "H: high")],
        help_text="Sets the availability that the SLA asks for.",
    )  # fmt: skip
    has_monitoring_exception = models.BooleanField(
        default=False, help_text="Services of this type may be in production without being monitored."
    )

    objects: ClassVar[models.Manager["ServiceType"]] = models.Manager()
    history = audited()

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name


class Service(Dated):
    """One service of a site: a service type on a host (SERVICE_ENDPOINT on GOCDB's wire)."""

    key = models.CharField(max_length=100, unique=True, default=new_key, help_text=_KEY_HELP)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="services")
    service_type = models.ForeignKey(ServiceType, on_delete=models.PROTECT, related_name="services")
    hostname = models.CharField(max_length=255)
    url = models.CharField(max_length=1000, blank=True, default="")
    host_dn = models.CharField(max_length=500, blank=True, default="")
    host_ip = models.CharField(max_length=255, blank=True, default="", help_text="Tests use it instead of DNS.")
    host_ipv6 = models.CharField(max_length=255, blank=True, default="")
    operating_system = models.CharField(max_length=255, blank=True, default="")
    architecture = models.CharField(max_length=255, blank=True, default="")
    description = models.TextField(blank=True, default="")
    email = models.CharField(max_length=255, blank=True, default="")
    is_beta = models.BooleanField(default=False)
    in_production = models.BooleanField(default=True, help_text="Only services in production are offered to VOs.")
    is_monitored = models.BooleanField(default=True, help_text="Unmonitored services are not tested.")
    notifications = models.BooleanField(default=False)
    scopes = models.JSONField(default=list, blank=True, help_text="Scope tags.")
    properties = models.JSONField(default=dict, blank=True, help_text="Key and value (GOCDB's extensions).")

    objects = DatedQuerySet.as_manager()
    history = audited()

    class Meta(Dated.Meta):
        ordering: ClassVar[list[str]] = ["hostname", "service_type__name"]
        constraints: ClassVar[list[Any]] = [
            *Dated.Meta.constraints,
            unique_while_current(
                "service_type_host_unique",
                "service_type",
                "hostname",
                message="That service type on that host is registered already; it belongs to one site only.",
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["hostname"], name="service_hostname")]

    def __str__(self) -> str:
        return f"{self.service_type.name} {self.hostname}"

    def get_absolute_url(self) -> str:
        return reverse("portal:service", args=[self.key])


class Endpoint(Dated):
    """One address of a service. A service may have many."""

    key = models.CharField(max_length=100, unique=True, default=new_key, help_text=_KEY_HELP)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="endpoints")
    name = models.CharField(max_length=255)
    url = models.CharField(max_length=1000, blank=True, default="")
    interface_name = models.CharField(max_length=255, blank=True, default="")
    description = models.TextField(blank=True, default="")
    email = models.CharField(max_length=255, blank=True, default="")
    is_monitored = models.BooleanField(default=False)
    properties = models.JSONField(default=dict, blank=True)

    objects = DatedQuerySet.as_manager()
    history = audited()

    class Meta(Dated.Meta):
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[Any]] = [
            *Dated.Meta.constraints,
            unique_while_current(
                "endpoint_name_unique", "service", "name", message="The service has an endpoint of that name."
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Severity(models.TextChoices):
    """What a downtime means for users. Only OUTAGE can excuse (availability.md section 2)."""

    OUTAGE = "OUTAGE", "Outage"
    WARNING = "WARNING", "At risk"


class Classification(models.TextChoices):
    """Whether a downtime was declared early enough; computed, never given (registry.md section 3)."""

    SCHEDULED = "SCHEDULED", "Scheduled"
    UNSCHEDULED = "UNSCHEDULED", "Unscheduled"


class Downtime(models.Model):
    """A declared interval in which services are down or at risk."""

    key = models.CharField(max_length=100, unique=True, default=new_key, help_text=_KEY_HELP)
    severity = models.CharField(max_length=10, choices=Severity)
    classification = models.CharField(max_length=12, choices=Classification, editable=False)
    source_severity = models.CharField(max_length=40, blank=True, default="", help_text="The source's own word.")
    source_classification = models.CharField(max_length=40, blank=True, default="", help_text="As the source said.")
    description = models.CharField(max_length=4000)
    declared_at = models.DateTimeField(null=True, blank=True, help_text="UTC; empty where the source did not say.")
    start = models.DateTimeField(help_text="UTC; first instant.")
    end = models.DateTimeField(help_text="UTC; first instant after it.")
    cancelled_at = models.DateTimeField(null=True, blank=True, help_text="UTC; it stays readable.")
    declared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    services = models.ManyToManyField(Service, through="DowntimeService", related_name="downtimes")

    objects: ClassVar[models.Manager["Downtime"]] = models.Manager()
    history = audited()

    class Meta:
        ordering: ClassVar[list[str]] = ["-start"]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="downtime_start_before_end",
                condition=Q(start__lt=F("end")),
                violation_error_message="A downtime ends after it starts.",
            )
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["end", "start"], name="downtime_end_start")]

    def __str__(self) -> str:
        return f"{self.get_severity_display()} {self.start:%Y-%m-%d %H:%M} UTC"

    def get_absolute_url(self) -> str:
        return reverse("registry:downtime", args=[self.key])


class DowntimeService(models.Model):
    """A service that a downtime affects."""

    downtime = models.ForeignKey(Downtime, on_delete=models.CASCADE, related_name="affected")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="affected_by")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["downtime", "service"],
                name="downtime_service_once",
                violation_error_message="The downtime names that service already.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.service} in {self.downtime}"


class RoleGrant(models.Model):
    """A role that a person holds on a federation, a region or a site. The map role -> actions is in `roles.py`."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="registry_roles")
    role = models.CharField(max_length=60)
    federation = models.ForeignKey(Federation, on_delete=models.CASCADE, null=True, blank=True, related_name="roles")
    ngi = models.ForeignKey(Ngi, on_delete=models.CASCADE, null=True, blank=True, related_name="roles")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, null=True, blank=True, related_name="roles")

    history = audited()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="role_on_one_object",
                condition=(
                    Q(federation__isnull=False, ngi=None, site=None)
                    | Q(federation=None, ngi__isnull=False, site=None)
                    | Q(federation=None, ngi=None, site__isnull=False)
                ),
                violation_error_message="A role is held on exactly one object.",
            ),
            models.UniqueConstraint(
                fields=["user", "role", "federation", "ngi", "site"],
                nulls_distinct=False,
                name="role_once",
                violation_error_message="The person holds that role there already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.role}"


class ImportRun(models.Model):
    """One run of an importer with its whole report, so that no rejected record is lost."""

    source = models.CharField(max_length=20, help_text="osg or gocdb.")
    origin = models.CharField(max_length=500, help_text="File or folder read.")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    report = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar[list[str]] = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.source} {self.started_at:%Y-%m-%d %H:%M}"
