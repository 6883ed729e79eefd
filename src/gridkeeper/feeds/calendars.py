"""Downtimes as iCalendar (RFC 5545, RFC 7986): what happens, and the rules of what recurs."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from icalendar import Calendar, Event, Timezone, vRecur

from gridkeeper.feeds.addresses import Origin
from gridkeeper.feeds.answers import writable
from gridkeeper.feeds.calendar_lines import escaped, event, instant, texts
from gridkeeper.feeds.versions import Version
from gridkeeper.registry.models import Downtime, DowntimeRecurrence, DowntimeService, Service
from gridkeeper.registry.recurrence_rules import Recurrence

PRODUCT = "-//gridkeeper//downtimes//EN"
#: How often a reader should look again.
_REFRESH = timedelta(minutes=30)
#: Services named one by one in a description; a downtime of a whole region may have thousands.
_MOST_NAMED = 50


def a_calendar(name: str, description: str, url: str) -> Calendar:
    """An empty calendar that says what it is, in the properties of the RFC and in those that programs read."""
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    for key in ("name", "x-wr-calname"):
        calendar.add(key, writable(name))
    for key in ("description", "x-wr-caldesc"):
        calendar.add(key, writable(description))
    calendar.add("x-wr-timezone", "UTC")
    calendar.add("url", url)
    calendar.add("refresh-interval", _REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT30M")
    return calendar


def events_of(
    downtimes: Mapping[Downtime, Sequence[DowntimeService]],
    versions: Mapping[int, Version],
    origin: Origin,
    *,
    is_per_service: bool,
) -> Iterable[bytes]:
    """One event a downtime, or one for each of its services that the feed is about.

    The event of a downtime ends when the last of these services is back.
    """
    for downtime, affected in downtimes.items():
        parts = [[row] for row in affected] if is_per_service else [affected]
        for part in parts:
            words = (downtime.key, part[0].service.key) if is_per_service else (downtime.key,)
            lines = _lines(downtime, part, versions[downtime.pk], origin)
            lines.append(("UID", origin.uid("downtime", *words)))
            if downtime.follows:
                first = (downtime.follows.key, *words[1:])
                lines.append(("RELATED-TO", origin.uid("downtime", *first)))
            yield event(lines)


def _lines(
    downtime: Downtime, part: Sequence[DowntimeService], version: Version, origin: Origin
) -> list[tuple[str, str]]:
    created = [("CREATED", instant(downtime.declared_at))] if downtime.declared_at else []
    return [
        ("DTSTAMP", instant(version.at)),
        ("LAST-MODIFIED", instant(version.at)),
        *created,
        ("SEQUENCE", str(version.number)),
        ("DTSTART", instant(downtime.start)),
        ("DTEND", instant(_end(downtime, part))),
        ("STATUS", "CANCELLED" if downtime.cancelled_at else "CONFIRMED"),
        ("TRANSP", "OPAQUE"),
        ("SUMMARY", escaped(writable(_summary(downtime, part)))),
        ("DESCRIPTION", escaped(writable(_description(downtime, part)))),
        ("LOCATION", escaped(writable(", ".join(_sites(part))))),
        ("CATEGORIES", texts(writable(word) for word in _categories(downtime, part))),
        ("URL", origin.url(downtime)),
    ]


def _ends_at(downtime: Downtime, row: DowntimeService) -> datetime:
    return downtime.end if row.end is None else row.end


def _end(downtime: Downtime, part: Sequence[DowntimeService]) -> datetime:
    """When the last is back; a service that was back before the start was never out, which no event can say."""
    return max(*(_ends_at(downtime, row) for row in part), downtime.start + timedelta(seconds=1))


def _sites(part: Iterable[DowntimeService]) -> list[str]:
    return list(dict.fromkeys(row.service.site.name for row in part))


def _categories(downtime: Downtime, part: Iterable[DowntimeService]) -> list[str]:
    types = sorted({row.service.service_type.name for row in part})
    return [downtime.severity, downtime.classification, *types]


def _summary(downtime: Downtime, part: Sequence[DowntimeService]) -> str:
    """`Outage: SITE-A (3 CE, 1 SRM)`; a service alone by its host."""
    sites = _sites(part)
    where = ", ".join(sites[:3]) + (f" and {len(sites) - 3} more sites" if len(sites) > 3 else "")
    if len(part) == 1:
        what = f"{part[0].service.service_type.name} {part[0].service.hostname}"
    else:
        counts = Counter(row.service.service_type.name for row in part)
        what = ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
    return f"{downtime.get_severity_display()}: {where} ({what})"


def _description(downtime: Downtime, part: Sequence[DowntimeService]) -> str:
    lines = [_lines_ended(downtime.description), ""]
    if downtime.cancelled_at:
        lines.append(f"Cancelled {downtime.cancelled_at:%Y-%m-%d %H:%M} UTC.")
    if downtime.follows:
        lines.append(f"Continues the downtime of {downtime.follows.start:%Y-%m-%d %H:%M} UTC.")
    lines.append(f"{downtime.get_classification_display()}. Affected:")
    for row in part[:_MOST_NAMED]:
        until = "" if row.end is None else f" until {row.end:%Y-%m-%d %H:%M} UTC"
        lines.append(f"- {row.service.site.name}: {row.service.service_type.name} {row.service.hostname}{until}")
    if len(part) > _MOST_NAMED:
        lines.append(f"- and {len(part) - _MOST_NAMED} more services")
    return "\n".join(lines)


def _lines_ended(text: str) -> str:
    """iCalendar knows one end of a line (RFC 5545, section 3.3.11)."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def rule_events(
    rules: Mapping[DowntimeRecurrence, tuple[Recurrence, Sequence[Service]]],
    cancelled: Mapping[int, Sequence[datetime]],
    versions: Mapping[int, Version],
    origin: Origin,
) -> Iterable[Event]:
    """The rules themselves: RRULE in the zone whose wall clock they keep.

    cancelled: recurrence id -> starts of occurrences that do not take place (EXDATE)
    """
    for rule, (parsed, services) in rules.items():
        zone = parsed.zone
        version = versions[rule.pk]
        event = Event()
        event.add("uid", origin.uid("recurrence", rule.key))
        event.add("dtstamp", version.at.astimezone(UTC))
        event.add("last-modified", version.at.astimezone(UTC))
        event.add("created", rule.declared_at.astimezone(UTC))
        event.add("sequence", version.number)
        event.add("dtstart", rule.first_start.astimezone(zone))
        # Hours, never days: a day across a change of the clock is not 24 hours (RFC 5545, section 3.3.6).
        event["duration"] = _exact(rule.duration_seconds)
        event.add("rrule", _rule(parsed, rule.ended_at))
        for start in cancelled.get(rule.pk, ()):
            event.add("exdate", start.astimezone(zone))
        event.add("summary", writable(f"{rule.get_severity_display()}: {', '.join(_names(services))} (recurring)"))
        event.add("description", writable(_rule_description(rule, services)))
        event.add("categories", [rule.severity, "RECURRING"])
        yield event


