"""What people decide of causes: declare a rule, accept or reject what was learned, remove one."""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.bus.facts import Facts
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.windows import Window
from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.probes.cause_learning import Learned, learn
from gridkeeper.probes.cause_queries import outages_within, places_of_services
from gridkeeper.probes.models import CauseRule, Reach, Test
from gridkeeper.probes.permissions import EDIT_TEST
from gridkeeper.registry.models import ServiceType

#: So many closed days are learned from.
LEARNT_DAYS = 28


def declare_cause(
    actor: Actor,
    *,
    cause: Test,
    reach: Reach,
    reason: str,
    now: datetime,
    cause_type: ServiceType | None = None,
    effect: Test | None = None,
    effect_type: ServiceType | None = None,
) -> CauseRule:
    """From now on failures of `effect` within reach of a failing `cause` are shown as its consequences.

    Raises NotPermittedError, and ValidationError for a rule that exists or explains a test by itself.
    """
    require(actor, EDIT_TEST, cause)
    _check_reason(reason)
    if effect == cause and effect_type == cause_type:
        raise ValidationError({"effect": f"{cause} cannot be its own cause; name another test, or leave it empty"})
    with transaction.atomic(), recording(actor, reason):
        rule = CauseRule(
            cause=cause, cause_type=cause_type, effect=effect, effect_type=effect_type, reach=reach,
            accepted_at=now, author=actor.user, reason=reason,
        )  # fmt: skip
        rule.full_clean(exclude=["author"])
        rule.save()
        return rule


def decide_cause(actor: Actor, *, rule: CauseRule, is_accepted: bool, reason: str, now: datetime) -> CauseRule:
    """Accepts or rejects a rule that was learned; a rejected one is not proposed again."""
    require(actor, EDIT_TEST, rule.cause)
    _check_reason(reason)
    with transaction.atomic(), recording(actor, reason):
        locked = CauseRule.objects.select_for_update().get(pk=rule.pk)
        if not locked.is_learned:
            raise ValidationError(f"somebody declared that {locked}; remove the rule instead")
        locked.accepted_at, locked.rejected_at = (now, None) if is_accepted else (None, now)
        locked.author, locked.reason = actor.user, reason
        locked.save()
        return locked


def remove_cause(actor: Actor, *, rule: CauseRule, reason: str) -> None:
    """Forgets a declared rule; its audit record stays."""
    require(actor, EDIT_TEST, rule.cause)
    _check_reason(reason)
    with transaction.atomic(), recording(actor, reason):
        CauseRule.objects.get(pk=rule.pk).delete()


def learn_causes(actor: Actor, facts: Facts, *, now: datetime) -> int:
    """Proposes the rules that the outages of the last closed days suggest; returns how many proposals stand.

    A proposal that nobody has decided on and that the past no longer supports goes. The figures of the others follow.
    """
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    window = Window(today - timedelta(days=LEARNT_DAYS), today)
    series = [SeriesKey(*(row[name] for name in _WORDS)) for row in facts.series().to_pylist()]
    found = learn(outages_within(facts, window), series, places_of_services(), window)
    with transaction.atomic(), recording(actor, f"learned from {LEARNT_DAYS} days"):
        kept = {pk for rule in found if (pk := _propose(rule)) is not None}
        for old in CauseRule.objects.filter(is_learned=True, accepted_at=None, rejected_at=None).exclude(pk__in=kept):
            old.delete()
    return len(kept)


_WORDS = ("hostname", "service_type", "metric", "vo")


def _propose(learned: Learned) -> int | None:
    """The rule's key; None where its tests or types are gone, or where a declared rule says it already."""
    cause = Test.objects.filter(name=learned.cause[0]).first()
    effect = Test.objects.filter(name=learned.effect[0]).first()
    types = {kind.name: kind for kind in ServiceType.objects.filter(name__in=[learned.cause[1], learned.effect[1]])}
    if cause is None or effect is None or not {learned.cause[1], learned.effect[1]} <= types.keys():
        return None
    if effect.depends_on.filter(pk=cause.pk).exists() and learned.reach == Reach.SERVICE:
        return None
    rule, is_new = CauseRule.objects.get_or_create(
        cause=cause, cause_type=types[learned.cause[1]], effect=effect, effect_type=types[learned.effect[1]],
        reach=learned.reach,
        defaults={"is_learned": True, "support": learned.support, "confidence": learned.confidence},
    )  # fmt: skip
    if not rule.is_learned:
        return None
    if not is_new and (rule.support, rule.confidence) != (learned.support, learned.confidence):
        rule.support, rule.confidence = learned.support, learned.confidence
        rule.save(update_fields=["support", "confidence"])
    return rule.pk


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise ValidationError({"reason": "say why"})
