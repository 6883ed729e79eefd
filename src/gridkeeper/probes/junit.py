"""Reports of test frameworks as results: JUnit XML, each case a result of the test of its name.

A failure is CRITICAL, an error UNKNOWN (the test itself broke), a skipped case says nothing and is left out.
Source: the schema that Maven Surefire, pytest, Go and Robot Framework agree on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gridkeeper.probes.passive import (
    Observation,
    Parsed,
    PassiveError,
    RecordError,
    TypeOf,
    checked,
    id_of,
    parse_each,
)
from gridkeeper.registry.importers.report import UnreadableSourceError
from gridkeeper.registry.importers.xml_lines import parse_xml


@dataclass(frozen=True, slots=True)
class About:
    """What the report does not say of itself.

    hostname: of the service; empty: what the suite says
    service_type: empty: found by host and test
    prefix: put before the name of a case to make the name of a test
    """

    hostname: str = ""
    service_type: str = ""
    vo: str = ""
    prefix: str = ""


def parse_report(body: bytes, now: datetime, about: About, type_of: TypeOf) -> Parsed:
    """The cases of a report. Raises PassiveError where it is none."""
    try:
        root = parse_xml(body, "the report")
    except UnreadableSourceError as error:
        raise PassiveError(str(error)) from error
    if root.tag not in {"testsuites", "testsuite"}:
        raise PassiveError(f"the report begins with <{root.tag}>; send JUnit XML, <testsuites> or <testsuite>")
    return parse_each(_cases(root), lambda pair: _observation(*pair, about, now, type_of), now)


def _cases(root: Any) -> Iterator[tuple[Any, Any]]:
    """The suite and the element of each case that ran; suites may lie in suites."""
    for case in root.iter("testcase"):
        suite = next(case.iterancestors("testsuite"), None)
        if suite is None:
            raise PassiveError("a <testcase> stands outside of any <testsuite>")
        if case.find("skipped") is None:
            yield suite, case


def _observation(suite: Any, case: Any, about: About, now: datetime, type_of: TypeOf) -> Observation:
    hostname = about.hostname or suite.get("hostname", "")
    metric = f"{about.prefix}{case.get('name', '')}"
    failed, broken = case.find("failure"), case.find("error")
    fault = failed if failed is not None else broken
    status = "OK" if fault is None else "CRITICAL" if failed is not None else "UNKNOWN"
    if not hostname:
        raise RecordError("hostname", "neither the suite nor the address names a host", "add ?hostname= to the address")
    at = _time(suite.get("timestamp", ""), now)
    return checked(
        {
            "id": id_of("junit", hostname, about.service_type, about.vo, metric, at.isoformat(), status),
            "hostname": hostname,
            "service_type": about.service_type or type_of(hostname, metric),
            "metric": metric,
            "vo": about.vo,
            "status": status,
            "executed_at": at,
            "duration_ms": _milliseconds(case.get("time", "")),
            "summary": _summary(fault),
            "output": _output(case, fault),
            "worker": "junit",
        }
    )


def _summary(fault: Any) -> str:
    if fault is None:
        return "passed"
    said = fault.get("message") or (fault.text or "").strip() or fault.get("type") or "failed without a word"
    return str(said).strip().partition("\n")[0]


def _output(case: Any, fault: Any) -> str:
    parts = [_summary(fault), "" if fault is None else (fault.text or "").strip()]
    parts += [(case.findtext(name) or "").strip() for name in ("system-out", "system-err")]
    return "\n".join(filter(None, parts))


def _time(text: str, now: datetime) -> datetime:
    """The suite's time; the schema's has no zone, and means UTC."""
    if not text:
        return now
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise RecordError("executed_at", f"{text[:60]!r} is no ISO 8601 time") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _milliseconds(text: str) -> int:
    try:
        return min(max(int(float(text.replace(",", "") or 0) * 1000), 0), 2**31 - 1)
    except (ValueError, OverflowError) as error:
        raise RecordError("duration_ms", f"{text[:40]!r} is no number of seconds") from error
