"""Sites, services, endpoints and downtimes from CSV: a header names the columns, each row is one object.

What a header does not name stays as it is. A row that cannot be read is rejected with its line and each field at fault;
the other rows go in. The columns are in `KINDS`; `template` writes a file to begin with.
"""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from gridkeeper.registry.importers.gocdb_fields import FLAGS
from gridkeeper.registry.importers.records import (
    DowntimeRecord,
    Records,
    ServiceEndpointRecord,
    ServiceRecord,
    ServiceRef,
    SiteRecord,
)
from gridkeeper.registry.importers.report import Place, Report, UnreadableSourceError
from gridkeeper.registry.models import Certification, Infrastructure, Severity
from gridkeeper.registry.rules import classify

FILE_LIMIT_BYTES = 64 * 1024 * 1024
#: Columns of this form are properties; together they are all properties of the object.
_PROPERTY = "property:"
_DELIMITERS = ",;\t"
_SHOWN = 200


class _CellError(ValueError):
    """The cell cannot be read; the message says what is expected."""


def _text(cell: str) -> str:
    if "\x00" in cell:
        raise _CellError("holds a NUL character; remove it")
    return cell.strip()


def _flag(cell: str) -> bool:
    known = FLAGS.get(cell.strip().lower())
    if known is None:
        raise _CellError("is neither yes nor no; write Y or N")
    return known


def _degrees(limit: int) -> Callable[[str], float]:
    def parse(cell: str) -> float:
        if not re.fullmatch(r"[-+]?[0-9]{1,3}(\.[0-9]{0,20})?", cell.strip()) or abs(float(cell)) > limit:
            raise _CellError(f"is no number between -{limit} and {limit} degrees")
        return float(cell)

    return parse


def _one_of(values: list[str]) -> Callable[[str], str]:
    known = {value.lower(): value for value in values}

    def parse(cell: str) -> str:
        if cell.strip().lower() not in known:
            raise _CellError(f"is none of {', '.join(values)}")
        return known[cell.strip().lower()]

    return parse


def _zone(cell: str) -> str:
    if cell.strip() not in available_timezones():
        raise _CellError("is no IANA time zone; write one like Europe/Rome")
    return cell.strip()


def _country(cell: str) -> str:
    if not re.fullmatch("[A-Za-z]{2}", cell.strip()):
        raise _CellError("is no ISO 3166 code of two letters")
    return cell.strip().upper()


def _words(cell: str) -> list[str]:
    return list(dict.fromkeys(word for part in _text(cell).split(";") if (word := part.strip())))


