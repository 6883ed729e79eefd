"""What changed, newest first, from the audit records and the log of certification: the entries of the Atom feed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Model, OuterRef, Q, QuerySet, Subquery

from gridkeeper.feeds.filters import Choice, services_chosen, sites_in_feed
from gridkeeper.people.actor import Actor
from gridkeeper.registry.models import CertificationChange, Downtime, DowntimeService, Endpoint, Service, Site
from gridkeeper.registry.trail import is_personal

KINDS = ("downtime", "certification", "topology")
#: Entries of a feed at most; readers look more often than that many changes happen.
MOST = 200
_HIDDEN = "(hidden)"
#: What no reader wants to be told of.
_SILENT = frozenset({"certification", "certification_since", "declared_at", "last_used_at"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One change.

    words: what names it for ever; at: UTC; author: "" where the reader may not know, or it was nobody
    """

    words: tuple[object, ...]
    kind: str
    at: datetime
    title: str
    text: str
    author: str
    path: str


class _Source(NamedTuple):
    """A model whose audit records make entries.

    condition: which records; what: the word for the object; name: the object's name, of a record
    """

    model: type[Model]
    condition: Q
    what: str
    name: Callable[[Any], str]
    path: Callable[[Any], str]


def changes(choice: Choice, kinds: Iterable[str], reader: Actor, moment: datetime) -> list[Entry]:
    """The newest changes up to the instant, of what the choice names, newest first; `MOST` at most."""
    found: list[Entry] = []
    if "certification" in kinds:
        found += _certifications(choice, reader, moment)
    if "downtime" in kinds:
        found += _downtimes(choice, reader, moment)
    if "topology" in kinds:
        for source in _topology(choice, moment):
            found += _entries(source, "topology", choice, reader, moment)
    return sorted(found, key=lambda entry: (entry.at, str(entry.words)), reverse=True)[:MOST]


def _is_known(reader: Actor) -> bool:
    return reader.user is not None or reader.is_system


def _certifications(choice: Choice, reader: Actor, moment: datetime) -> Iterable[Entry]:
    rows = CertificationChange.objects.filter(changed_at__gte=choice.start, changed_at__lt=choice.end)
    rows = rows.filter(changed_at__lte=moment).select_related("site")
    if not choice.is_of_everything():
        rows = rows.filter(site__in=sites_in_feed(choice, moment).order_by().values("pk"))
    for row in rows.order_by("-changed_at")[:MOST]:
        yield Entry(
            words=("certification", row.site.key, row.changed_at.isoformat(), row.new),
            kind="certification",
            at=row.changed_at,
            title=f"{row.site.name}: {row.old or 'new'} → {row.new}",
            text=row.reason,
            author=row.changed_by if _is_known(reader) else "",
            path=row.site.get_absolute_url(),
        )


def _topology(choice: Choice, moment: datetime) -> list[_Source]:
    """Sites, services, endpoints; where the choice names something, only what belongs to it."""
    if choice.is_of_everything():
        sites = services = endpoints = Q()
    else:
        chosen = services_chosen(choice, moment).order_by().values("pk")
        sites = Q(id__in=sites_in_feed(choice, moment).order_by().values("pk"))
        services, endpoints = Q(id__in=chosen), Q(service__in=chosen)
    return [
        _Source(Site, sites, "Site", lambda row: row.name, lambda row: row.instance.get_absolute_url()),
        _Source(Service, services, "Service", lambda row: row.hostname, lambda row: row.instance.get_absolute_url()),
        _Source(Endpoint, endpoints, "Endpoint", lambda row: row.name, lambda row: f"/services/{_key_of(row)}/"),
    ]


def _key_of(row: Any) -> str:
    return str(Service.objects.filter(pk=row.service_id).values_list("key", flat=True).first() or row.service_id)


def _downtimes(choice: Choice, reader: Actor, moment: datetime) -> Iterable[Entry]:
    condition = Q()
    if not choice.is_of_everything() or choice.severities:
        # Whose downtime it is does not depend on when it takes place: the feed's interval is that of the changes.
        affected = DowntimeService.objects.all()
        if not choice.is_of_everything():
            affected = affected.filter(service__in=services_chosen(choice, moment).order_by().values("pk"))
        condition = Q(id__in=affected.values("downtime"))
    if choice.severities:
        condition &= Q(severity__in=choice.severities)
    source = _Source(Downtime, condition, "Downtime", _downtime_name, lambda row: row.instance.get_absolute_url())
    entries = list(_entries(source, "downtime", choice, reader, moment))
    names = _affected_names({int(str(entry.words[2])) for entry in entries})
    for entry in entries:
        where = names.get(int(str(entry.words[2])), "")
        yield _with_place(entry, where)


