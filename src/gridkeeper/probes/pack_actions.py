"""Installing packs of tests, and upgrading them without losing what people changed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.probes.catalogue import FieldDifference, content_of, differences
from gridkeeper.probes.catalogue_actions import PACK_SAYS, Why, add_definition, change_definition
from gridkeeper.probes.models import CauseRule, ProfileEntry, Test, TestVersion
from gridkeeper.probes.pack_rules import PackCause, PackContent, PackTest, merge, read_pack
from gridkeeper.probes.packs import Pack, PackError, packs
from gridkeeper.probes.permissions import EDIT_PROFILE, EDIT_TEST
from gridkeeper.probes.profile_actions import own_profile
from gridkeeper.registry.models import ServiceType
from gridkeeper.vos.models import Vo


@dataclass(slots=True)
class PackReport:
    """What an installation did, or would do.

    changed: test -> differences; kept: "test: field" that people changed and the pack wants otherwise
    entries: lines added to profiles; missing_types: service types that the registry lacks
    missing_tests: dependencies on tests that are not there yet
    gone: tests that this pack brought and has no more
    """

    created: list[str] = field(default_factory=list)
    changed: dict[str, list[FieldDifference]] = field(default_factory=dict)
    kept: dict[str, list[FieldDifference]] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)
    entries: list[str] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    missing_types: list[str] = field(default_factory=list)
    missing_tests: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    @property
    def is_nothing(self) -> bool:
        return not (self.created or self.changed or self.entries or self.causes)

    @property
    def sentence(self) -> str:
        """What was done, in one line."""
        parts = [
            f"{len(self.created)} added", f"{len(self.changed)} changed", f"{len(self.unchanged)} as they were",
            f"{len(self.entries)} profile lines added",
        ]  # fmt: skip
        if self.kept:
            parts.append(f"{sum(map(len, self.kept.values()))} fields kept as people set them")
        return f"Tests: {', '.join(parts)}."


def pack_named(name: str) -> Pack:
    """Raises ValidationError that lists what there is."""
    found = packs().get(name)
    if found is None:
        raise ValidationError(f"There is no pack {name!r}; there are {', '.join(sorted(packs())) or 'none'}.")
    return found


def install_pack(
    actor: Actor, *, name: str, vos: Iterable[Vo], reason: str, now: datetime, overwrite: bool = False
) -> PackReport:
    """Adds the tests of a pack, or brings them up to date, and puts them into the VOs' profiles.

    A line that somebody took out of a profile does not come back. Fields that people changed stay as they are unless
    `overwrite`. Raises NotPermittedError, ValidationError.
    """
    require(actor, EDIT_TEST)
    chosen = list(vos)
    for vo in chosen:
        require(actor, EDIT_PROFILE, vo)
    pack = pack_named(name)
    content = _read(pack)
    why = Why(actor, (reason.strip() or f"pack {name}")[:300], now, pack=name)
    report = PackReport()
    with transaction.atomic(), recording(actor, why.reason):
        _bring_types(content)
        for wanted in content.tests:
            _bring_test(wanted, why, report, overwrite=overwrite)
        _bring_causes(content.causes, why, report)
        for vo in chosen:
            _bring_entries(content.tests, vo, why, report)
    known = {test.name for test in content.tests}
    report.gone = sorted(Test.objects.filter(pack=name).exclude(name__in=known).values_list("name", flat=True))
    return report


def preview_pack(actor: Actor, **arguments: Any) -> PackReport:
    """What `install_pack` would do: it is done and taken back, so that whatever would be refused is refused now."""
    with transaction.atomic():
        report = install_pack(actor, **arguments)
        transaction.set_rollback(True)
    return report


def _read(pack: Pack) -> PackContent:
    try:
        return read_pack(pack)
    except PackError as error:
        raise ValidationError(str(error)) from error


def _bring_types(content: PackContent) -> None:
    for name, description in content.types.items():
        ServiceType.objects.get_or_create(name=name, defaults={"description": description})


def _bring_test(wanted: PackTest, why: Why, report: PackReport, *, overwrite: bool) -> None:
    wanted = _with_known_links(wanted, report)
    test = Test.objects.filter(name=wanted.name).prefetch_related("depends_on").first()
    try:
        if test is None:
            add_definition(wanted.name, wanted.content, why)
            report.created.append(wanted.name)
        else:
            _upgrade(test, wanted, why, report, overwrite=overwrite)
    except ValidationError as error:
        raise ValidationError(f"{wanted.name}: {'; '.join(error.messages)}") from error


def _with_known_links(wanted: PackTest, report: PackReport) -> PackTest:
    """Dependencies on tests of packs that are not installed wait for an upgrade after those are."""
    names = list(wanted.content.get("depends_on", ()))
    known = set(Test.objects.filter(name__in=names).values_list("name", flat=True))
    if known.issuperset(names):
        return wanted
    report.missing_tests += [f"{wanted.name} depends on {name}" for name in names if name not in known]
    return replace(wanted, content={**wanted.content, "depends_on": sorted(known)})


def _upgrade(test: Test, wanted: PackTest, why: Why, report: PackReport, *, overwrite: bool) -> None:
    ours = content_of(test)
    base = _base(test, why.pack, ours)
    plan = merge(base=base, ours=ours, theirs=wanted.content, overwrite=overwrite)
    if plan.kept:
        report.kept[test.name] = differences(ours, ours | dict(plan.kept))
    if plan.taken or test.pack != why.pack:
        change_definition(test, plan.taken, replace(why, pack_says={**base, **wanted.content}))
    if plan.taken:
        report.changed[test.name] = differences(ours, ours | dict(plan.taken))
    else:
        report.unchanged.append(test.name)


def _base(test: Test, pack: str, ours: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the pack alone made of the definition last. One that never came from it is people's in every field."""
    brought = TestVersion.objects.filter(test=test, pack=pack).order_by("-version").first()
    return brought.content.get(PACK_SAYS, brought.content) if brought else dict.fromkeys(ours)


