"""The page of mirrors: which registries are followed, how it goes, and where they and people here disagree."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError, require
from gridkeeper.registry.action_pages import refuse
from gridkeeper.registry.mirror_actions import decide, object_of
from gridkeeper.registry.models import MirrorConflict, MirrorSource

#: Differences on one page; the command line shows all.
_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """A difference as the page shows it."""

    conflict: MirrorConflict
    url: str
    label: str
    here: str
    there: str


@require_safe
def mirror(request: HttpRequest) -> HttpResponseBase:
    """Everything about mirrors is for administrators: differences may show personal data."""
    try:
        require(Actor.of(request), "registry.administer")
    except NotPermittedError as error:
        return refuse(request, error)
    sources = [
        (source, list(_shown(source)), source.conflicts.count()) for source in MirrorSource.objects.all()
    ]  # fmt: skip
    return render(request, "registry/mirror.html", {"sources": sources, "limit": _LIMIT})


def _shown(source: MirrorSource) -> Iterator[Shown]:
    for conflict in source.conflicts.all()[:_LIMIT]:
        subject = object_of(conflict)
        url = str(subject.get_absolute_url()) if subject and hasattr(subject, "get_absolute_url") else ""
        column = _column(subject, conflict.field)
        label = str(column.verbose_name) if column is not None else conflict.field
        yield Shown(conflict, url, label, _text(column, conflict.here), _text(column, conflict.there))


def _column(subject: Any, name: str) -> Any | None:
    columns = subject._meta.concrete_fields if subject is not None else ()
    return next((column for column in columns if column.attname == name), None)


def _text(column: Any | None, value: Any) -> str:
    """A value in words; the number of an object becomes its name."""
    if column is not None and column.remote_field and value is not None:
        target = column.remote_field.model._base_manager.filter(pk=value).first()
        return str(target or value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@require_POST
def mirror_decide(request: HttpRequest, pk: int) -> HttpResponse | HttpResponseBase:
    """`whose=ours|theirs`; back to the page with what follows from it."""
    whose = request.POST.get("whose", "")
    conflict = get_object_or_404(MirrorConflict, pk=pk)
    if whose not in ("ours", "theirs"):
        messages.error(request, "Say whose word counts: ours or theirs.")
        return redirect("registry:mirror")
    try:
        text = decide(Actor.of(request), conflict=conflict, whose=whose, now=timezone.now())  # type: ignore[arg-type]
        messages.success(request, text)
    except NotPermittedError as error:
        return refuse(request, error)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("registry:mirror")