def _exact(seconds: int) -> str:
    """A length of real time.

    >>> _exact(86_400), _exact(5_430)
    ('PT24H', 'PT1H30M30S')
    """
    parts = ((seconds // 3600, "H"), (seconds % 3600 // 60, "M"), (seconds % 60, "S"))
    return "PT" + ("".join(f"{number}{unit}" for number, unit in parts if number) or "0S")


def _rule(parsed: Recurrence, ended_at: datetime | None) -> vRecur:
    """The rule with its end as an instant in UTC, which RFC 5545 (3.3.10) demands where the start has a zone.

    A rule that was ended stops at its last occurrence before that; COUNT gives way, for the two exclude each other.
    """
    recur: vRecur = vRecur.from_ical(parsed.text)
    last = None if parsed.until is None else parsed.until.replace(tzinfo=parsed.zone).astimezone(UTC)
    if ended_at is not None:
        first = parsed.first_start.replace(tzinfo=parsed.zone).astimezone(UTC)
        begun = [window.start for window in parsed.windows_before(ended_at)]
        last = max(begun, default=first)
        recur.pop("COUNT", None)
    if last is not None:
        recur["UNTIL"] = [last]
    return recur


def _names(services: Iterable[Service]) -> list[str]:
    return list(dict.fromkeys(service.site.name for service in services))


def _rule_description(rule: DowntimeRecurrence, services: Sequence[Service]) -> str:
    named = [f"- {each.site.name}: {each.service_type.name} {each.hostname}" for each in services[:_MOST_NAMED]]
    more = [f"- and {len(services) - _MOST_NAMED} more services"] if len(services) > _MOST_NAMED else []
    return "\n".join([_lines_ended(rule.description), "", f"By the clock of {rule.timezone}. Affects:", *named, *more])


def zone_of(name: str, first: datetime, last: datetime) -> Timezone:
    """The definition of a zone for readers that know no zones (VTIMEZONE), for that time."""
    return Timezone.from_tzid(name, first_date=first.date(), last_date=last.date())


def as_bytes(calendar: Calendar) -> bytes:
    """The calendar as it goes over the wire."""
    return bytes(calendar.to_ical(sorted=False))


def with_events(calendar: Calendar, events: Iterable[bytes]) -> bytes:
    """The calendar as it goes over the wire, with events that are written already (`events_of`)."""
    end = b"END:VCALENDAR\r\n"
    return b"".join((as_bytes(calendar).removesuffix(end), *events, end))