def _moment(cell: str) -> datetime:
    """ISO 8601; UTC unless it says otherwise."""
    try:
        moment = datetime.fromisoformat(cell.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _CellError("is no time; write 2026-03-14 08:00 (UTC) or 2026-03-14T09:00+01:00") from error


def _services(cell: str) -> list[ServiceRef]:
    refs = []
    for part in _words(cell):
        service_type, _, hostname = part.rpartition(" ")
        if not service_type:
            raise _CellError("write TYPE HOST, and `;` between services: CE ce.example.org; SE se.example.org")
        refs.append(ServiceRef(service_type.strip(), hostname))
    return refs


Parser = Callable[[str], Any]


def _texts(*names: str) -> dict[str, Parser]:
    return dict.fromkeys(names, _text)


@dataclass(frozen=True)
class Kind:
    """What a row of one kind of file is. needed: columns that every row fills; example: a row of the template."""

    needed: tuple[str, ...]
    columns: Mapping[str, Parser]
    example: Mapping[str, str]
    has_properties: bool = True


KINDS: dict[str, Kind] = {
    "sites": Kind(
        ("name", "region"),
        _texts(
            "name", "region", "key", "official_name", "description", "organisation", "home_url", "contact_email",
            "contact_tel", "alarm_email", "csirt_email", "csirt_tel", "emergency_tel", "emergency_email",
            "helpdesk_email", "giis_url", "tier", "subgrid",
        )
        | {"country_code": _country}
        | _texts("country", "location")
        | {"timezone": _zone, "latitude": _degrees(90), "longitude": _degrees(180)}
        | _texts("domain", "ip_range", "ipv6_range")
        | {
            "infrastructure": _one_of(Infrastructure.values), "certification": _one_of(Certification.values),
            "notifications": _flag, "scopes": _words,
        },
        {
            "name": "EXAMPLE-SITE", "region": "NGI_CH", "contact_email": "grid@example.org", "country_code": "CH",
            "country": "Switzerland", "timezone": "Europe/Zurich", "latitude": "47.37", "longitude": "8.54",
            "infrastructure": "Production", "certification": "Candidate", "notifications": "Y", "scopes": "EGI;wlcg",
        },
    ),
    "services": Kind(
        ("site", "service_type", "hostname"),
        _texts(
            "site", "service_type", "hostname", "key", "url", "host_dn", "host_ip", "host_ipv6", "operating_system",
            "architecture", "description", "email",
        )
        | {
            "is_beta": _flag, "in_production": _flag, "is_monitored": _flag, "notifications": _flag, "scopes": _words,
        },
        {
            "site": "EXAMPLE-SITE", "service_type": "CE", "hostname": "ce.example.org",
            "url": "https://ce.example.org:8443", "in_production": "Y", "is_monitored": "Y", "scopes": "EGI",
        },
    ),
    "endpoints": Kind(
        ("service_type", "hostname", "name"),
        _texts("service_type", "hostname", "name", "key", "url", "interface_name", "description", "email")
        | {"is_monitored": _flag},
        {
            "service_type": "CE", "hostname": "ce.example.org", "name": "submission",
            "url": "https://ce.example.org:8443/submit", "interface_name": "rest", "is_monitored": "Y",
        },
    ),
    "downtimes": Kind(
        ("services", "severity", "start", "end", "description"),
        {
            "services": _services, "severity": _one_of(Severity.values), "start": _moment, "end": _moment,
            "description": _text, "declared_at": _moment, "key": _text,
        },
        {
            "services": "CE ce.example.org; SE se.example.org", "severity": "OUTAGE", "start": "2026-03-14 08:00",
            "end": "2026-03-14T12:00+01:00", "description": "New disks",
        },
        has_properties=False,
    ),
}  # fmt: skip


def template(kind: str) -> str:
    """A file with every column and one row, to begin with."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [*KINDS[kind].columns], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerow(dict(KINDS[kind].example))
    return stream.getvalue()


def parse_csv(path: Path, kind: str, report: Report, now: datetime) -> Records:
    """The rows as records. Raises UnreadableSourceError where the file as a whole cannot be read."""
    reader = _Rows(path, KINDS[kind])
    records = Records(makes_parents=False)
    for line, cells, problem in reader:
        report.count(_KIND_WORDS[kind], "read")
        values, faults = _parsed(KINDS[kind], cells)
        if problem:
            faults = [("", "", problem)]
        for name, cell, text in faults:
            report.find(
                "rejected", _KIND_WORDS[kind], Place(path.name, line), _name(cells), text, "correct the field",
                field=name, value=cell, raw=repr(cells),
            )  # fmt: skip
        if not faults:
            _MAKERS[kind](records, Place(path.name, line), values, now)
    return records


_KIND_WORDS = {"sites": "site", "services": "service", "endpoints": "endpoint", "downtimes": "downtime"}


def _name(cells: Mapping[str, str]) -> str:
    names = [cells[name] for name in ("service_type", "hostname", "name", "services", "key") if cells.get(name)]
    return " ".join(names)[:_SHOWN] or "row"


def _parsed(kind: Kind, cells: Mapping[str, str]) -> tuple[dict[str, Any], list[tuple[str, str, str]]]:
    """Values of the cells that say something, and what is wrong: field, cell, problem."""
    values: dict[str, Any] = {}
    faults = [(name, "", "is empty, and every row needs it") for name in kind.needed if not cells.get(name, "").strip()]
    for name, cell in cells.items():
        parse = kind.columns.get(name, _text)
        if not cell.strip():
            # An empty text is a text; an empty flag, number or time says nothing.
            if parse is _text and not name.startswith(_PROPERTY):
                values[name] = ""
            continue
        try:
            values[name] = parse(cell)
        except _CellError as error:
            faults.append((name, cell, str(error)))
    if not faults and "start" in values and values["end"] <= values["start"]:
        faults.append(("end", cells["end"], "ends at or before its start"))
    return values, faults


class _Rows:
    """Line, cells by column, and what is wrong with the row as a whole ("" : nothing)."""

    def __init__(self, path: Path, kind: Kind) -> None:
        self._kind = kind
        self._name = path.name
        text = _read(path)
        first = text.partition("\n")[0]
        delimiter = max(_DELIMITERS, key=first.count)
        self._reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        self._header = self._read_header()

    def _read_header(self) -> list[str]:
        try:
            header = [name.strip() for name in next(self._reader)]
        except (StopIteration, csv.Error) as error:
            raise UnreadableSourceError(
                f"{self._name}:1: has no header; see `gridkeeper import csv --template`"
            ) from error
        known = set(self._kind.columns)
        unknown = [
            name for name in header
            if name not in known and not (self._kind.has_properties and name.removeprefix(_PROPERTY) not in ("", name))
        ]  # fmt: skip
        missing = [name for name in self._kind.needed if name not in header]
        repeated = sorted({name for name in header if header.count(name) > 1})
        for names, problem in ((unknown, "unknown"), (missing, "missing"), (repeated, "repeated")):
            if names:
                raise UnreadableSourceError(
                    f"{self._name}:1: {problem} columns: {', '.join(names):.300}; known are {', '.join(sorted(known))}"
                    + (", property:KEY" if self._kind.has_properties else "")
                )
        return header

    def __iter__(self) -> Iterator[tuple[int, dict[str, str], str]]:
        while True:
            line = self._reader.line_num + 1
            try:
                row = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield line, {}, f"is no row of CSV: {error}"
                continue
            if not any(cell.strip() for cell in row):
                continue
            cells = dict(zip(self._header, row, strict=False))
            is_whole = len(row) == len(self._header)
            yield line, cells, "" if is_whole else f"has {len(row)} cells, the header {len(self._header)}"


def _read(path: Path) -> str:
    try:
        if not path.is_file():
            raise UnreadableSourceError(f"{path}: there is no such file; check the path")
        if path.stat().st_size > FILE_LIMIT_BYTES:
            raise UnreadableSourceError(f"{path}: is bigger than {FILE_LIMIT_BYTES >> 20} MiB; split it")
        content = path.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise UnreadableSourceError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UnreadableSourceError(f"{path}:{line}: is not UTF-8; save it as `CSV UTF-8`") from error


def _split(values: dict[str, Any], *names: str) -> tuple[dict[str, Any], list[Any]]:
    """Columns of the model, and the named values apart."""
    fields = {name: value for name, value in values.items() if name not in names and not name.startswith(_PROPERTY)}
    properties = {name.removeprefix(_PROPERTY): value for name, value in values.items() if name.startswith(_PROPERTY)}
    if properties:
        fields["properties"] = properties
    return fields, [values.get(name) for name in names]


def _site(records: Records, place: Place, values: dict[str, Any], now: datetime) -> None:
    fields, (name, region, key, certification) = _split(values, "name", "region", "key", "certification")
    # Certification is changed by people who may, with a reason; a file says it for a new site only.
    initial = {"certification": certification, "certification_since": now} if certification else {}
    records.sites.append(
        SiteRecord(
            place=place, name=name, key=key or None, raw=repr(values), ngi=region, initial=initial, fields=fields
        )
    )


def _service(records: Records, place: Place, values: dict[str, Any], now: datetime) -> None:
    fields, (site, service_type, host, key) = _split(values, "site", "service_type", "hostname", "key")
    ref = ServiceRef(service_type, host, site)
    records.services.append(
        ServiceRecord(
            place=place, name=str(ref), key=key or None, raw=repr(values), ref=ref, fields=fields, is_partial=True
        )
    )


def _endpoint(records: Records, place: Place, values: dict[str, Any], now: datetime) -> None:
    fields, (service_type, host, name, key) = _split(values, "service_type", "hostname", "name", "key")
    records.endpoints.append(
        ServiceEndpointRecord(
            place=place, name=name, key=key or None, raw=repr(values), fields=fields,
            service=ServiceRef(service_type, host),
        )
    )  # fmt: skip


def _downtime(records: Records, place: Place, values: dict[str, Any], now: datetime) -> None:
    """Without a key of its own, the same row is the same downtime, however often the file is imported."""
    fields, (services, key, declared_at) = _split(values, "services", "key", "declared_at")
    words = "|".join([*map(str, sorted(services)), fields["start"].isoformat(), fields["severity"]])
    key = key or f"csv-{hashlib.sha256(words.encode()).hexdigest()[:20]}"
    if declared_at is not None:
        fields |= {"declared_at": declared_at, "classification": classify(declared_at, fields["start"])}
    initial = {} if declared_at else {"declared_at": now, "classification": classify(now, fields["start"])}
    records.downtimes.append(
        DowntimeRecord(
            place=place, name=f"downtime {key}", key=key, raw=repr(values), services=tuple(services), fields=fields,
            initial=initial,
        )
    )  # fmt: skip


_MAKERS: dict[str, Callable[[Records, Place, dict[str, Any], datetime], None]] = {
    "sites": _site, "services": _service, "endpoints": _endpoint, "downtimes": _downtime,
}  # fmt: skip
