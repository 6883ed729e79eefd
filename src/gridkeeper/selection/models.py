"""White and black lists per VO (Freedom of Choice). Critical tests are entries of the VO's metric profile."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

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


class SelectionPolicy(models.Model):
    """How a VO chooses: whether changes need a second person, and how old a result may be that makes a site good."""

    vo = models.OneToOneField(Vo, on_delete=models.CASCADE, related_name="selection_policy")
    needs_approval = models.BooleanField(
        default=False, help_text="A change of critical tests or lists waits until another manager of the VO agrees."
    )
    freshest_s = models.PositiveIntegerField(
        default=0, help_text="Seconds; older results make nothing good. 0: what each test's validity says."
    )

    objects: ClassVar[models.Manager["SelectionPolicy"]] = models.Manager()
    history = audited()

    class Meta:
        verbose_name_plural = "selection policies"

    def __str__(self) -> str:
        return f"policy of {self.vo}"


class ProposalState(models.TextChoices):
    """Where a proposed change stands."""

    OPEN = "open", "Waits for another manager"
    APPROVED = "approved", "Approved and made"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn by its author"


class Proposal(models.Model):
    """A change of a VO's critical tests or lists that waits for a second person."""

    vo = models.ForeignKey(Vo, on_delete=models.CASCADE, related_name="proposals")
    change = models.JSONField(
        help_text='What is wanted: {"critical": [["CE", "CE-js", true]], "add": [], "remove": []}.'
    )
    reason = models.CharField(max_length=300)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=ProposalState, default=ProposalState.OPEN)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    decision = models.CharField(max_length=300, blank=True, default="", help_text="What the second person said.")

    objects: ClassVar[models.Manager["Proposal"]] = models.Manager()
    history = audited()

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at"]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="proposal_reason", condition=~Q(reason=""), violation_error_message="Give the reason."
            ),
            models.CheckConstraint(
                name="proposal_by_two",
                condition=~Q(state="approved") | Q(author=None) | ~Q(author=F("decided_by")),
                violation_error_message="Somebody else must approve it.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"proposal {self.pk} of {self.vo}"


class GoodChange(models.Model):
    """That a site, or one of its services, became good or bad for a VO: the feed of changes, written by the judge."""

    vo = models.CharField(max_length=100)
    site = models.CharField(max_length=100, help_text="Name of the site.")
    service = models.CharField(max_length=400, blank=True, default="", help_text="service type/host; empty: the site.")
    is_good = models.BooleanField()
    reason = models.CharField(max_length=500, blank=True, default="", help_text="Why, in the words of the judge.")
    at = models.DateTimeField()

    objects: ClassVar[models.Manager["GoodChange"]] = models.Manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-at", "-pk"]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["vo", "at"], name="good_change_vo_at"),
            models.Index(fields=["vo", "site", "service", "at"], name="good_change_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.vo}: {self.site} {self.service} {'good' if self.is_good else 'bad'}"
