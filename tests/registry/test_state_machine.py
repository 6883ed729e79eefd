"""Random people do random things to downtimes and certifications; an oracle that knows no code of the rules looks on.

The oracle states registry.md sections 2 and 3 once more, as conditions on what changed. Whatever was refused has left
every row, and every audit record, as it was; whatever changed has its audit record, with who and why.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.registry.actions import cancel_downtime, change_certification, declare_downtime, end_downtime_now
from gridkeeper.registry.downtime_actions import edit_downtime
from gridkeeper.registry.downtime_rules import Phase
from gridkeeper.registry.downtime_sequels import change_severity, end_part, extend_downtime
from gridkeeper.registry.models import (
    CertificationChange,
    Downtime,
    DowntimeEndpoint,
    DowntimeService,
    RoleGrant,
    Service,
    Site,
)
from tests.builders import NOW, a_federation, a_service, a_site, a_user, an_endpoint, an_ngi

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
_TABLES = (Downtime, DowntimeService, DowntimeEndpoint, Site, Service)
#: Who holds what: name -> (role, level, object).
_ROLES = {
    "admin": ("Site Administrator", "site", "ALPHA"),
    "security": ("Site Security Officer", "site", "BETA"),
    "rod": ("Regional Staff (ROD)", "ngi", "NORTH"),
    "manager": ("NGI Operations Manager", "ngi", "NORTH"),
    "officer": ("NGI Security Officer", "ngi", "SOUTH"),
    "coo": ("Chief Operations Officer", "federation", "WORLD"),
}
_REGION = {"ALPHA": "NORTH", "BETA": "NORTH", "GAMMA": "SOUTH"}
#: Sites of which the person may declare and change downtimes, and certify (registry.md section 4).
_DECLARES = {
    "admin": {"ALPHA"}, "security": {"BETA"}, "rod": {"ALPHA", "BETA"}, "manager": {"ALPHA", "BETA"},
    "officer": {"GAMMA"}, "coo": set(), "stranger": set(), "nobody": set(),
}  # fmt: skip
_CERTIFIES = {
    "admin": set(), "security": set(), "rod": set(), "manager": {"ALPHA", "BETA"}, "officer": {"GAMMA"},
    "coo": {"ALPHA", "BETA", "GAMMA"}, "stranger": set(), "nobody": set(),
}  # fmt: skip
_STEPS = {
    "Candidate": {"Uncertified", "Closed"},
    "Uncertified": {"Certified", "Candidate", "Closed"},
    "Certified": {"Suspended", "Uncertified", "Closed"},
    "Suspended": {"Uncertified", "Closed"},
    "Closed": set(),
}

people = st.sampled_from(sorted(_DECLARES))
reasons = st.sampled_from(["as agreed", "because", "", "x" * 301])
severities = st.sampled_from(["OUTAGE", "WARNING"])
hours = st.integers(min_value=-60, max_value=120).map(lambda number: number * HOUR / 2)
lengths = st.integers(min_value=-1, max_value=24).map(lambda number: number * HOUR / 2)
numbers = st.integers(min_value=0, max_value=50)
choices = st.sets(st.integers(min_value=0, max_value=5), max_size=3)


@dataclass(frozen=True)
class Life:
    """A downtime with its parts, as the oracle sees it."""

    row: dict[str, Any]
    parts: dict[int, datetime]

    @property
    def start(self) -> datetime:
        return self.row["start"]

    @property
    def end(self) -> datetime:
        return self.row["end"]


Snapshot = dict[str, dict[int, dict[str, Any]]]


def snapshot() -> Snapshot:
    """Every row that the actions may touch, by table and primary key."""
    return {model.__name__: {row["id"]: row for row in model.objects.values()} for model in _TABLES}


def records() -> dict[str, int]:
    """How many audit records and entries of the log of certifications there are."""
    counts = {model.__name__: model.history.count() for model in _TABLES}
    return counts | {"CertificationChange": CertificationChange.objects.count()}


def lives(shot: Snapshot) -> dict[int, Life]:
    parts: dict[int, dict[int, datetime]] = {pk: {} for pk in shot["Downtime"]}
    for part in shot["DowntimeService"].values():
        downtime = shot["Downtime"][part["downtime_id"]]
        parts[part["downtime_id"]][part["service_id"]] = part["end"] or downtime["end"]
    return {pk: Life(row, parts[pk]) for pk, row in shot["Downtime"].items()}


class Registry(RuleBasedStateMachine):
    """Two sites in the north and one in the south, and eight people."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        #: When each downtime was last classified.
        self.classified_at: dict[int, datetime] = {}
        self._atomic = transaction.atomic()
        self._atomic.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self._atomic.__exit__(None, None, None)

    @initialize()
    def found(self) -> None:
        federation = a_federation(name="WORLD")
        regions = {name: an_ngi(name=name, federation=federation) for name in ("NORTH", "SOUTH")}
        self.sites = {name: a_site(name=name, ngi=regions[region]) for name, region in _REGION.items()}
        owners = ["ALPHA", "ALPHA", "ALPHA", "BETA", "BETA", "GAMMA"]
        self.services = [a_service(of=self.sites[name]) for name in owners]
        self.endpoints = [an_endpoint(of=service) for service in self.services]
        self.site_of = {service.pk: service.site.name for service in self.services}
        objects = self.sites | regions | {"WORLD": federation}
        self.people: dict[str, Actor] = {"nobody": Actor()}
        for name in set(_DECLARES) - {"nobody"}:
            user: User = a_user(name)
            if name in _ROLES:
                role, level, where = _ROLES[name]
                RoleGrant.objects.create(user=user, role=role, **{level: objects[where]})
            self.people[name] = Actor(user=user, address="192.0.2.9")

    @contextmanager
    def attempt(self, who: str, reason: str, *, sites: set[str], right: dict[str, set[str]]) -> Iterator[None]:
        """Runs an action; checks what became of it. sites: where the actor needs the right."""
        before, counted = snapshot(), records()
        try:
            with transaction.atomic():
                yield
        except (ValidationError, NotPermittedError) as refusal:
            assert snapshot() == before, "a refusal changed something"
            assert records() == counted, "a refusal left a record"
            if isinstance(refusal, NotPermittedError):
                assert not sites or not sites <= right[who], f"{who} was refused what the role allows"
        else:
            assert sites <= right[who], f"{who} did what no role allows"
            self.check_change(before, snapshot(), who, reason)
        self.now += timedelta(seconds=1)  # nobody does two things at one instant

    def check_change(self, before: Snapshot, after: Snapshot, who: str, reason: str) -> None:
        for model in _TABLES:
            name = model.__name__
            for pk in set(before[name]) | set(after[name]):
                if before[name].get(pk) != after[name].get(pk):
                    self.check_record(model, pk, after[name].get(pk), who, reason)
        was, now_is = lives(before), lives(after)
        assert set(was) <= set(now_is), "a downtime vanished"
        for pk in was:
            if was[pk] != now_is[pk]:
                self.check_step(was[pk], now_is[pk])
        for pk in set(now_is) - set(was):
            self.check_new(now_is[pk])

    def check_record(self, model: Any, pk: int, row: dict[str, Any] | None, who: str, reason: str) -> None:
        newest = model.history.filter(id=pk).order_by("-history_id").first()
        assert newest is not None
        assert newest.history_actor == self.people[who].name
        assert newest.history_change_reason == reason[:300]
        if row is None:
            assert newest.history_type == "-"
        else:
            assert {name: getattr(newest, name) for name in row} == row, "the record is not what stands"

    def check_new(self, life: Life) -> None:
        assert life.row["declared_at"] == self.now
        self.classified_at[life.row["id"]] = self.now
        if life.row["follows_id"] is None:
            assert life.start >= self.now - 48 * HOUR

    def check_step(self, was: Life, life: Life) -> None:
        """One step of a downtime's life."""
        assert was.row["cancelled_at"] is None, "what is cancelled changed"
        assert self.now < was.end, "what has finished changed"
        assert life.end - life.start <= was.end - was.start, "it became longer"
        for service in set(was.parts) & set(life.parts):
            assert life.parts[service] - life.start <= was.parts[service] - was.start, "a part became longer"
        if life.row["cancelled_at"] is not None:
            assert (self.now < was.start, life.row["cancelled_at"]) == (True, self.now)
            assert life.parts == was.parts
        is_frozen = was.row["classification"] == "SCHEDULED" and self.now >= was.start - 24 * HOUR
        kept = {name: (was.row[name], life.row[name]) for name in ("start", "severity", "description")}
        if is_frozen:
            assert all(old == new for old, new in kept.values()), "a frozen one was edited"
            assert set(was.parts) == set(life.parts)
            assert was.row["classification"] == life.row["classification"]
        if self.now >= was.start:
            assert (was.start, was.row["severity"]) == (life.start, life.row["severity"]), "a begun one was moved"
            assert set(was.parts) == set(life.parts)
            assert life.end >= min(self.now, was.end)

    @invariant()
    def all_is_within_the_rules(self) -> None:
        if not hasattr(self, "sites"):
            return
        shot = snapshot()
        now_is = lives(shot)
        for life in now_is.values():
            self.check_standing(life, now_is)
        for touched in shot["DowntimeEndpoint"].values():
            service = next(each.service_id for each in self.endpoints if each.pk == touched["endpoint_id"])
            assert shot["DowntimeService"][touched["affected_id"]]["service_id"] == service
        for site in shot["Site"].values():
            if site["certification"] == "Closed":
                mine = [each for each in shot["Service"].values() if each["site_id"] == site["id"]]
                assert all(each["valid_until"] is not None for each in mine)

    def check_standing(self, life: Life, all_of_them: dict[int, Life]) -> None:
        row = life.row
        assert life.start < life.end
        assert life.parts, "a downtime of nothing"
        assert all(life.start < end <= life.end for end in life.parts.values())
        assert max(life.parts.values()) == life.end
        assert 1 <= len(row["description"]) <= 4000
        early = life.start > self.classified_at[row["id"]] + 24 * HOUR
        assert row["classification"] == ("SCHEDULED" if early else "UNSCHEDULED")
        if row["follows_id"] is not None and row["cancelled_at"] is None:
            before = all_of_them[row["follows_id"]]
            assert before.row["cancelled_at"] is None, "it continues what was cancelled"
            assert set(life.parts) <= set(before.parts)
            assert {before.parts[service] for service in life.parts} == {life.start}, "a gap, or an overlap"
            is_phase = row["follow_kind"] == "phase"
            assert (before.row["severity"] != row["severity"]) == is_phase

    @rule(number=st.integers(min_value=1, max_value=60))
    def time_passes(self, number: int) -> None:
        self.now += number * HOUR / 2 + MINUTE

    @rule(who=people, chosen=choices, severity=severities, ahead=hours, length=lengths, touched=choices, early=numbers,
          phase=numbers)  # fmt: skip
    def declare(
        self, who: str, chosen: set[int], severity: str, ahead: timedelta, length: timedelta, touched: set[int],
        early: int, phase: int,
    ) -> None:  # fmt: skip
        services = [self.services[number] for number in sorted(chosen)]
        start = self.now + ahead
        ends = {services[0]: start + length / 2} if services and early < 12 else {}
        other = "OUTAGE" if severity == "WARNING" else "WARNING"
        phases = (Phase(start + length * 0.75, other),) if phase < 10 else ()
        endpoints = [self.endpoints[number] for number in touched & chosen] if early % 2 else []
        sites = {self.site_of[each.pk] for each in services}
        fine = bool(services) and length > timedelta(0) and ahead >= -48 * HOUR and not self.closed_sites() & sites
        with self.attempt(who, "Works", sites=sites, right=_DECLARES):
            try:
                declare_downtime(
                    self.people[who], services=Service.objects.filter(pk__in=[each.pk for each in services]),
                    severity=severity, start=start, end=start + length, description="Works", now=self.now,
                    ends=ends, endpoints=endpoints, phases=phases,
                )  # fmt: skip
            except ValidationError:
                # a phase after the only service is back is refused too
                assert not fine or phases, "a downtime within the rules was refused"
                raise

    @rule(who=people, which=numbers, reason=reasons, shift=hours, length=lengths, severity=severities, kind=numbers,
          chosen=choices)  # fmt: skip
    def edit(
        self, who: str, which: int, reason: str, shift: timedelta, length: timedelta, severity: str, kind: int,
        chosen: set[int],
    ) -> None:  # fmt: skip
        downtime = self.one(which)
        if downtime is None:
            return
        services = [self.services[number] for number in sorted(chosen)]
        edits: list[dict[str, Any]] = [
            {"description": "Other works"},
            {"end": downtime.end - length},
            {"start": downtime.start + shift, "end": downtime.end + shift},
            {"severity": severity},
            {"services": services},
            {"start": self.now + shift, "end": self.now + shift + length, "services": services},
        ]
        changes = edits[kind % len(edits)]
        sites = self.sites_of(downtime) | (
            {self.site_of[each.pk] for each in services} if "services" in changes else set()
        )
        was = snapshot()["Downtime"][downtime.pk]
        parts = lives(snapshot())[downtime.pk].parts

        def act() -> None:
            edited = edit_downtime(self.people[who], downtime=downtime, changes=changes, reason=reason, now=self.now)
            now_is = snapshot()["Downtime"][downtime.pk]
            same = {name: value for name, value in now_is.items() if name not in ("description", "classification")}
            if same != {name: was[name] for name in same} or lives(snapshot())[downtime.pk].parts != parts:
                self.classified_at[edited.pk] = self.now

        classified = dict(self.classified_at)
        with self.attempt(who, reason, sites=sites, right=_DECLARES):
            try:
                act()
            except (ValidationError, NotPermittedError):
                self.classified_at = classified
                raise

    @rule(who=people, which=numbers, reason=reasons)
    def end_now(self, who: str, which: int, reason: str) -> None:
        self.change(who, which, reason, lambda downtime: end_downtime_now(
            self.people[who], downtime=downtime, reason=reason, now=self.now))  # fmt: skip

    @rule(who=people, which=numbers, reason=reasons)
    def cancel(self, who: str, which: int, reason: str) -> None:
        self.change(who, which, reason, lambda downtime: cancel_downtime(
            self.people[who], downtime=downtime, reason=reason, now=self.now))  # fmt: skip

    @rule(who=people, which=numbers, reason=reasons, chosen=choices, ahead=hours)
    def end_a_part(self, who: str, which: int, reason: str, chosen: set[int], ahead: timedelta) -> None:
        services = [self.services[number] for number in sorted(chosen)]
        self.change(who, which, reason, lambda downtime: end_part(
            self.people[who], downtime=downtime, services=services, at=self.now + ahead, reason=reason, now=self.now,
        ))  # fmt: skip

    @rule(who=people, which=numbers, reason=reasons, length=lengths, chosen=st.none() | choices)
    def extend(self, who: str, which: int, reason: str, length: timedelta, chosen: set[int] | None) -> None:
        services = None if chosen is None else [self.services[number] for number in sorted(chosen)]
        self.change(who, which, reason, lambda downtime: extend_downtime(
            self.people[who], downtime=downtime, end=downtime.end + length, reason=reason, now=self.now,
            services=services,
        ))  # fmt: skip

    @rule(who=people, which=numbers, reason=reasons, ahead=lengths, severity=severities)
    def next_phase(self, who: str, which: int, reason: str, ahead: timedelta, severity: str) -> None:
        self.change(who, which, reason, lambda downtime: change_severity(
            self.people[who], downtime=downtime, severity=severity, at=max(self.now, downtime.start) + ahead,
            reason=reason, now=self.now,
        ))  # fmt: skip

    @rule(who=people, site=st.sampled_from(sorted(_REGION)), new=st.sampled_from([*sorted(_STEPS), "Golden"]),
          reason=reasons)  # fmt: skip
    def certify(self, who: str, site: str, new: str, reason: str) -> None:
        was = Site.objects.get(name=site).certification
        logged = CertificationChange.objects.count()
        fine = who in _CERTIFIES and site in _CERTIFIES[who] and new in _STEPS[was] and 1 <= len(reason) <= 300
        with self.attempt(who, reason, sites={site}, right=_CERTIFIES):
            change_certification(self.people[who], site=self.sites[site], new=new, reason=reason, now=self.now)
        stands = Site.objects.get(name=site).certification
        assert stands == (new if fine else was)
        assert CertificationChange.objects.count() == logged + fine
        if fine:
            entry = CertificationChange.objects.latest("pk")
            assert (entry.old, entry.new, entry.changed_by, entry.reason) == (was, new, who, reason)

    def change(self, who: str, which: int, reason: str, act: Callable[[Downtime], Any]) -> None:
        downtime = self.one(which)
        if downtime is None:
            return
        with self.attempt(who, reason, sites=self.sites_of(downtime), right=_DECLARES):
            act(downtime)

    def one(self, which: int) -> Downtime | None:
        pks = list(Downtime.objects.order_by("pk").values_list("pk", flat=True))
        return Downtime.objects.get(pk=pks[which % len(pks)]) if pks else None

    def sites_of(self, downtime: Downtime) -> set[str]:
        return {self.site_of[pk] for pk in downtime.services.values_list("pk", flat=True)}

    def closed_sites(self) -> set[str]:
        return set(Site.objects.filter(certification="Closed").values_list("name", flat=True))


@pytest.mark.django_db
@pytest.mark.timeout(600)
def test_no_walk_of_random_people_leaves_the_rules():
    run_state_machine_as_test(
        Registry,
        settings=settings(
            max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
