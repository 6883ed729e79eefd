"""What people do about running: pause tests for a while, with a reason, and end a pause."""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.probes.models import Pause, Test
from gridkeeper.probes.permissions import EDIT_TEST, PAUSE_TESTS
from gridkeeper.registry.models import Service, Site

#: A pause is no way to switch something off for good.
LONGEST = timedelta(days=31)


def pause(
    actor: Actor,
    *,
    reason: str,
    expires_at: datetime,
    now: datetime,
    test: Test | None = None,
    service: Service | None = None,
    site: Site | None = None,
) -> Pause:
    """Lets the engine not run what is named until `expires_at`: all of a service or site, one test there, or a test.

    The engine follows within some seconds; what runs just then ends. Whoever may edit the place may pause its tests;
    a test everywhere is paused by superusers. Raises NotPermittedError, and ValidationError for a pause of nothing,
    of a service elsewhere, without reason, that is over or lasts longer than LONGEST.
    """
    place = service or site
    require(actor, PAUSE_TESTS if place is not None else EDIT_TEST, place if place is not None else test)
    if service is not None and site is not None and service.site_id != site.pk:
        raise ValidationError({"service": f"{service} is not of {site}; name one of them"})
    if not now < expires_at <= now + LONGEST:
        raise ValidationError({"expires_at": f"a pause ends after now and within {LONGEST.days} days"})
    with transaction.atomic(), recording(actor, reason):
        made = Pause(
            test=test, service=service, site=site, reason=reason.strip(), author=actor.user, created_at=now,
            expires_at=expires_at,
        )  # fmt: skip
        made.full_clean(exclude=["author"])
        made.save()
        return made


def end_pause(actor: Actor, *, pause: Pause, reason: str, now: datetime) -> Pause:
    """Ends a pause before its time; what it held back runs within a minute. One that is over stays as it is.

    Raises NotPermittedError, and ValidationError without a reason.
    """
    place = pause.service or pause.site
    require(actor, PAUSE_TESTS if place is not None else EDIT_TEST, place if place is not None else pause.test)
    if not reason.strip():
        raise ValidationError({"reason": "say why"})
    with transaction.atomic(), recording(actor, reason):
        locked = Pause.objects.select_for_update().get(pk=pause.pk)
        if locked.ended_at is None and locked.expires_at > now:
            locked.ended_at = now
            locked.save()
        return locked
