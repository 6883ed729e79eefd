"""How every change over the API goes, one by one or in bulk: found, compared, carried out or rehearsed, shown.

A module of the API writes a function an operation and marks it with `change`; the table `CHANGES` is what
`bulk` works by.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, get_type_hints

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone
from ninja import Header, Query, Router, Schema, Status
from ninja.decorators import decorate_view
from pydantic import Field

from gridkeeper.people.actor import Actor
from gridkeeper.registry.api_parameters import Key
from gridkeeper.registry.api_resources import Resource
from gridkeeper.registry.dry_run import rehearse_and_show
from gridkeeper.registry.models import AnsweredRequest
from gridkeeper.web.conditional import conditional, versions_in
from gridkeeper.web.problems import Problem

#: A client's key of a request is remembered so long.
REMEMBERED = timedelta(days=7)

_HEADER = r"^[^\x00]*$"
DryRun = Annotated[bool, Query(False, description="True: say what would change, change nothing.")]
IfMatch = Annotated[
    str,
    Header(
        "", alias="If-Match", max_length=1000, pattern=_HEADER, description="ETag that you read; 412 where it is old."
    ),
]
IdempotencyKey = Annotated[
    str,
    Header(
        "",
        alias="Idempotency-Key",
        max_length=255,
        pattern=_HEADER,
        description="Yours; sent again, changes nothing again.",
    ),
]


@dataclass(frozen=True, slots=True)
class Call:
    """Who changes something, when, and what they looked at (see `editing.version_of`)."""

    actor: Actor
    now: datetime
    seen: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """An operation. action: (call, subject, body) or, of what makes an object, (call, body); gives the object shown.

    of: what it changes; None: it makes something. shows: what it answers with; warn: what to know beforehand
    """

    name: str
    of: Resource[Any] | None
    shows: Resource[Any]
    body: type[Schema]
    action: Callable[..., Any]
    warn: Callable[..., Sequence[str]] | None = None


#: Every operation by its name ("site.edit").
CHANGES: dict[str, Change] = {}


class DifferenceOut(Schema):
    """A field that would change."""

    field: str = Field(examples=["contact_email"])
    old: Any = None
    new: Any = None


class ConsequenceOut(Schema):
    """An object that would be written."""

    kind: str = Field(examples=["site"])
    key: str = Field(description="Empty where the object has none.")
    name: str
    verb: str = Field(description="added, changed or removed", examples=["changed"])
    fields: list[DifferenceOut] = Field(description="Of a change: field by field.")


class RehearsalOut(Schema):
    """What a change would do (`dry_run=true`); nothing was changed and nobody was told."""

    is_dry_run: bool = Field(examples=[True])
    result: dict[str, Any] = Field(description="The answer that the change would give.")
    changes: list[ConsequenceOut]
    warnings: list[str] = Field(examples=[["All 3 CE of EXAMPLE are then out."]])


class LostUpdateError(Exception):
    """Somebody changed the object since the client read it."""

    def __init__(self, subject: Any, version: str, status: int) -> None:
        newest = subject.history.order_by("-history_id").select_related("history_user").first()
        self.who = str(newest.history_user or newest.history_actor or "the installation") if newest else "somebody"
        self.at = newest.history_date if newest else None
        self.version, self.status = version, status
        super().__init__(f"{self.who} changed {subject}" + (f" at {self.at:%Y-%m-%d %H:%M:%S} UTC" if self.at else ""))

    def problem(self) -> Problem:
        where = "If-Match" if self.status == 412 else "seen"
        at = self.at.isoformat() if self.at else None
        lost = {
            "field": where, "problem": f"{self}; the version is {self.version} now", "remedy": "read it again, compare",
            "version": self.version, "changed_by": self.who, "changed_at": at,
        }  # fmt: skip
        detail = f"{self}. Read it again, compare, and send your change with its new ETag. Nothing was changed."
        return Problem(self.status, "Somebody was faster", detail, errors=[lost], headers={"ETag": f'"{self.version}"'})


def change(
    router: Router,
    method: str,
    path: str,
    shows: Resource[Any],
    verb: str,
    *,
    summary: str,
    of: Resource[Any] | None = None,
    warn: Callable[..., Sequence[str]] | None = None,
    status: int = 200,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Offers a function as an operation, named "kind.verb". A path with {key} changes the object of that key.

    of: the resource that the key names, where it is not the one that is shown
    """

    def offer(action: Callable[..., Any]) -> Callable[..., Any]:
        is_of_object = "{key}" in path
        subject = (of or shows) if is_of_object else None
        body = get_type_hints(action)["body"]
        name = f"{(of or shows).kind}.{verb}"
        made = Change(name, subject, shows, body, action, warn)
        CHANGES[name] = made
        view = _view_of_object(made, status) if is_of_object else _view_of_addition(made, status)
        router.api_operation(
            [method], path, response={200: shows.schema | RehearsalOut, 201: shows.schema} if status == 201 else
            {200: shows.schema | RehearsalOut}, summary=summary, description=action.__doc__,
            operation_id=name.replace(".", "_"),
        )(decorate_view(conditional)(view))  # fmt: skip
        return action

    return offer


def _view_of_object(made: Change, status: int) -> Callable[..., Any]:
    def view(
        request: HttpRequest, key: Key, body: made.body,  # type: ignore[name-defined]
        dry_run: DryRun = False, if_match: IfMatch = "", idempotency_key: IdempotencyKey = "",
    ) -> Any:  # fmt: skip
        assert made.of is not None
        return _answer(request, made, made.of.find(key), body, dry_run, if_match, idempotency_key, status)

    return view


