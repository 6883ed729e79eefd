"""What people are told, in words: a title, a text and the address of the page."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from gridkeeper.registry.models import Downtime, RoleGrant, RoleRequest

_MOST_SERVICES = 30


@dataclass(frozen=True, slots=True)
class Words:
    """path: of the page about it, from / on; thread: what notices of the same object share."""

    title: str
    text: str
    path: str
    thread: str


def words_of(kind: str, subject: Model, actor: str, detail: dict[str, Any]) -> Words:
    """The words for one event. actor: who did it; "" for what happened by itself."""
    if isinstance(subject, Downtime):
        return _of_downtime(kind, subject, actor, detail)
    if isinstance(subject, RoleGrant | RoleRequest):
        return _of_role(kind, subject, actor, detail)
    lines = [f"{name}: {value}" for name, value in detail.items()]
    title = f"{subject}: {_verb(kind)}"
    if kind == "certification.changed":
        title = f"{subject} is {detail.get('new', '?')} now"
    path = subject.get_absolute_url() if hasattr(subject, "get_absolute_url") else "/"
    return Words(title[:300], "\n".join([*lines, _by(actor)]).strip(), path, _thread(subject))


_VERBS = {
    "downtime.declared": "declared",
    "downtime.changed": "changed",
    "downtime.soon": "begins soon",
    "downtime.begun": "has begun",
    "downtime.ended": "has ended",
    "downtime.cancelled": "cancelled",
}


def _verb(kind: str) -> str:
    return _VERBS.get(kind, kind.partition(".")[2].replace("_", " "))


def _by(actor: str) -> str:
    return f"By {actor}." if actor else ""


def _thread(subject: Any) -> str:
    return f"{subject._meta.model_name}-{getattr(subject, 'key', subject.pk)}"


def _of_downtime(kind: str, downtime: Downtime, actor: str, detail: dict[str, Any]) -> Words:
    affected = list(downtime.affected.select_related("service__site", "service__service_type"))
    sites = sorted({each.service.site.name for each in affected})
    services = sorted(f"{each.service} ({each.service.site.name})" for each in affected)
    more = [f"... and {len(services) - _MOST_SERVICES} more"] if len(services) > _MOST_SERVICES else []
    where = ", ".join(sites[:3]) + (f" and {len(sites) - 3} more" if len(sites) > 3 else "")
    title = (
        f"{downtime.get_severity_display()} of {where} {_verb(kind)}: {_utc(downtime.start)} to {_utc(downtime.end)}"
    )
    reason = [f"Reason: {detail['reason']}"] if detail.get("reason") else []
    lines = [
        downtime.description, "", *reason,
        f"From:   {_utc(downtime.start)} UTC", f"To:     {_utc(downtime.end)} UTC",
        f"Kind:   {downtime.get_severity_display()}, {downtime.get_classification_display().lower()}", "",
        "Services:", *services[:_MOST_SERVICES], *more, "", _by(actor),
    ]  # fmt: skip
    return Words(title[:300], "\n".join(lines).strip(), downtime.get_absolute_url(), _thread(downtime))


def _utc(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _of_role(kind: str, subject: RoleGrant | RoleRequest, actor: str, detail: dict[str, Any]) -> Words:
    on = subject.on
    title = f"{subject.role} on {on}: {_verb(kind)} ({subject.user})"
    lines = [f"Person: {subject.user}", f"Role:   {subject.role}", f"On:     {on}"]
    lines += [f"{name}: {value}" for name, value in detail.items() if value]
    path = on.get_absolute_url() if hasattr(on, "get_absolute_url") else "/"
    return Words(title[:300], "\n".join([*lines, "", _by(actor)]).strip(), path, f"role-{subject.user_id}-{on}")
