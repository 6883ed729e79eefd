"""Importing a Nagios configuration: into one site's services, the catalogue of tests, and one VO's profile."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.probes.catalogue_actions import Why, add_definition, change_definition
from gridkeeper.probes.models import ProfileEntry, Test
from gridkeeper.probes.nagios_objects import Problem, read_objects
from gridkeeper.probes.nagios_plan import Plan, PlannedService, PlannedTest, make_plan
from gridkeeper.probes.permissions import EDIT_PROFILE, EDIT_TEST
from gridkeeper.probes.profile_actions import own_profile
from gridkeeper.registry.models import Service, ServiceType, Site
from gridkeeper.registry.object_actions import add_service
from gridkeeper.registry.property_actions import set_properties
from gridkeeper.vos.actions import set_support
from gridkeeper.vos.models import Vo, VoSupport

#: Larger files are no object configuration.
_MOST_BYTES = 20 << 20


@dataclass(slots=True)
class NagiosReport:
    """What an import did, or would do. Names; `problems` are what it could not take over."""

    plan: Plan
    tests_added: list[str] = field(default_factory=list)
    tests_changed: list[str] = field(default_factory=list)
    services_added: list[str] = field(default_factory=list)
    services_known: list[str] = field(default_factory=list)
    entries: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """What was done, in one line."""
        return (
            f"{len(self.tests_added)} tests added, {len(self.tests_changed)} changed; {len(self.services_added)} "
            f"services added, {len(self.services_known)} known already; {self.entries} profile lines added; "
            f"{len(self.problems)} problems."
        )


def read_folder(path: Path) -> dict[str, str]:
    """The configuration files at a path: one file, or all *.cfg below a folder. Raises ValidationError."""
    files = [path] if path.is_file() else sorted(path.rglob("*.cfg"))
    if not files:
        raise ValidationError(f"{path} holds no .cfg file; name the folder of Nagios' objects.")
    texts = {}
    for file in files:
        try:
            if file.stat().st_size > _MOST_BYTES:
                raise ValidationError(f"{file} is larger than {_MOST_BYTES >> 20} MiB; is it object configuration?")
            texts[str(file.relative_to(path) if path.is_dir() else file.name)] = file.read_text(errors="replace")
        except OSError as error:
            raise ValidationError(f"{file}: {error.strerror}") from error
    return texts


def plan_of(files: Mapping[str, str]) -> Plan:
    """What the texts would become. Raises ValidationError where they define no test."""
    plan = make_plan(read_objects({name: text.replace("\0", "\ufffd") for name, text in files.items()}))
    if not plan.tests:
        said = "; ".join(str(problem) for problem in plan.problems[:5])
        raise ValidationError(f"The files define no service that could be taken over. {said}".strip())
    return plan


def import_nagios(
    actor: Actor, *, files: Mapping[str, str], site: Site, vo: Vo, reason: str, now: datetime
) -> NagiosReport:
    """Adds or changes tests, adds services to the site, and has the VO's profile run them. Whole, or not at all.

    Done again with a changed configuration it changes what changed; it removes nothing. Raises NotPermittedError,
    ValidationError.
    """
    require(actor, EDIT_TEST)
    require(actor, EDIT_PROFILE, vo)
    plan = plan_of(files)
    why = Why(actor, (reason.strip() or "import from Nagios")[:300], now)
    report = NagiosReport(plan, problems=list(plan.problems))
    with transaction.atomic(), recording(actor, why.reason):
        own_profile(vo, actor, now)
        types = {wanted.name: _bring_test(wanted, vo, why, report) for wanted in plan.tests}
        for place in plan.services:
            kind = types[place.type]
            if kind is not None:
                _bring_service(place, kind, site, vo, why, report)
    return report


def preview_nagios(
    actor: Actor, *, files: Mapping[str, str], site: Site, vo: Vo, reason: str, now: datetime
) -> NagiosReport:
    """What `import_nagios` would do: it is done and taken back."""
    with transaction.atomic():
        report = import_nagios(actor, files=files, site=site, vo=vo, reason=reason, now=now)
        transaction.set_rollback(True)
    return report


def _bring_test(wanted: PlannedTest, vo: Vo, why: Why, report: NagiosReport) -> ServiceType | None:
    """The service type that the test runs on; None where the test could not run here, which is a problem."""
    test = Test.objects.filter(name=wanted.name).first()
    try:
        with transaction.atomic():
            before = test.version if test else 0
            content = wanted.content
            test = change_definition(test, content, why) if test else add_definition(wanted.name, content, why)
    except ValidationError as error:
        report.problems.append(Problem(wanted.name, 0, f"left out with its services: {'; '.join(error.messages)}"))
        return None
    if test.version != before:
        (report.tests_changed if before else report.tests_added).append(wanted.name)
    kind = ServiceType.objects.get_or_create(name=wanted.name, defaults={"description": wanted.content["title"]})[0]
    key = {"vo": vo, "service_type": kind, "test": test}
    if not ProfileEntry.objects.filter(**key).exists():
        ProfileEntry.objects.create(**key, is_critical=False, author=why.actor.user, valid_from=why.now)
        report.entries += 1
    return kind


def _bring_service(
    place: PlannedService, kind: ServiceType, site: Site, vo: Vo, why: Why, report: NagiosReport
) -> None:
    name = f"{place.hostname} {place.type}"
    service = Service.objects.current().filter(hostname=place.hostname, service_type=kind).first()
    if service is not None and service.site_id != site.pk:
        report.problems.append(Problem(name, 0, f"it belongs to the site {service.site}; it is left alone"))
        return
    given: dict[str, Any] = {"reason": why.reason, "now": why.now}
    try:
        if service is None:
            values = {"host_ip": place.address, "description": "from Nagios", "is_monitored": True}
            service = add_service(
                why.actor, site=site, service_type=kind, hostname=place.hostname, values=values, **given
            )
            report.services_added.append(name)
        else:
            report.services_known.append(name)
        if place.properties and any(service.properties.get(k) != v for k, v in place.properties.items()):
            set_properties(why.actor, subject=service, properties=place.properties, is_partial=True, **given)
    except ValidationError as error:
        report.problems.append(Problem(name, 0, "; ".join(error.messages)))
        return
    _bring_support(service, vo, why)


def _bring_support(service: Service, vo: Vo, why: Why) -> None:
    held = list(Vo.objects.filter(pk__in=VoSupport.objects.current().filter(service=service).values("vo_id")))
    if vo not in held:
        set_support(why.actor, service=service, vos=[*held, vo], reason=why.reason, now=why.now)


def lines_of(report: NagiosReport) -> Iterable[str]:
    """The report in words, for the console and for pages."""
    yield report.sentence
    if report.plan.ignored:
        kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(report.plan.ignored.items()))
        yield f"There is no place for these here; they were left out: {kinds}."
    yield from map(str, report.problems)
