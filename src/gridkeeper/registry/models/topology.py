"""Federations, regions, sites, services and their addresses."""

from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse

from gridkeeper.core.identifiers import new_key
from gridkeeper.people.audit import audited
from gridkeeper.registry.models.dated import (
    KEY_HELP,
    UNDATED_SINCE,
    UNDATED_VALUES,
    Dated,
    DatedQuerySet,
    unique_while_current,
)


class Federation(Dated):
    """The whole: what GOCDB calls a project."""

    key = models.CharField(max_length=100, unique=True, default=new_key, help_text=KEY_HELP)
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True, default="")
    email = models.CharField(max_length=255, blank=True, default="", help_text="General contact.")
    notice_hours = models.PositiveSmallIntegerField(
        default=24, help_text="Hours ahead that a downtime must be declared to count as scheduled (GOCDB 24, OSG 48)."
    )
    minimum_scopes = models.JSONField(
        default=dict, blank=True,
        help_text='Least number of scopes that an object bears, e.g. {"site": 1, "service": 1, "ngi": 0}.',
    )  # fmt: skip

    past_since: ClassVar[str] = UNDATED_SINCE
    past_values: ClassVar[dict[str, str]] = UNDATED_VALUES
    past_is_copied: ClassVar[bool] = True

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

    def get_absolute_url(self) -> str:
        return reverse("registry:federation", args=[self.key])

    def lineage(self) -> list[str]:
        """Itself and what it lies below, as limits of tokens name them."""
        return [f"federation:{self.key}"]


class Ngi(Dated):
    """A region with its operations centre (NGI; ROC on GOCDB's wire)."""

    key = models.CharField(max_length=100, unique=True, default=new_key, help_text=KEY_HELP)
    federation = models.ForeignKey(Federation, on_delete=models.PROTECT, related_name="ngis")
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True, default="")
    email = models.CharField(max_length=255, blank=True, default="", help_text="General contact.")
    rod_email = models.CharField(max_length=255, blank=True, default="", help_text="Regional operator on duty.")
    helpdesk_email = models.CharField(max_length=255, blank=True, default="")
    security_email = models.CharField(max_length=255, blank=True, default="")
    support_unit = models.CharField(max_length=255, blank=True, default="", help_text="Name at the helpdesk (GGUS).")
    scopes = models.JSONField(default=list, blank=True, help_text="Scope tags.")

    past_since: ClassVar[str] = UNDATED_SINCE
    past_values: ClassVar[dict[str, str]] = UNDATED_VALUES
    past_is_copied: ClassVar[bool] = True

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

    def lineage(self) -> list[str]:
        """Itself and what it lies below, as limits of tokens name them."""
        return [f"ngi:{self.key}", *self.federation.lineage()]


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

    key = models.CharField(max_length=100, unique=True, default=new_key, help_text=KEY_HELP)
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
    emergency_email = models.CharField(max_length=255, blank=True, default="")
    helpdesk_email = models.CharField(max_length=255, blank=True, default="")
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

    #: An imported site was, before its first record, what its first later change says that it had been.
    past_values: ClassVar[dict[str, str]] = Dated.past_values | {
        "certification": "CASE WHEN {h}.history_type = '+' THEN COALESCE((SELECT NULLIF(c.old, '') "
        "FROM {schema}.registry_certificationchange c WHERE c.site_id = {h}.id AND c.changed_at > {moment} "
        "ORDER BY c.changed_at LIMIT 1), {h}.certification) ELSE {h}.certification END"
    }
    past_is_copied: ClassVar[bool] = True

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

    def lineage(self) -> list[str]:
        """Itself and what it lies below, as limits of tokens name them."""
        return [f"site:{self.key}", *self.ngi.lineage()]


class CertificationChange(models.Model):
    """One step of a site's certification, ours or imported."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="certification_changes")
    changed_at = models.DateTimeField()
    old = models.CharField(max_length=20, blank=True, default="")
    new = models.CharField(max_length=20, choices=Certification)
    changed_by = models.CharField(max_length=255, blank=True, default="")
    reason = models.CharField(max_length=300, blank=True, default="")

    past_log: ClassVar[str] = "changed_at"

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
    key = models.CharField(max_length=100, blank=True, default="", help_text=KEY_HELP)
    description = models.TextField(blank=True, default="")
    service_class = models.CharField(
        max_length=1, blank=True, default="", choices=[("C", "C: critical"), ("H", "H: high")],
        help_text="Sets the availability that the SLA asks for.",
    )  # fmt: skip
    has_monitoring_exception = models.BooleanField(
        default=False, help_text="Services of this type may be in production without being monitored."
    )

    #: A kind of service has no beginning: what was imported before it may be of it.
    past_since: ClassVar[str] = "'1970-01-01 00:00:00'"
    past_is_copied: ClassVar[bool] = True

    objects: ClassVar[models.Manager["ServiceType"]] = models.Manager()
    history = audited()

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("registry:service_type", args=[self.name])


class Service(Dated):
    """One service of a site: a service type on a host (SERVICE_ENDPOINT on GOCDB's wire)."""

    key = models.CharField(max_length=100, unique=True, default=new_key, help_text=KEY_HELP)
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

    def lineage(self) -> list[str]:
        """Itself and what it lies below, as limits of tokens name them."""
        return [f"service:{self.key}", *self.site.lineage()]


class Endpoint(Dated):
    """One address of a service. A service may have many."""

    key = models.CharField(max_length=100, unique=True, default=new_key, help_text=KEY_HELP)
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
