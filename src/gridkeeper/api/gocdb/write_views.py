"""`/gocdbpi/v5/...`: GOCDB's write API (https://gocdb.github.io/api/write). JSON comes in, 204 goes out.

A machine that a site has named (ApiCredential, allowed to write) changes that site; a person whatever they may change
on the pages.
"""

from django.core.exceptions import RequestDataTooBig, ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from gridkeeper.api.gocdb.identity import credential_of, identify, machine_actor
from gridkeeper.api.gocdb.refusal import RefusedError
from gridkeeper.api.gocdb.write_changes import Subject, change, find_subject, message_of, site_of
from gridkeeper.api.gocdb.write_request import WriteRefusedError, read_request
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError


@csrf_exempt
def write(request: HttpRequest, kind: str, identifier: str, what: str, key: str | None = None) -> HttpResponse:
    """204 for a change that was made; else `{"Error": {"Code", "Message"}}` with a true status."""
    try:
        now = timezone.now()
        asked = read_request(request, kind, identifier, what, key or "")
        subject = find_subject(asked)
        change(_actor(request, subject), asked, subject, now)
    except WriteRefusedError as refusal:
        return _error(refusal.status, str(refusal))
    except RefusedError as refusal:
        return _error(refusal.status, str(refusal))
    except NotPermittedError as error:
        return _error(403, str(error))
    except RequestDataTooBig as error:
        return _error(400, f"The body is too big: {error}")
    except ValidationError as error:
        return _error(409 if getattr(error, "code", "") == "conflict" else 400, message_of(error))
    return HttpResponse(status=204)


def unknown(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Any other address below."""
    form = "/gocdbpi/v5/{Site|Service|Endpoint}/ID/ExtensionProperties[/KEY]"
    return _error(
        404, f"/gocdbpi/v5/{rest[:80]} is no address of the write API; write {form}, or .../Service/ID/Endpoint"
    )


def _actor(request: HttpRequest, subject: Subject) -> Actor:
    """The machine where this site has named it; else whoever signed in. Raises RefusedError 403."""
    now = timezone.now()
    machine = credential_of(request, now, site_of(subject))
    if machine is not None:
        return machine_actor(request, machine)
    return identify(request, now).actor


def _error(status: int, message: str) -> HttpResponse:
    return JsonResponse({"Error": {"Code": status, "Message": message}}, status=status)
