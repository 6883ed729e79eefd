"""Downtime files of an OSG topology: severity, times, and services that are gone."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from gridkeeper.registry.importers.archive import SourceFile
from gridkeeper.registry.importers.osg_source import Group, Reader, Resource, text_of
from gridkeeper.registry.importers.records import DowntimeRecord, Records, ServiceRecord, ServiceRef
from gridkeeper.registry.importers.report import Place
from gridkeeper.registry.importers.times import TimeProblemError, parse_osg_time
from gridkeeper.registry.importers.yaml_lines import Fields
from gridkeeper.registry.models import Classification, Severity
from gridkeeper.registry.rules import classify

#: OSG's severities that mean: it does not work. All other words are at most a risk.
OUTAGE_WORDS = ("Outage", "Severe")
#: From this year on an end means "for ever".
_FOR_EVER = 2099
_DESCRIPTION_LIMIT = 4000


class _RejectedError(Exception):
    """This record cannot go in."""

    def __init__(self, field: str, value: Any, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.finding = {"field": field, "value": value, "problem": problem, "remedy": remedy}


@dataclass
class Downtimes:
    """Reads downtime files one by one; `finish` adds the services that only downtimes remember."""

    reader: Reader
    records: Records
    groups: Mapping[str, Group]
    resources: Mapping[str, Resource]
    past: dict[ServiceRef, ServiceRecord] = field(default_factory=dict)
    since: dict[ServiceRef, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.report = self.reader.report
        self.registered = {record.ref: record for record in self.records.services}

    def read(self, path: str, file: SourceFile) -> None:
        self.report.figure("downtime files")
        group = path.rsplit("/", 1)[-1].removesuffix("_downtime.yaml")
        for item in self.reader.sequence(path, file, "downtime"):
            self.report.count("downtime", "read")
            self.report.figure("downtimes")
            if isinstance(item, Fields):
                self._record(path, group, item)
            else:
                self.report.find(
                    "rejected", "downtime", Place(path), repr(item)[:50], "is no mapping of keys to values",
                    "write Class, ID, Severity, StartTime, ...", raw=repr(item),
                )  # fmt: skip

    def _record(self, path: str, group: str, item: Fields) -> None:
        place = Place(path, item.line)
        name = f"downtime {text_of(item.get('ID'))}"
        raw = self.reader.raw(path, item.line, item.end)
        self.report.figure(f"downtimes they call {text_of(item.get('Class')) or 'nothing'}")
        self._count_dirt(item)
        findings_before = len(self.report.findings)
        try:
            record = self._parse(place, name, raw, group, item)
        except _RejectedError as error:
            # A repair of a record that does not go in says nothing.
            del self.report.findings[findings_before:]
            self.report.find("rejected", "downtime", place, name, raw=raw, **error.finding)
            self._remember_key(item)
            return
        self.records.downtimes.append(record)

    def _count_dirt(self, item: Fields) -> None:
        """Sums over all records, also those that are rejected for another reason."""
        types, resource = item.get("Services"), self.resources.get(text_of(item.get("ResourceName")))
        if item.get("CreatedTime") is None:
            self.report.figure("downtimes without CreatedTime")
        if resource is None:
            self.report.figure("downtimes that name a resource that is gone")
        elif isinstance(types, list) and any(word not in resource.data["Services"] for word in map(text_of, types)):
            self.report.figure("downtimes that name a service that is gone")

    def _remember_key(self, item: Fields) -> None:
        """The source still speaks of it, so an earlier import of it must not be taken as vanished."""
        self.report.saw("osg", "downtime", f"osg-{text_of(item.get('ID'))}")

    def _parse(self, place: Place, name: str, raw: str, group: str, item: Fields) -> DowntimeRecord:
        number = text_of(item.get("ID"))
        if not number:
            raise _RejectedError("ID", "", "has no ID", "give it the number that OSG's downtime form makes")
        start, end = self._interval(place, name, item)
        severity = text_of(item.get("Severity"))
        if not severity:
            raise _RejectedError("Severity", "", "has no severity", "write Outage, Severe, ...")
        services = self._services(place, name, group, item, start, end)
        fields = {
            "severity": Severity.OUTAGE if severity in OUTAGE_WORDS else Severity.WARNING,
            "source_severity": severity,
            "description": self._description(place, name, item),
            "start": start,
            "end": end,
            **self._classification(place, name, item, start),
        }
        return DowntimeRecord(
            place=place, name=name, key=f"osg-{number}", raw=raw, services=tuple(services), fields=fields
        )

    def _interval(self, place: Place, name: str, item: Fields) -> tuple[datetime, datetime]:
        start = self._time(place, name, item, "StartTime")
        end = self._time(place, name, item, "EndTime")
        if end <= start:
            raise _RejectedError(
                "EndTime", item.get("EndTime"), "ends at or before its start", "correct StartTime or EndTime"
            )
        if end.year >= _FOR_EVER:
            self.report.find(
                "note", "downtime", Place(place.file, item.line_of("EndTime")), name,
                "lasts for ever; kept so", "close the service if it is gone", field="EndTime", value=item["EndTime"],
            )  # fmt: skip
        return start, end

    def _time(self, place: Place, name: str, item: Fields, key: str) -> datetime:
        text = text_of(item.get(key))
        if not text:
            raise _RejectedError(key, "", f"has no {key}", f"write {key}: Jun 5, 2016 12:00 +0000")
        try:
            moment, zone = parse_osg_time(text)
        except TimeProblemError as error:
            raise _RejectedError(key, text, f"{key} {error}", "write it like Jun 5, 2016 12:00 +0000") from error
        if zone:
            self.report.find(
                "repaired", "downtime", Place(place.file, item.line_of(key)), name,
                "has a zone name in place of a numeric offset; read as usual in the USA",
                "write the offset, like -0500", field=key, value=text,
            )  # fmt: skip
        return moment

    def _classification(self, place: Place, name: str, item: Fields, start: datetime) -> dict[str, Any]:
        theirs = text_of(item.get("Class"))
        if item.get("CreatedTime") is not None:
            declared_at = self._time(place, name, item, "CreatedTime")
            ours = classify(declared_at, start)
            if theirs == Classification.SCHEDULED and ours != theirs:
                self.report.figure("they call SCHEDULED, declared less than 24 h ahead")
            return {"declared_at": declared_at, "classification": ours, "source_classification": theirs}
        if theirs not in Classification.values:
            raise _RejectedError(
                "Class", theirs, "has neither CreatedTime nor a Class that we know", "write SCHEDULED or UNSCHEDULED"
            )
        self.report.find(
            "repaired", "downtime", place, name, "has no CreatedTime; the source's own Class was taken",
            "nothing to do, unless you know when it was declared", field="CreatedTime", value=theirs,
        )  # fmt: skip
        return {"declared_at": None, "classification": Classification(theirs), "source_classification": theirs}

    def _description(self, place: Place, name: str, item: Fields) -> str:
        text = text_of(item.get("Description")) or "(no description)"
        if len(text) <= _DESCRIPTION_LIMIT:
            return text
        self.report.find(
            "repaired", "downtime", place, name, f"the description was cut to {_DESCRIPTION_LIMIT} characters",
            "shorten it", field="Description", raw=text,
        )  # fmt: skip
        return text[:_DESCRIPTION_LIMIT]

    def _services(
        self, place: Place, name: str, group: str, item: Fields, start: datetime, end: datetime
    ) -> list[ServiceRef]:
        types = item.get("Services")
        words = [text_of(word) for word in types] if isinstance(types, list) else []
        if not all(words) or not words:
            raise _RejectedError("Services", types, "names no service", "list the services that it affects")
        resource_name = text_of(item.get("ResourceName"))
        resource = self.resources.get(resource_name)
        if resource is None and group not in self.groups:
            raise _RejectedError(
                "ResourceName", resource_name, "neither the resource nor its resource group exists any more",
                "put the resource group back, with Disable: true",
            )  # fmt: skip
        gone = [word for word in words if resource is None or word not in resource.data["Services"]]
        if gone:
            self._note_gone(place, name, item, resource, gone)
        refs = [self._ref(place, resource, resource_name, group, word, start, end) for word in words]
        return list(dict.fromkeys(refs))

    def _note_gone(self, place: Place, name: str, item: Fields, resource: Resource | None, gone: list[str]) -> None:
        key, value, problem = "Services", ", ".join(gone), "names a service that its resource no longer has"
        if resource is None:
            key, value, problem = "ResourceName", text_of(item.get("ResourceName")), "names a resource that is gone"
        self.report.find(
            "repaired", "downtime", Place(place.file, item.line_of(key)), name,
            f"{problem}; kept with a closed service", "nothing to do: history outlives the topology",
            field=key, value=value,
        )  # fmt: skip

    def _ref(
        self,
        place: Place,
        resource: Resource | None,
        resource_name: str,
        group: str,
        word: str,
        start: datetime,
        end: datetime,
    ) -> ServiceRef:
        """The service meant: the resource's own, one of that type on its host, or one that we remember as closed."""
        if resource is not None and word in resource.services:
            ref = resource.services[word]
            self.since[ref] = min(start, self.since.get(ref, start))
            return ref
        host = resource.fqdn if resource is not None and resource.fqdn else resource_name
        site = resource.group if resource is not None else group
        current = self.registered.get(ServiceRef(word, host, site))
        if current is not None:
            return ServiceRef(word, host)
        return self._remember(place, ServiceRef(word, host, site), resource_name, start, end)

    def _remember(self, place: Place, ref: ServiceRef, resource: str, start: datetime, end: datetime) -> ServiceRef:
        known = self.past.get(ref)
        if known is None:
            fields = {"in_production": False, "is_monitored": False, "properties": {"resource": resource}}
            name = f"{resource} {ref.service_type}"
            self.past[ref] = ServiceRecord(place=place, name=name, ref=ref, fields=fields, since=start, until=end)
            return ref
        since, until = min(start, known.since or start), max(end, known.until or end)
        self.past[ref] = replace(known, since=since, until=until)
        return ref

    def finish(self) -> None:
        """Past services become records, and a service is at least as old as the first downtime that names it."""
        self.records.past_services.extend(self.past.values())
        self.records.services[:] = [
            replace(record, since=self.since.get(ServiceRef(record.ref.service_type, record.ref.hostname)))
            for record in self.records.services
        ]
        begins: dict[str, datetime] = {}
        for record in (*self.records.services, *self.records.past_services):
            if record.since:
                begins[record.ref.site] = min(record.since, begins.get(record.ref.site, record.since))
        self.records.sites[:] = [replace(site, since=begins.get(site.name)) for site in self.records.sites]
