"""What the registry does when a person is deleted: its log of certifications keeps names in words of its own."""

from typing import Any

from django.dispatch import receiver

from gridkeeper.people.signals import person_deleted
from gridkeeper.registry.models import CertificationChange


@receiver(person_deleted)
def forget_in_certifications(sender: Any, *, former: str, label: str, **_: Any) -> None:
    CertificationChange.objects.filter(changed_by=former).update(changed_by=label)