def _view_of_addition(made: Change, status: int) -> Callable[..., Any]:
    def view(
        request: HttpRequest, body: made.body,  # type: ignore[name-defined]
        dry_run: DryRun = False, idempotency_key: IdempotencyKey = "",
    ) -> Any:  # fmt: skip
        return _answer(request, made, None, body, dry_run, "", idempotency_key, status)

    return view


def _answer(
    request: HttpRequest, made: Change, subject: Any, body: Any, is_dry_run: bool, if_match: str, client_key: str,
    status: int,
) -> Any:  # fmt: skip
    actor, now = Actor.of(request, "api"), timezone.now()
    versions = versions_in(if_match)
    try:
        if is_dry_run:
            request.is_rehearsal = True  # type: ignore[attr-defined]
            return Status(200, rehearsed(request, made, actor, now, subject, body, versions))
        if client_key and actor.user is not None:
            pk = _once(made, actor, now, subject, body, versions, client_key)
        else:
            pk = carried_out(made, actor, now, subject, body, versions).pk
    except LostUpdateError as error:
        raise error.problem() from error
    return Status(status, made.shows.show(request, pk, subject))


def carried_out(
    made: Change, actor: Actor, now: datetime, subject: Any, body: Any, versions: frozenset[str] | None
) -> Any:
    """The object that the operation answers with. Raises LostUpdateError, NotPermittedError, ValidationError, Problem.

    versions: what the client believes to stand; None: it does not say
    """
    status = 409 if versions is None else 412
    if versions is None and getattr(body, "seen", None) is not None:
        versions = frozenset({str(body.seen)})
    call = Call(actor, now, _seen(made, versions))
    is_old = versions is not None and made.of is not None and made.of.version_of(subject) not in versions
    with transaction.atomic():
        try:
            result = made.action(call, body) if subject is None else made.action(call, subject, body)
        except ValidationError as error:
            if subject is not None and (is_old or _is_conflict(error)):
                raise _lost(made, subject, status) from error
            raise
        if is_old:  # asked afterwards, so that who may not change it is not told who did
            raise _lost(made, subject, status)
    return result


def _seen(made: Change, versions: frozenset[str] | None) -> int | None:
    """The version for the action to compare under its lock; None where it knows no such number."""
    if made.of is None or made.of.is_counted or versions is None or len(versions) != 1:
        return None
    (only,) = versions
    return int(only) if only.isdecimal() and len(only) < 19 else None


def _lost(made: Change, subject: Any, status: int) -> LostUpdateError:
    assert made.of is not None
    fresh = made.of.rows().get(pk=subject.pk)
    return LostUpdateError(fresh, made.of.version_of(fresh), status)


def _is_conflict(error: ValidationError) -> bool:
    return getattr(error, "code", None) == "conflict"


def rehearsed(
    request: HttpRequest, made: Change, actor: Actor, now: datetime, subject: Any, body: Any,
    versions: frozenset[str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The fields of a RehearsalOut. Raises as `carried_out` does."""
    warnings: list[str] = []

    def act() -> Any:
        if made.warn is not None:
            call = Call(actor, now)
            warnings.extend(made.warn(call, body) if subject is None else made.warn(call, subject, body))
        return carried_out(made, actor, now, subject, body, versions)

    def shown(result: Any) -> dict[str, Any]:
        row = made.shows.rows().filter(pk=result.pk).first() or subject
        return made.shows.schema.model_validate(row, context={"request": request}).model_dump(mode="json")

    rehearsal = rehearse_and_show(act, shown)
    changes = [
        {"kind": each.kind, "key": each.key, "name": each.name, "verb": each.verb, "fields": list(each.fields)}
        for each in rehearsal.consequences
    ]
    return {"is_dry_run": True, "result": rehearsal.result, "changes": changes, "warnings": warnings}


def _once(
    made: Change, actor: Actor, now: datetime, subject: Any, body: Any, versions: frozenset[str] | None, key: str
) -> str:
    """Carries it out the first time, and gives the primary key of the same object from then on."""
    said = f"{made.name}\n{getattr(subject, 'pk', '')}\n{body.model_dump_json()}"
    digest = hashlib.sha256(said.encode(errors="surrogatepass")).hexdigest()
    asked = AnsweredRequest.objects.filter(user=actor.user, client_key=key, answered_at__gt=now - REMEMBERED)
    if before := asked.first():
        return _repeated(before, digest)
    try:
        with transaction.atomic():
            AnsweredRequest.objects.filter(answered_at__lte=now - REMEMBERED).delete()
            answered = AnsweredRequest(user=actor.user, client_key=key, digest=digest, answered_at=now)
            answered.save()  # first of all: of two at once, the second one waits here and finds it
            answered.result = str(carried_out(made, actor, now, subject, body, versions).pk)
            answered.save(update_fields=["result"])
    except IntegrityError:
        before = asked.first()
        if before is None:
            raise
        return _repeated(before, digest)
    return answered.result


def _repeated(before: AnsweredRequest, digest: str) -> str:
    if before.digest != digest:
        raise Problem(
            422, "That key was used for something else", "An Idempotency-Key names one request; choose a new one.",
            errors=[{"field": "Idempotency-Key", "problem": "used for another request", "remedy": "choose a new one"}],
        )  # fmt: skip
    return before.result
