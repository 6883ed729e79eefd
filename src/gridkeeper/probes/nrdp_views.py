"""The address that NRDP clients post to. Their token is one of our API tokens with the scope probes.submit_results."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.people.tokens import find_token
from gridkeeper.probes.admission import directory
from gridkeeper.probes.intake import Taken, take
from gridkeeper.probes.nrdp import answer_json, answer_xml, parse_checks, parse_command
from gridkeeper.probes.passive import Parsed, PassiveError
from gridkeeper.web.problems import Problem

#: Rejections that the answer names.
_NAMED = 5


@csrf_exempt
@require_POST
def nrdp(request: HttpRequest) -> HttpResponse:
    """`cmd=submitcheck` with XMLDATA or JSONDATA, or `cmd=submitcmd` with command.

    As with the original the HTTP status is 200 whatever happens; the status in the answer is 0, or -1 with the reason.
    """
    now = timezone.now()
    is_json = "JSONDATA" in request.POST
    status, message, output = _answered(request, now)
    body = answer_json(status, message, output) if is_json else answer_xml(status, message, output)
    kind = "application/json" if is_json else "text/xml; charset=utf-8"
    return HttpResponse(body, content_type=kind, headers={"Cache-Control": "no-store"})


def _answered(request: HttpRequest, now: datetime) -> tuple[int, str, str]:
    secret = request.POST.get("token", "")
    if not secret:
        return -1, "NO TOKEN", "send the parameter token: an API token with the scope probes.submit_results"
    token = find_token(secret, now)
    if token is None:
        return -1, "BAD TOKEN", "the token is unknown, revoked or expired"
    actor = Actor(
        user=token.user, source="api", address=request.META.get("REMOTE_ADDR", ""), scopes=frozenset(token.scopes),
        limits=frozenset(token.limits),
    )  # fmt: skip
    try:
        return _said(take(actor, lambda: _parse(request, now), now))
    except NotPermittedError as error:
        return -1, "NOT PERMITTED", str(error)
    except Problem as problem:
        named = "; ".join(f"{one['field']}: {one['problem']}" for one in problem.errors[:_NAMED])
        return -1, problem.title.upper(), f"{problem.detail}{f': {named}' if named else ''}"


def _parse(request: HttpRequest, now: datetime) -> Parsed:
    command = request.POST.get("cmd", "submitcheck")
    type_of = directory().type_of
    match command:
        case "submitcheck":
            data = request.POST.get("JSONDATA") or request.POST.get("XMLDATA", "")
            return parse_checks(data, now, type_of)
        case "submitcmd":
            return parse_command(request.POST.get("command", ""), now, type_of)
    raise PassiveError(f"cmd={command[:40]!r} is not offered; use submitcheck or submitcmd")


def _said(taken: Taken) -> tuple[int, str, str]:
    done = taken.accepted + taken.duplicates
    if not taken.rejected:
        return 0, "OK", f"{done} checks processed."
    named = "; ".join(f"{one.field}: {one.problem}" for one in taken.rejected[:_NAMED])
    return 0, "OK", f"{done} checks processed, {len(taken.rejected)} refused: {named}"