def _bring_entries(tests: Sequence[PackTest], vo: Vo, why: Why, report: PackReport) -> None:
    types = {kind.name: kind for kind in ServiceType.objects.all()}
    own_profile(vo, why.actor, why.now)
    for wanted in tests:
        test = Test.objects.get(name=wanted.name)
        for word in wanted.service_types:
            kind = types.get(word)
            if kind is None:
                report.missing_types += [word] if word not in report.missing_types else []
            elif not ProfileEntry.objects.filter(vo=vo, service_type=kind, test=test).exists():
                ProfileEntry.objects.create(
                    vo=vo, service_type=kind, test=test, is_critical=wanted.is_critical, author=why.actor.user,
                    valid_from=why.now,
                )  # fmt: skip
                report.entries.append(f"{vo.name}: {test.name} on {word}{' (critical)' if wanted.is_critical else ''}")


def _bring_causes(causes: Sequence[PackCause], why: Why, report: PackReport) -> None:
    tests = {test.name: test for test in Test.objects.all()}
    types = {kind.name: kind for kind in ServiceType.objects.all()}
    for rule in causes:
        if rule.cause not in tests or (rule.effect and rule.effect not in tests):
            continue  # of a pack that is not installed; it comes with the next upgrade after that
        for cause_type in rule.cause_types or [""]:
            for effect_type in rule.effect_types or [""]:
                pair = (types.get(cause_type), types.get(effect_type))
                if (cause_type and pair[0] is None) or (effect_type and pair[1] is None):
                    continue
                key = {
                    "cause": tests[rule.cause], "cause_type": pair[0], "effect": tests.get(rule.effect),
                    "effect_type": pair[1], "reach": rule.reach,
                }  # fmt: skip
                made = {"accepted_at": why.now, "author": why.actor.user, "reason": f"pack {why.pack}"}
                row, is_new = CauseRule.objects.get_or_create(**key, defaults=made)
                report.causes += [str(row)] if is_new else []
