"""What an earlier import of the same source brought and this one no longer has: closed, never deleted."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gridkeeper.registry.downtime_rows import details_of
from gridkeeper.registry.events import tell
from gridkeeper.registry.importers.apply_people import end_roles
from gridkeeper.registry.importers.report import Place
from gridkeeper.registry.importers.upsert import Run, close
from gridkeeper.registry.models import (
    Downtime,
    Endpoint,
    ImportRun,
    Ngi,
    Service,
    ServiceGroup,
    ServiceGroupMember,
    Site,
)
from gridkeeper.registry.signals import topology_changed

#: Floors above close what hangs on services there.
_with_services: list[Callable[[Run, list[Service]], None]] = []


def on_services_closed(listener: Callable[[Run, list[Service]], None]) -> None:
    """Adds what a floor above does when services are closed; called in its AppConfig.ready."""
    if listener not in _with_services:
        _with_services.append(listener)


def close_vanished(run: Run, origins: list[str], *, kinds: set[str] | None = None) -> None:
    """Closes the rows of `origins` that the last import saw and this one did not. `kinds`: only these."""
    run.origins = origins
    last = {origin: _last_seen(run, origin) for origin in origins}
    gone = {kind: _gone(run, kind, last) for kind in _CLOSERS if kinds is None or kind in kinds}
    before = {kind: len({key for seen in last.values() for key in seen.get(kind, ())}) for kind in gone}
    run.policy.check_closing(run, {kind: len(keys) for kind, keys in gone.items()}, before)
    for kind, keys in gone.items():
        if keys:
            _CLOSERS[kind](run, kind, sorted(keys))


def _gone(run: Run, kind: str, last: Mapping[str, Mapping[str, Sequence[str]]]) -> set[str]:
    """The keys that the last import saw and this one did not."""
    gone: set[str] = set()
    now_seen = {key for seen in run.report.seen.values() for key in seen.get(kind, ())}
    for origin, seen in last.items():
        before = seen.get(kind, [])
        if before and not run.report.seen.get(origin, {}).get(kind):
            run.report.find(
                "note", kind, Place(origin), kind,
                f"held {len(before)} records at the last import and none now; nothing was closed",
                "if that is true, close them by hand", value=len(before),
            )  # fmt: skip
            # What is doubtful stays known, so that the next import can still close it.
            for key in before:
                run.report.saw(origin, kind, key)
            continue
        run.vanished |= {(kind, key): origin for key in set(before) - now_seen}
        gone |= set(before) - now_seen
    return gone


def _last_seen(run: Run, origin: str) -> Mapping[str, Sequence[str]]:
    if run.last_seen is not None:
        return run.last_seen.get(origin, {})
    runs = ImportRun.objects.filter(source=run.report.source, report__federation=run.federation.name)
    for report in runs.order_by("-started_at", "-pk").values_list("report", flat=True)[:100]:
        seen = report.get("seen", {})
        if origin in seen:
            return dict(seen[origin])
    return {}


def _note(run: Run, kind: str, row: Any, problem: str, remedy: str) -> None:
    run.report.find("note", kind, Place(run.report.origin), str(row), problem, remedy, value=row.key)


def _close_downtimes(run: Run, kind: str, keys: list[str]) -> None:
    """A downtime that has started is history; one that has not is cancelled, which others can read."""
    for downtime in Downtime.objects.filter(key__in=keys, cancelled_at=None):
        if downtime.start <= run.now:
            _note(run, kind, downtime, "vanished from the source after it had started; kept", "nothing to do")
            continue
        if not run.policy.may_close(run, kind, [downtime]):
            continue
        downtime.cancelled_at = run.now
        downtime.save(update_fields=["cancelled_at"])
        if run.policy.is_news:
            tell("downtime.cancelled", downtime, run.actor, run.now, **details_of(downtime))
        run.report.count(kind, "closed")
        _note(run, kind, downtime, "vanished from the source before it started; cancelled", "nothing to do")


def _close_services(run: Run, kind: str, keys: list[str]) -> None:
    found = Service.objects.current().filter(key__in=keys).select_related("service_type", "site")
    rows = run.policy.may_close(run, kind, list(found))
    for listener in _with_services:
        listener(run, rows)
    close(run, "endpoint", list(Endpoint.objects.current().filter(service__in=rows)))
    close(run, "group member", list(ServiceGroupMember.objects.current().filter(service__in=rows)))
    _close(run, kind, rows)
    for row in rows:
        topology_changed.send(sender=Service, since=run.now, closed_service=row)


def _close(run: Run, kind: str, rows: list[Any]) -> None:
    rows = run.policy.may_close(run, kind, rows)
    for row in rows:
        _note(run, kind, row, "vanished from the source; closed", "nothing to do; its history stays")
    close(run, kind, rows)


def _close_parents(model: type[Site] | type[Ngi], children: str) -> Callable[[Run, str, list[str]], None]:
    def closer(run: Run, kind: str, keys: list[str]) -> None:
        rows: list[Any] = list(model.objects.current().filter(key__in=keys))
        busy = [row for row in rows if getattr(row, children).current().exists()]
        for row in busy:
            _note(
                run, kind, row, f"vanished from the source but still has {children}; kept open", f"close its {children}"
            )
            # Known still, so that it is closed as soon as it is empty.
            run.stays(kind, row.key)
        _close(run, kind, [row for row in rows if row not in busy])

    return closer


def _close_groups(run: Run, kind: str, keys: list[str]) -> None:
    rows = run.policy.may_close(run, kind, list(ServiceGroup.objects.current().filter(key__in=keys)))
    close(run, "group member", list(ServiceGroupMember.objects.current().filter(group__in=rows)))
    _close(run, kind, rows)


_CLOSERS: dict[str, Callable[[Run, str, list[str]], None]] = {
    "downtime": _close_downtimes,
    "service group": _close_groups,
    "role": end_roles,
    "service": _close_services,
    "site": _close_parents(Site, "services"),
    "region": _close_parents(Ngi, "sites"),
}


def close_with(kind: str, closer: Callable[[Run, str, list[str]], None]) -> None:
    """A floor above says how its kind is closed."""
    _CLOSERS[kind] = closer
