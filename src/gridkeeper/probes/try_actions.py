"""Trying a definition on one service before it is saved: asked for here, run by the engine (`probes.try_runs`)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.probes.catalogue_actions import content_of_draft
from gridkeeper.probes.models import TestKind, Trial
from gridkeeper.probes.permissions import EDIT_TEST
from gridkeeper.registry.models import Service
from gridkeeper.vos.models import Vo

#: A trial ends by then, whatever time the definition allows itself: somebody waits for it.
LONGEST_S = 120
_MOST_WAITING = 10
#: How long the answers are kept.
_KEPT = timedelta(days=7)


def request_trial(
    actor: Actor, *, name: str, content: Mapping[str, Any], service: Service, vo: str, now: datetime
) -> Trial:
    """Has a definition run once on one service; nothing of it reaches results, statuses or feeds.

    It runs as any test would: plugins from the plugins' folders only, as nobody, no denied network. Whoever may define
    tests may try them. Raises NotPermittedError, ValidationError by field.
    """
    require(actor, EDIT_TEST)
    whole = content_of_draft(name, content)
    if whole["kind"] == TestKind.PASSIVE:
        raise ValidationError({"kind": "A test that others report cannot be tried: it runs nothing."})
    if service.valid_until is not None:
        raise ValidationError({"service": f"{service} is closed."})
    if vo and not Vo.objects.current().filter(name=vo).exists():
        raise ValidationError({"vo": f"There is no VO {vo}."})
    if whole["is_per_vo"] and not vo:
        raise ValidationError({"vo": "It runs once for every VO; name one."})
    whole["timeout_s"] = min(whole["timeout_s"], LONGEST_S)
    with transaction.atomic(), recording(actor, "trial"):
        Trial.objects.filter(requested_at__lt=now - _KEPT).delete()
        if Trial.objects.filter(requested_by=actor.user, done_at=None).count() >= _MOST_WAITING:
            raise ValidationError(f"{_MOST_WAITING} of your trials have not ended; wait for them.")
        return Trial.objects.create(
            definition=whole | {"name": name}, service=service, vo=vo if whole["is_per_vo"] else "",
            requested_by=actor.user, requested_at=now,
        )  # fmt: skip