def _downtime_name(row: Any) -> str:
    return f"{row.severity} {row.start:%Y-%m-%d %H:%M} to {row.end:%Y-%m-%d %H:%M} UTC"


def _affected_names(downtimes: set[int]) -> dict[int, str]:
    """Downtime id -> the sites and services it affects, in words."""
    rows = DowntimeService.objects.filter(downtime__in=downtimes).select_related(
        "service__site", "service__service_type"
    )
    found: dict[int, list[str]] = {}
    for row in rows.order_by("downtime", "service__site__name", "service__hostname"):
        service = row.service
        found.setdefault(row.downtime_id, []).append(
            f"{service.site.name} {service.service_type.name} {service.hostname}"
        )
    return {
        key: ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        for key, names in found.items()
    }


def _with_place(entry: Entry, where: str) -> Entry:
    title = f"{entry.title}: {where}" if where else entry.title
    return Entry(entry.words, entry.kind, entry.at, title, entry.text, entry.author, entry.path)


def _entries(source: _Source, kind: str, choice: Choice, reader: Actor, moment: datetime) -> Iterable[Entry]:
    records: QuerySet[Any] = source.model.history.model.objects  # type: ignore[attr-defined]
    before = records.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).order_by("-history_id")
    rows = list(
        records.filter(source.condition, history_date__gte=choice.start, history_date__lt=choice.end)
        .filter(history_date__lte=moment)
        .annotate(before_id=Subquery(before.values("history_id")[:1]))
        .order_by("-history_id")[:MOST]
    )
    older = records.in_bulk([row.before_id for row in rows if row.before_id], field_name="history_id")
    for row in rows:
        entry = _entry(source, kind, row, older.get(row.before_id), reader)
        if entry is not None:
            yield entry


def _entry(source: _Source, kind: str, row: Any, old: Any, reader: Actor) -> Entry | None:
    lines = [] if old is None else _differences(row, old, is_known=_is_known(reader))
    verb = _verb(row, old)
    if verb == "changed" and not lines:
        return None  # another kind of entry says it: certification has its own log
    if row.history_change_reason:
        lines = [f"Why: {row.history_change_reason}", *lines]
    description = getattr(row, "description", "")
    if verb in {"declared", "added"} and description:
        lines = [description, *lines]
    return Entry(
        words=(kind, row.key, row.id, row.history_id),
        kind=kind,
        at=row.history_date,
        title=f"{source.what} {verb}: {source.name(row)}",
        text="\n".join(lines),
        author=row.history_actor if _is_known(reader) else "",
        path=source.path(row),
    )


def _verb(row: Any, old: Any) -> str:
    is_downtime = hasattr(row, "cancelled_at")
    if row.history_type == "+":
        return "declared" if is_downtime else "added"
    if row.history_type == "-":
        return "removed"
    if is_downtime and row.cancelled_at and not (old and old.cancelled_at):
        return "cancelled"
    if getattr(row, "valid_until", None) and not (old and old.valid_until):
        return "closed"
    if is_downtime and old and row.end < old.end and row.start == old.start:
        return "shortened"
    return "changed"


def _differences(row: Any, old: Any, *, is_known: bool) -> list[str]:
    """`field: old → new` of what differs; personal data only for readers who are signed in."""
    lines = []
    for field in row.tracked_fields:
        before, after = getattr(old, field.attname), getattr(row, field.attname)
        if before == after or field.name in _SILENT:
            continue
        if is_personal(field.name) and not is_known:
            before = after = _HIDDEN
        lines.append(f"{field.verbose_name}: {_text(before)} → {_text(after)}")
    return lines


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, list | dict):
        return ", ".join(f"{key}={value[key]}" if isinstance(value, dict) else str(key) for key in value)
    return "nothing" if value in (None, "") else str(value)


def newest(entries: Iterable[Entry]) -> datetime | None:
    """When the newest of them happened."""
    return max((entry.at for entry in entries), default=None)
