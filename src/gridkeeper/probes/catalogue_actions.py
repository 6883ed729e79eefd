"""Changes of the catalogue: a test is added, edited, taken back to an older version. Every version is kept whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.probes.catalogue import FIELDS, LINKS, check_content, content_of, default_content
from gridkeeper.probes.models import Test, TestVersion
from gridkeeper.probes.permissions import EDIT_TEST

#: Pages have these addresses below /tests/.
RESERVED = frozenset(
    {"engine", "workers", "packs", "credentials", "profiles", "new", "try", "import", "causes", "pauses"}
)
#: Where a version that came with a pack keeps `Why.pack_says`.
PACK_SAYS = "pack_says"


@dataclass(frozen=True, slots=True)
class Why:
    """Who changes a definition, and why.

    pack: that it comes with; "" for a change by people
    pack_says: what the pack alone would make of the definition; the base of its next upgrade
    """

    actor: Actor
    reason: str
    now: datetime
    pack: str = ""
    pack_says: Mapping[str, Any] | None = None


def create_test(actor: Actor, *, name: str, content: Mapping[str, Any], reason: str, now: datetime) -> Test:
    """A new test, in no profile yet. Raises NotPermittedError, ValidationError by field."""
    require(actor, EDIT_TEST)
    return add_definition(name, content, Why(actor, _reason(reason), now))


def edit_test(
    actor: Actor, *, test: Test, changes: Mapping[str, Any], reason: str, now: datetime, seen: int | None = None
) -> Test:
    """Changes fields of a definition, and counts the version up. What says the same changes nothing.

    seen: version that the person looked at; where another came between, ValidationError, and nothing is overwritten
    """
    require(actor, EDIT_TEST, test)
    return change_definition(test, changes, Why(actor, _reason(reason), now), seen=seen)


def restore_version(actor: Actor, *, test: Test, version: int, reason: str, now: datetime) -> Test:
    """Takes the definition back to what it was: a new version that says what the old one said."""
    require(actor, EDIT_TEST, test)
    old = TestVersion.objects.filter(test=test, version=version).first()
    if old is None:
        raise ValidationError(f"{test} has no version {version}.")
    content = {name: value for name, value in old.content.items() if name in FIELDS}
    return change_definition(test, content, Why(actor, _reason(reason), now))


def _reason(reason: str) -> str:
    if not reason.strip():
        raise ValidationError({"reason": "Say why; it is kept with the version."})
    return reason.strip()[:300]


def add_definition(name: str, content: Mapping[str, Any], why: Why) -> Test:
    """Stores a new definition. The caller has checked who may."""
    if name in RESERVED:
        raise ValidationError({"name": f"{name} is the address of a page; choose another name."})
    test = Test(name=name, pack=why.pack)
    whole = content_of_draft(name, content)
    with transaction.atomic(), recording(why.actor, why.reason):
        _apply(test, whole)
        test.rides_in = _carrier(whole)
        try:
            with transaction.atomic():
                test.save(force_insert=True)
        except IntegrityError as error:
            raise ValidationError({"name": f"There is a test {name} already; edit that, or choose another."}) from error
        _link(test, whole)
        _keep(test, why)
    return test


def change_definition(test: Test, changes: Mapping[str, Any], why: Why, *, seen: int | None = None) -> Test:
    """Stores a changed definition as the next version. The caller has checked who may."""
    if strangers := sorted(set(changes) - set(FIELDS)):
        raise ValidationError(f"{', '.join(strangers)}: no field of a definition.")
    with transaction.atomic(), recording(why.actor, why.reason):
        fresh = Test.objects.select_for_update(of=("self",)).get(pk=test.pk)
        if seen is not None and fresh.version != seen:
            text = f"Somebody made version {fresh.version} meanwhile; look at it below and send yours again."
            raise ValidationError(text, code="conflict")
        before = content_of(fresh)
        after = before | dict(changes)
        if after == before and fresh.pack == (why.pack or fresh.pack):
            return fresh
        _keep_first(fresh)
        _apply(fresh, after)
        check_content(after, name=fresh.name)
        fresh.rides_in = _carrier(after)
        fresh.version += 1
        fresh.pack = why.pack or fresh.pack
        fresh.save()
        _link(fresh, after)
        _keep(fresh, why)
    return fresh


def content_of_draft(name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """A whole, checked definition from what was given; defaults for the rest. Raises ValidationError by field."""
    if strangers := sorted(set(content) - set(FIELDS)):
        raise ValidationError(f"{', '.join(strangers)}: no field of a definition.")
    whole = default_content() | dict(content)
    _apply(Test(name=name), whole)
    check_content(whole, name=name)
    return whole


def _apply(test: Test, content: Mapping[str, Any]) -> None:
    """Sets the fields and checks each by itself. Raises ValidationError by field."""
    for name in FIELDS:
        if name not in LINKS:
            setattr(test, name, content[name])
    test.clean_fields(exclude=["rides_in"])


def _carrier(content: Mapping[str, Any]) -> Test | None:
    return Test.objects.get(name=content["rides_in"]) if content["rides_in"] else None


def _link(test: Test, content: Mapping[str, Any]) -> None:
    test.depends_on.set(Test.objects.filter(name__in=content["depends_on"]))


def _keep(test: Test, why: Why) -> None:
    content = content_of(test)
    if why.pack:
        content[PACK_SAYS] = dict(why.pack_says or content)
    TestVersion.objects.create(
        test=test, version=test.version, content=content, made_at=why.now, author=why.actor.user,
        by=why.actor.name, reason=why.reason, pack=why.pack,
    )  # fmt: skip


def _keep_first(test: Test) -> None:
    """Of a test that came without versions, how it stood before its first edit."""
    if TestVersion.objects.filter(test=test, version=test.version).exists():
        return
    record = test.history.order_by("history_id").first()
    TestVersion.objects.create(
        test=test, version=test.version, content=content_of(test), made_at=record.history_date,
        author=record.history_user, by=record.history_actor, reason=record.history_change_reason or "", pack=test.pack,
    )  # fmt: skip
